import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import StatementError

from service.database import Database
from service.failures import DatabaseUnavailable
from service.jobs import dispatching, queue
from service.jobs.chunks import Chunk, Limits
from service.jobs.dispatcher import GRACE, Dispatcher
from service.jobs.dispatching import StopRequest, serve
from service.jobs.leader import Leadership
from service.jobs.workforce import Ending
from service.store import analyses, batches
from service.store.analyses import StoredAnalysis
from service.store.batches import ResultRow
from service.store.payloads import item_document
from service.store.retention import remove_batch
from service.tables import analyses as analyses_table
from tests.service.jobs.desk import Desk, Fate, curve_of, dispatcher_of, queue_batch, run_until_done

NAMES = "abcdef"


def results(database: Database, batch_id: str) -> tuple[ResultRow, ...]:
    with database.reading() as connection:
        return batches.results(connection, batch_id, limit=1000)


def stored(database: Database) -> int:
    with database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(analyses_table)) or 0


def without_varying(document: dict[str, Any]) -> dict[str, Any]:
    document = json.loads(json.dumps(document))
    del document["created_at"], document["provenance"]["elapsed_s"]
    return document


def killing(name: str) -> Fate:
    """Chunks with this curve kill their worker."""

    def fate(chunk: Chunk) -> Ending:
        documents = [item_document(order.content["payload"])["document"] for order in chunk.orders]
        return "killed" if name in [document["task"] for document in documents] else "done"

    return fate


def ask_cancel(database: Database, batch_id: str) -> None:
    with database.writing() as connection:
        batches.ask_cancel(connection, batch_id)


def test_a_first_pass_is_not_done_twice_after_a_restart(database: Database) -> None:
    batch_id = queue_batch(database, [curve_of(f"t{i}") for i in range(12)], sampled=True)
    desk = Desk(1)
    first = dispatcher_of(database, desk)
    while not any(chunk.purpose == "evidence" for chunk in desk.given[1:]):
        first.step(0.0)
    first.stop()
    again = Desk(1)
    run_until_done(dispatcher_of(database, again), batch_id)
    done = [order.task_id for chunk in again.given if chunk.purpose == "evidence" for order in chunk.orders]
    assert 0 < len(done) < 12


def test_a_curve_that_kills_its_worker_fails_after_some_attempts_and_no_other_does(database: Database) -> None:
    batch_id = queue_batch(database, [curve_of(name) for name in NAMES])
    desk = Desk(1, killing("c"))
    (batch,) = run_until_done(dispatcher_of(database, desk, Limits(attempts=3)), batch_id)
    assert (batch.counts["succeeded"], batch.counts["failed"]) == (5, 1)
    (failed,) = [row for row in results(database, batch_id) if row.state == "failed"]
    assert failed.names["task"] == "c"
    assert failed.error is not None
    assert "died" in failed.error["detail"]
    alone = [chunk for chunk in desk.given if chunk.alone and killing("c")(chunk) == "killed"]
    assert len(alone) == 3, "only deaths for which no other curve can be to blame are counted"


def test_a_curve_that_kills_its_worker_in_the_first_pass_says_nothing_there(database: Database) -> None:
    batch_id = queue_batch(database, [curve_of(f"t{i}") for i in range(12)], sampled=True)

    def fate(chunk: Chunk) -> Ending:
        return killing("t3")(chunk) if chunk.purpose == "evidence" else "done"

    (batch,) = run_until_done(dispatcher_of(database, Desk(2, fate), Limits(attempts=2)), batch_id)
    assert batch.counts["succeeded"] == 12


def test_a_lost_chunk_is_done_again_and_not_counted(database: Database) -> None:
    batch_id = queue_batch(database, [curve_of(name) for name in NAMES])
    desk = Desk(2)
    left = iter(range(6))
    desk.fate = lambda _: "done" if next(left, None) is None else "lost"
    (batch,) = run_until_done(dispatcher_of(database, desk, Limits(attempts=1)), batch_id)
    assert batch.counts["succeeded"] == len(NAMES)


def test_work_that_fails_by_itself_is_an_error_of_its_curve(database: Database) -> None:
    batch_id = queue_batch(database, [curve_of(name) for name in NAMES[:4]])

    def fate(chunk: Chunk) -> Ending:
        return "broken" if killing("b")(chunk) == "killed" else "done"

    (batch,) = run_until_done(dispatcher_of(database, Desk(1, fate)), batch_id)
    assert (batch.counts["succeeded"], batch.counts["failed"]) == (3, 1)


def test_a_curve_that_takes_too_long_is_stopped_and_fails(database: Database) -> None:
    batch_id = queue_batch(database, [curve_of("a"), curve_of("b")])
    desk = Desk(1)
    dispatcher = dispatcher_of(database, desk, Limits(seconds=0.05))
    desk.stuck = {"w0"}
    dispatcher.step(0.0)
    (chunk, _) = desk.at_work["w0"]
    assert chunk.alone
    threading.Event().wait(0.06)
    dispatcher.step(0.0)
    assert desk.stopped == ["w0"]
    (batch,) = run_until_done(dispatcher, batch_id)
    assert (batch.counts["succeeded"], batch.counts["failed"]) == (1, 1)
    (failed,) = [row for row in results(database, batch_id) if row.state == "failed"]
    assert failed.error is not None
    assert "took longer" in failed.error["detail"]


@pytest.mark.parametrize("end", [ask_cancel, remove_batch])
def test_a_chunk_of_an_unwanted_batch_that_does_not_end_gives_its_worker_back(
    database: Database, end: Callable[[Database, str], object]
) -> None:
    unwanted, waiting = (queue_batch(database, [curve_of(name)]) for name in "ab")
    desk = Desk(1)
    dispatcher = dispatcher_of(database, desk)
    now = [0.0]
    dispatcher.clock = lambda: now[0]
    desk.stuck = {"w0"}
    dispatcher.step(0.0)
    end(database, unwanted)
    dispatcher.step(0.0)
    assert desk.stopped == []
    now[0] += GRACE
    dispatcher.step(0.0)
    assert desk.stopped == ["w0"]
    (batch,) = run_until_done(dispatcher, waiting)
    assert batch.counts["succeeded"] == 1
    if end is ask_cancel:
        (batch,) = run_until_done(dispatcher, unwanted)
        assert (batch.status, batch.counts["cancelled"]) == ("cancelled", 1)


def test_a_batch_that_is_removed_while_it_runs_leaves_nothing(database: Database) -> None:
    batch_id = queue_batch(database, [curve_of(name) for name in NAMES])
    desk = Desk(2)
    dispatcher = dispatcher_of(database, desk)
    desk.stuck = set(desk.names)
    dispatcher.step(0.0)
    remove_batch(database, batch_id)
    desk.stuck = set()
    for _ in range(5):
        dispatcher.step(0.0)
    assert stored(database) == 0
    assert desk.at_work == {}


def test_a_deposed_dispatcher_writes_nothing_and_its_successor_does_all(database: Database) -> None:
    batch_id = queue_batch(database, [curve_of(name) for name in NAMES])
    desk = Desk(2)
    old = dispatcher_of(database, desk)
    desk.stuck = set(desk.names)
    old.step(0.0)
    with database.writing() as connection:
        queue.take_over(connection, queue.leader(connection), "another")
        queue.resign(connection, 2)
    desk.stuck = set()
    late = Leadership(database)
    assert late.lead()
    old.step(0.0)
    assert old.leadership.generation is None
    assert stored(database) == 0
    new = Dispatcher(database, Desk(2), late)
    (batch,) = run_until_done(new, batch_id)
    assert batch.counts["succeeded"] == len(NAMES)


def test_results_survive_a_database_that_is_away_for_a_while(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = queue_batch(database, [curve_of(name) for name in NAMES])
    desk = Desk(2)
    dispatcher = dispatcher_of(database, desk)
    failures = iter([True, True, False, True, True, True])
    writing = Database.writing

    @contextmanager
    def unsteady(self: Database) -> Iterator[Connection]:
        if next(failures, False):
            raise DatabaseUnavailable("the database is locked")
        with writing(self) as connection:
            yield connection

    dispatcher.step(0.0)
    monkeypatch.setattr(Database, "writing", unsteady)
    monkeypatch.setattr(dispatching, "FIRST_DELAY", 0.001)
    asked = StopRequest()
    step = Dispatcher.step

    def until_done(self: Dispatcher, wait: float = 0.0) -> None:
        step(self, 0.0)
        with database.reading() as connection:
            batch = batches.get(connection, batch_id)
        if batch is not None and batch.finished_at:
            asked.note()

    monkeypatch.setattr(Dispatcher, "step", until_done)
    serve(dispatcher, asked)
    done = [order.task_id for chunk in desk.given for order in chunk.orders]
    assert len(done) == len(set(done)) == len(NAMES), "nothing was computed twice"
    assert stored(database) == len(NAMES)


def test_an_orderly_stop_gives_everything_back(database: Database) -> None:
    batch_id = queue_batch(database, [curve_of(name) for name in NAMES])
    desk = Desk(2)
    dispatcher = dispatcher_of(database, desk)
    desk.stuck = set(desk.names)
    dispatcher.step(0.0)
    dispatcher.stop()
    with database.reading() as connection:
        batch = batches.get(connection, batch_id)
        assert len(queue.queued_ids(connection, batch_id, 100)) == len(NAMES)
    assert batch is not None
    (done,) = run_until_done(dispatcher_of(database), batch_id)
    assert done.counts["succeeded"] == len(NAMES)


def test_a_result_that_cannot_be_stored_is_an_error_of_its_curve_alone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = queue_batch(database, [curve_of(name) for name in NAMES])
    put_many = analyses.put_many

    def choosy(connection: Connection, many: Iterable[StoredAnalysis]) -> set[str]:
        kept = list(many)
        if any(one.task == "c" for one in kept):
            raise StatementError("cannot be stored", "INSERT", None, ValueError("no such value"))
        return put_many(connection, kept)

    monkeypatch.setattr(analyses, "put_many", choosy)
    (batch,) = run_until_done(dispatcher_of(database), batch_id)
    assert (batch.counts["succeeded"], batch.counts["failed"]) == (5, 1)
