from collections.abc import Callable

import pytest
from sqlalchemy import Connection, select, update

from models.errors import Problem
from service.database import Database
from service.failures import StaleCursor
from service.readers.items import CurveItem
from service.store import analyses as analysis_store
from service.store import batches as store
from service.store.analyses import StoredAnalysis
from service.store.batches import NewBatch, NewTask, Phase
from service.store.payloads import item_document, item_of, packed
from service.tables import batches, tasks

type Make = Callable[..., StoredAnalysis]

PROBLEM = {
    "type": "/problems/invalid-curve",
    "status": 422,
    "errors": [{"pointer": "row 3, score", "message": "\u2264 1"}],
}


def loaded(connection: Connection, count: int, failed: tuple[int, ...] = (), *, phase: Phase = "analysis") -> str:
    """A released batch of `count` tasks, some of them bad input."""
    batch_id = store.begin(connection, NewBatch(options={"seed": 3}, source={"format": "csv"}))
    new = (
        NewTask(
            position=position,
            payload=b"payload",
            names={"task": f"task {position}"},
            rows=(2, 5),
            sampling_key=None if position in failed else f"key {position}",
            error=PROBLEM if position in failed else None,
        )
        for position in range(count)
    )
    store.add_tasks(connection, batch_id, new)
    store.release(connection, batch_id, phase, count)
    return batch_id


def ended(
    connection: Connection, batch_id: str, position: int, stored: StoredAnalysis, *, earlier: str | None = None
) -> None:
    """As the dispatcher writes a result."""
    analysis_store.put(connection, stored)
    here = (tasks.c.batch_id == batch_id) & (tasks.c.position == position)
    values = {"state": "succeeded", "analysis_id": stored.id, "label": stored.label, "earlier_id": earlier}
    connection.execute(update(tasks).where(here).values(values))


def in_state(connection: Connection, batch_id: str, positions: range, state: str) -> None:
    here = (tasks.c.batch_id == batch_id) & tasks.c.position.in_(positions)
    connection.execute(update(tasks).where(here).values(state=state))


def test_a_batch_is_out_of_sight_until_it_is_released(database: Database) -> None:
    with database.writing() as connection:
        batch_id = store.begin(connection, NewBatch(options={"seed": 3}, source={"format": "csv"}))
        store.add_tasks(connection, batch_id, [NewTask(position=0, payload=b"p")])
    with database.writing() as connection:
        assert store.get(connection, batch_id) is None
        assert store.page(connection).items == ()
        assert store.ask_cancel(connection, batch_id) is None
        store.release(connection, batch_id, "scale", 1)
    with database.reading() as connection:
        batch = store.get(connection, batch_id)
    assert batch is not None
    assert (batch.status, batch.phase, batch.kind, batch.cancel_asked) == ("queued", "scale", "batch", False)
    assert (batch.options, batch.source) == ({"seed": 3}, {"format": "csv"})
    assert batch.counts == {"total": 1, "queued": 1, "running": 0, "succeeded": 0, "failed": 0, "cancelled": 0}


def test_bad_curves_are_stored_as_failed_and_need_no_worker(database: Database) -> None:
    with database.writing() as connection:
        batch_id = loaded(connection, 1001, failed=(0, 600))
        batch = store.get(connection, batch_id)
        rows = store.results(connection, batch_id)
        payloads = connection.scalars(select(tasks.c.payload).where(tasks.c.state == "failed")).all()
        unset = connection.scalars(select(tasks.c.position).where(tasks.c.error.is_(None), tasks.c.evidence.is_(None)))
        assert len(unset.all()) == 999
    assert batch is not None
    assert batch.counts == {"total": 1001, "queued": 999, "running": 0, "succeeded": 0, "failed": 2, "cancelled": 0}
    assert [(row.position, row.state, row.error, row.rows) for row in rows] == [
        (0, "failed", PROBLEM, [2, 5]),
        (600, "failed", PROBLEM, [2, 5]),
    ]
    assert rows[1].names == {"task": "task 600"}
    assert payloads == [None, None]


def test_only_the_sample_is_marked(database: Database) -> None:
    with database.writing() as connection:
        other, batch_id = loaded(connection, 3), loaded(connection, 1200)
        store.mark_sampled(connection, batch_id, range(0, 1200, 2))
        marked = connection.execute(select(tasks.c.batch_id, tasks.c.position).where(tasks.c.sampled)).all()
    assert other not in {row.batch_id for row in marked}
    assert sorted(row.position for row in marked) == list(range(0, 1200, 2))


def test_results_come_by_position_in_parts_with_their_documents(database: Database, make: Make) -> None:
    stored = [make(f"task {position}") for position in range(5)]
    with database.writing() as connection:
        batch_id = loaded(connection, 6, failed=(2,))
        for position in (4, 0, 3):
            ended(connection, batch_id, position, stored[position])
        analysis_store.delete(connection, stored[3].id)
        first = store.results(connection, batch_id, limit=2)
        rest = store.results(connection, batch_id, first[-1].position, 10)
        bare = store.results(connection, batch_id, with_documents=False)
    assert [row.position for row in (*first, *rest)] == [0, 2, 3, 4]
    assert [row.document for row in (*first, *rest)] == [stored[0].document, None, None, stored[4].document]
    assert rest[0].analysis_id == stored[3].id
    assert [(row.position, row.label, row.document) for row in bare] == [
        (0, "positive", None),
        (2, None, None),
        (3, "positive", None),
        (4, "positive", None),
    ]


def test_changes_are_labels_that_differ_from_those_of_the_earlier_engine(database: Database, make: Make) -> None:
    earlier = [make(f"task {position}") for position in range(4)]
    labels = ["positive", "flat", "u_shaped", "flat"]
    later = [make(f"task {place}", label=label, engine_version=2) for place, label in enumerate(labels)]
    with database.writing() as connection:
        analysis_store.put_many(connection, earlier)
        batch_id = loaded(connection, 5)
        for position, (before, after) in enumerate(zip(earlier, later, strict=True)):
            ended(connection, batch_id, position, after, earlier=before.id)
        analysis_store.delete(connection, earlier[3].id)
        changes = store.changes(connection, batch_id)
        assert store.changes(connection, batch_id, limit=1) == changes[:1]
        assert store.changes(connection, batch_id, changes[0].position) == changes[1:]
    told = [(change.position, change.earlier_label, change.label) for change in changes]
    assert told == [(1, "positive", "flat"), (2, "positive", "u_shaped")]
    assert [(change.earlier_engine_version, change.engine_version) for change in changes] == [(1, 2)] * 2
    assert (changes[0].earlier_id, changes[0].analysis_id) == (earlier[1].id, later[1].id)


def test_what_waits_is_cancelled_at_once(database: Database, make: Make) -> None:
    with database.writing() as connection:
        batch_id, other = loaded(connection, 4), loaded(connection, 2)
        ended(connection, batch_id, 0, make())
    with database.writing() as connection:
        assert store.ask_cancel(connection, batch_id) == "cancelled"
    with database.writing() as connection:
        batch, untouched = store.get(connection, batch_id), store.get(connection, other)
        assert connection.scalars(select(tasks.c.payload).where(tasks.c.state == "cancelled")).all() == [None] * 3
        assert store.ask_cancel(connection, batch_id) == "cancelled"
        again = store.get(connection, batch_id)
        assert store.ask_cancel(connection, "unknown") is None
    assert batch == again
    assert batch is not None
    assert batch.finished_at is not None
    assert (batch.counts["succeeded"], batch.counts["cancelled"]) == (1, 3)
    assert untouched is not None
    assert untouched.counts["queued"] == 2


def test_a_batch_with_running_curves_is_left_to_the_dispatcher(database: Database) -> None:
    with database.writing() as connection:
        batch_id = loaded(connection, 4)
        in_state(connection, batch_id, range(2), "running")
        connection.execute(update(batches).values(status="running"))
        assert store.ask_cancel(connection, batch_id) == "running"
        batch = store.get(connection, batch_id)
    assert batch is not None
    assert (batch.status, batch.cancel_asked, batch.finished_at) == ("running", True, None)
    assert (batch.counts["running"], batch.counts["cancelled"]) == (2, 2)


def test_an_ended_batch_is_not_cancelled(database: Database) -> None:
    with database.writing() as connection:
        batch_id = loaded(connection, 1)
        connection.execute(update(batches).values(status="succeeded"))
        before = store.get(connection, batch_id)
        assert store.ask_cancel(connection, batch_id) == "succeeded"
        assert store.get(connection, batch_id) == before


def test_batches_are_listed_from_the_newest_and_single_curves_only_if_asked_for(database: Database) -> None:
    with database.writing() as connection:
        many = [loaded(connection, 2) for _ in range(5)]
        single = store.begin(connection, NewBatch(kind="single"))
        store.release(connection, single, "analysis", 1)
        connection.execute(update(batches).where(batches.c.id == many[1]).values(status="succeeded"))
    found: list[str] = []
    cursor = None
    with database.reading() as connection:
        while True:
            page = store.page(connection, limit=2, cursor=cursor)
            found += [batch.id for batch in page.items]
            cursor = page.next
            if cursor is None:
                break
        assert found == many[::-1]
        assert [batch.id for batch in store.page(connection, kind="single").items] == [single]
        assert [batch.id for batch in store.page(connection, status="succeeded").items] == [many[1]]
        assert {batch.counts["queued"] for batch in store.page(connection).items} == {2}
        cursor = store.page(connection, limit=2).next
        assert cursor is not None
        with pytest.raises(StaleCursor):
            store.page(connection, status="succeeded", cursor=cursor)


def test_curves_that_wait_are_counted_over_all_batches(database: Database) -> None:
    with database.writing() as connection:
        assert store.queued_curves(connection) == 0
        batch_id = loaded(connection, 5, failed=(1,))
        loaded(connection, 3)
        in_state(connection, batch_id, range(1), "running")
        assert store.queued_curves(connection) == 6


@pytest.mark.parametrize("state", ["queued", "running", "failed", "cancelled"])
def test_a_single_curve_is_found_by_the_analysis_that_it_is_to_give(database: Database, state: str) -> None:
    with database.writing() as connection:
        batch_id = store.begin(connection, NewBatch(kind="single"))
        store.add_tasks(connection, batch_id, [NewTask(position=0, payload=b"p", names={"task": "t"}, analysis_id="a")])
        assert store.pending_single(connection, "a") is None
        store.release(connection, batch_id, "analysis", 1)
        in_state(connection, batch_id, range(1), state)
        found = store.pending_single(connection, "a")
        assert store.pending_single(connection, "b") is None
        in_state(connection, batch_id, range(1), "succeeded")
        assert store.pending_single(connection, "a") is None
    assert found is not None
    assert (found.batch_id, found.state, found.names, found.error) == (batch_id, state, {"task": "t"}, None)


def test_no_task_gets_the_number_of_a_removed_one(database: Database) -> None:
    with database.writing() as connection:
        loaded(connection, 3)
        first = set(connection.scalars(select(tasks.c.id)))
        connection.execute(batches.delete())
        assert connection.scalars(select(tasks.c.id)).all() == []
        loaded(connection, 3)
        assert first.isdisjoint(connection.scalars(select(tasks.c.id)))


def test_an_item_survives_the_queue() -> None:
    item = CurveItem(
        index=3,
        document={"task": "t", "points": [{"scale": 10**30, "score": 0.1 + 0.2}]},
        problems=(Problem("/points/0", "bad"),),
        rows=(2, 3),
        names={"task": "t"},
        columns={"scale": "parameters"},
    )
    assert item_of(item_document(packed(item))) == item
