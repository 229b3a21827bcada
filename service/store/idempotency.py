"""Idempotency keys: the batch that a request made, so that the same request makes no second one."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from service.clock import now
from service.failures import KeyReused
from service.tables import idempotency


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A key of an owner (id of the API key, "" without keys), the body it came with, and the batch that was made."""

    key: str
    owner: str
    body_sha256: str
    batch_id: str


def find(connection: Connection, key: str, owner: str) -> Remembered | None:
    """What is remembered of a key."""
    here = (idempotency.c.key == key) & (idempotency.c.owner == owner)
    row = connection.execute(select(idempotency).where(here)).one_or_none()
    return None if row is None else Remembered(key=key, owner=owner, body_sha256=row.body_sha256, batch_id=row.batch_id)


def claim(connection: Connection, wanted: Remembered) -> Remembered:
    """Remember the key, unless it is known: what then stands.

    Whose `batch_id` is not the wanted one has come second, and drops its own batch. Raises `KeyReused` if the key is
    known with another body.
    """
    module = sqlite if connection.dialect.name == "sqlite" else postgresql
    row = {**asdict(wanted), "created_at": now()}
    found: Remembered | None = None
    while found is None:  # the row of another request may go with its batch between the two statements
        connection.execute(module.insert(idempotency).on_conflict_do_nothing(), row)
        found = find(connection, wanted.key, wanted.owner)
    if found.body_sha256 != wanted.body_sha256:
        raise KeyReused(f"the Idempotency-Key {wanted.key!r} came before with another body: use a new key for this one")
    return found


def forget(connection: Connection, before: str) -> int:
    """Remove keys that were stored before a time; how many."""
    return connection.execute(delete(idempotency).where(idempotency.c.created_at < before)).rowcount
