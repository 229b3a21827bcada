"""What stands in the files of an input, with a limit on what is held at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from service.readers.errors import TooMuch, UnreadableFile, unreadable
from service.readers.files import Entry
from service.readers.json_text import NotJson, strict
from service.readers.source import not_utf8

LARGEST_DOCUMENT = 64 << 20  # bytes; a document is parsed as a whole and takes ten times its size
LONGEST_LINE = 16 << 20  # bytes of one logged example


def content_of(entry: Entry) -> bytes:
    """All bytes of a file; raises `UnreadableFile` where they are too many."""
    if entry.size > LARGEST_DOCUMENT:
        raise unreadable(f"{entry.size >> 20} MiB in one document, more than {LARGEST_DOCUMENT >> 20} MiB")
    with entry.open() as file:
        content = file.read(LARGEST_DOCUMENT + 1)
    if len(content) > LARGEST_DOCUMENT:
        raise unreadable(f"more than {LARGEST_DOCUMENT >> 20} MiB in one document")
    return content


def document_of(content: bytes) -> Any:
    """The value of a JSON text; raises `UnreadableFile` where it is none."""
    try:
        return strict(content)
    except UnicodeDecodeError as error:
        raise not_utf8(error, 1) from None
    except NotJson as error:
        raise unreadable(f"this is not JSON: {error}") from None


def documents_by_name(by_name: Mapping[str, Entry]) -> Callable[[str], Any]:
    """Parsed files by name; None for those that are missing."""

    def read(name: str) -> Any:
        if name not in by_name:
            return None
        try:
            return document_of(content_of(by_name[name]))
        except TooMuch:
            raise
        except UnreadableFile as error:
            raise unreadable(f"{name}: {error}") from None

    return read


def lines_by_name(by_name: Mapping[str, Entry]) -> Callable[[str], Iterable[bytes] | None]:
    """Lines of files by name; None for those that are missing."""

    def read(name: str) -> Iterator[bytes]:
        with by_name[name].open() as file:
            while line := file.readline(LONGEST_LINE):
                if line.strip():
                    yield line

    return lambda name: read(name) if name in by_name else None
