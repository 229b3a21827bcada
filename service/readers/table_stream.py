"""The curves of a tidy table, whichever format its rows come in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from service.readers.columns import Columns
from service.readers.errors import unreadable
from service.readers.items import CurveItem, CurveStream
from service.readers.rows import Grouped, LeftOut, curve_of_rows, too_many_cells
from service.readers.spool import Row, Spool, open_spool
from service.schemas.points import MOST_POINTS


@contextmanager
def table_stream(
    format_name: str, header: Sequence[str], columns: Columns, chunks: Iterable[Sequence[Row]]
) -> Iterator[CurveStream]:
    """The curves of a table in the order of their first rows.

    Raises `UnreadableFile` where there are no rows, or where a row is too long and nothing shows whose it is.
    """
    with open_spool() as spool:
        width, some_long = len(header), False
        for rows in chunks:
            spool.add(_grouped(rows, columns))
            some_long = some_long or any(len(cells) > width for _, cells in rows)
        if some_long:
            _refuse_strays(spool, width)
        count = spool.count()
        if not count:
            raise unreadable("there are no rows below the header")
        left_out = LeftOut(tuple(index + 1 for index, name in enumerate(header) if not name))
        yield CurveStream(format_name, count, lambda: _items(spool, columns, left_out), {}, left_out.messages)


def _refuse_strays(spool: Spool, width: int) -> None:
    """Raise `UnreadableFile` for a curve of which every row is too long.

    A comma too many may stand in a name, so that the row is another curve's, which would be read without it.
    """
    for _, rows in spool.groups(MOST_POINTS):
        if all(len(cells) > width for _, cells in rows):
            number, cells = rows[0]
            raise unreadable(too_many_cells(int(cells[width]), width), f"row {number}")


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
