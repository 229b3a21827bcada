"""The table of readers, and opening what a user names with those that fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from models.errors import Problem
from service.readers.columns import SCALES
from service.readers.contents import LARGEST_DOCUMENT
from service.readers.csv import detect_csv, read_csv
from service.readers.errors import UnreadableFile, unreadable
from service.readers.files import Entry, entries_of, stream_entry
from service.readers.gathering import Gathering
from service.readers.items import CurveStream
from service.readers.json_documents import detect_json, read_json
from service.readers.json_text import NotJson, strict
from service.readers.load_report import Ledger
from service.readers.models_table import ModelsTable
from service.readers.ndjson import detect_ndjson, read_ndjson
from service.readers.outcomes import open_outcomes
from service.readers.parquet import detect_parquet, read_parquet
from service.readers.recognition import RESULT_FORMAT_NAMES, format_of, is_sample, may_be_results
from service.readers.source import ARCHIVE, head_of, seekable
from service.readers.suite_files import SuiteFiles, Wanted
from service.readers.suite_stream import suite_stream

__all__ = ["FORMATS", "READERS", "SCALES", "CurveStream", "Reader", "holds_results", "open_curves"]


@dataclass(frozen=True, slots=True)
class Reader:
    """A format of files that hold curves: its name, whether the head of a file looks like it, and how it is read."""

    name: str
    detect: Callable[[bytes], bool]
    read: Callable[[BinaryIO, str | None], AbstractContextManager[CurveStream]]


READERS = (  # the first one that detects its format reads the file
    Reader("parquet", detect_parquet, read_parquet),
    Reader("ndjson", detect_ndjson, read_ndjson),
    Reader("json", detect_json, read_json),
    Reader("csv", detect_csv, read_csv),
)
FORMATS = tuple(sorted((*(reader.name for reader in READERS), *RESULT_FORMAT_NAMES)))


@contextmanager
def open_curves(
    source: Path | BinaryIO | Sequence[Path],
    format_name: str | None = None,
    scale: str | None = None,
    models: ModelsTable | None = None,
) -> Iterator[CurveStream]:
    """The curves of a file, a binary stream, a folder, or several files and folders as one input.

    The format is detected unless named; `scale` is the axis, `models` says where models stand on it. Raises
    `UnreadableFile` where nothing can be used.
    """
    if format_name is not None and format_name not in FORMATS:
        raise unreadable(f"{format_name} is no known format: known are {', '.join(FORMATS)}")
    wanted = Wanted({reader.name: reader.read for reader in READERS}, format_name, scale, models)
    if isinstance(source, Path) and source.is_dir():
        source = [source]
    if isinstance(source, Sequence):
        ledger = Ledger()
        with _suite(entries_of(source, ledger), wanted, ledger) as stream:
            yield stream
        return
    with seekable(source) as file, _one_file(file, source.name if isinstance(source, Path) else None, wanted) as stream:
        yield stream


def holds_results(file: BinaryIO) -> bool:
    """Whether a JSON file, or the first line of a file of lines, is a harness's document."""
    head = head_of(file)
    if not may_be_results(head):
        return False
    file.seek(0)
    text = file.readline(LARGEST_DOCUMENT) if detect_ndjson(head) else file.read(LARGEST_DOCUMENT)
    try:
        document = strict(text)
    except (UnicodeDecodeError, NotJson):
        return False
    return format_of(document) is not None or is_sample(document)


@contextmanager
def _one_file(file: BinaryIO, name: str | None, wanted: Wanted) -> Iterator[CurveStream]:
    """The curves of a single file: as they are, or put together from the results in it."""
    head = head_of(file)
    if _is_suite(file, head, wanted.format_name):
        with _suite([stream_entry(file, name or "the file")], wanted, Ledger()) as stream:
            yield stream
        return
    named = wanted.format_name
    fits = (reader for reader in READERS if (reader.detect(head) if named is None else reader.name == named))
    reader = next(fits, None)
    if reader is None:
        raise unreadable(f"this text is no known format: known are {', '.join(FORMATS)}")
    with ExitStack() as stack:
        yield _with_unused(stack, reader.read(file, wanted.axis), wanted.unused(reader.name))


def _with_unused(stack: ExitStack, opening: AbstractContextManager[CurveStream], unused: Sequence[str]) -> CurveStream:
    """The curves of a file; what of the wishes is of no use to it stands with its messages or its problems."""
    try:
        stream = stack.enter_context(opening)
    except UnreadableFile as error:
        raise type(error)([*error.problems, *(Problem("", message) for message in unused)]) from None
    return replace(stream, messages=lambda: (*unused, *stream.messages())) if unused else stream


@contextmanager
def _suite(entries: list[Entry], wanted: Wanted, ledger: Ledger) -> Iterator[CurveStream]:
    with open_outcomes() as outcomes:
        files = SuiteFiles(wanted, ledger, Gathering(wanted.models, wanted.axis, ledger, outcomes))
        files.read(entries)
        yield suite_stream(files)


def _is_suite(file: BinaryIO, head: bytes, format_name: str | None) -> bool:
    """Whether a single file holds results of a harness, or other files."""
    if head.startswith(ARCHIVE) or format_name in RESULT_FORMAT_NAMES:
        return True
    return format_name is None and may_be_results(head) and holds_results(file)
