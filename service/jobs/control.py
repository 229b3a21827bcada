"""What is done to Dask's processes, apart from their work: light enough for each of them to import."""

from __future__ import annotations

import logging
import os
import signal
import time
from typing import Any

from distributed import batched
from tornado.ioloop import IOLoop


def quieten() -> None:
    """Let Dask log what matters: it sets its own levels when it is imported, and tells each lost connection."""
    logging.getLogger("distributed").setLevel(logging.WARNING)
    for name in ("client", "scheduler", "utils", "worker"):  # what they call errors is reported by the dispatcher
        logging.getLogger(f"distributed.{name}").setLevel(logging.CRITICAL)


def keep_steady_time() -> None:
    """Let Dask time its messages by a clock that nobody sets, which goes on from what it shows now.

    It sends no more than one batch of messages in some milliseconds, by the wall clock. When that was set back just
    then, the next batch waited until the clock had caught up, and whoever waited for a result with it.
    """
    ahead: float = vars(batched)["time"]() - time.monotonic()

    def steady(_: object = None) -> float:
        return time.monotonic() + ahead

    for owner, name in ((batched, "time"), (IOLoop, "time")):
        setattr(owner, name, steady)


def die_if_busy(dask_worker: Any) -> None:
    """Run by a worker, named so by Dask: end at once if it works for a dispatcher that has gone; it is restarted."""
    if dask_worker.state.executing:
        os.kill(os.getpid(), signal.SIGKILL)


def kill_worker(dask_worker: Any) -> None:
    """Run by a nanny, named so by Dask: end its worker at once, also one that answers no more; it is then restarted."""
    if dask_worker.pid:
        os.kill(dask_worker.pid, signal.SIGKILL)
