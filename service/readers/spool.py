"""Rows of a table gathered by curve on disk, so that memory does not grow with the number of curves."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import groupby
from operator import itemgetter

import orjson

CACHE_KIB = 8192  # of the temporary database; what does not fit goes to disk
_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
CREATE TABLE curve (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
CREATE TABLE part (curve INTEGER NOT NULL, cells BLOB NOT NULL);
"""

type Row = tuple[int, Sequence[str]]
"""A file row's number and its cells."""


class Spool:
    """Rows by key; keys are numbered in the order in which they first came."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._last = 0
        self._contiguous = True

    def add(self, groups: Iterable[tuple[tuple[str, ...], Sequence[Row]]]) -> None:
        """Add rows with their keys."""
        parts = [(self._number(key), orjson.dumps(rows)) for key, rows in groups]
        for number, _ in parts:
            self._contiguous = self._contiguous and number >= self._last
            self._last = number
        self._database.executemany("INSERT INTO part VALUES (?, ?)", parts)

    def count(self) -> int:
        """Number of keys."""
        return int(self._database.execute("SELECT count(*) FROM curve").fetchone()[0])

    def groups(self, most: int) -> Iterator[tuple[int, list[Row]]]:
        """Number of rows and the first `most` of them for each key, keys in order of first appearance."""
        order = "rowid" if self._contiguous else "curve, rowid"
        found = self._database.execute(f"SELECT curve, cells FROM part ORDER BY {order}")  # noqa: S608  (one of two constants)
        for _, parts in groupby(found, itemgetter(0)):
            count = 0
            kept: list[Row] = []
            for _, cells in parts:
                rows = orjson.loads(cells)
                count += len(rows)
                kept += rows[: most - len(kept)]
            yield count, kept

    def _number(self, key: tuple[str, ...]) -> int:
        text = orjson.dumps(key).decode()
        added = self._database.execute("INSERT OR IGNORE INTO curve (key) VALUES (?)", (text,))
        if added.rowcount == 1:
            return int(added.lastrowid or 0)
        return int(self._database.execute("SELECT id FROM curve WHERE key = ?", (text,)).fetchone()[0])


@contextmanager
def open_spool() -> Iterator[Spool]:
    """A spool in a temporary database that is gone at the end."""
    with closing(sqlite3.connect("", isolation_level=None)) as database:  # no name: a private file, removed when closed
        database.executescript(_SCHEMA)
        database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        database.execute("BEGIN")
        yield Spool(database)
