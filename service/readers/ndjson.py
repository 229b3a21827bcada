"""NDJSON: one curve a line; a bad line is one bad curve, and the rest is read."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from service.readers.errors import unreadable
from service.readers.items import CurveItem, CurveStream
from service.readers.json_text import NotJson, bad_item, curve_item, parsed

LONGEST_LINE = 16 << 20  # bytes; a curve of 1,000 points takes 0.2 MB
_UNFINISHED = (b"[", b"{", b",", b":")


def detect_ndjson(head: bytes) -> bool:
    """Whether more text follows a first line that starts an object: a whole one, or a line that is not left open."""
    lines = [line.strip() for line in head.removeprefix(codecs.BOM_UTF8).splitlines()[:1000] if line.strip()][:2]
    if len(lines) < 2 or not lines[0].startswith(b"{"):
        return False
    return (lines[1].startswith(b"{") and not lines[0].endswith(_UNFINISHED)) or _is_whole(lines[0])


def _is_whole(line: bytes) -> bool:
    """Whether a line is one JSON object; what follows it then is another line, however damaged."""
    try:
        return isinstance(parsed(line.decode()), dict)
    except (UnicodeDecodeError, NotJson):
        return False


@contextmanager
def read_ndjson(file: BinaryIO, scale: str | None) -> Iterator[CurveStream]:
    """The curves of an NDJSON file; raises `UnreadableFile` where every line is blank."""
    del scale  # of tables alone
    count = sum(1 for _ in _lines(file))
    if not count:
        raise unreadable("the file is empty")
    yield CurveStream("ndjson", count, lambda: _items(file))


def _items(file: BinaryIO) -> Iterator[CurveItem]:
    for index, (number, line) in enumerate(_lines(file)):
        yield _item(index, number, line)


def _item(index: int, number: int, line: bytes | None) -> CurveItem:
    if line is None:
        return bad_item(index, f"the line is longer than {LONGEST_LINE >> 20} MiB: it was not read", (number,))
    if b"\0" in line:
        place = line.index(b"\0") + 1
        return bad_item(index, f"holds a NUL byte at position {place}: it was damaged; write it again", (number,))
    try:
        return curve_item(index, parsed(line.decode()), (number,))
    except UnicodeDecodeError as error:
        message = f"byte 0x{line[error.start]:02X} at position {error.start + 1} is not UTF-8: save the file as UTF-8"
        return bad_item(index, message, (number,))
    except NotJson as error:
        return bad_item(index, f"this is not JSON: {str(error).removeprefix('line 1, ')}", (number,))


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Number and bytes of each line that is not blank; None for one that is too long to read.

    Several passes may run at a time, so the place in the file is kept here.
    """
    position, number = 0, 0
    while True:
        file.seek(position)
        line = file.readline(LONGEST_LINE + 1)
        if not line:
            return
        too_long = len(line) > LONGEST_LINE
        if too_long and not line.endswith(b"\n"):
            _skip_line(file)
        position = file.tell()
        number += 1
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if line.strip():
            yield number, None if too_long else line.strip()


def _skip_line(file: BinaryIO) -> None:
    while (rest := file.readline(1 << 20)) and not rest.endswith(b"\n"):
        pass
