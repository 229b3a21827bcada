"""Batches, their results and their changes as they are returned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from service.csv_export import analysis_line, failure_line, header_line
from service.database import Database
from service.jobs.progress import estimate
from service.schemas.decoding import analysis_of
from service.store import batches
from service.store.batches import Batch, Change, ResultRow
from service.store.cursors import opened, query_digest, sealed

AT_ONCE = 200  # results of one transaction when they are streamed
NOT_STARTED, NOT_FINISHED, FINISHED, NO_RATE = "not_started", "not_finished", "finished", "too_few_curves_done"
DELETED = {"type": "/problems/deleted", "title": "The analysis was deleted", "status": 404}


def accepted_document(batch: Batch) -> dict[str, Any]:
    """What is said of a batch when it is taken in; the same whenever the request is repeated."""
    return {
        "id": batch.id,
        "kind": batch.kind,
        "status": "queued",
        "created_at": batch.created_at,
        "total": batch.counts["total"],
        "messages": list(batch.source.get("messages", ())),
    }


def batch_document(batch: Batch) -> dict[str, Any]:
    """A batch and how far it is; the end is estimated from the rate so far."""
    progress = estimate(batch.counts, batch.started_at, batch.finished_at)
    return {
        "id": batch.id,
        "kind": batch.kind,
        "status": batch.status,
        "phase": batch.phase,
        "created_at": batch.created_at,
        "counts": dict(batch.counts),
        "progress": progress.share,
        "options": dict(batch.options),
        "messages": list(batch.source.get("messages", ())),
        **_explained("started_at", batch.started_at, NOT_STARTED),
        **_explained("finished_at", batch.finished_at, NOT_FINISHED),
        **_explained("estimated_end_at", progress.estimated_end_at, _no_estimate(batch)),
    }


def result_page(database: Database, batch_id: str, limit: int, cursor: str | None) -> tuple[bytes, str | None]:
    """A page of results as JSON text, and the cursor of the next one; raises `StaleCursor`."""
    after, digest = _after(cursor, "results", batch_id)
    with database.reading() as connection:
        found = batches.results(connection, batch_id, after, limit + 1)
    rows = found[:limit]
    following = sealed(digest, [rows[-1].position]) if len(found) > limit else None
    items = b",".join(map(result_text, rows))
    return b'{"items":[' + items + b'],"next":' + orjson.dumps(following) + b"}", following


def change_page(database: Database, batch_id: str, limit: int, cursor: str | None) -> dict[str, Any]:
    """A page of the curves whose label changed; raises `StaleCursor`."""
    after, digest = _after(cursor, "changes", batch_id)
    with database.reading() as connection:
        found = batches.changes(connection, batch_id, after, limit + 1)
    shown = found[:limit]
    following = sealed(digest, [shown[-1].position]) if len(found) > limit else None
    return {"items": [_change(change) for change in shown], "next": following}


def ndjson_results(database: Database, batch_id: str) -> Iterator[bytes]:
    """All results that there are, one a line."""
    return (result_text(row) + b"\n" for row in all_results(database, batch_id))


def csv_results(database: Database, batch_id: str) -> Iterator[str]:
    """All results that there are as a table."""
    yield header_line()
    for row in all_results(database, batch_id):
        yield _csv_line(row)


def all_results(database: Database, batch_id: str) -> Iterator[ResultRow]:
    """What became of every curve that is done, in transactions of some hundred: a slow reader keeps none open."""
    after = -1
    while True:
        with database.reading() as connection:
            rows = batches.results(connection, batch_id, after, AT_ONCE)
        yield from rows
        if len(rows) < AT_ONCE:
            return
        after = rows[-1].position


def result_text(row: ResultRow) -> bytes:
    """A result as JSON: the analysis with its place in front, or the failure as the command writes it."""
    place = {"index": row.position, "rows": list(row.rows)}
    if row.document is not None:
        return orjson.dumps(place)[:-1] + b"," + row.document.lstrip()[1:]
    document: dict[str, Any] = {**place, "status": _state(row), "curve": dict(row.names)}
    if row.analysis_id is not None:
        document["id"] = row.analysis_id
    return orjson.dumps({**document, **_error(row)})


def failure_text(row: ResultRow) -> str:
    """Why a curve has no analysis."""
    return str(_error(row).get("error", {}).get("detail", row.state))


def _no_estimate(batch: Batch) -> str:
    if batch.finished_at is not None:
        return FINISHED
    return NOT_STARTED if batch.started_at is None else NO_RATE


def _explained(name: str, value: str | None, reason: str) -> dict[str, str | None]:
    return {name: value} if value is not None else {name: None, f"{name}_reason": reason}


def _after(cursor: str | None, what: str, batch_id: str) -> tuple[int, str]:
    digest = query_digest([what, batch_id])
    if cursor is None:
        return -1, digest
    (position,) = opened(cursor, digest, [int])
    return int(position), digest


def _csv_line(row: ResultRow) -> str:
    if row.document is not None:
        return analysis_line(row.position, analysis_of(orjson.loads(row.document)))
    return failure_line(row.position, row.names, failure_text(row))


def _state(row: ResultRow) -> str:
    """A succeeded task without a document has lost it since."""
    return "failed" if row.state == "succeeded" else row.state


def _error(row: ResultRow) -> dict[str, Mapping[str, Any]]:
    if row.error is not None:
        return {"error": row.error}
    if row.state == "succeeded":
        return {"error": {**DELETED, "detail": f"the analysis {row.analysis_id} was deleted"}}
    return {}


def _change(change: Change) -> dict[str, Any]:
    return {
        "index": change.position,
        "curve": dict(change.names),
        "earlier_id": change.earlier_id,
        "earlier_label": change.earlier_label,
        "earlier_engine_version": change.earlier_engine_version,
        "id": change.analysis_id,
        "label": change.label,
        "engine_version": change.engine_version,
    }
