"""The curves of a tidy table, whichever format its rows come in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from service.readers.columns import Columns
from service.readers.errors import unreadable
from service.readers.items import CurveItem, CurveStream
from service.readers.rows import Grouped, LeftOut, curve_of_rows
from service.readers.spool import Row, Spool, open_spool
from service.schemas.points import MOST_POINTS


@contextmanager
def table_stream(
    format_name: str, header: Sequence[str], columns: Columns, chunks: Iterable[Sequence[Row]]
) -> Iterator[CurveStream]:
    """The curves of a table in the order of their first rows; raises `UnreadableFile` where there are no rows."""
    with open_spool() as spool:
        for rows in chunks:
            spool.add(_grouped(rows, columns))
        count = spool.count()
        if not count:
            raise unreadable("there are no rows below the header")
        left_out = LeftOut(tuple(index + 1 for index, name in enumerate(header) if not name))
        yield CurveStream(format_name, count, lambda: _items(spool, columns, left_out), {}, left_out.messages)


def _items(spool: Spool, columns: Columns, left_out: LeftOut) -> Iterator[CurveItem]:
    left_out.start()
    for index, (count, rows) in enumerate(spool.groups(MOST_POINTS)):
        yield curve_of_rows(Grouped(index, count, rows), columns, left_out)


def _grouped(rows: Sequence[Row], columns: Columns) -> Iterator[tuple[tuple[str, ...], list[Row]]]:
    """The rows of one chunk by curve, in order of first appearance."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        cells = row[1]
        key = tuple(["" if place is None else cells[place] for place in columns.keys])
        groups.setdefault(key, []).append(row)
    yield from groups.items()
