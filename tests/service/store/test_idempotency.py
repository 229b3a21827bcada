import threading
from dataclasses import replace

import pytest

from service.database import Database
from service.failures import KeyReused
from service.store import idempotency as store
from service.store.batches import NewBatch, begin
from service.store.idempotency import Remembered
from service.store.retention import remove_abandoned


def begun(database: Database) -> str:
    with database.writing() as connection:
        return begin(connection, NewBatch())


def test_a_key_is_remembered_with_its_first_batch(database: Database) -> None:
    first, second = begun(database), begun(database)
    wanted = Remembered(key="k", owner="", body_sha256="a" * 64, batch_id=first)
    with database.writing() as connection:
        assert store.find(connection, "k", "") is None
        assert store.claim(connection, wanted) == wanted
        assert store.claim(connection, replace(wanted, batch_id=second)) == wanted
        assert store.find(connection, "k", "") == wanted


def test_a_key_that_comes_with_another_body_is_refused(database: Database) -> None:
    wanted = Remembered(key="k", owner="", body_sha256="a" * 64, batch_id=begun(database))
    with database.writing() as connection:
        store.claim(connection, wanted)
        with pytest.raises(KeyReused, match="'k' came before with another body"):
            store.claim(connection, replace(wanted, body_sha256="b" * 64))


def test_each_owner_has_keys_of_its_own(database: Database) -> None:
    first = Remembered(key="k", owner="one", body_sha256="a" * 64, batch_id=begun(database))
    second = Remembered(key="k", owner="two", body_sha256="b" * 64, batch_id=begun(database))
    with database.writing() as connection:
        assert store.claim(connection, first) == first
        assert store.claim(connection, second) == second


def test_a_removed_batch_frees_its_key(database: Database) -> None:
    wanted = Remembered(key="k", owner="", body_sha256="a" * 64, batch_id=begun(database))
    with database.writing() as connection:
        store.claim(connection, wanted)
    remove_abandoned(database, None)
    with database.reading() as connection:
        assert store.find(connection, "k", "") is None


def test_old_keys_are_forgotten(database: Database) -> None:
    wanted = Remembered(key="k", owner="", body_sha256="a" * 64, batch_id=begun(database))
    with database.writing() as connection:
        store.claim(connection, wanted)
        assert store.forget(connection, "2020-01-01T00:00:00.000Z") == 0
        assert store.forget(connection, "9999-01-01T00:00:00.000Z") == 1
        assert store.find(connection, "k", "") is None


def test_of_fifty_requests_with_one_key_one_wins(database: Database) -> None:
    stood: list[str] = []

    def claim() -> None:
        with database.writing() as connection:
            mine = begin(connection, NewBatch())
            wanted = Remembered(key="k", owner="", body_sha256="a" * 64, batch_id=mine)
            stood.append(store.claim(connection, wanted).batch_id)

    threads = [threading.Thread(target=claim) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stood) == 50
    assert len(set(stood)) == 1
