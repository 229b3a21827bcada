"""Work on many items over several processes: results in order, bounded memory, a clear answer when a process dies.

Few items are worked on in this process, without the cost of starting others; at most one does beside it what is needed
ahead. Each worker gets items one by one over its own pipe and answers one by one, so that the item during which a
worker died is known.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess, SpawnProcess
from queue import SimpleQueue
from typing import Any, Self

from models.errors import EngineError

FEW = 30  # items that this process does sooner than others could be started for them
AHEAD = 8  # items given to a worker before it has answered: enough to keep it busy while the main process reads
WINDOW = 4 * AHEAD  # items a worker between the oldest unanswered and the newest given out: bounds the memory
COLLECT_AFTER = 50_000  # allocations in a worker; an analysis leaves no cycles behind
MOST_DEATHS = 20  # in a row without one answer: then it is not the items
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
PRELOADED = ("service.use_cases",)  # imported once, in the server from which workers are forked; pages are shared


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a second process does before its first item, or beside this one that works alone, where it is needed."""

    needed: Callable[[], bool]
    done: Callable[[], None]

    def __call__(self) -> None:
        """Do it, unless it is done; where it fails, the work itself will say why."""
        with suppress(Exception):
            if self.needed():
                self.done()


@dataclass(frozen=True, slots=True)
class Job[I, R]:
    """What is done with an item, and the answer for an item during which the worker died (its exit code)."""

    work: Callable[[I], R]
    died: Callable[[I, int | None], R]


def one_thread_each() -> None:
    """Let numerical libraries use one thread a process; call it before they are imported."""
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(slots=True)
class _Worker:
    """A process, our end of its pipe, and the items it has been given but not answered, oldest first."""

    process: ForkServerProcess
    pipe: Connection
    job: Job[Any, Any] | None = None
    given: deque[tuple[int, Any]] = field(default_factory=deque)

    def give(self, job: Job[Any, Any], number: int, item: object) -> None:
        """Send an item, and the job before its first. A worker that has died is noticed when it is waited for."""
        self.given.append((number, item))
        with suppress(OSError):
            self.pipe.send((None if job is self.job else job.work, item))
        self.job = job


class Workers:
    """Processes that are started when the first long list of items comes, and stopped at the end of the `with`."""

    def __init__(self, count: int, few: int = FEW, ahead: Ahead | None = None) -> None:
        self._count = count
        self._few = few
        self._ahead = ahead
        self._workers: list[_Worker] = []
        self._beside: SpawnProcess | None = None
        self._deaths = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.pipe.close()
            worker.process.terminate()
        if self._beside is not None:
            self._beside.terminate()
            self._beside.join()
            self._beside = None
        for worker in self._workers:
            worker.process.join()
        self._workers.clear()

    def ordered[I, R](self, job: Job[I, R], items: Iterable[I]) -> Iterator[R]:
        """The answers in the order of the items, as they come; items are drawn as they can be given out."""
        iterator = iter(items)
        first = list(islice(iterator, self._few))
        everything = chain(first, iterator)
        if not self._workers and (self._count == 1 or len(first) < self._few):
            if first and self._beside is None and self._ahead is not None and self._ahead.needed():
                self._beside = _beside(self._ahead)
            return map(job.work, everything)
        return self._shared_out(job, everything)

    def _shared_out[I, R](self, job: Job[I, R], items: Iterable[I]) -> Iterator[R]:
        while len(self._workers) < self._count:
            self._workers.append(_started(self._ahead if len(self._workers) == 1 else None))
        numbered = enumerate(items)
        again: deque[tuple[int, I]] = deque()  # given to a worker that died before it came to them
        answers: dict[int, R] = {}
        following = 0
        while True:
            self._give_out(job, again, numbered, len(answers))
            while following in answers:
                yield answers.pop(following)
                following += 1
            if any(worker.given for worker in self._workers):
                answers.update(self._collected(job, again))
            elif not again:
                return

    def _give_out[I, R](
        self, job: Job[I, R], again: deque[tuple[int, I]], numbered: Iterator[tuple[int, I]], held: int
    ) -> None:
        """Fill the workers evenly while the window has room; `held` answers wait for an earlier one."""
        while True:
            worker = min(self._workers, key=lambda one: len(one.given))
            full = held + sum(len(one.given) for one in self._workers) >= WINDOW * self._count
            if len(worker.given) >= AHEAD or (full and not again):
                return
            following = again.popleft() if again else next(numbered, None)
            if following is None:
                return
            worker.give(job, *following)

    def _collected[I, R](self, job: Job[I, R], again: deque[tuple[int, I]]) -> Iterator[tuple[int, R]]:
        """Answers that have arrived; waits for at least one, or for a death."""
        ready = wait([worker.pipe for worker in self._workers])
        for place, worker in enumerate(self._workers):
            if worker.pipe not in ready:
                continue
            try:
                answer = worker.pipe.recv()
            except (EOFError, OSError):
                self._workers[place] = self._replacement()
                yield from _buried(worker, job, again)
            else:
                self._deaths = 0
                number, _ = worker.given.popleft()
                yield number, answer

    def _replacement(self) -> _Worker:
        self._deaths += 1
        if self._deaths > MOST_DEATHS:
            raise EngineError(f"{self._deaths} worker processes died one after the other; try --workers 1")
        return _started()


def _buried[I, R](worker: _Worker, job: Job[I, R], again: deque[tuple[int, I]]) -> Iterator[tuple[int, R]]:
    """The answer for the item during which a worker died; what it had not come to is given out again."""
    worker.pipe.close()
    worker.process.join()
    if worker.given:
        number, item = worker.given.popleft()
        again.extend(worker.given)
        yield number, job.died(item, worker.process.exitcode)


def _started(ahead: Ahead | None = None) -> _Worker:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, ahead), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _beside(ahead: Ahead) -> SpawnProcess | None:
    """A process that does it while this one works; without it this one does all itself."""
    process = multiprocessing.get_context("spawn").Process(target=_alone_beside, args=(ahead,), daemon=True)
    try:
        process.start()
    except OSError:
        return None
    return process


def _alone_beside(ahead: Ahead) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that works ends this one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    ahead()


def _end_with_parent() -> None:
    """End with a parent that was killed: it cannot end this process any more, and its pipes stay open as long."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _serve(pipe: Connection, ahead: Ahead | None) -> None:
    """A worker's life: answer item after item until the main process closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the main process ends the workers
    gc.freeze()  # what was imported lives as long as the worker; the collector need not look at it again and again
    gc.set_threshold(COLLECT_AFTER)
    inbox: SimpleQueue[tuple[Any, Any] | None] = SimpleQueue()
    threading.Thread(target=_receive, args=(pipe, inbox), daemon=True).start()
    if ahead is not None:
        ahead()
    work: Any = None
    while (message := inbox.get()) is not None:
        new_work, item = message
        work = work if new_work is None else new_work
        answer = work(item)
        try:
            pipe.send(answer)
        except OSError:  # the main process has gone
            return


def _receive(pipe: Connection, inbox: SimpleQueue[tuple[Any, Any] | None]) -> None:
    """Empty the pipe at once: were both sides to wait until the other reads, neither would go on."""
    try:
        with suppress(EOFError, OSError):
            while True:
                inbox.put(pipe.recv())
    finally:
        inbox.put(None)  # also when something could not be unpickled: the worker ends, and is seen to
