"""The queue of tasks in the database, as the dispatcher sees it: the one place with SQL beside the store.

Each function that writes first makes sure that its dispatcher still leads; otherwise nothing is written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, exists, func, insert, select, update
from sqlalchemy.exc import StatementError

from models.options import EngineName
from service.clock import now
from service.failures import ServiceError
from service.sampling import Evidence
from service.tables import analyses, batches, leadership, tasks

NAME = "dispatcher"
UNENDED = ("queued", "running")
NOBODY = ""  # owner after an orderly stop


Unstorable = StatementError  # what a value raises that the database does not take


class Deposed(ServiceError):
    """Another dispatcher leads now; what this one wanted to write is not written."""


@dataclass(frozen=True, slots=True)
class Leader:
    """Who leads: the count of changes, and that of signs of life."""

    generation: int
    beat: int
    owner: str


@dataclass(frozen=True, slots=True)
class ActiveBatch:
    """A batch that has not ended. `scale`: summed evidence on the between-model scale, if one was estimated.

    `left`: whether any of its tasks has not ended.
    """

    id: str
    kind: str
    status: str
    phase: str
    options: Mapping[str, Any]
    scale: Evidence | None
    cancel_asked: bool
    left: bool

    @property
    def slow(self) -> bool:
        """Whether its curves take minutes, unless one says otherwise."""
        return self.phase == "analysis" and self.options.get("engine") == EngineName.NUTS


@dataclass(frozen=True, slots=True)
class QueuedTask:
    """A task that waits."""

    id: int
    attempt: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class SampledTask:
    """A task of the first pass. `evidence`: None as long as it is not known, False where there is none."""

    id: int
    key: str
    evidence: Evidence | bool | None


@dataclass(frozen=True, slots=True)
class Success:
    """A task with its analysis."""

    task_id: int
    attempt: int
    analysis_id: str
    label: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A task without one: `problem` is a problem document."""

    task_id: int
    attempt: int
    problem: Mapping[str, Any]


def leader(connection: Connection) -> Leader | None:
    """Who leads; None before the first."""
    row = connection.execute(select(leadership).where(leadership.c.name == NAME)).one_or_none()
    return None if row is None else Leader(row.generation, row.beat, row.owner)


def take_over(connection: Connection, seen: Leader | None, owner: str) -> int | None:
    """Lead, unless somebody was faster: the new generation. What ran is queued again, and no attempt is counted."""
    if seen is None:
        if leader(connection) is not None:
            return None
        connection.execute(insert(leadership).values(name=NAME, generation=1, beat=0, owner=owner))
        generation = 1
    else:
        generation = seen.generation + 1
        unchanged = (leadership.c.generation == seen.generation) & (leadership.c.beat == seen.beat)
        query = update(leadership).where(leadership.c.name == NAME, unchanged)
        if connection.execute(query.values(generation=generation, owner=owner)).rowcount != 1:
            return None
    connection.execute(update(tasks).where(tasks.c.state == "running").values(state="queued", generation=None))
    return generation


def beat(connection: Connection, generation: int) -> None:
    """Give a sign of life."""
    query = update(leadership).where(leadership.c.name == NAME, leadership.c.generation == generation)
    if connection.execute(query.values(beat=leadership.c.beat + 1)).rowcount != 1:
        raise Deposed("another dispatcher leads")


def resign(connection: Connection, generation: int) -> None:
    """Let the next dispatcher begin at once; what runs is queued again."""
    hold(connection, generation)
    query = update(tasks).where(tasks.c.state == "running", tasks.c.generation == generation)
    connection.execute(query.values(state="queued", generation=None))
    connection.execute(update(leadership).where(leadership.c.name == NAME).values(owner=NOBODY))


def hold(connection: Connection, generation: int) -> None:
    """Keep the lead until the transaction ends; raises `Deposed`. SQLite has one writer anyway."""
    query = select(leadership.c.generation).where(leadership.c.name == NAME).with_for_update(read=True)
    if connection.scalar(query) != generation:
        raise Deposed("another dispatcher leads")


def active(connection: Connection, limit: int) -> tuple[ActiveBatch, ...]:
    """The oldest batches that have not ended: so many slow ones, and so many others."""
    left = exists().where(tasks.c.batch_id == batches.c.id, tasks.c.state.in_(UNENDED)).label("left")
    query = select(batches, left).where(batches.c.status.in_(UNENDED)).order_by(batches.c.number).limit(limit)
    slow = func.coalesce(batches.c.options["engine"].as_string(), "") == EngineName.NUTS.value
    rows = [*connection.execute(query.where(slow)), *connection.execute(query.where(~slow))]
    return tuple(
        ActiveBatch(
            id=row.id,
            kind=row.kind,
            status=row.status,
            phase=row.phase,
            options=row.options,
            scale=None if row.suite_scale is None else tuple(row.suite_scale),
            cancel_asked=row.cancel_asked,
            left=row.left,
        )
        for row in sorted(rows, key=lambda row: row.number)
    )


def queued_ids(connection: Connection, batch_id: str, limit: int) -> list[int]:
    """The first queued tasks of a batch in the order of its curves."""
    waits = (tasks.c.batch_id == batch_id, tasks.c.state == "queued")
    return list(connection.scalars(select(tasks.c.id).where(*waits).order_by(tasks.c.position).limit(limit)))


def queued_tasks(connection: Connection, task_ids: Collection[int]) -> list[QueuedTask]:
    """Those of the tasks that wait, in the order of their curves."""
    columns = (tasks.c.id, tasks.c.attempt, tasks.c.payload)
    query = select(*columns).where(tasks.c.id.in_(task_ids), tasks.c.state == "queued").order_by(tasks.c.position)
    return [QueuedTask(*row) for row in connection.execute(query) if row.payload is not None]


def sample(connection: Connection, batch_id: str) -> list[SampledTask]:
    """The tasks of the first pass of a batch."""
    chosen = (tasks.c.batch_id == batch_id, tasks.c.sampled.is_(True), tasks.c.sampling_key.is_not(None))
    query = select(tasks.c.id, tasks.c.sampling_key, tasks.c.evidence).where(*chosen).order_by(tasks.c.position)
    return [
        SampledTask(row.id, row.sampling_key, tuple(row.evidence) if isinstance(row.evidence, list) else row.evidence)
        for row in connection.execute(query)
    ]


def labels(connection: Connection, analysis_ids: Collection[str]) -> dict[str, str]:
    """Labels of those of the analyses that are stored; they cannot be removed before the transaction ends."""
    query = select(analyses.c.id, analyses.c.label).where(analyses.c.id.in_(analysis_ids)).order_by(analyses.c.id)
    held = query.with_for_update(read=True, key_share=True)
    return {row.id: row.label for row in connection.execute(held)}


def start(connection: Connection, batch_id: str) -> None:
    """Note that a batch has begun."""
    query = update(batches).where(batches.c.id == batch_id, batches.c.status == "queued")
    connection.execute(query.values(status="running", started_at=now()))


def take(connection: Connection, generation: int, task_ids: Collection[int]) -> set[int]:
    """Mark tasks as running, those of them that still wait; their ids."""
    query = update(tasks).where(tasks.c.id.in_(task_ids), tasks.c.state == "queued")
    taken = connection.scalars(query.values(state="running", generation=generation).returning(tasks.c.id))
    return set(taken)


def ours(connection: Connection, generation: int, attempts: Mapping[int, int]) -> set[int]:
    """Those of the tasks (id -> attempt) that still run for this dispatcher, in a batch that is still there."""
    query = (
        select(tasks.c.id, tasks.c.attempt)
        .join(batches, batches.c.id == tasks.c.batch_id)
        .where(tasks.c.id.in_(attempts), tasks.c.state == "running", tasks.c.generation == generation)
        .where(batches.c.status.in_(UNENDED))
        .with_for_update(of=tasks)  # who removes the batch meanwhile waits, and then sees the results
    )
    return {row.id for row in connection.execute(query) if row.attempt == attempts[row.id]}


def succeed(connection: Connection, successes: Sequence[Success]) -> None:
    """Write the end of tasks that have their analysis; the caller has made sure that they are its own."""
    changed: dict[str, Any] = {"state": "succeeded", "payload": None, "finished_at": now()}
    changed |= {"analysis_id": bindparam("analysis"), "label": bindparam("of")}
    _end(connection, changed, [{"task": s.task_id, "analysis": s.analysis_id, "of": s.label} for s in successes])


def fail(connection: Connection, failures: Sequence[Failure]) -> None:
    """Write the end of tasks without an analysis; the caller has made sure that they are its own."""
    changed: dict[str, Any] = {"state": "failed", "payload": None, "finished_at": now(), "error": bindparam("problem")}
    _end(connection, changed, [{"task": f.task_id, "problem": dict(f.problem)} for f in failures])


def cancel(connection: Connection, task_ids: Collection[int]) -> None:
    """Write the end of tasks that were given up; the caller has made sure that they are its own."""
    changed = {"state": "cancelled", "payload": None, "finished_at": now()}
    connection.execute(update(tasks).where(tasks.c.id.in_(task_ids)).values(**changed))


def count_attempt(connection: Connection, task_ids: Collection[int]) -> None:
    """Count that the tasks have killed their workers."""
    connection.execute(update(tasks).where(tasks.c.id.in_(task_ids)).values(attempt=tasks.c.attempt + 1))


def keep(connection: Connection, analysis_ids: Collection[str]) -> None:
    """Let analyses stay when the batches that hold them are removed."""
    if analysis_ids:
        connection.execute(update(analyses).where(analyses.c.id.in_(analysis_ids)).values(standalone=True))


def requeue(connection: Connection, batch_id: str) -> None:
    """Queue again what runs in a batch though nobody works on it."""
    query = update(tasks).where(tasks.c.batch_id == batch_id, tasks.c.state == "running")
    connection.execute(query.values(state="queued", generation=None))


def store_evidence(connection: Connection, found: Mapping[int, Evidence | None]) -> None:
    """Keep the results of the first pass."""
    query = update(tasks).where(tasks.c.id == bindparam("task")).values(evidence=bindparam("found"))
    values = [{"task": key, "found": False if value is None else list(value)} for key, value in found.items()]
    connection.execute(query, values)


def end_first_pass(connection: Connection, batch_id: str, total: Evidence | None) -> None:
    """Let the analyses of a batch begin, under the suite's scale if there is one."""
    query = update(batches).where(batches.c.id == batch_id, batches.c.phase == "scale")
    connection.execute(query.values(phase="analysis", suite_scale=None if total is None else list(total)))


def finish(connection: Connection, batch_id: str) -> bool:
    """End a batch if none of its tasks is left; whether it has ended."""
    left = select(tasks.c.id).where(tasks.c.batch_id == batch_id, tasks.c.state.in_(UNENDED))
    query = select(batches.c.kind, batches.c.cancel_asked).where(batches.c.id == batch_id)
    row = connection.execute(query.where(batches.c.status.in_(UNENDED), ~exists(left))).one_or_none()
    if row is None:
        return False
    status = (
        "cancelled" if row.cancel_asked else _outcome(connection, batch_id) if row.kind == "single" else "succeeded"
    )
    done = update(batches).where(batches.c.id == batch_id, batches.c.status.in_(UNENDED))
    connection.execute(done.values(status=status, finished_at=now()))
    return True


def _outcome(connection: Connection, batch_id: str) -> str:
    state: str = connection.scalars(select(tasks.c.state).where(tasks.c.batch_id == batch_id)).one()
    return state


def _end(connection: Connection, changed: Mapping[str, Any], values: Sequence[Mapping[str, Any]]) -> None:
    if values:
        connection.execute(update(tasks).where(tasks.c.id == bindparam("task")).values(**changed), values)
