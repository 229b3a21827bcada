"""Stored analyses: rows for lists, documents apart from them."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import batched
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, Table, literal, select, tuple_, update
from sqlalchemy import delete as delete_from
from sqlalchemy.dialects import postgresql, sqlite

from service.store.cursors import Value, opened, query_digest, sealed
from service.store.filters import NEWEST, Filter, Sort, conditions, key
from service.tables import analyses, documents, tags

MOST_IDS = 500  # in one statement; both databases take more, the gain ends far below
LEVEL = 3  # of zlib: near the size of the default level in half of its time
_ORDERS: Mapping[str, tuple[str, ...]] = {  # each served by an index; the number makes places unique
    "created_at": ("created_at", "number"),
    "probability": ("probability", "number"),
    "task": ("task", "created_at", "number"),
}
_KINDS: Mapping[str, type[Value]] = {"created_at": str, "probability": float, "task": str, "number": int}


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What lists tell about an analysis."""

    id: str
    created_at: str
    task: str
    metric: str
    model_family: str | None
    prompting: str | None
    suite: str | None
    scale_kind: str
    n_points: int
    label: str
    most_probable: str
    probability: float
    robust: bool
    verdict: str | None
    engine: str
    engine_version: int
    input_sha256: str
    etag: str
    standalone: bool
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnalysis(Summary):
    """A summary with the JSON text that is returned for the analysis."""

    document: bytes


_COLUMNS = tuple(column.name for column in fields(Summary) if column.name != "tags")


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list; `next` is the cursor of the part after it, None at the end."""

    items: tuple[Summary, ...]
    next: str | None


def stored_of(document: Mapping[str, Any], *, standalone: bool) -> StoredAnalysis:
    """What is stored of an analysis document; `standalone`: asked for by itself, not within a batch."""
    text = orjson.dumps(document)
    curve, classification, provenance = document["curve"], document["classification"], document["provenance"]
    return StoredAnalysis(
        id=document["id"],
        created_at=document["created_at"],
        task=key(curve["task"]),
        metric=key(curve["metric"]["name"]),
        **{name: key(curve[name]) if curve.get(name) else None for name in ("model_family", "prompting", "suite")},
        scale_kind=curve["scale_kind"],
        n_points=len(curve["points"]),
        label=classification["label"],
        most_probable=classification["most_probable"],
        probability=float(classification["probability"]),
        robust=classification["robust"],
        verdict=document["emergence"]["verdict"],
        engine=document["options"]["engine"],
        engine_version=provenance["engine_version"],
        input_sha256=provenance["input_sha256"],
        etag=hashlib.sha256(text).hexdigest(),
        standalone=standalone,
        tags={key(name): key(value) for name, value in (curve.get("tags") or {}).items()},
        document=text,
    )


def put(connection: Connection, stored: StoredAnalysis) -> bool:
    """Store an analysis, or leave the one with its id as it is, but `standalone` if either is; True if it is new."""
    return bool(put_many(connection, [stored]))


def put_many(connection: Connection, many: Iterable[StoredAnalysis]) -> set[str]:
    """`put` for many: the ids that are new."""
    new: set[str] = set()
    for part in batched(many, MOST_IDS):
        new |= _put_part(connection, {stored.id: stored for stored in part})
    return new


def get(connection: Connection, identifier: str) -> StoredAnalysis | None:
    """One analysis with its document."""
    query = select(analyses, documents.c.document).join(documents).where(analyses.c.id == identifier)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    held = _tags_of(connection, [identifier]).get(identifier, {})
    return StoredAnalysis(**_columns(row), tags=held, document=zlib.decompress(row.document))


def etag(connection: Connection, identifier: str) -> str | None:
    """The entity tag of an analysis; None if there is none."""
    return connection.scalar(select(analyses.c.etag).where(analyses.c.id == identifier))


def delete(connection: Connection, identifier: str) -> bool:
    """Remove an analysis with its document and tags; whether there was one."""
    return connection.execute(delete_from(analyses).where(analyses.c.id == identifier)).rowcount > 0


def existing(connection: Connection, identifiers: Iterable[str], *, hold: bool = False) -> set[str]:
    """Those of the ids that are stored. With `hold` they cannot be removed before the transaction ends."""
    found: set[str] = set()
    for part in batched(identifiers, MOST_IDS):
        query = select(analyses.c.id).where(analyses.c.id.in_(part)).order_by(analyses.c.id)
        found.update(connection.scalars(query.with_for_update(read=True, key_share=True) if hold else query))
    return found


def page(
    connection: Connection, asked: Filter, sort: Sort = NEWEST, limit: int = 100, cursor: str | None = None
) -> Page:
    """A part of the list from a cursor on, without reading documents. Raises `StaleCursor`."""
    digest = query_digest([asked.given(), sort])
    names = _ORDERS[sort.removeprefix("-")]
    query = _sorted(
        select(analyses).where(*conditions(connection, asked)), names, descending=sort.startswith("-")
    ).limit(limit + 1)
    if cursor is not None:
        place = opened(cursor, digest, [_KINDS[name] for name in names])
        query = query.where(_beyond(names, place, descending=sort.startswith("-")))
    rows = connection.execute(query).all()
    shown = rows[:limit]
    last = sealed(digest, [getattr(shown[-1], name) for name in names]) if len(rows) > limit else None
    return Page(_summaries(connection, shown), last)


def documents_of(connection: Connection, which: Iterable[str] | Filter) -> Iterator[bytes]:
    """Documents of a filter in order of arrival, or of ids in their order without those that are gone; streamed."""
    if isinstance(which, Filter):
        query = (
            select(documents.c.document)
            .join(analyses)
            .where(*conditions(connection, which))
            .order_by(analyses.c.number)
        )
        for packed in connection.execution_options(yield_per=MOST_IDS).scalars(query):
            yield zlib.decompress(packed)
        return
    for part in batched(which, MOST_IDS):
        rows = connection.execute(select(documents).where(documents.c.analysis_id.in_(part)))
        found = {row.analysis_id: row.document for row in rows}
        yield from (zlib.decompress(found[identifier]) for identifier in part if identifier in found)


def _put_part(connection: Connection, many: Mapping[str, StoredAnalysis]) -> set[str]:
    new: set[str] = set()
    kept: set[str] = set()
    while len(new) + len(kept) < len(many):  # one that was there may be removed before it is held
        rows = [_row(stored) for stored in many.values() if stored.id not in new | kept]
        new.update(connection.scalars(_ignoring(connection, analyses).returning(analyses.c.id), rows))
        kept = existing(connection, many.keys() - new, hold=True)
    asked = [identifier for identifier in kept if many[identifier].standalone]
    if asked:
        connection.execute(update(analyses).where(analyses.c.id.in_(asked)).values(standalone=True))
    if new:
        _put_documents(connection, [many[identifier] for identifier in new])
    return new


def _put_documents(connection: Connection, many: Sequence[StoredAnalysis]) -> None:
    packed = [{"analysis_id": stored.id, "document": zlib.compress(stored.document, LEVEL)} for stored in many]
    connection.execute(documents.insert(), packed)
    _put_tags(connection, many)


def _put_tags(connection: Connection, many: Iterable[StoredAnalysis]) -> None:
    rows = [
        {"analysis_id": stored.id, "name": name, "value": value}
        for stored in many
        for name, value in stored.tags.items()
    ]
    if rows:
        connection.execute(tags.insert(), rows)


def _ignoring(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that leaves rows as they are whose key is taken."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


def _row(stored: StoredAnalysis) -> dict[str, Any]:
    row = {name: getattr(stored, name) for name in _COLUMNS}
    return {**row, "model_family": stored.model_family or ""}


def _columns(row: Row[Any]) -> dict[str, Any]:
    read = {name: getattr(row, name) for name in _COLUMNS}
    return {**read, "model_family": read["model_family"] or None}


def _summaries(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[Summary, ...]:
    held = _tags_of(connection, [row.id for row in rows])
    return tuple(Summary(**_columns(row), tags=held.get(row.id, {})) for row in rows)


def _tags_of(connection: Connection, identifiers: Sequence[str]) -> dict[str, dict[str, str]]:
    held: dict[str, dict[str, str]] = {}
    for part in batched(identifiers, MOST_IDS):
        query = select(tags).where(tags.c.analysis_id.in_(part)).order_by(tags.c.analysis_id, tags.c.name)
        for row in connection.execute(query):
            held.setdefault(row.analysis_id, {})[row.name] = row.value
    return held


def _sorted(query: Select[Any], names: Sequence[str], *, descending: bool) -> Select[Any]:
    columns = [analyses.c[name] for name in names]
    return query.order_by(*(column.desc() if descending else column.asc() for column in columns))


def _beyond(names: Sequence[str], place: Sequence[Value], *, descending: bool) -> ColumnElement[bool]:
    """Rows after a place in the order of the columns."""
    columns = tuple_(*(analyses.c[name] for name in names))
    limit = tuple_(*(literal(value, analyses.c[name].type) for name, value in zip(names, place, strict=True)))
    return columns < limit if descending else columns > limit
