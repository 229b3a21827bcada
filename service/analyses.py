"""One curve: analysed at once and stored, or put into the queue; read and removed again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from models.options import EngineName
from service.database import Database
from service.failures import NotFound
from service.identities import identity
from service.inline import Inline
from service.readers.items import CurveItem
from service.readers.json_text import curve_item
from service.readers.loading import load_item
from service.schemas.curve import LoadedCurve
from service.schemas.options import load_options
from service.settings import Settings
from service.store import analyses, batches
from service.store.analyses import StoredAnalysis, Summary
from service.store.batches import NewBatch, NewTask, SingleTask
from service.store.payloads import packed
from service.store.retention import remove_batch
from service.suites import check_points, check_room

NOT_GIVEN, NOT_COMPUTED = "not_given", "not_computed"
WAITING = ("queued", "running")
_REASONS: Mapping[str, str] = {
    "model_family": NOT_GIVEN,
    "prompting": NOT_GIVEN,
    "suite": NOT_GIVEN,
    "verdict": NOT_COMPUTED,
}
LISTED = (
    "id",
    "created_at",
    "task",
    "metric",
    "model_family",
    "prompting",
    "suite",
    "scale_kind",
    "n_points",
    "label",
    "most_probable",
    "probability",
    "robust",
    "verdict",
    "engine",
    "engine_version",
    "input_sha256",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked curve with the item that it came from, and the identity that its analysis has."""

    item: CurveItem
    loaded: LoadedCurve
    identifier: str

    @property
    def slow(self) -> bool:
        """Whether it takes the engine that is too slow to wait for."""
        return self.loaded.options.get("engine") == EngineName.NUTS


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a curve: its analysis, or none if it waits in the queue."""

    how: Literal["computed", "stored", "queued"]
    identifier: str
    stored: StoredAnalysis | None = None


def asked_curve(document: Any, settings: Settings) -> Asked:
    """A submitted curve, checked; raises `InvalidInput`."""
    item = curve_item(0, document)
    check_points(document, settings.max_points)
    loaded = load_item(item)
    return Asked(item, loaded, identity(loaded.curve, load_options(loaded.options)))


def analyse_now(database: Database, inline: Inline, asked: Asked) -> Answered:
    """The analysis of a curve: the stored one, or a new one that is stored."""
    held = _held(database, asked.identifier)
    if held is not None:
        return Answered("stored", held.id, held)
    stored = _computed(inline, asked)
    with database.writing() as connection:
        new = analyses.put(connection, stored)
        other = None if new else analyses.get(connection, stored.id)
    return Answered("computed", stored.id, stored) if other is None else Answered("stored", other.id, other)


def analyse_later(database: Database, settings: Settings, asked: Asked) -> Answered:
    """Put a curve into the queue, unless it is stored or waits already."""
    held = _held(database, asked.identifier)
    if held is not None:
        return Answered("stored", held.id, held)
    with database.writing() as connection:
        waiting = batches.pending_single(connection, asked.identifier)
        if waiting is None or waiting.state not in WAITING:
            check_room(settings, batches.queued_curves(connection), 1)
            options = {"engine": EngineName.NUTS.value} if asked.slow else {}  # tells the queue how long it takes
            new = NewBatch(kind="single", options=options, source={"format": "json"})
            batch_id = batches.begin(connection, new, 1)
            batches.add_tasks(connection, batch_id, [_task(asked)])
            batches.release(connection, batch_id, "analysis", 1)
    return Answered("queued", asked.identifier)


def find(database: Database, identifier: str) -> StoredAnalysis | dict[str, Any]:
    """An analysis, or the document of one that waits or has failed; raises `NotFound`."""
    with database.reading() as connection:
        stored = analyses.get(connection, identifier)
        task = batches.pending_single(connection, identifier) if stored is None else None
    if stored is not None:
        return stored
    if task is None:
        raise _unknown(identifier)
    document = {
        "id": identifier,
        "status": task.state,
        "created_at": task.created_at,
        "curve": dict(task.names),
        "batch_id": task.batch_id,
    }
    return {**document, **({"error": task.error} if task.error else {})}


def etag(database: Database, identifier: str) -> str | None:
    """The entity tag of a stored analysis."""
    with database.reading() as connection:
        return analyses.etag(connection, identifier)


def remove(database: Database, identifier: str) -> None:
    """Remove a stored analysis, or take one back that waits or has failed; raises `NotFound`."""
    with database.writing() as connection:
        gone = analyses.delete(connection, identifier)
    while (waiting := _waiting(database, identifier)) is not None:
        gone = remove_batch(database, waiting.batch_id) or gone
    if not gone:
        raise _unknown(identifier)


def summary_document(summary: Summary) -> dict[str, Any]:
    """An analysis as a row of a list; a null has its reason."""
    document: dict[str, Any] = {}
    for name in LISTED:
        document[name] = getattr(summary, name)
        if document[name] is None:
            document[f"{name}_reason"] = _REASONS[name]
    return document


def _held(database: Database, identifier: str) -> StoredAnalysis | None:
    """A stored analysis; it is marked as asked for by itself."""
    with database.reading() as connection:
        held = analyses.get(connection, identifier)
    if held is None or held.standalone:
        return held
    with database.writing() as connection:
        analyses.put(connection, replace(held, standalone=True))
    return held


def _waiting(database: Database, identifier: str) -> SingleTask | None:
    with database.reading() as connection:
        return batches.pending_single(connection, identifier)


def _computed(inline: Inline, asked: Asked) -> StoredAnalysis:
    from service.use_cases import answer_document  # not before a curve comes: the engines take a second to load

    options = load_options(asked.loaded.options)
    with inline.place():
        document = answer_document(asked.loaded, options)
    return analyses.stored_of(document, standalone=True)


def _task(asked: Asked) -> NewTask:
    return NewTask(position=0, payload=packed(asked.item), names=asked.item.names, analysis_id=asked.identifier)


def _unknown(identifier: str) -> NotFound:
    return NotFound(f"there is no analysis {identifier[:80]!r}")
