"""What is done to Dask's processes, apart from their work: light enough for each of them to import."""

from __future__ import annotations

import logging
import os
import signal
from typing import Any


def quieten() -> None:
    """Let Dask log what matters: it sets its own levels when it is imported, and tells each lost connection."""
    logging.getLogger("distributed").setLevel(logging.WARNING)
    for name in ("client", "scheduler", "utils", "worker"):  # what they call errors is reported by the dispatcher
        logging.getLogger(f"distributed.{name}").setLevel(logging.CRITICAL)


def die_if_busy(dask_worker: Any) -> None:
    """Run by a worker, named so by Dask: end at once if it works for a dispatcher that has gone; it is restarted."""
    if dask_worker.state.executing:
        os.kill(os.getpid(), signal.SIGKILL)


def kill_worker(dask_worker: Any) -> None:
    """Run by a nanny, named so by Dask: end its worker at once, also one that answers no more; it is then restarted."""
    if dask_worker.pid:
        os.kill(dask_worker.pid, signal.SIGKILL)
