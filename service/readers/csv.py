"""Tidy CSV: one row a point, rows of one curve anywhere in the file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from service.readers.columns import Columns, check_delimiter, columns_of
from service.readers.errors import UnreadableFile, unreadable
from service.readers.items import CurveStream
from service.readers.rows import too_many_cells
from service.readers.source import longest_line
from service.readers.spool import Row
from service.readers.table_stream import table_stream

if TYPE_CHECKING:
    import pandas as pd

LONGEST_ROW = 1 << 20  # bytes
MOST_COLUMNS = 1000
CHUNK_ROWS = 4_000
CHUNK_BYTES = 32 << 20  # of text in memory at a time, where rows are long
NEVER_CLOSED = "opens a quotation mark that is never closed"
_FIRST_DATA_ROW = 2
_RAGGED = re.compile(r"Expected \d+ fields in line \d+, saw \d+")
csv.field_size_limit(CHUNK_BYTES)  # of the process: the same answer whatever was read before
_OPEN_QUOTE = re.compile(r"EOF inside string starting at row (\d+)")


def detect_csv(head: bytes) -> bool:
    """Any other text: a file that is none has its clear error in the header."""
    return not head.startswith((b"{", b"["))


@contextmanager
def read_csv(file: BinaryIO, scale: str | None) -> Iterator[CurveStream]:
    """The curves of a tidy CSV file, in the order of their first rows; raises `UnreadableFile`."""
    chunk_rows = max(1, min(CHUNK_ROWS, CHUNK_BYTES // max(1, longest_line(file, LONGEST_ROW))))
    rows = _first_rows(file)
    header, columns = _header(rows, scale)
    if any(len(row) > len(header) for row in rows[1:]):  # with empty cells, that pandas would take for columns
        chunks = _ragged_chunks(file, len(header), chunk_rows, _FIRST_DATA_ROW)
    else:
        chunks = _chunks(file, header, chunk_rows)
    with table_stream("csv", header, columns, chunks) as stream:
        yield stream


def _header(rows: Sequence[Sequence[str]], scale: str | None) -> tuple[list[str], Columns]:
    """Names of the columns and their use; raises `UnreadableFile` where the first rows do not fit together."""
    header = [name.strip() for name in rows[0]]
    if len(header) > MOST_COLUMNS:
        raise unreadable(f"{len(header):,} columns are more than {MOST_COLUMNS:,}", "row 1")
    columns = columns_of(header, scale)
    if any(len(cells := _whole(row, len(header))) > len(header) for row in rows[1:]):
        raise unreadable(too_many_cells(int(cells[-1]), len(header)), f"row {_FIRST_DATA_ROW}")
    return header, columns


def _first_rows(file: BinaryIO) -> list[list[str]]:
    file.seek(0)
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    try:
        first_line = text.readline()
        check_delimiter(first_line)
        text.seek(0)
        reader = csv.reader(text)
        rows = [row for row, _ in zip(reader, range(_FIRST_DATA_ROW), strict=False)]
    except csv.Error as error:
        raise unreadable(f"this is not CSV: {error}", "row 1") from None
    finally:
        text.detach()
    if not rows or not any(cell.strip() for cell in rows[0]):
        raise unreadable("is blank: the first row must name the columns", "row 1")
    return rows


def _chunks(file: BinaryIO, header: Sequence[str], chunk_rows: int) -> Iterator[list[Row]]:
    """Rows that are not blank, with their numbers in the file."""
    import pandas as pd  # here, since it takes half a second that JSON and --help need not wait for

    file.seek(0)
    number = _FIRST_DATA_ROW
    try:
        with _reader(file, len(header), chunk_rows) as chunks:
            for chunk in chunks:
                cells = zip(*(_stripped(chunk[name]) for name in chunk.columns), strict=True)
                yield [(row, values) for row, values in enumerate(cells, number) if any(values)]
                number += len(chunk)
    except pd.errors.ParserError as error:
        if not _RAGGED.search(str(error)):
            raise _not_csv(str(error)) from None
        yield from _ragged_chunks(file, len(header), chunk_rows, number)


def _ragged_chunks(file: BinaryIO, width: int, chunk_rows: int, first: int) -> Iterator[list[Row]]:
    """The same from row `first` on, where some rows have more cells than the header, which refuses their curves only.

    Slower than pandas, which cannot tell which rows those are.
    """
    file.seek(0)
    text, kept = io.TextIOWrapper(file, "utf-8-sig", newline=""), list[Row]()
    number = 0
    try:
        for number, cells in enumerate(csv.reader(text, strict=True), start=1):
            if number >= first and any(row := _whole(cells, width)):
                kept.append((number, row))
            if len(kept) == chunk_rows:
                yield kept
                kept = []
    except csv.Error as error:
        message = NEVER_CLOSED if "unexpected end of data" in str(error) else f"this is not CSV: {error}"
        raise unreadable(message, f"row {number + 1}") from None
    finally:
        text.detach()
    yield kept


def _whole(cells: Sequence[str], width: int) -> list[str]:
    """The cells of a row: short rows are filled up, empty cells behind the last column are no cells.

    Of a row that is too long one cell more than the columns is left, the number of its cells.
    """
    count = len(cells)
    while count > width and not cells[count - 1].strip():
        count -= 1
    row = [cell.strip() for cell in cells[:width]]
    return [*row, str(count)] if count > width else row + [""] * (width - count)


def _reader(file: BinaryIO, width: int, chunk_rows: int) -> Any:
    """All cells as strings: the schema judges them, so that nothing is guessed here."""
    import pandas as pd

    return pd.read_csv(
        file,
        encoding="utf-8-sig",
        header=0,
        names=range(width),
        index_col=False,
        dtype=object,
        na_filter=False,
        skip_blank_lines=False,
        chunksize=chunk_rows,
    )


def _stripped(column: pd.Series[Any]) -> list[str]:
    return [cell.strip() for cell in column.tolist()]


def _not_csv(message: str) -> UnreadableFile:
    if match := _OPEN_QUOTE.search(message):
        return unreadable(NEVER_CLOSED, f"row {int(match[1]) + 1}")
    return unreadable(f"this is not CSV: {message}")
