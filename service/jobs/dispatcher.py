"""The dispatcher: takes tasks from the database to the workers, and what became of them back. It alone does so.

All that it knows can be read from the database again; what it holds in memory is work under way.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from models.options import SUITE_MINIMUM
from service.database import Database
from service.jobs import queue
from service.jobs.chunks import MOST, SHARES, Chunk, Limits, Pace
from service.jobs.leader import Leadership
from service.jobs.preparing import Prepared, evidence_of, evidence_order, prepared
from service.jobs.queue import ActiveBatch, Deposed
from service.jobs.settling import Ledger
from service.jobs.turns import Glances, Turns, parted
from service.jobs.workforce import Outcome, Workforce
from service.logs import logger
from service.sampling import Suite, suite_of
from service.store import analyses

IDLE = 0.05  # seconds between looks for new batches
MOST_BATCHES = 50  # slow ones, and others, that are worked on at a time, in turn
MOST_CLAIMS = 8  # between two looks at everything else
GLANCE = 16  # curves that are prepared at a time while there is no worker for them: some 25 ms
GRACE = 5.0  # seconds that chunks of a cancelled batch may go on


@dataclass(slots=True)
class Dispatcher:
    """One dispatcher. It follows until it leads; `step` is called again and again."""

    database: Database
    workforce: Workforce
    leadership: Leadership
    limits: Limits = field(default_factory=Limits)
    clock: Callable[[], float] = time.monotonic
    _ready: deque[Chunk] = field(default_factory=deque)  # claimed, not yet with a worker
    _unsettled: deque[Outcome] = field(default_factory=deque)  # ended, not yet in the database
    _pace: Pace = field(default_factory=Pace)
    _passes: dict[str, deque[int]] = field(default_factory=dict)  # sampled tasks of first passes, not yet claimed
    _suites: dict[str, Suite | None] = field(default_factory=dict)
    _cancelling: dict[str, float] = field(default_factory=dict)  # since when
    _turns: Turns = field(default_factory=Turns)
    _glances: Glances = field(default_factory=Glances)

    def step(self, wait: float = IDLE) -> None:
        """Do what can be done now; waits so long for a worker. Raises `ServiceError` while the database fails."""
        try:
            if not self.leadership.lead():
                time.sleep(wait)
                return
            self._unsettled.extend(self.workforce.look())
            more = self._fill()
            self._unsettled.extend(self.workforce.outcomes(0.0 if more or self._unsettled else wait))
            self._hand_out()
            self._settle()
        except Deposed:
            logger("dispatcher").warning("deposed")
            self._forget()

    def stop(self) -> None:
        """Give everything back: what runs is queued again."""
        self.workforce.drop()
        self.leadership.resign()

    @property
    def _ledger(self) -> Ledger:
        generation = self.leadership.generation
        if generation is None:
            raise Deposed("another dispatcher leads")
        return Ledger(self.database, generation)

    def _forget(self) -> None:
        self.leadership.follow()
        self.workforce.drop()
        for held in (self._ready, self._unsettled, self._passes, self._suites, self._cancelling):
            held.clear()
        self._glances.forget(set())

    def _fill(self) -> bool:
        """Claim what workers can take, and settle what needs none; whether there may be more of either."""
        with self.database.reading() as connection:
            found = queue.active(connection, MOST_BATCHES)
        self._give_up(found)
        self._remember({batch.id for batch in found})
        waiting = deque(self._turns.order([batch for batch in found if batch.left and not batch.cancel_asked]))
        return self._claim_in_turn(waiting) or self._settle_stored(waiting)

    def _claim_in_turn(self, waiting: deque[ActiveBatch]) -> bool:
        """Claim chunks until each worker has one and another is ready for it; whether there may be more to claim.

        Batches that have to wait for a worker stay in `waiting`.
        """
        claims = 0
        while claims < MOST_CLAIMS:
            self._hand_out()
            batch = self._next(waiting)
            if batch is None:
                return False
            if self._claim(batch):
                claims += 1
                self._turns.had(batch)
                waiting.append(replace(batch, status="running"))
        return True

    def _next(self, waiting: deque[ActiveBatch]) -> ActiveBatch | None:
        """The next batch that may get a chunk: slow ones wait while a slow chunk does."""
        may_go, held = self._parted()
        if len(may_go) >= self.workforce.count:
            return None
        holding = {chunk.batch_id for chunk in held}
        batch = next((one for one in waiting if not held or not (one.slow or one.id in holding)), None)
        if batch is not None:
            waiting.remove(batch)
        return batch

    def _hand_out(self) -> None:
        for address, chunk in zip(self.workforce.free, self._parted()[0], strict=False):
            self._ready.remove(chunk)
            self.workforce.give(address, chunk)

    def _parted(self) -> tuple[list[Chunk], list[Chunk]]:
        return parted(self._ready, (chunk for chunk, _ in self.workforce.busy.values()), self.workforce.count)

    def _claim(self, batch: ActiveBatch) -> bool:
        """Make a chunk of a batch ready; False if there is none for now."""
        if batch.phase == "scale":
            return self._claim_evidence(batch)
        with self.database.reading() as connection:
            limit = SHARES * self.workforce.count * MOST
            waiting = queue.queued_ids(connection, batch.id, limit)
            size = 1 if batch.slow else self._pace.size(batch.id, "analysis", len(waiting), self.workforce.count)
            tasks = queue.queued_tasks(connection, waiting[:size])
        if not tasks:
            self._end(batch)
            return False
        self._take(batch, prepared(tasks, batch, self._suite(batch)))
        return True

    def _take(self, batch: ActiveBatch, wanted: Prepared) -> None:
        chunk = Chunk("analysis", batch.id, self._ledger.taken(batch, wanted))
        if chunk.slow:
            self._ready.extend(chunk.singles())
        elif chunk.orders:
            self._ready.append(chunk)

    def _settle_stored(self, waiting: Iterable[ActiveBatch]) -> bool:
        """Settle curves that need no worker in a batch that waits for one; whether to look for more of them.

        It ends at the first curves of a batch that do need one: they are prepared again when it comes.
        """
        batch = self._glances.next(waiting)
        if batch is None:
            return False
        with self.database.reading() as connection:
            tasks = queue.queued_tasks(connection, queue.queued_ids(connection, batch.id, GLANCE))
        found = prepared(tasks, batch, self._suite(batch))
        with self.database.reading() as connection:
            stored = analyses.existing(connection, {order.analysis_id for order in found.orders})
        settled = tuple(order for order in found.orders if order.analysis_id in stored)
        if settled or found.failures:
            self._take(batch, replace(found, orders=settled))
        self._glances.had(batch, needs_worker=not tasks or len(settled) < len(found.orders))
        return True

    def _claim_evidence(self, batch: ActiveBatch) -> bool:
        """The same in the first pass over a suite's sample, and the end of that pass."""
        if batch.id not in self._passes:
            self._begin_first_pass(batch)
        pending = self._passes[batch.id]
        if not pending:
            if not self._working_on(batch.id):
                self._end_first_pass(batch)
            return False
        size = self._pace.size(batch.id, "evidence", len(pending), self.workforce.count)
        with self.database.reading() as connection:
            tasks = queue.queued_tasks(connection, [pending[i] for i in range(min(size, len(pending)))])
        for _ in range(min(size, len(pending))):
            pending.popleft()
        if tasks:
            self._ready.append(Chunk("evidence", batch.id, tuple(evidence_order(task, batch) for task in tasks)))
        return True

    def _begin_first_pass(self, batch: ActiveBatch) -> None:
        with self.database.reading() as connection:
            sample = queue.sample(connection, batch.id)
        self._ledger.started(batch.id)
        self._passes[batch.id] = deque(task.id for task in sample if task.evidence is None)

    def _end_first_pass(self, batch: ActiveBatch) -> None:
        with self.database.reading() as connection:
            known = evidence_of(queue.sample(connection, batch.id))
        enough = len(known) >= SUITE_MINIMUM
        self._ledger.end_first_pass(batch.id, suite_of(known).total if enough else None)
        del self._passes[batch.id]

    def _suite(self, batch: ActiveBatch) -> Suite | None:
        if batch.scale is None:
            return None
        if batch.id not in self._suites:
            with self.database.reading() as connection:
                self._suites[batch.id] = Suite(batch.scale, evidence_of(queue.sample(connection, batch.id)))
        return self._suites[batch.id]

    def _working_on(self, batch_id: str) -> bool:
        chunks = [*self._ready, *(chunk for chunk, _ in self.workforce.busy.values())]
        chunks += [outcome.chunk for outcome in self._unsettled]
        return any(chunk.batch_id == batch_id for chunk in chunks)

    def _end(self, batch: ActiveBatch) -> None:
        if not self._working_on(batch.id):
            self._ledger.finished(batch.id)

    def _remember(self, batch_ids: set[str]) -> None:
        """Keep in memory what belongs to batches that are still worked on."""
        self._pace.forget(batch_ids)
        self._glances.forget(batch_ids)
        at_work = batch_ids | {chunk.batch_id for chunk, _ in self.workforce.busy.values()}  # removed ones, too
        for held, kept in ((self._passes, batch_ids), (self._suites, batch_ids), (self._cancelling, at_work)):
            for gone in held.keys() - kept:
                held.pop(gone)

    def _give_up(self, found: Iterable[ActiveBatch]) -> None:
        """Stop work on batches that are cancelled or gone, and on chunks that take too long; end what is done."""
        wanted = {batch.id for batch in found if not batch.cancel_asked}
        unwanted = [chunk for chunk in self._ready if chunk.batch_id not in wanted]
        for chunk in unwanted:
            self._ledger.cancelled(chunk)
            self._ready.remove(chunk)
        for address, (chunk, seconds) in self.workforce.busy.items():
            if chunk.batch_id not in wanted:
                since = self._cancelling.setdefault(chunk.batch_id, self.clock())
                if self.clock() - since >= GRACE:
                    self._ledger.cancelled(chunk)
                    self.workforce.stop(address)
            elif seconds >= self.limits.seconds:
                self.workforce.stop(address)
                reason = f"the analysis took longer than {self.limits.seconds:g} s and was stopped"
                self._unsettled.append(Outcome(chunk, "broken", seconds, reason=reason))
        for batch in found:
            if batch.cancel_asked or not batch.left:
                self._end(batch)

    def _settle(self) -> None:
        """Write what has ended; what cannot be written now stays for the next time."""
        while self._unsettled:
            outcome = self._unsettled[0]
            if outcome.ending != "done" or outcome.results is None:
                self._ready.extendleft(self._ledger.again(outcome, self.limits))
            elif not self._written(outcome, outcome.results):
                self._unsettled[0] = replace(outcome, ending="broken", reason="the result cannot be stored")
                continue
            self._unsettled.popleft()
            self._hand_out()

    def _written(self, outcome: Outcome, results: list[Any]) -> bool:
        """Whether the results of a chunk could be stored; not to be is a fault of one of them, not of the database."""
        try:
            if outcome.chunk.purpose == "analysis":
                self._ledger.analysed(outcome.chunk, results)
            else:
                self._ledger.learned(outcome.chunk, results)
        except queue.Unstorable as error:
            logger("dispatcher").error("result not stored", batch=outcome.chunk.batch_id, error=str(error))
            return False
        self._pace.note(outcome.chunk, outcome.seconds)
        return True
