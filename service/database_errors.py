"""From a driver's error to one of ours with clear words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from service.failures import DatabaseUnavailable, SchemaOutdated, ServiceError

SOON, LATER = 1, 10  # seconds until another try
REMEDY = "stop the server and run `scaleshape db upgrade`"
OUTDATED = f"the database's tables are not those of this version: {REMEDY}"

# Primary result codes of SQLite (sqlite.org/rescode.html) that are no fault of the statement.
_SQLITE: dict[int, tuple[str, int]] = {
    5: ("is locked by another process", SOON),
    6: ("is locked by another process", SOON),
    7: ("ran out of memory", LATER),
    8: ("is read-only", LATER),
    10: ("cannot be read or written: the disk reports an error", LATER),
    11: ("is damaged: restore it from a backup", LATER),
    13: ("is full, or its disk is", LATER),
    14: ("cannot be opened", LATER),
    26: ("is no SQLite database, or is damaged: restore it from a backup", LATER),
}
# Classes and states of PostgreSQL (appendix A of its manual), the more special first.
_POSTGRESQL: dict[str, tuple[str, int]] = {
    "25006": ("is read-only", LATER),
    "28": ("does not let us in: look at user and password", LATER),
    "3D": ("does not exist on this server", LATER),
    "40": ("was busy with another transaction", SOON),
    "53100": ("is full, or its disk is", LATER),
    "53": ("has no free connection or memory", SOON),
    "55P03": ("is locked by another process", SOON),
    "57": ("is stopping or restarting", SOON),
    "58": ("cannot be read or written: its system reports an error", LATER),
    "08": ("cannot be reached", SOON),
}
_NO_TABLE = ("42P01", "42703")  # undefined table, undefined column


@contextmanager
def as_failure() -> Iterator[None]:
    """Turns what the database cannot do for now into `DatabaseUnavailable`; faults of statements stay what they are."""
    try:
        yield
    except NoConnection as error:
        raise DatabaseUnavailable("all connections to the database are in use: try again", SOON) from error
    except DBAPIError as error:
        failure = _failure(error)
        if failure is None:
            raise
        raise failure from error


def _failure(error: DBAPIError) -> ServiceError | None:
    cause: Any = error.orig
    code, state = getattr(cause, "sqlite_errorcode", None), getattr(cause, "sqlstate", None)
    words = str(cause).strip()
    if state in _NO_TABLE or (code == 1 and words.startswith(("no such table", "no such column"))):
        return SchemaOutdated(f"{OUTDATED} ({words.splitlines()[0]})")
    found = None if code is None else _SQLITE.get(code & 0xFF)  # the upper bits are the extended code
    if state is not None:
        found = next((row for start, row in _POSTGRESQL.items() if state.startswith(start)), None)
    if found is None and (error.connection_invalidated or (state is None and _unreached(cause))):
        found = ("cannot be reached", SOON)
    return None if found is None else DatabaseUnavailable(f"the database {found[0]} ({words})", found[1])


def _unreached(cause: Any) -> bool:
    """A PostgreSQL connection that was refused or broke has no state."""
    return type(cause).__name__ == "OperationalError" and type(cause).__module__.startswith("psycopg")
