"""The table of readers, and opening a file with the one that fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from service.readers.columns import SCALES
from service.readers.csv import detect_csv, read_csv
from service.readers.errors import unreadable
from service.readers.items import CurveStream
from service.readers.json_documents import detect_json, read_json
from service.readers.ndjson import detect_ndjson, read_ndjson
from service.readers.source import head_of, seekable

__all__ = ["FORMATS", "READERS", "SCALES", "CurveStream", "Reader", "open_curves"]


@dataclass(frozen=True, slots=True)
class Reader:
    """A file format: its name, whether the head of a file looks like it, and how it is read."""

    name: str
    detect: Callable[[bytes], bool]
    read: Callable[[BinaryIO, str | None], AbstractContextManager[CurveStream]]


READERS = (  # the first one that detects its format reads the file
    Reader("ndjson", detect_ndjson, read_ndjson),
    Reader("json", detect_json, read_json),
    Reader("csv", detect_csv, read_csv),
)
FORMATS = tuple(sorted(reader.name for reader in READERS))


@contextmanager
def open_curves(
    source: Path | BinaryIO, format_name: str | None = None, scale: str | None = None
) -> Iterator[CurveStream]:
    """The curves of a file or a binary stream; the format is detected unless named, `scale` is a table's axis.

    Raises `UnreadableFile` where nothing of it can be used.
    """
    with seekable(source) as file:
        head = head_of(file)
        fits = (
            reader for reader in READERS if (reader.detect(head) if format_name is None else reader.name == format_name)
        )
        reader = next(fits, None)
        if reader is None:
            raise unreadable(f"{format_name or 'this text'} is no known format: known are {', '.join(FORMATS)}")
        with reader.read(file, scale) as stream:
            yield stream
