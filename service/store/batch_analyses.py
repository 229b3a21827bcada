"""The analyses of a batch."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select

from service.tables import analyses, tasks

ROWS_AT_ONCE = 1000


def analyses_of(connection: Connection, batch_id: str) -> Iterator[tuple[int, str]]:
    """Place in the input and id of every analysis of a batch that is stored, in the order of the input."""
    query = (
        select(tasks.c.position, tasks.c.analysis_id)
        .join(analyses, analyses.c.id == tasks.c.analysis_id)
        .where(tasks.c.batch_id == batch_id, tasks.c.state == "succeeded")
        .order_by(tasks.c.position)
    )
    for row in connection.execution_options(yield_per=ROWS_AT_ONCE).execute(query):
        yield row.position, row.analysis_id
