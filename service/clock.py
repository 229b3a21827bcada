"""Wall-clock times as they are stored and returned."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """The present as `stamp` writes it."""
    return stamp(datetime.now(UTC))


def stamp(moment: datetime) -> str:
    """RFC 3339 UTC with milliseconds, 24 characters: as text it sorts as the moments do. `moment` has a time zone."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
