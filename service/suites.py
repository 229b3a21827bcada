"""Suites of curves: taken in and put into the queue as batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import batched
from typing import Any

import orjson

from models.errors import InvalidCurve, InvalidInput, Problem, ScaleshapeError
from models.options import SUITE_AUTOMATIC, SUITE_MINIMUM
from service.database import Database
from service.errors import problem_document
from service.failures import KeyReused, NotFound, QueueFull, TooLarge
from service.readers.items import CurveItem, CurveStream, names_of
from service.readers.loading import load_item
from service.sampling import sampled, sampling_key
from service.schemas.options import checked_options
from service.schemas.problems import given
from service.settings import Settings
from service.store import analyses, batches, idempotency
from service.store.batches import Batch, Kind, NewBatch, NewTask, Phase
from service.store.filters import Filter
from service.store.idempotency import Remembered
from service.store.payloads import packed
from service.store.retention import discard, remove_batch

SCALE = "between_model_scale"
IDS_AT_ONCE = 1000
ROWS_AT_ONCE = 200  # tasks of one transaction: others wait some ten milliseconds at most
RETRY_AFTER = 60  # seconds; a full queue takes long to empty


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key by which the same request is known again, and the digest of its body."""

    key: str
    owner: str
    body_sha256: str


@dataclass(frozen=True, slots=True)
class Submission:
    """Curves to be analysed together: entries as they come, and options below those of each curve."""

    kind: Kind
    options: Mapping[str, Any]
    source: Mapping[str, Any]
    stream: CurveStream
    earlier: Mapping[int, str] = field(default_factory=dict)  # of stored curves, known as they come


@dataclass(frozen=True, slots=True)
class _Place:
    """Of a usable curve: its position, and whether its options ask for the suite's scale."""

    position: int
    asks: bool


def submit(database: Database, settings: Settings, suite: Submission, wanted: Wanted | None = None) -> Batch:
    """Store a suite as a batch and put it into the queue; the batch of an earlier request with the same key instead.

    Raises `InvalidInput`, `TooLarge`, `QueueFull` or `KeyReused`; nothing is left of a batch that was refused.
    """
    checked_options(suite.options)
    check_size(settings, suite.stream.count)
    with database.writing() as connection:
        check_room(settings, batches.queued_curves(connection), suite.stream.count)
        new = NewBatch(kind=suite.kind, options=given(suite.options), source=suite.source)
        batch_id = batches.begin(connection, new, suite.stream.count)
    try:
        first = _store(database, suite, batch_id, wanted, settings.max_points)
    except BaseException:  # also of a request that is given up
        discard(database, batch_id)
        raise
    if first != batch_id:
        discard(database, batch_id)
    return found_batch(database, first)


def repeated(database: Database, wanted: Wanted) -> Batch | None:
    """The batch that a request with the same key made before; raises `KeyReused` if its body was another."""
    with database.reading() as connection:
        remembered = idempotency.find(connection, wanted.key, wanted.owner)
        if remembered is None:
            return None
    if remembered.body_sha256 != wanted.body_sha256:
        raise KeyReused("this Idempotency-Key came before with another body: use a new key for a new batch")
    return found_batch(database, remembered.batch_id)


def found_batch(database: Database, batch_id: str) -> Batch:
    """A batch as it stands; raises `NotFound`."""
    with database.reading() as connection:
        batch = batches.get(connection, batch_id)
    if batch is None:
        raise _unknown(batch_id)
    return batch


def stop_batch(database: Database, batch_id: str) -> Batch:
    """Cancel what waits of a batch and have stopped what runs; raises `NotFound`."""
    with database.writing() as connection:
        if batches.ask_cancel(connection, batch_id) is None:
            raise _unknown(batch_id)
    return found_batch(database, batch_id)


def purge_batch(database: Database, batch_id: str) -> None:
    """Remove a batch and the results that nothing else holds; raises `NotFound`."""
    if not remove_batch(database, batch_id):
        raise _unknown(batch_id)


def stored_curves(database: Database, asked: Filter, options: Mapping[str, Any], settings: Settings) -> Submission:
    """The curves of stored analyses with their options, to be analysed again; raises `InvalidInput` if there is none.

    `options` go before those that the analyses were made with.
    """
    checked_options(options)
    identifiers = stored_ids(database, asked, settings)
    if not identifiers:
        raise InvalidInput([Problem("/from", "no stored analysis fits this filter")])

    earlier: dict[int, str] = {}

    def items() -> Iterator[CurveItem]:
        with database.reading() as connection:
            for index, text in enumerate(analyses.documents_of(connection, identifiers)):
                document = orjson.loads(text)
                earlier[index] = document["id"]
                yield _stored_item(index, document, given(options))

    stream = CurveStream("stored", len(identifiers), items)
    return Submission("again", given(options), {"format": "stored", "filter": asked.given()}, stream, earlier)


def stored_ids(database: Database, asked: Filter, settings: Settings) -> list[str]:
    """Ids of the stored analyses that fit; raises `TooLarge` as soon as they are too many."""
    found: list[str] = []
    cursor = None
    while True:
        with database.reading() as connection:
            page = analyses.page(connection, asked, "created_at", IDS_AT_ONCE, cursor)
        found += [summary.id for summary in page.items]
        check_size(settings, len(found))
        cursor = page.next
        if cursor is None:
            return found


def check_size(settings: Settings, curves: int) -> None:
    """Raises `TooLarge` for more curves than a batch may have."""
    if curves > settings.max_batch_curves:
        raise TooLarge(f"{curves:,} curves are more than {settings.max_batch_curves:,}: split the batch")


def check_points(document: Any, most: int) -> None:
    """Raises `InvalidCurve` for more points than a curve may have, before any of them is looked at."""
    points = document.get("points") if isinstance(document, Mapping) else None
    if isinstance(points, list) and len(points) > most:
        message = f"{len(points):,} points are more than {most:,}: split the curve"
        raise InvalidCurve([Problem("/points", message)])


def check_room(settings: Settings, waiting: int, curves: int) -> None:
    """Raises `QueueFull` if so many more curves would be too many for now, `TooLarge` if they always would."""
    most = settings.max_queued_curves
    if curves > most:
        raise TooLarge(f"{curves:,} curves are more than the {most:,} that may wait: split the batch")
    if waiting + curves > most:
        message = f"{waiting:,} curves wait, {curves:,} came, and at most {most:,} may wait: try again later"
        raise QueueFull(message, RETRY_AFTER)


def _unknown(batch_id: str) -> NotFound:
    return NotFound(f"there is no batch {batch_id[:80]!r}")


def _stored_item(index: int, document: Mapping[str, Any], options: Mapping[str, Any]) -> CurveItem:
    curve = {**document["curve"], "options": {**document["options"], **options}}
    return CurveItem(index, curve, names=names_of(curve))


def _store(database: Database, suite: Submission, batch_id: str, wanted: Wanted | None, most_points: int) -> str:
    """Fill a batch and let it go; the id of the batch that stands, which is an earlier one of the same key if any."""
    stored: list[int] = []
    sample = sampled(_placed(database, suite, batch_id, stored, most_points))
    phase = _phase(suite, sample)
    with database.writing() as connection:
        if wanted is not None:
            first = idempotency.claim(connection, _remembered(wanted, batch_id)).batch_id
            if first != batch_id:  # another request with the key was faster
                return first
        if phase == "scale":
            batches.mark_sampled(connection, batch_id, [place.position for place in sample.values()])
        batches.release(connection, batch_id, phase, sum(stored), _source(suite))
    return batch_id


def _remembered(wanted: Wanted, batch_id: str) -> Remembered:
    return Remembered(key=wanted.key, owner=wanted.owner, body_sha256=wanted.body_sha256, batch_id=batch_id)


def _source(suite: Submission) -> dict[str, Any]:
    """Where the curves came from, with what the reader has to say now that it has read all of it."""
    return {**suite.source, "messages": list(suite.stream.messages())}


def _placed(
    database: Database, suite: Submission, batch_id: str, stored: list[int], most_points: int
) -> Iterator[tuple[str, _Place]]:
    """Yield the sampling key of each curve that can be used; on the way all are stored, and `stored` tells how many."""
    for items in batched(suite.stream.items(), ROWS_AT_ONCE):
        made = [_task(item, suite, most_points) for item in items]
        with database.writing() as connection:
            batches.add_tasks(connection, batch_id, [task for task, _ in made])
        stored.append(len(made))
        for task, asks in made:
            if task.sampling_key is not None:
                yield task.sampling_key, _Place(task.position, asks)


def _task(item: CurveItem, suite: Submission, most_points: int) -> tuple[NewTask, bool]:
    """The task of a curve, failed already where it cannot be used, and whether it asks for the suite's scale."""
    rows = (min(item.rows), max(item.rows)) if item.rows else ()
    task = NewTask(position=item.index, names=item.names, rows=rows, earlier_id=suite.earlier.get(item.index))
    try:
        if item.document is not None:
            check_points(item.document, most_points)
        loaded = load_item(item)
        checked_options({**suite.options, **loaded.options})
    except ScaleshapeError as error:
        return replace(task, error=problem_document(error)), False
    asks = {**suite.options, **loaded.options}.get(SCALE) == "suite"
    return replace(task, payload=packed(item), sampling_key=sampling_key(loaded.curve)), asks


def _phase(suite: Submission, sample: Mapping[str, _Place]) -> Phase:
    """Whether the between-model scale is estimated first: from 20 curves on, or from 10 where a curve asks for it."""
    asked = any(place.asks for place in sample.values())
    if (suite.kind == "again" and not asked) or suite.options.get(SCALE) not in (None, "suite"):
        return "analysis"
    return "scale" if len(sample) >= (SUITE_MINIMUM if asked else SUITE_AUTOMATIC) else "analysis"
