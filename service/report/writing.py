"""A report on answers as they go by: written to its place when all of them are there, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from models.options import DEFAULT_INTERVAL, SUITE_AUTOMATIC
from models.suite_curve import SuiteCurve
from models.suite_summary import FEWEST_CURVES, GROUPINGS, SuiteOptions, SuiteSummary, summary_of_curves
from service.answers import Answer
from service.report.collection import Collection, collecting
from service.report.page import report_html
from service.report.provenance import About

READABLE = 0o644  # a report is made to be passed on; temporary files are their owner's alone


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report in the making. `interval` is the level of the suite's intervals."""

    path: Path
    file: IO[str]
    temporary: Path
    collection: Collection
    interval: float

    def watched(self, answers: Iterable[Answer]) -> Iterator[Answer]:
        """The answers as they are; what the report needs is taken off."""
        for answer in answers:
            if answer.part is not None:
                self.collection.add(answer.part)
            yield answer

    def finish(self, inputs: Sequence[str], load_report: Sequence[str]) -> None:
        """Sum up and write; raises `OSError`."""
        about = about_files(inputs, load_report)
        summary = suite_summary_of(self.collection.suite, self.interval)
        self.file.writelines(report_html(self.collection, about, summary))
        self.file.close()
        self.temporary.chmod(READABLE)
        self.temporary.replace(self.path)


@contextmanager
def report_file(path: Path, interval: float | None = None) -> Iterator[ReportFile]:
    """A report that will stand at `path`; raises `OSError` at once where nothing can be written there."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file, collecting() as collection:
            yield ReportFile(path, file, Path(name), collection, interval or DEFAULT_INTERVAL)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


def suite_summary_of(curves: Sequence[SuiteCurve], interval: float) -> SuiteSummary | None:
    """The summary of a report; none for what is no suite. Groups of a small suite are not worth their time."""
    if len(curves) < FEWEST_CURVES:
        return None
    groups = GROUPINGS if len(curves) >= SUITE_AUTOMATIC else ()
    return summary_of_curves(curves, SuiteOptions(interval=interval, group_by=groups))


def about_files(inputs: Sequence[str], load_report: Sequence[str]) -> About:
    """What a report says about itself that was made of files, now."""
    names = ["standard input" if name == "-" else name for name in inputs]
    title = Path(names[0]).name if len(names) == 1 else f"{len(names)} inputs"
    created = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return About(title, created, tuple(names), tuple(dict.fromkeys(load_report)))
