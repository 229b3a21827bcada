"""What became of chunks, written into the database: each in one transaction, and only while it is still wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from models.errors import EngineError
from service.database import Database
from service.errors import problem_document
from service.jobs import queue
from service.jobs.chunks import Chunk, Limits, Order
from service.jobs.preparing import Prepared
from service.jobs.queue import ActiveBatch, Failure, Success
from service.jobs.workforce import Outcome
from service.logs import logger
from service.sampling import Evidence
from service.store import analyses
from service.store.analyses import StoredAnalysis, stored_of


class Ledger:
    """The database as the dispatcher of one generation writes it; every method raises `Deposed` when it is over."""

    def __init__(self, database: Database, generation: int) -> None:
        self._database = database
        self._generation = generation

    def taken(self, batch: ActiveBatch, prepared: Prepared) -> tuple[Order, ...]:
        """Claim tasks for this dispatcher: those that are to be worked on.

        The impossible ones fail, and those whose analysis is stored succeed, at once.
        """
        wanted = [order.task_id for order in prepared.orders] + [failure.task_id for failure in prepared.failures]
        with self._database.writing() as connection:
            queue.hold(connection, self._generation)
            queue.start(connection, batch.id)
            taken = queue.take(connection, self._generation, wanted)
            queue.fail(connection, [failure for failure in prepared.failures if failure.task_id in taken])
            orders = [order for order in prepared.orders if order.task_id in taken]
            known = queue.labels(connection, {order.analysis_id for order in orders})
            reused = [order for order in orders if order.analysis_id in known]
            queue.succeed(connection, [_success(order, known[order.analysis_id]) for order in reused])
            queue.keep(connection, {order.analysis_id for order in reused if order.standalone})
        return tuple(order for order in orders if order.analysis_id not in known)

    def started(self, batch_id: str) -> None:
        """Note that a batch has begun."""
        with self._database.writing() as connection:
            queue.hold(connection, self._generation)
            queue.start(connection, batch_id)

    def analysed(self, chunk: Chunk, results: Sequence[Mapping[str, Any]]) -> None:
        """Keep the analyses of a chunk."""
        stored: list[StoredAnalysis] = []
        successes: list[Success] = []
        failures: list[Failure] = []
        for order, result in zip(chunk.orders, results, strict=True):
            if "problem" in result:
                failures.append(Failure(order.task_id, order.attempt, result["problem"]))
                continue
            one = stored_of(orjson.loads(result["document"]), standalone=order.standalone)
            stored.append(one)
            successes.append(Success(order.task_id, order.attempt, one.id, one.label))
        with self._database.writing() as connection:
            queue.hold(connection, self._generation)
            mine = queue.ours(connection, self._generation, chunk.attempts)
            kept = [one for one, success in zip(stored, successes, strict=True) if success.task_id in mine]
            analyses.put_many(connection, kept)
            queue.succeed(connection, [success for success in successes if success.task_id in mine])
            queue.fail(connection, [failure for failure in failures if failure.task_id in mine])

    def learned(self, chunk: Chunk, results: Sequence[Evidence | None]) -> None:
        """Keep the results of a chunk of the first pass."""
        found = {order.task_id: result for order, result in zip(chunk.orders, results, strict=True)}
        with self._database.writing() as connection:
            queue.hold(connection, self._generation)
            queue.store_evidence(connection, found)

    def failed(self, chunk: Chunk, reason: str) -> None:
        """Give a chunk up: its curves have failed, or say nothing in a first pass."""
        if chunk.purpose == "evidence":
            self.learned(chunk, [None] * len(chunk.orders))
            return
        problem = problem_document(EngineError(reason))
        self.analysed(chunk, [{"problem": problem}] * len(chunk.orders))

    def cancelled(self, chunk: Chunk) -> None:
        """Note that a chunk was given up because its batch is cancelled."""
        if chunk.purpose == "evidence":
            return
        with self._database.writing() as connection:
            queue.hold(connection, self._generation)
            queue.cancel(connection, queue.ours(connection, self._generation, chunk.attempts))

    def attempted(self, chunk: Chunk) -> None:
        """Count an attempt of the tasks of a chunk that goes on running. In a first pass that is not stored."""
        if chunk.purpose == "evidence":
            return
        with self._database.writing() as connection:
            queue.hold(connection, self._generation)
            queue.count_attempt(connection, queue.ours(connection, self._generation, chunk.attempts))

    def again(self, outcome: Outcome, limits: Limits) -> list[Chunk]:
        """What is left to do of a chunk that brought no results."""
        chunk, ending = outcome.chunk, outcome.ending
        logger("dispatcher").warning(
            "chunk failed", ending=ending, batch=chunk.batch_id, curves=len(chunk.orders), reason=outcome.reason
        )
        if ending == "lost":
            return [chunk]
        if not chunk.alone:  # one of them is to blame, nobody knows which
            return chunk.singles()
        if ending == "broken":
            self.failed(chunk, outcome.reason)
            return []
        attempts = chunk.orders[0].attempt + 1
        if attempts >= limits.attempts:
            reason = f"the process that analysed this curve died, {attempts} times out of {attempts}"
            self.failed(chunk, f"{reason}; the other curves are not affected")
            return []
        self.attempted(chunk)
        return [chunk.again()]

    def end_first_pass(self, batch_id: str, total: Evidence | None) -> None:
        """Let the analyses of a batch begin."""
        with self._database.writing() as connection:
            queue.hold(connection, self._generation)
            queue.end_first_pass(connection, batch_id, total)

    def finished(self, batch_id: str) -> None:
        """End a batch on which nobody works any more; tasks that were left behind are queued again."""
        with self._database.writing() as connection:
            queue.hold(connection, self._generation)
            if not queue.finish(connection, batch_id):
                queue.requeue(connection, batch_id)


def _success(order: Order, label: str) -> Success:
    return Success(order.task_id, order.attempt, order.analysis_id, label)
