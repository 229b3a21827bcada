"""API keys: `sk_<id>_<secret>`; only the secret's digest is stored."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Row, exists, select, update

from service.clock import now
from service.tables import api_keys

SCOPES = ("read", "write", "admin")
_FORM = re.compile(r"sk_([0-9a-f]{16})_([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret; `revoked_at` is None while it is valid."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: str
    revoked_at: str | None


_SHOWN = tuple(api_keys.c[column.name] for column in fields(ApiKey))


def create(connection: Connection, name: str, scopes: Sequence[str]) -> tuple[ApiKey, str]:
    """A new key and the text that its owner sends, which is known here alone."""
    key = ApiKey(secrets.token_hex(8), name, tuple(scope for scope in SCOPES if scope in scopes), now(), None)
    secret = secrets.token_hex(32)
    row = {"id": key.id, "name": name, "scopes": list(key.scopes), "created_at": key.created_at}
    connection.execute(api_keys.insert(), {**row, "secret_sha256": _digest(secret)})
    return key, f"sk_{key.id}_{secret}"


def verify(connection: Connection, text: str) -> ApiKey | None:
    """The valid key that a text is; None for an unknown, wrong or revoked one."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    identifier, secret = match.groups()
    query = select(api_keys).where(api_keys.c.id == identifier, api_keys.c.revoked_at.is_(None))
    row = connection.execute(query).one_or_none()
    if row is None or not secrets.compare_digest(row.secret_sha256, _digest(secret)):
        return None
    return _key(row)


def listed(connection: Connection) -> tuple[ApiKey, ...]:
    """All keys, the oldest first."""
    query = select(*_SHOWN).order_by(api_keys.c.created_at, api_keys.c.id)
    return tuple(map(_key, connection.execute(query)))


def revoke(connection: Connection, identifier: str) -> bool:
    """Make a key invalid for good; whether a valid one had this id."""
    here = (api_keys.c.id == identifier) & api_keys.c.revoked_at.is_(None)
    return connection.execute(update(api_keys).where(here).values(revoked_at=now())).rowcount > 0


def any_valid(connection: Connection) -> bool:
    """Whether a key is valid at all."""
    return bool(connection.scalar(select(exists().where(api_keys.c.revoked_at.is_(None)))))


def _digest(secret: str) -> str:
    """A random secret of 256 bits needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(row.id, row.name, tuple(row.scopes), row.created_at, row.revoked_at)
