"""The same curves by the command and as a batch over HTTP."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.served import Served
from benchmarks.throughput import COMMAND as COMMAND_LINE
from benchmarks.throughput import proportional_kilobytes, write_curves

COMMAND, SERVICE = "command, start-up included", "service"
POLL_SECONDS, MEMORY_SECONDS = 0.25, 1.0  # looking at the memory takes milliseconds of the cores that are timed
END_SECONDS = 3600.0
NDJSON = {"Content-Type": "application/x-ndjson"}


@dataclass(frozen=True, slots=True)
class BatchRun:
    """Wall time of all curves, and the largest proportional memory of the web role's processes together."""

    name: str
    curves: int
    seconds: float
    peak_megabytes: float | None = None

    @property
    def rate(self) -> float:
        """Curves a second."""
        return self.curves / self.seconds


def file_of_curves(path: Path, curves: int, seed: int) -> Path:
    """Simulated curves as NDJSON."""
    write_curves(path, curves, seed)
    return path


def by_command(file: Path, curves: int) -> BatchRun:
    """`scaleshape analyze --json`."""
    began = time.perf_counter()
    done = subprocess.run(
        [*COMMAND_LINE, str(file), "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    seconds = time.perf_counter() - began
    _all_there(done.stdout.count(b'"status":"succeeded"'), curves)
    return BatchRun(COMMAND, curves, seconds)


def by_service(service: Served, file: Path, curves: int) -> BatchRun:
    """The file as the body of a batch, waited for, and all results read."""
    with service.client(timeout=600.0) as client, _memory(service) as peak:
        began = time.perf_counter()
        with file.open("rb") as body:
            url = client.post("/v1/batches", content=body, headers=NDJSON).raise_for_status().headers["Location"]
        while (status := client.get(url).json()["status"]) not in ("succeeded", "failed", "cancelled"):
            if time.perf_counter() - began > END_SECONDS:
                raise RuntimeError(f"the batch is still {status}")
            time.sleep(POLL_SECONDS)
        found = 0
        with client.stream("GET", f"{url}/results", headers={"Accept": "application/x-ndjson"}) as lines:
            for line in lines.iter_lines():
                found += '"status":"succeeded"' in line
        seconds = time.perf_counter() - began
    _all_there(found, curves)
    return BatchRun(SERVICE, curves, seconds, max(peak))


def taken_in(service: Served, file: Path, curves: int) -> BatchRun:
    """The file as the body of a batch, until the service has promised to do it; then it is cancelled."""
    with service.client(timeout=600.0) as client, _memory(service) as peak:
        began = time.perf_counter()
        with file.open("rb") as body:
            url = client.post("/v1/batches", content=body, headers=NDJSON).raise_for_status().headers["Location"]
        seconds = time.perf_counter() - began
        client.delete(url)
    return BatchRun(SERVICE, curves, seconds, max(peak))


@contextmanager
def _memory(service: Served) -> Iterator[list[float]]:
    """Megabytes of the web role, looked at again and again."""
    seen, stop = [0.0], threading.Event()

    def watch() -> None:
        while not stop.wait(MEMORY_SECONDS):
            seen.append(sum(proportional_kilobytes(pid) for pid in service.members("web")) / 1024)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        stop.set()
        watcher.join()


def _all_there(found: int, curves: int) -> None:
    if found != curves:
        print(f"{found} of {curves} curves analysed", file=sys.stderr)
        raise RuntimeError(f"{found} of {curves} curves analysed")
