import pytest
from sqlalchemy import select

from service.database import Database
from service.store import keys as store
from service.tables import api_keys


def test_a_key_is_known_by_its_text_and_its_secret_is_not_stored(database: Database) -> None:
    with database.writing() as connection:
        key, text = store.create(connection, "laptop", ["write", "read"])
        row = connection.execute(select(api_keys)).one()
    assert key.scopes == ("read", "write")
    identifier, secret = text.removeprefix("sk_").split("_")
    assert identifier == key.id
    assert secret not in str(row)
    with database.reading() as connection:
        assert store.verify(connection, text) == key
        assert store.listed(connection) == (key,)


@pytest.mark.parametrize(
    "change", [str.upper, lambda text: text[:-1] + "x", lambda text: text + "0", lambda _: "", lambda _: "sk__"]
)
def test_another_text_is_no_key(database: Database, change: object) -> None:
    assert callable(change)
    with database.writing() as connection:
        _, text = store.create(connection, "laptop", ["read"])
        assert store.verify(connection, change(text)) is None


def test_the_secret_of_one_key_does_not_open_another(database: Database) -> None:
    with database.writing() as connection:
        one, _ = store.create(connection, "one", ["read"])
        _, text = store.create(connection, "two", ["read"])
        assert store.verify(connection, f"sk_{one.id}_{text.rpartition('_')[2]}") is None


def test_a_revoked_key_is_refused_but_listed(database: Database) -> None:
    with database.writing() as connection:
        assert not store.any_valid(connection)
        key, text = store.create(connection, "laptop", ["read"])
        assert store.any_valid(connection)
        assert store.revoke(connection, key.id)
        assert not store.revoke(connection, key.id)
        assert not store.revoke(connection, "unknown")
        assert store.verify(connection, text) is None
        assert not store.any_valid(connection)
        (listed,) = store.listed(connection)
    assert listed.id == key.id
    assert listed.revoked_at is not None
