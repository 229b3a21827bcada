"""Removal in short transactions, so that nobody waits long for the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, exists, select, update

from service.database import Database
from service.store.batches import LOADING, SEEN
from service.tables import analyses, batches, tasks

AT_ONCE = 200  # rows of a transaction: some tens of milliseconds


@dataclass(frozen=True, slots=True)
class Purged:
    """How much was removed."""

    batches: int
    analyses: int


def remove_batch(database: Database, batch_id: str) -> bool:
    """Remove a batch and the analyses that nobody else holds; it is out of sight at once. Whether there was one.

    After a crash in between, `remove_abandoned` finishes it.
    """
    with database.writing() as connection:
        here = (batches.c.id == batch_id) & SEEN
        hidden = connection.execute(update(batches).where(here).values(status=LOADING, cancel_asked=True)).rowcount
    if hidden:
        _remove_hidden(database, batch_id)
    return hidden > 0


def discard(database: Database, batch_id: str) -> None:
    """Remove a batch that was begun and is not to be released."""
    _remove_hidden(database, batch_id)


def remove_abandoned(database: Database, before: str | None) -> int:
    """Remove batches that were never acknowledged, or half removed: all, or those begun before a time; how many."""
    query = select(batches.c.id).where(batches.c.status == LOADING)
    with database.reading() as connection:
        found = connection.scalars(query if before is None else query.where(batches.c.created_at < before)).all()
    for batch_id in found:
        _remove_hidden(database, batch_id)
    return len(found)


def purge(database: Database, before: str) -> Purged:
    """Remove batches that ended before a time, and analyses made before it that no remaining batch holds."""
    with database.reading() as connection:
        old = connection.scalars(select(batches.c.id).where(SEEN, batches.c.finished_at < before)).all()
        count = select(analyses.c.number).order_by(analyses.c.number.desc()).limit(1)
        last = connection.scalar(count) or 0
    removed = sum(remove_batch(database, batch_id) for batch_id in old)
    return Purged(removed, _purge_analyses(database, before, last))


def _remove_hidden(database: Database, batch_id: str) -> None:
    """Task by task with its analysis, then the batch: what is left at any moment is whole.

    A batch that is in sight is left alone: its release may have been committed though the answer to it was lost.
    """
    hidden = select(batches.c.id).where(batches.c.id == batch_id, batches.c.status == LOADING).with_for_update()
    some = select(tasks.c.id).where(tasks.c.batch_id == batch_id).limit(AT_ONCE)
    while True:
        with database.writing() as connection:
            if connection.scalar(hidden) is None:
                return
            here = tasks.c.id.in_(connection.scalars(some).all())
            made = connection.scalars(delete(tasks).where(here).returning(tasks.c.analysis_id)).all()
            if not made:
                connection.execute(delete(batches).where(batches.c.id == batch_id))
            _remove_unheld(connection, [one for one in made if one is not None], standalone=False)


def _purge_analyses(database: Database, before: str, last: int) -> int:
    removed, number = 0, 0
    while True:
        here = (analyses.c.number > number) & (analyses.c.number <= last) & (analyses.c.created_at < before)
        query = select(analyses.c.number, analyses.c.id).where(here, _unheld()).order_by(analyses.c.number)
        with database.writing() as connection:
            rows = connection.execute(query.limit(AT_ONCE)).all()
            removed += _remove_unheld(connection, [row.id for row in rows], standalone=True)
        if len(rows) < AT_ONCE:
            return removed
        number = rows[-1].number


def _remove_unheld(connection: Connection, identifiers: Sequence[str], *, standalone: bool) -> int:
    """Remove those of the analyses that no task names; `standalone` ones only if that is said.

    They are locked first: who reuses one at this moment (`existing` with `hold`) is either seen, or sees it gone.
    """
    here = analyses.c.id.in_(identifiers)
    wanted = here if standalone else here & ~analyses.c.standalone
    locked = connection.scalars(select(analyses.c.id).where(wanted).order_by(analyses.c.id).with_for_update()).all()
    return connection.execute(delete(analyses).where(analyses.c.id.in_(locked), _unheld())).rowcount


def _unheld() -> ColumnElement[bool]:
    return ~exists().where(tasks.c.analysis_id == analyses.c.id)
