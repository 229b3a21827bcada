"""Results that are computed from stored analyses and take seconds: a suite's summary, its report.

Each is computed in a process of its own, one after another, so that the web process neither waits nor loads the
samplers. Results are kept while there is room. The key of a result says everything that it depends on, so a kept one is
never out of date; one that was dropped, or lost with the process, is computed again when it is asked for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import accumulate
from queue import SimpleQueue
from typing import Any

import orjson

from models.errors import EngineError, InvalidInput, Problem, ScaleshapeError
from service.failures import Conflict, QueueFull
from service.logs import logger

ROOM_BYTES = 1 << 26  # of results that are kept
MOST_WAITING = 20
RETRY_AFTER = 2  # seconds until a result that is being computed is worth another look
REFUSED = 3  # exit code of a process that answers with a problem document
LONGEST_TOLD = 4000  # characters of a crashed process' last words in the log
SUMMARY, BATCH, BACKTEST = "summary", "batch", "backtest"  # kinds of tasks
COMMAND = (sys.executable, "-P", "-m", "service.deriving")

type Task = Mapping[str, Any]
type Compute = Callable[[Task, float], bytes]


@dataclass(slots=True)
class _Wanted:
    """A result, an error, or neither as long as it is not computed."""

    key: str
    task: Task
    done: threading.Event = field(default_factory=threading.Event)
    result: bytes | None = None
    error: ScaleshapeError | None = None


class Derivations:
    """Computes and keeps results; `limit` is how many seconds one may take."""

    def __init__(self, limit: float, compute: Compute | None = None) -> None:
        self._limit = limit
        self._compute = compute or in_own_process
        self._lock = threading.Lock()
        self._wanted: OrderedDict[str, _Wanted] = OrderedDict()
        self._queue: SimpleQueue[_Wanted] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def ask(self, key: str, task: Task, patience: float = 0.0) -> bytes | None:
        """The result, or None if it is not there after `patience` seconds; it is being computed then.

        Raises `QueueFull` where too many wait, and what the computation raised.
        """
        return self._answer(self._put(key, task), patience)

    def find(self, key: str, kind: str) -> tuple[bool, bytes | None]:
        """Whether a result of this kind is kept or being computed, and the result if it is there."""
        with self._lock:
            wanted = self._wanted.get(key)
        if wanted is None or wanted.task["kind"] != kind:
            return False, None
        return True, self._answer(wanted, 0.0)

    def _put(self, key: str, task: Task) -> _Wanted:
        with self._lock:
            wanted = self._wanted.get(key)
            if wanted is not None:
                self._wanted.move_to_end(key)
                return wanted
            if sum(not other.done.is_set() for other in self._wanted.values()) >= MOST_WAITING:
                raise QueueFull("too many summaries are being computed: try again later", RETRY_AFTER)
            wanted = self._wanted[key] = _Wanted(key, task)
            if self._thread is None:
                # A daemon: a server that stops does not wait for a summary, and the computing process dies with it.
                self._thread = threading.Thread(target=self._work, name="derivations", daemon=True)
                self._thread.start()
        self._queue.put(wanted)
        return wanted

    def _answer(self, wanted: _Wanted, patience: float) -> bytes | None:
        if not wanted.done.wait(patience):
            return None
        if wanted.error is not None:
            with self._lock:  # told once; whoever asks again has it computed again
                self._wanted.pop(wanted.key, None)
            raise wanted.error
        return wanted.result

    def _work(self) -> None:
        while True:
            wanted = self._queue.get()
            began = time.monotonic()
            try:
                wanted.result = self._compute(wanted.task, self._limit)
            except ScaleshapeError as error:
                wanted.error = error
            except Exception as error:  # noqa: BLE001 - the thread must go on; the error is told to who asked
                logger("derivations").error("crashed", exc_info=error)
                wanted.error = EngineError(f"the computation failed: {type(error).__name__}")
            wanted.done.set()
            logger("derivations").info(
                "computed", key=wanted.key, seconds=round(time.monotonic() - began, 1), failed=wanted.error is not None
            )
            self._make_room()

    def _make_room(self) -> None:
        """Drop results that were not asked for the longest until the others have room."""
        with self._lock:
            finished = [wanted for wanted in self._wanted.values() if wanted.done.is_set()]
            size = sum(len(wanted.result or b"") for wanted in finished)
            for wanted in finished[:-1]:
                if size <= ROOM_BYTES:
                    return
                size -= len(wanted.result or b"")
                del self._wanted[wanted.key]


def joined(*parts: bytes) -> bytes:
    """Several results as one."""
    return b" ".join(b"%d" % len(part) for part in parts) + b"\n" + b"".join(parts)


def parted(whole: bytes) -> tuple[bytes, ...]:
    """The results again."""
    head, _, rest = whole.partition(b"\n")
    ends = list(accumulate(int(size) for size in head.split()))
    return tuple(rest[start:end] for start, end in zip([0, *ends], ends, strict=False))


def in_own_process(task: Task, limit: float) -> bytes:
    """The result of a task from a process of its own; raises what that raised, or `EngineError`."""
    told = json.dumps({**task, "parent": os.getpid()}).encode()
    try:
        done = subprocess.run(COMMAND, input=told, capture_output=True, timeout=limit, check=False)  # noqa: S603 - our own
    except subprocess.TimeoutExpired:
        raise EngineError(f"the computation took longer than {limit:g} s") from None
    if done.returncode == REFUSED:
        raise refusal(orjson.loads(done.stdout))
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace")[-LONGEST_TOLD:]
        logger("derivations").error("died", exit_code=done.returncode, told=words)
        raise EngineError(f"the process that computed this died (exit code {done.returncode})")
    return done.stdout


def refusal(problem: Mapping[str, Any]) -> ScaleshapeError:
    """The error that a problem document was made of, as far as its status matters."""
    if "errors" in problem:
        return InvalidInput([Problem(each["pointer"], each["message"]) for each in problem["errors"]])
    kind = Conflict if problem["status"] == HTTPStatus.CONFLICT else EngineError
    return kind(problem["detail"])
