"""Suites summed up: a batch, stored analyses, given curves. The work is done by a process of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.errors import InvalidInput, Problem
from models.provenance import ENGINE_VERSION, SUITE_VERSION, package_version
from models.suite_summary import FEWEST_CURVES, SuiteOptions
from service.database import Database
from service.derivations import BATCH, SUMMARY, Derivations, Task
from service.failures import Conflict
from service.schemas.suite_options import suite_options_document
from service.store.batch_analyses import analyses_of
from service.store.batches import OPEN
from service.suites import found_batch

PATIENCE = 2.0  # seconds that a request waits for a result; small suites without groups are there by then


@dataclass(frozen=True, slots=True)
class Derived:
    """What is asked for: its key, and the task that computes it."""

    key: str
    task: Task

    def ask(self, derivations: Derivations) -> bytes | None:
        """The result, or None while it is being computed."""
        return derivations.ask(self.key, self.task, PATIENCE)

    def ask_now(self, derivations: Derivations) -> bytes | None:
        """The same for those who look again by themselves: without waiting."""
        return derivations.ask(self.key, self.task)


def derived(kind: str, content: Mapping[str, Any], database: Database | None = None) -> Derived:
    """A result of this kind; the key covers everything that it depends on."""
    # A scale may be a whole number beyond 64 bits, which the faster writers of JSON refuse.
    text = json.dumps([kind, package_version(), ENGINE_VERSION, SUITE_VERSION, dict(content)], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    place = {} if database is None else {"database_url": database.url}
    return Derived(digest, {"kind": kind, **content, **place})


def of_batch(database: Database, batch_id: str, options: SuiteOptions) -> Derived:
    """A batch's summary and its report.

    Raises `NotFound`, `Conflict` while the batch runs, `InvalidInput` where it is too small.
    """
    batch = found_batch(database, batch_id)
    if batch.status in OPEN:
        done = batch.counts["total"] - batch.counts["queued"] - batch.counts["running"]
        raise Conflict(f"the batch is {batch.status}, {done:,} of {batch.counts['total']:,} curves are done: wait")
    with database.reading() as connection:
        placed = list(analyses_of(connection, batch_id))
    check_size([identifier for _, identifier in placed], "")
    # The ids are for the key: a summary is another one when an analysis was deleted.
    content = {"batch_id": batch_id, "messages": list(batch.source.get("messages", ())), "ids": placed}
    return derived(BATCH, {**content, "options": suite_options_document(options)}, database)


def of_stored(database: Database, identifiers: Sequence[str], options: SuiteOptions) -> Derived:
    """A summary of stored analyses, whose ids are known to be there."""
    content = {"places": list(range(len(identifiers))), "ids": list(identifiers)}
    return derived(SUMMARY, {**content, "options": suite_options_document(options)}, database)


def of_curves(curves: Iterable[Mapping[str, Any]], options: SuiteOptions) -> Derived:
    """A summary of curves that are analysed for it; they are checked already."""
    return derived(SUMMARY, {"curves": list(curves), "options": suite_options_document(options)})


def check_size(curves: Sequence[object], pointer: str) -> None:
    """Raises `InvalidInput` for fewer curves than make a suite."""
    if len(curves) < FEWEST_CURVES:
        message = f"{len(curves)} analysed curve(s): a suite has at least {FEWEST_CURVES}"
        raise InvalidInput([Problem(pointer, message)])
