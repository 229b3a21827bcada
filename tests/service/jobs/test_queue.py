import pytest
from sqlalchemy import select

from service.database import Database
from service.jobs import queue
from service.jobs.leader import Leadership
from service.jobs.queue import Deposed, Failure, Success
from service.jobs.settling import Ledger
from service.store import batches
from service.store.retention import remove_batch
from service.tables import tasks
from tests.service.jobs.desk import curve_of, queue_batch


def states(database: Database, batch_id: str) -> list[str]:
    query = select(tasks.c.state).where(tasks.c.batch_id == batch_id).order_by(tasks.c.position)
    with database.reading() as connection:
        return list(connection.scalars(query))


def three(database: Database) -> tuple[str, list[int]]:
    batch_id = queue_batch(database, [curve_of(name) for name in "abc"])
    with database.reading() as connection:
        return batch_id, queue.queued_ids(connection, batch_id, 10)


def take(database: Database, generation: int, ids: list[int]) -> set[int]:
    with database.writing() as connection:
        return queue.take(connection, generation, ids)


def test_a_task_is_taken_once(database: Database) -> None:
    batch_id, ids = three(database)
    assert take(database, 1, ids[:2]) == set(ids[:2])
    assert take(database, 1, ids) == {ids[2]}
    assert states(database, batch_id) == ["running"] * 3


def test_tasks_come_in_the_order_of_the_curves_with_what_was_sent(database: Database) -> None:
    batch_id, ids = three(database)
    with database.reading() as connection:
        assert queue.queued_ids(connection, batch_id, 2) == ids[:2]
        found = queue.queued_tasks(connection, ids[::-1])
    assert [task.id for task in found] == ids
    assert all(task.payload and task.attempt == 0 for task in found)


def test_a_result_counts_for_the_generation_and_the_attempt_that_it_was_made_for(database: Database) -> None:
    _, ids = three(database)
    take(database, 7, ids)
    attempts = dict.fromkeys(ids, 0)
    with database.writing() as connection:
        assert queue.ours(connection, 7, attempts) == set(ids)
        assert queue.ours(connection, 6, attempts) == set()
        queue.count_attempt(connection, ids[:1])
        assert queue.ours(connection, 7, attempts) == set(ids[1:])
        queue.fail(connection, [Failure(ids[1], 0, {"status": 500})])
        assert queue.ours(connection, 7, attempts) == {ids[2]}


def test_a_result_for_a_batch_that_is_being_removed_is_dropped(database: Database) -> None:
    batch_id, ids = three(database)
    take(database, 7, ids)
    remove_batch(database, batch_id)
    with database.reading() as connection:
        assert queue.ours(connection, 7, dict.fromkeys(ids, 0)) == set()


def test_what_runs_is_queued_again_when_another_takes_over_and_no_attempt_is_counted(database: Database) -> None:
    batch_id, ids = three(database)
    with database.writing() as connection:
        generation = queue.take_over(connection, None, "first")
    assert generation == 1
    take(database, 1, ids)
    with database.writing() as connection:
        assert queue.take_over(connection, queue.leader(connection), "second") == 2
        assert [task.attempt for task in queue.queued_tasks(connection, ids)] == [0, 0, 0]
    assert states(database, batch_id) == ["queued"] * 3


def test_a_dispatcher_of_yesterday_writes_nothing(database: Database) -> None:
    batch_id, _ = three(database)
    with database.writing() as connection:
        queue.take_over(connection, None, "first")
        queue.take_over(connection, queue.leader(connection), "second")
    old = Ledger(database, 1)
    with pytest.raises(Deposed):
        old.started(batch_id)
    with pytest.raises(Deposed):
        old.finished(batch_id)
    assert states(database, batch_id) == ["queued"] * 3


def test_a_batch_ends_when_the_last_task_has(database: Database) -> None:
    batch_id, ids = three(database)
    take(database, 1, ids)
    with database.writing() as connection:
        queue.succeed(connection, [Success(task, 0, f"analysis {task}", "positive") for task in ids[:2]])
        assert not queue.finish(connection, batch_id)
        queue.fail(connection, [Failure(ids[2], 0, {"status": 500, "detail": "broke"})])
        assert queue.finish(connection, batch_id)
        assert not queue.finish(connection, batch_id)
        batch = batches.get(connection, batch_id)
        results = batches.results(connection, batch_id)
    assert batch is not None
    assert (batch.status, batch.counts["succeeded"], batch.counts["failed"]) == ("succeeded", 2, 1)
    assert [(row.analysis_id, row.label) for row in results[:2]] == [(f"analysis {i}", "positive") for i in ids[:2]]
    assert results[2].error == {"status": 500, "detail": "broke"}


def test_a_single_curve_that_failed_is_a_failed_batch(database: Database) -> None:
    batch_id = queue_batch(database, [curve_of("a")], kind="single")
    with database.writing() as connection:
        (task,) = queue.queued_ids(connection, batch_id, 10)
        queue.take(connection, 1, [task])
        queue.fail(connection, [Failure(task, 0, {"status": 500})])
        assert queue.finish(connection, batch_id)
        batch = batches.get(connection, batch_id)
    assert batch is not None
    assert batch.status == "failed"


def test_evidence_is_kept_also_where_there_is_none(database: Database) -> None:
    batch_id = queue_batch(database, [curve_of(name) for name in "abc"], sampled=True)
    with database.writing() as connection:
        ids = queue.queued_ids(connection, batch_id, 10)
        assert [task.evidence for task in queue.sample(connection, batch_id)] == [None, None, None]
        queue.store_evidence(connection, {ids[0]: (1.5, -2.0), ids[1]: None})
        assert [task.evidence for task in queue.sample(connection, batch_id)] == [(1.5, -2.0), False, None]
        queue.end_first_pass(connection, batch_id, (3.0, 4.0))
        (batch,) = queue.active(connection, 10)
    assert (batch.phase, batch.scale) == ("analysis", (3.0, 4.0))


def test_batches_without_work_left_are_not_active(database: Database) -> None:
    first = queue_batch(database, [curve_of("a")])
    second = queue_batch(database, [curve_of("b")])
    with database.writing() as connection:
        assert [batch.id for batch in queue.active(connection, 10)] == [first, second]
        assert [batch.id for batch in queue.active(connection, 1)] == [first]
        batches.ask_cancel(connection, first)
        assert [batch.id for batch in queue.active(connection, 10)] == [second]


def test_slow_batches_do_not_hide_others(database: Database) -> None:
    slow = [queue_batch(database, [curve_of(name)], engine="nuts") for name in "abc"]
    others = [
        queue_batch(database, [curve_of(name)], engine=engine) for name, engine in (("d", "quadrature"), ("e", None))
    ]
    with database.reading() as connection:
        found = queue.active(connection, 2)
    assert [batch.id for batch in found] == [*slow[:2], *others]
    assert [batch.slow for batch in found] == [True, True, False, False]


def test_work_that_nobody_does_is_queued_again(database: Database) -> None:
    batch_id, ids = three(database)
    generation = _leader(database)
    take(database, generation, ids[:1])
    Ledger(database, generation).finished(batch_id)
    assert states(database, batch_id) == ["queued"] * 3


def _leader(database: Database) -> int:
    leadership = Leadership(database)
    assert leadership.lead()
    assert leadership.generation is not None
    return leadership.generation
