"""Tidy tables in Parquet: the same columns as in CSV, one row a point."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from service.readers.columns import columns_of
from service.readers.errors import unreadable
from service.readers.items import CurveStream
from service.readers.source import PARQUET
from service.readers.spool import Row
from service.readers.table_stream import table_stream

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

MOST_COLUMNS = 1000
MOST_ROWS = 20_000_000
LARGEST_ROW_GROUP = 1 << 30  # bytes, decompressed
LARGEST_BATCH = 256 << 20  # bytes of one chunk in memory
CHUNK_ROWS = 4_000
_TRUTH = {True: "true", False: "false"}


def detect_parquet(head: bytes) -> bool:
    """Whether a file begins as Parquet does."""
    return head.startswith(PARQUET)


@contextmanager
def read_parquet(file: BinaryIO, scale: str | None) -> Iterator[CurveStream]:
    """The curves of a tidy Parquet file, rows counted from 1; raises `UnreadableFile`."""
    table = _opened(file)
    header = [name.strip() for name in table.schema_arrow.names]
    columns = columns_of(header, scale)
    with table_stream("parquet", header, columns, _chunks(table)) as stream:
        yield stream


def _opened(file: BinaryIO) -> ParquetFile:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    file.seek(0)
    try:
        table = ParquetFile(file)
    except (ArrowException, OSError, ValueError) as error:
        raise unreadable(f"this is no Parquet file, or it was damaged: {_first_line(error)}") from None
    found = table.metadata
    if found.num_columns > MOST_COLUMNS or found.num_rows > MOST_ROWS:
        limits = f"{MOST_COLUMNS:,} columns and {MOST_ROWS:,} rows"
        raise unreadable(f"{found.num_columns:,} columns and {found.num_rows:,} rows are more than {limits}")
    groups = (found.row_group(number).total_byte_size for number in range(found.num_row_groups))
    if max(groups, default=0) > LARGEST_ROW_GROUP:
        raise unreadable(f"a row group of more than {LARGEST_ROW_GROUP >> 20} MiB: write smaller ones")
    nested = [field.name for field in table.schema_arrow if field.type.num_fields]
    if nested:
        raise unreadable(f"the column {nested[0]} holds lists or structures: write one value a cell")
    return table


def _chunks(table: ParquetFile) -> Iterator[list[Row]]:
    """Rows with all cells as the text that CSV would have."""
    from pyarrow import ArrowException

    number = 1
    try:
        for batch in table.iter_batches(batch_size=CHUNK_ROWS, use_threads=False):
            if batch.nbytes > LARGEST_BATCH:
                raise unreadable(f"{CHUNK_ROWS:,} rows of more than {LARGEST_BATCH >> 20} MiB", f"from row {number}")
            cells = zip(*(_texts(column.to_pylist()) for column in batch.columns), strict=True)
            yield [(row, values) for row, values in enumerate(cells, number) if any(values)]
            number += batch.num_rows
    except (ArrowException, OSError, ValueError) as error:
        raise unreadable(f"the file was damaged: {_first_line(error)}", f"from row {number}") from None


def _texts(values: Sequence[Any]) -> list[str]:
    return [_text(value) for value in values]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return _TRUTH[value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    return str(value).strip()


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
