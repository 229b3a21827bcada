"""Cursors: where a page ended, sealed to the query that it belongs to."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from math import isfinite
from typing import Any

from service.failures import StaleCursor

LARGEST_NUMBER = 2**63 - 1  # of a row; a larger one is not ours and PostgreSQL would not compare it
_DIGEST_LENGTH = 16
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # what PostgreSQL does not take as text
_REMEDY = "leave `cursor` out to start from the first page"

type Value = str | float | int


def query_digest(query: Any) -> str:
    """Digest of a query, which is anything that JSON can hold."""
    text = json.dumps(query, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]


def sealed(digest: str, place: Sequence[Value]) -> str:
    """The cursor of a place: the sort values of the last row of a page."""
    # Text as it is: escaped, each sign beyond ASCII takes up to three times the room in an address.
    text = json.dumps([digest, *place], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def opened(cursor: str, digest: str, kinds: Sequence[type[Value]]) -> tuple[Value, ...]:
    """The place in a cursor; `kinds` are the types of its values. Raises `StaleCursor`."""
    found, place = _parts(cursor)
    if found != digest:
        raise StaleCursor(f"the cursor belongs to another filter or sort order; {_REMEDY}")
    if len(place) != len(kinds) or not all(map(_fits, place, kinds)):
        raise StaleCursor(f"the cursor is damaged; {_REMEDY}")
    return place


def _parts(cursor: str) -> tuple[str, tuple[Value, ...]]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        digest, *place = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError):  # also no base64, no UTF-8, no JSON, no list
        raise StaleCursor(f"this is not a cursor of this server; {_REMEDY}") from None
    return digest, tuple(place)


def _fits(value: Any, kind: type[Value]) -> bool:
    if isinstance(value, bool) or not isinstance(value, kind):
        return False
    if isinstance(value, int):
        return 0 <= value <= LARGEST_NUMBER
    if isinstance(value, float):
        return isfinite(value)
    return _UNSTORABLE.search(value) is None
