"""The workers of a Dask cluster, as the dispatcher sees them: free or busy with one chunk, and sometimes gone."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Queue
from typing import Any, Literal
from urllib.parse import urlsplit

from distributed import Client, Future, KilledWorker, Security
from distributed.protocol.pickle import dumps

from service.jobs import control, work
from service.jobs.chunks import Chunk
from service.logs import logger

LOOK_EVERY = 0.25  # seconds between looks at which workers there are
TRY_EVERY = 0.3  # seconds between tries to reach the scheduler
CONNECT, ANSWER, FETCH = 2.0, 1.0, 10.0  # seconds to wait for the scheduler, for its answer, for a result
SILENT = 10.0  # seconds without an answer after which another connection is made; a busy machine takes its time
GONE_AFTER = 3.0  # seconds after which the chunk of a worker that is not there any more is given up

LOST = (OSError, TimeoutError, RuntimeError, CancelledError)  # what Dask raises when a connection or its loop has gone
Ending = Literal["done", "killed", "broken", "lost"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a chunk after `seconds`.

    done: `results` has one entry an order; killed: its worker died; broken: the work itself failed, see `reason`;
    lost: nobody knows, and it has to be done again.
    """

    chunk: Chunk
    ending: Ending
    seconds: float
    results: list[Any] | None = None
    reason: str = ""


@dataclass(slots=True, eq=False)
class _Hand:
    """A worker with its chunk."""

    chunk: Chunk
    since: float
    future: Future[Any] | None = None
    missed_since: float | None = None


class TidyClient(Client):
    """Dask's client, which ends where it cannot connect, also to a scheduler that accepts and then says nothing.

    Dask leaves the thread of such a client running, and some of them to the garbage collector. That may close one
    just when another client holds the lock of all clients to start its own thread: both then wait for each other.
    """

    def __init__(self, address: str, timeout: float, security: Security | None = None) -> None:
        Client.__init__(self, address, timeout=timeout, security=security, set_as_default=False)

    def start(self, **options: Any) -> None:
        """Connect; called by the constructor."""
        try:
            Client.start(self, callback_timeout=self._timeout + SILENT, **options)
        except BaseException:
            with suppress(*LOST):
                self.close()
            raise

    def close(self, timeout: Any = ANSWER) -> None:
        """Leave, and end the thread whatever the scheduler says."""
        runner = self._loop_runner
        loop = runner.loop if runner.is_started() else None
        try:
            Client.close(self, timeout=timeout)
        finally:
            self.status = "closed"  # nothing is left for the garbage collector to close
            if runner.is_started():
                runner.stop(timeout=ANSWER)
            if loop is not None:
                _close_sockets(loop)


class Workforce:
    """Workers at a scheduler that may come and go; each gets one chunk at a time, so its end is known for sure."""

    def __init__(self, address: str, security: Security | None = None) -> None:
        self._address = address
        self._security = security
        self._client: Client | None = None
        self._workers: frozenset[str] = frozenset()
        self._hands: dict[str, _Hand] = {}
        self._doomed: set[str] = set()  # dead or told to die; they are listed for a while
        self._ended: Queue[tuple[str, _Hand, Outcome]] = Queue()  # a SimpleQueue may wait for ever after a signal
        self._looked = self._tried = -float("inf")
        self._number = 0

    @property
    def count(self) -> int:
        """Workers that there are."""
        return len(self._workers)

    @property
    def free(self) -> list[str]:
        """Workers without a chunk."""
        return sorted(self._workers - self._hands.keys())

    @property
    def busy(self) -> dict[str, tuple[Chunk, float]]:
        """Chunks in work, by worker, with the seconds since they were handed out."""
        now = time.monotonic()
        return {address: (hand.chunk, now - hand.since) for address, hand in self._hands.items()}

    def look(self) -> Iterator[Outcome]:
        """Reach the scheduler and see which workers there are; the chunks that were lost meanwhile."""
        now = time.monotonic()
        if self._client is not None and self._client.status != "running":
            self._disconnect()
        if self._client is None and now - self._tried >= TRY_EVERY:
            self._connect()
            self._tried = time.monotonic()
        if self._client is not None and now - self._looked >= LOOK_EVERY:
            self._see(self._client)
        yield from self._missing()

    def give(self, address: str, chunk: Chunk) -> None:
        """Hand a chunk to a free worker."""
        hand = _Hand(chunk, time.monotonic())
        self._hands[address] = hand
        if self._client is None:
            return  # found missing by the next look
        self._number += 1
        function: Callable[..., Any] = work.analysed if chunk.purpose == "analysis" else work.evidence
        hand.future = self._client.submit(
            function,
            [dict(order.content) for order in chunk.orders],
            key=f"{chunk.purpose}-{self._number}",
            workers=[address],
            allow_other_workers=False,
            retries=0,
            pure=False,
        )
        hand.future.add_done_callback(lambda future: self._ended.put((address, hand, _outcome(future, hand))))

    def outcomes(self, seconds: float) -> list[Outcome]:
        """What has ended; waits so long for the first."""
        found: list[Outcome] = []
        with suppress(Empty):
            wait = seconds
            while True:
                address, hand, outcome = self._ended.get(timeout=wait) if wait > 0 else self._ended.get_nowait()
                if self._hands.get(address) is hand:
                    del self._hands[address]
                    found.append(outcome)
                    if outcome.ending == "killed":
                        self._workers -= {address}  # the next look would say so; nothing is handed to it meanwhile
                    if outcome.ending == "killed":
                        self._avoid(address)
                wait = 0.0
        return found

    def stop(self, address: str) -> None:
        """Kill a worker, whatever it does; its chunk is forgotten here. Its nanny brings it back."""
        hand = self._hands.pop(address, None)
        self._avoid(address)
        if self._client is None or hand is None:
            return
        logger("dispatcher").warning("worker stopped", worker=address, batch=hand.chunk.batch_id)
        tell = threading.Thread(
            target=_tell, args=(self._client, control.kill_worker), kwargs={"workers": [address], "nanny": True}
        )
        tell.start()

    def drop(self) -> None:
        """Forget all chunks, and do not wait for them, nor for the scheduler."""
        hands = list(self._hands.values())
        self._hands.clear()
        for hand in hands:
            if hand.future is not None:
                with suppress(*LOST):
                    hand.future.release()

    def close(self) -> None:
        """Leave the cluster; the workers stay."""
        self._hands.clear()
        self._disconnect()

    def _avoid(self, address: str) -> None:
        self._doomed.add(address)
        self._workers -= {address}

    def _connect(self) -> None:
        parts = urlsplit(self._address)
        try:
            if self._security is None:  # where nobody listens, this fails sooner; TLS would take it for an attack
                socket.create_connection((parts.hostname or "", parts.port or 0), ANSWER).close()
            self._client = TidyClient(self._address, CONNECT, self._security)
        except (OSError, ValueError):  # Dask's own, and tornado's of a peer that hung up before TLS; it is tried again
            return
        _tell(self._client, control.die_if_busy)
        self._looked = time.monotonic() - LOOK_EVERY
        logger("dispatcher").info("connected", scheduler=self._address)

    def _disconnect(self) -> None:
        client, self._client, self._workers = self._client, None, frozenset()
        for hand in self._hands.values():
            hand.missed_since = -float("inf")
        if client is not None:
            logger("dispatcher").warning("disconnected", scheduler=self._address)
            with suppress(*LOST):
                client.close()

    def _see(self, client: Client) -> None:
        scheduler: Any = client.scheduler
        try:
            found = frozenset(client.sync(scheduler.ncores, callback_timeout=ANSWER))
        except TimeoutError:
            if time.monotonic() - self._looked >= SILENT:
                self._disconnect()
            return
        except LOST:
            self._disconnect()
            return
        self._looked = time.monotonic()
        self._doomed &= found
        self._workers = found - self._doomed

    def _missing(self) -> Iterator[Outcome]:
        now = time.monotonic()
        for address, hand in list(self._hands.items()):
            if address in self._workers and hand.future is not None:
                hand.missed_since = None
                continue
            hand.missed_since = now if hand.missed_since is None else hand.missed_since
            if now - hand.missed_since >= GONE_AFTER or hand.future is None:
                del self._hands[address]
                yield Outcome(hand.chunk, "lost", now - hand.since)


def _close_sockets(loop: Any) -> None:
    """Close what a loop that has ended still holds: a TLS handshake that took too long goes on without its caller."""
    for held, _ in list(loop.handlers.values()):
        if isinstance(held, socket.socket):
            held.close()


def _tell(client: Client, function: Callable[..., object], **where: Any) -> None:
    """Run a function in workers or their nannies, who die of it or may be gone already."""
    message = {"op": "run", "function": dumps(function), "args": dumps(()), "kwargs": dumps({}), "wait": True}
    scheduler: Any = client.scheduler
    with suppress(ValueError, *LOST):
        client.sync(scheduler.broadcast, msg=message, on_error="ignore", callback_timeout=CONNECT, **where)


def _outcome(future: Future[Any], hand: _Hand) -> Outcome:
    """Called in a thread of Dask's client when a future has ended; fetches what the worker has returned."""
    seconds = time.monotonic() - hand.since
    if future.status == "error":
        error = future.exception(timeout=FETCH)
        if isinstance(error, KilledWorker):
            return Outcome(hand.chunk, "killed", seconds)
        return Outcome(hand.chunk, "broken", seconds, reason=f"{type(error).__name__}: {error}")
    if future.status != "finished":  # cancelled, or the client has left: there is nobody to fetch from
        return Outcome(hand.chunk, "lost", seconds)
    try:
        return Outcome(hand.chunk, "done", seconds, results=future.result(timeout=FETCH))
    except (KilledWorker, *LOST) as error:
        return Outcome(hand.chunk, "lost", seconds, reason=str(error))
