"""What must hold of the database whatever was killed: read from the tables themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import Connection, func, select, text

from benchmarks.faults.traffic import Acknowledged, Traffic
from service.database import Database
from service.tables import analyses, batches, documents, idempotency, tasks

ENDED = ("succeeded", "failed", "cancelled")


def unfinished(database: Database) -> int:
    """Curves that wait or are being analysed."""
    with database.reading() as connection:
        return _count(connection, tasks.c.state.in_(("queued", "running")))


def ended(database: Database) -> int:
    """Curves that have come to an end."""
    with database.reading() as connection:
        return _count(connection, tasks.c.state.in_(ENDED))


def running(database: Database) -> frozenset[int]:
    """Tasks that a worker has."""
    with database.reading() as connection:
        return frozenset(connection.scalars(select(tasks.c.id).where(tasks.c.state == "running")))


def none_left_of(database: Database, which: frozenset[int]) -> bool:
    """Whether all these tasks have ended."""
    with database.reading() as connection:
        return _count(connection, tasks.c.id.in_(which) & tasks.c.state.not_in(ENDED)) == 0


def broken(database: Database, traffic: Traffic) -> tuple[str, ...]:
    """Promises that were not kept, and things that are there twice; empty when all is well."""
    with database.reading() as connection:
        return (
            *traffic.faults,
            *(fault for batch in traffic.batches for fault in _of_batch(connection, batch)),
            *_doubled(connection, traffic),
            *_lost(connection, traffic),
            *_damaged(connection, database.dialect),
        )


def _of_batch(connection: Connection, batch: Acknowledged) -> Iterator[str]:
    status = connection.scalar(select(batches.c.status).where(batches.c.id == batch.id))
    if status != "succeeded":
        yield f"batch {batch.id} was acknowledged and is {status or 'lost'}"
    rows = connection.execute(
        select(tasks.c.position, tasks.c.state, documents.c.analysis_id)
        .outerjoin(documents, documents.c.analysis_id == tasks.c.analysis_id)
        .where(tasks.c.batch_id == batch.id)
        .order_by(tasks.c.position)
    ).all()
    if [row.position for row in rows] != list(range(batch.curves)):
        yield f"batch {batch.id} has {len(rows)} tasks in place of {batch.curves}"
    bad = Counter(row.state for row in rows if row.state != "succeeded")
    if bad:
        yield f"batch {batch.id}: {dict(bad)}"
    without = sum(row.analysis_id is None for row in rows if row.state == "succeeded")
    if without:
        yield f"batch {batch.id}: {without} results without a document"


def _doubled(connection: Connection, traffic: Traffic) -> Iterator[str]:
    """Each key is one batch, each curve one analysis."""
    visible = connection.scalar(select(func.count()).select_from(batches).where(batches.c.status != "loading"))
    keys = connection.scalar(select(func.count()).select_from(idempotency))
    sent = len(traffic.batches)
    if len({batch.id for batch in traffic.batches}) != sent or visible != sent or keys != sent:
        yield f"{sent} batches were sent, {visible} are there under {keys} keys"
    again = select(analyses.c.input_sha256).group_by(analyses.c.input_sha256).having(func.count() > 1)
    doubled = len(connection.scalars(again).all())
    if doubled:
        yield f"{doubled} curves have more than one analysis"


def _lost(connection: Connection, traffic: Traffic) -> Iterator[str]:
    stored = set(connection.scalars(select(documents.c.analysis_id)))
    lost = set(traffic.analyses) - stored
    if lost:
        yield f"{len(lost)} analyses were returned and are lost"
    named = set(connection.scalars(select(tasks.c.analysis_id).where(tasks.c.state == "succeeded")))
    strange = stored - named - set(traffic.analyses)
    if strange:
        yield f"{len(strange)} analyses belong to nothing that was asked for"


def _damaged(connection: Connection, dialect: str) -> Iterator[str]:
    if dialect != "sqlite":
        return
    found = connection.scalars(text("PRAGMA integrity_check")).all()
    if found != ["ok"]:
        yield f"integrity_check: {found[:3]}"
    if connection.execute(text("PRAGMA foreign_key_check")).first() is not None:
        yield "foreign_key_check found rows"


def _count(connection: Connection, condition: object) -> int:
    query = select(func.count()).select_from(tasks).where(condition)  # type: ignore[arg-type]  # any SQL condition
    return connection.scalar(query) or 0
