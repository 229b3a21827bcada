"""Batches and their tasks, as the web side writes and reads them; the dispatcher's side is `service.jobs.queue`.

States of a task: queued, running, succeeded, failed, cancelled.
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import batched
from typing import Any, Literal

from sqlalchemy import BigInteger, Connection, Row, String, exists, func, literal, select, tuple_, update

from service.clock import now
from service.failures import Conflict
from service.store.cursors import opened, query_digest, sealed
from service.tables import analyses, batches, documents, tasks

type Kind = Literal["batch", "single", "again"]
type Phase = Literal["scale", "analysis"]
STATES = ("queued", "running", "succeeded", "failed", "cancelled")
ENDED = ("succeeded", "failed", "cancelled")
OPEN = ("queued", "running")  # of a batch
LOADING = "loading"  # of a batch that is not acknowledged, or is being removed
SEEN = batches.c.status != LOADING
MOST_ROWS = 500  # in one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBatch:
    """A batch to begin. `source`: format, messages of the reader, filter of kind "again"."""

    kind: Kind = "batch"
    options: Mapping[str, Any] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task to add: with an `error` (a problem document) it is stored as failed, otherwise as queued.

    `payload` is what `service.store.payloads.packed` gives. `rows`: first and last, or empty.
    """

    position: int
    payload: bytes | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    rows: Sequence[int] = ()
    sampling_key: str | None = None
    analysis_id: str | None = None
    earlier_id: str | None = None
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch as it stands; `counts` has each of `STATES` and "total"."""

    id: str
    created_at: str
    kind: Kind
    status: str
    phase: Phase
    options: Mapping[str, Any]
    source: Mapping[str, Any]
    started_at: str | None
    finished_at: str | None
    cancel_asked: bool
    counts: Mapping[str, int]


_BATCH = tuple(column.name for column in fields(Batch) if column.name != "counts")


@dataclass(frozen=True, slots=True)
class BatchPage:
    """A part of the list of batches; `next` is the cursor of the part after it, None at the end."""

    items: tuple[Batch, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """A task that has ended. `document`: JSON text of its analysis; None if it has none, or it was deleted."""

    position: int
    state: str
    rows: Sequence[int]
    names: Mapping[str, str]
    error: Mapping[str, Any] | None
    analysis_id: str | None
    label: str | None
    document: bytes | None


_RESULT = tuple(column.name for column in fields(ResultRow) if column.name != "document")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A curve whose label is another one than under the earlier engine."""

    position: int
    names: Mapping[str, str]
    earlier_id: str
    earlier_label: str
    earlier_engine_version: int
    analysis_id: str
    label: str
    engine_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleTask:
    """The task of one curve that is analysed in the background."""

    batch_id: str
    created_at: str
    state: str
    names: Mapping[str, str]
    error: Mapping[str, Any] | None


def begin(connection: Connection, new: NewBatch, expected: int = 0) -> str:
    """Insert a batch that nobody sees before its release; its id. `expected` curves take their room from now on."""
    given = {"kind": new.kind, "options": dict(new.options), "source": dict(new.source)}
    fixed = {"id": secrets.token_hex(16), "created_at": now(), "status": LOADING, "phase": "analysis"}
    connection.execute(batches.insert(), {**given, **fixed, "total": expected, "cancel_asked": False})
    return fixed["id"]


def add_tasks(connection: Connection, batch_id: str, new: Iterable[NewTask]) -> None:
    """Insert tasks of a batch that is being loaded."""
    moment = now()
    for part in batched(new, MOST_ROWS):
        connection.execute(tasks.insert(), [_task_row(batch_id, task, moment) for task in part])


def mark_sampled(connection: Connection, batch_id: str, positions: Iterable[int]) -> None:
    """Let tasks take part in the first pass."""
    for part in batched(positions, MOST_ROWS):
        here = (tasks.c.batch_id == batch_id) & tasks.c.position.in_(part)
        connection.execute(update(tasks).where(here).values(sampled=True))


def release(
    connection: Connection, batch_id: str, phase: Phase, total: int, source: Mapping[str, Any] | None = None
) -> None:
    """Let the dispatcher have a batch; from this commit on nothing of it may be lost.

    `source` in place of that at the beginning: a reader's messages are known at the end. Raises `Conflict` if it was
    given up.
    """
    values: dict[str, Any] = {"status": "queued", "phase": phase, "total": total}
    values |= {} if source is None else {"source": dict(source)}
    here = (batches.c.id == batch_id) & (batches.c.status == LOADING)
    if connection.execute(update(batches).where(here).values(values)).rowcount != 1:
        raise Conflict("the batch was removed while it was loaded: send it again")


def get(connection: Connection, batch_id: str) -> Batch | None:
    """A batch that has been released."""
    row = connection.execute(select(batches).where(SEEN).where(batches.c.id == batch_id)).one_or_none()
    return None if row is None else _batch(row, _counts(connection, [batch_id]))


def page(
    connection: Connection,
    *,
    kind: Kind | None = None,
    status: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> BatchPage:
    """A part of the list, the newest first; single curves only if `kind` asks for them. Raises `StaleCursor`."""
    digest = query_digest(["batches", kind, status])
    query = select(batches).where(SEEN).where(batches.c.kind != "single" if kind is None else batches.c.kind == kind)
    if status is not None:
        query = query.where(batches.c.status == status)
    if cursor is not None:
        created, number = opened(cursor, digest, [str, int])
        place = tuple_(literal(created, String()), literal(number, BigInteger()))
        query = query.where(tuple_(batches.c.created_at, batches.c.number) < place)
    order = (batches.c.created_at.desc(), batches.c.number.desc())
    rows = connection.execute(query.order_by(*order).limit(limit + 1)).all()
    shown = rows[:limit]
    counts = _counts(connection, [row.id for row in shown])
    last = sealed(digest, [shown[-1].created_at, shown[-1].number]) if len(rows) > limit else None
    return BatchPage(tuple(_batch(row, counts) for row in shown), last)


def results(
    connection: Connection, batch_id: str, after_position: int = -1, limit: int = 100, *, with_documents: bool = True
) -> tuple[ResultRow, ...]:
    """Tasks that have ended, by position."""
    here = (tasks.c.batch_id == batch_id) & (tasks.c.position > after_position) & tasks.c.state.in_(ENDED)
    query = select(*(tasks.c[name] for name in _RESULT)).where(here).order_by(tasks.c.position).limit(limit)
    if with_documents:
        joined = tasks.outerjoin(documents, tasks.c.analysis_id == documents.c.analysis_id)
        query = query.select_from(joined).add_columns(documents.c.document)
    return tuple(_result(row, with_documents=with_documents) for row in connection.execute(query))


def changes(connection: Connection, batch_id: str, after_position: int = -1, limit: int = 100) -> tuple[Change, ...]:
    """Curves whose label is not that of the earlier analysis, by position; deleted analyses are left out."""
    earlier, later = analyses.alias("earlier"), analyses.alias("later")
    joined = tasks.join(earlier, earlier.c.id == tasks.c.earlier_id).join(later, later.c.id == tasks.c.analysis_id)
    before = (earlier.c.label.label("earlier_label"), earlier.c.engine_version.label("earlier_engine_version"))
    query = (
        select(tasks.c.position, tasks.c.names, tasks.c.earlier_id, *before, tasks.c.analysis_id)
        .add_columns(later.c.label, later.c.engine_version)
        .select_from(joined)
        .where(tasks.c.batch_id == batch_id, tasks.c.position > after_position, earlier.c.label != later.c.label)
        .where(tasks.c.state == "succeeded")
        .order_by(tasks.c.position)
        .limit(limit)
    )
    return tuple(Change(**row) for row in connection.execute(query).mappings())


def ask_cancel(connection: Connection, batch_id: str) -> str | None:
    """Cancel what waits at once and ask the dispatcher to stop what runs; the batch's status then.

    None: there is no such batch. An ended batch stays as it is.
    """
    status = connection.scalar(select(batches.c.status).where(batches.c.id == batch_id, SEEN).with_for_update())
    if status not in OPEN:
        return status
    moment = now()
    waiting = (tasks.c.batch_id == batch_id) & (tasks.c.state == "queued")
    connection.execute(update(tasks).where(waiting).values(state="cancelled", payload=None, finished_at=moment))
    running = exists().where(tasks.c.batch_id == batch_id, tasks.c.state == "running")
    values: dict[str, Any] = {"cancel_asked": True}
    if not connection.scalar(select(running)):
        status = "cancelled"
        values |= {"status": status, "finished_at": moment}
    connection.execute(update(batches).where(batches.c.id == batch_id).values(values))
    return status


def queued_curves(connection: Connection) -> int:
    """Curves that wait or are being loaded, of all batches."""
    loading = batches.c.status == LOADING
    hidden = tasks.c.batch_id.in_(select(batches.c.id).where(loading))
    waiting = select(func.count()).select_from(tasks).where(tasks.c.state == "queued", ~hidden)
    expected = select(func.sum(batches.c.total)).where(loading, ~batches.c.cancel_asked)  # else it is being removed
    return (connection.scalar(waiting) or 0) + (connection.scalar(expected) or 0)


def pending_single(connection: Connection, analysis_id: str) -> SingleTask | None:
    """The latest background task of one curve that is to give, or failed to give, this analysis."""
    query = (
        select(tasks.c.batch_id, batches.c.created_at, tasks.c.state, tasks.c.names, tasks.c.error)
        .join(batches)
        .where(tasks.c.analysis_id == analysis_id, batches.c.kind == "single", SEEN)
        .where(tasks.c.state != "succeeded")
        .order_by(tasks.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else SingleTask(**row)


def _task_row(batch_id: str, new: NewTask, moment: str) -> dict[str, Any]:
    failed = new.error is not None
    return {
        "batch_id": batch_id,
        "position": new.position,
        "payload": None if failed else new.payload,
        "names": dict(new.names),
        "rows": list(new.rows),
        "sampling_key": new.sampling_key,
        "sampled": False,
        "state": "failed" if failed else "queued",
        "attempt": 0,
        "analysis_id": new.analysis_id,
        "earlier_id": new.earlier_id,
        "error": None if new.error is None else dict(new.error),
        "finished_at": moment if failed else None,
    }


def _batch(row: Row[Any], counts: Mapping[str, dict[str, int]]) -> Batch:
    counted = dict.fromkeys(STATES, 0) | counts.get(row.id, {})
    return Batch(**{name: getattr(row, name) for name in _BATCH}, counts={"total": row.total, **counted})


def _counts(connection: Connection, identifiers: Sequence[str]) -> dict[str, dict[str, int]]:
    counted: dict[str, dict[str, int]] = {}
    query = select(tasks.c.batch_id, tasks.c.state, func.count()).group_by(tasks.c.batch_id, tasks.c.state)
    for batch_id, state, count in connection.execute(query.where(tasks.c.batch_id.in_(identifiers))):
        counted.setdefault(batch_id, {})[state] = count
    return counted


def _result(row: Row[Any], *, with_documents: bool) -> ResultRow:
    packed = row.document if with_documents else None
    values = {name: getattr(row, name) for name in _RESULT}
    return ResultRow(**values, document=None if packed is None else zlib.decompress(packed))
