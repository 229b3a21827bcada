"""The curves of an input of many files, with its load report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from service.readers.consistency import note_inconsistencies
from service.readers.curve_building import Built, built
from service.readers.errors import unreadable
from service.readers.items import CurveItem, CurveStream
from service.readers.load_report import LoadReport
from service.readers.suite_files import SuiteFiles

SEVERAL = "several"  # the format of an input with files of several


def suite_stream(files: SuiteFiles) -> CurveStream:
    """The curves of all files that were read; raises `UnreadableFile` with the load report where there is none."""
    curves = built(files.gathering)
    note_inconsistencies(curves)
    count = len(curves.curves) + sum(file.count for file in files.curve_files)
    messages = _Messages()
    points = curves.points + (_first_pass(curves, files, messages) if files.curve_files else 0)
    report = LoadReport(dict(files.formats), count, points, files.ledger.notes())
    if not count:
        raise unreadable("\n".join(("no curve could be built", *report.lines())))
    names = list(files.formats)

    def items() -> Iterator[CurveItem]:
        yield from _items(curves, files, messages)

    return CurveStream(
        names[0] if len(names) == 1 else SEVERAL,
        count,
        items,
        messages=lambda: (*report.lines(), *messages.told),
        report=report,
    )


@dataclass(slots=True)
class _Messages:
    told: tuple[str, ...] = ()


def _first_pass(curves: Built, files: SuiteFiles, messages: _Messages) -> int:
    """Number of points in the files that hold curves; curves that stand in several files are noted."""
    points = 0
    places: dict[tuple[str, ...], str] = {}
    for item in _items(curves, files, messages):
        given = item.document.get("points") if item.document is not None else None
        if item.index >= len(curves.curves):
            points += len(given) if isinstance(given, list) else 0
        place = item.file or ("" if item.index < len(curves.curves) else "one table")
        if places.setdefault(tuple(item.names.values()), place) != place:
            message = "curves of which several files have points: put them into one table to make one curve"
            files.ledger.mixed("several_files", message, f"{item.label} in {place}")
    return points


def _items(curves: Built, files: SuiteFiles, messages: _Messages) -> Iterator[CurveItem]:
    yield from curves.items()
    index = len(curves.curves)
    told: list[str] = []
    several = len(files.curve_files) > 1
    for file in files.curve_files:
        with file.entry.open() as opened, files.wanted.readers[file.format_name](opened, files.wanted.axis) as stream:
            for item in stream.items():
                document = _with_options(item.document, stream.options)
                yield replace(item, index=index, document=document, file=file.entry.name if several else "")
                index += 1
            told += (f"{file.entry.name}: {message}" if several else message for message in stream.messages())
    messages.told = tuple(told)


def _with_options(document: Mapping[str, Any] | None, options: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A curve with the options of its file, where it has none of its own."""
    own = None if document is None else document.get("options", {})
    if document is None or not options or not isinstance(own, Mapping):
        return document
    return {**document, "options": {**options, **own}}
