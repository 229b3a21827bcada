"""Opening what a user names: a path or a stream, seekable afterwards, and a look at whether it is text."""

from __future__ import annotations

import codecs
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from service.readers.errors import UnreadableFile, unreadable

HEAD_BYTES = 1 << 20  # enough to tell the format
BLOCK_BYTES = 1 << 20
ARCHIVE, PARQUET = b"PK\x03\x04", b"PAR1"
_NO_TEXT = (
    (b"PK\x05\x06", "an empty zip archive: no file was put into it"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "compressed with gzip: unpack it first"),
    (b"SQLite format 3", "an SQLite database"),
    (codecs.BOM_UTF16_LE, "UTF-16 text: save it as UTF-8"),
    (codecs.BOM_UTF16_BE, "UTF-16 text: save it as UTF-8"),
)


@contextmanager
def seekable(source: Path | BinaryIO) -> Iterator[BinaryIO]:
    """A binary file that can be read twice; streams are copied to a temporary file first."""
    with ExitStack() as stack:
        file = stack.enter_context(opened(source)) if isinstance(source, Path) else source
        if not file.seekable():
            copy = stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(file, copy, BLOCK_BYTES)
            file = copy
        file.seek(0)
        yield file


def head_of(file: BinaryIO) -> bytes:
    """The first bytes, without a byte order mark.

    Raises `UnreadableFile` where they are known to be neither text nor the beginning of an archive or a Parquet file.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    if head.startswith((ARCHIVE, PARQUET)):
        return head
    kind = binary_kind(head)
    if kind is not None:
        raise unreadable(f"this is no table or JSON text but {kind}")
    head = head.removeprefix(codecs.BOM_UTF8)
    if not head.strip():
        raise unreadable("the file is empty")
    return head


def binary_kind(head: bytes) -> str | None:
    """What a file is by its first bytes where that is no text: a format read here by its name, others in words."""
    if head.startswith(PARQUET):
        return "parquet"
    return next((name for magic, name in _NO_TEXT if head.startswith(magic)), None)


def longest_line(file: BinaryIO, limit: int) -> int:
    """Bytes of the longest line, in one pass with bounded memory.

    Raises `UnreadableFile` for a line beyond `limit`, for bytes that are not UTF-8 and for NUL bytes, naming the row.
    """
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    row, length, longest = 1, 0, 0
    while block := file.read(BLOCK_BYTES):
        _check_bytes(block, decoder, row)
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
        lengths = np.diff(ends, prepend=-1 - length) if len(ends) else np.zeros(0, np.int64)
        length = len(block) - 1 - int(ends[-1]) if len(ends) else length + len(block)
        longest = max(longest, length, int(lengths.max(initial=0)))
        if longest > limit:
            too_long = np.flatnonzero(lengths > limit)
            raise too_long_line(row + (int(too_long[0]) if len(too_long) else len(ends)), limit)
        row += len(ends)
    _check_bytes(b"", decoder, row, final=True)
    return longest


def too_long_line(row: int, limit: int) -> UnreadableFile:
    """The error for a line that is longer than a row can be."""
    return unreadable(f"is longer than {limit >> 20} MiB: a line end or a closing quote is missing", f"row {row}")


def opened(path: Path) -> BinaryIO:
    """A file for reading; raises `UnreadableFile`."""
    try:
        return path.open("rb")
    except OSError as error:
        raise unreadable(f"{path} cannot be opened: {error.strerror}") from None


def check_no_nul(block: bytes, row: int = 1) -> None:
    """Raises `UnreadableFile` for a NUL byte in text whose first line is that row."""
    if b"\0" in block:
        place = row + block.count(b"\n", 0, block.index(b"\0"))
        raise unreadable("holds a NUL byte: this is no text, or it was damaged; save it as UTF-8", f"row {place}")


def _check_bytes(block: bytes, decoder: codecs.IncrementalDecoder, row: int, *, final: bool = False) -> None:
    check_no_nul(block, row)
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError as error:
        raise not_utf8(error, row) from None


def not_utf8(error: UnicodeDecodeError, row: int) -> UnreadableFile:
    """The error for text in another encoding, `row` being that of the first byte that was decoded."""
    row += error.object.count(b"\n", 0, error.start)
    message = (
        f"holds the byte 0x{error.object[error.start]:02X}, which is not UTF-8 (Latin-1 or Windows-1252?): save the "
        "file as UTF-8, for example with iconv -f WINDOWS-1252 -t UTF-8"
    )
    return unreadable(message, f"row {row}")
