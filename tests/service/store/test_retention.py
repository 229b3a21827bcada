import threading
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Connection, select, update

from service.database import Database
from service.failures import Conflict
from service.store import analyses as analysis_store
from service.store import batches as batch_store
from service.store import retention
from service.store.analyses import StoredAnalysis
from service.store.batches import NewBatch, NewTask
from service.store.retention import Purged, discard, purge, remove_abandoned, remove_batch
from service.tables import analyses, batches, documents, tasks

type Make = Callable[..., StoredAnalysis]

OLD, NEW = "2026-01-01T00:00:00.000Z", "2026-06-01T00:00:00.000Z"


def finished(connection: Connection, many: Sequence[StoredAnalysis], at: str = OLD) -> str:
    """A batch whose tasks gave these analyses."""
    batch_id = batch_store.begin(connection, NewBatch())
    new = (NewTask(position=place, analysis_id=stored.id) for place, stored in enumerate(many))
    batch_store.add_tasks(connection, batch_id, new)
    batch_store.release(connection, batch_id, "analysis", len(many))
    analysis_store.put_many(connection, many)
    connection.execute(update(tasks).where(tasks.c.batch_id == batch_id).values(state="succeeded"))
    ended = {"status": "succeeded", "created_at": at, "finished_at": at}
    connection.execute(update(batches).where(batches.c.id == batch_id).values(ended))
    return batch_id


def kept(database: Database) -> set[str]:
    with database.reading() as connection:
        with_document = set(connection.scalars(select(documents.c.analysis_id)))
        assert with_document == set(connection.scalars(select(analyses.c.id)))
        return with_document


def test_a_removed_batch_takes_along_what_nobody_else_holds(database: Database, make: Make) -> None:
    asked = make("asked")
    own, shared = (make(name, standalone=False) for name in ("own", "shared"))
    with database.writing() as connection:
        batch_id = finished(connection, [own, shared, asked, own])
        other = finished(connection, [shared])
    assert remove_batch(database, batch_id)
    assert kept(database) == {shared.id, asked.id}
    assert not remove_batch(database, batch_id)
    assert remove_batch(database, other)
    assert kept(database) == {asked.id}
    with database.reading() as connection:
        assert connection.execute(select(tasks)).all() == []
        assert connection.execute(select(batches)).all() == []


def test_a_large_batch_is_removed_in_parts_and_finished_after_a_crash(
    database: Database, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [make(f"task {number}", standalone=False) for number in range(25)]
    monkeypatch.setattr(retention, "AT_ONCE", 10)
    with database.writing() as connection:
        batch_id = finished(connection, many)
    with monkeypatch.context() as crashing:
        crashing.setattr(retention, "_remove_unheld", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            remove_batch(database, batch_id)
    assert len(kept(database)) == 25
    with database.reading() as connection:
        assert batch_store.get(connection, batch_id) is None
    assert remove_abandoned(database, None) == 1
    assert kept(database) == set()
    assert remove_abandoned(database, None) == 0


def test_only_batches_that_were_never_acknowledged_are_abandoned(database: Database) -> None:
    with database.writing() as connection:
        lost, later = (batch_store.begin(connection, NewBatch()) for _ in range(2))
        batch_store.add_tasks(connection, lost, [NewTask(position=0)])
        connection.execute(update(batches).where(batches.c.id == lost).values(created_at=OLD))
        good = finished(connection, [])
    assert remove_abandoned(database, NEW) == 1
    with database.reading() as connection:
        assert set(connection.scalars(select(batches.c.id))) == {later, good}
        assert connection.execute(select(tasks)).all() == []


def test_a_batch_in_sight_is_not_discarded(database: Database, make: Make) -> None:
    with database.writing() as connection:
        batch_id = finished(connection, [make()])
    discard(database, batch_id)
    with database.reading() as connection:
        batch = batch_store.get(connection, batch_id)
    assert batch is not None
    assert batch.counts["succeeded"] == 1


def test_a_batch_that_was_given_up_is_not_released(database: Database) -> None:
    with database.writing() as connection:
        batch_id = batch_store.begin(connection, NewBatch())
    discard(database, batch_id)
    with pytest.raises(Conflict, match="removed while it was loaded"), database.writing() as connection:
        batch_store.release(connection, batch_id, "analysis", 1)


def test_purge_removes_what_is_old_unless_a_newer_batch_holds_it(
    database: Database, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    old = [make(f"old {number}", created_at=OLD) for number in range(5)]
    held, new = make("held", created_at=OLD, standalone=False), make("new", created_at=NEW)
    with database.writing() as connection:
        analysis_store.put_many(connection, [*old, new])
        gone = finished(connection, [held, make("with the batch", created_at=NEW, standalone=False)])
        stays = finished(connection, [held], NEW)
    assert purge(database, "2026-03-01T00:00:00.000Z") == Purged(batches=1, analyses=5)
    assert kept(database) == {held.id, new.id}
    with database.reading() as connection:
        assert batch_store.get(connection, gone) is None
        assert batch_store.get(connection, stays) is not None
    assert purge(database, "2026-03-01T00:00:00.000Z") == Purged(batches=0, analyses=0)


def test_an_analysis_that_is_reused_while_its_batch_is_removed_is_not_lost(database: Database, make: Make) -> None:
    many = [make(f"task {number}", standalone=False) for number in range(40)]
    failures: list[BaseException] = []

    def reuse() -> None:
        try:
            for stored in many:
                with database.writing() as connection:
                    analysis_store.put_many(connection, [stored])
                    batch_id = batch_store.begin(connection, NewBatch())
                    task = NewTask(position=0, analysis_id=stored.id)
                    batch_store.add_tasks(connection, batch_id, [task])
                    batch_store.release(connection, batch_id, "analysis", 1)
        except BaseException as error:  # noqa: BLE001 - carried to the test's own thread
            failures.append(error)

    with database.writing() as connection:
        first = finished(connection, many)
    thread = threading.Thread(target=reuse)
    thread.start()
    assert remove_batch(database, first)
    thread.join()
    assert failures == []
    assert kept(database) == {stored.id for stored in many}
