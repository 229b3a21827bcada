"""docs/reliability.md from the rounds of a campaign."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.faults.kills import Round
from benchmarks.markdown import table

LIMITS = {"web": 5.0, "dispatcher": 10.0, "worker": 5.0, "scheduler": 15.0}  # seconds, aims of the design
RECOVERED = {
    "web": "requests are answered by a new process; connections made meanwhile wait for it",
    "dispatcher": "the next curve is done",
    "worker": "the curves in work are done elsewhere",
    "scheduler": "the curves in work are done again",
}
INTRODUCTION = """# Reliability

Made by `make faults` on {cores} processor cores ({machine}), Python {python}; everything, database and clients
included, on the same machine, whose load average over the last quarter of an hour was {load:.1f}.

## Processes killed at random moments

Two clients send batches of 1 to 40 curves and single curves without pause, while `kill -9` strikes a random process of
one role: a gunicorn process, the dispatcher, a Dask worker or its nanny, the scheduler. Clients repeat what was not
answered under the same `Idempotency-Key`. After each round all that was acknowledged must have ended in success, each
key must be one batch, each position one task with a stored analysis, each curve one analysis, and SQLite's
`integrity_check` must be silent.

"""
BROKEN = "## What broke\n\n"
RANDOM = """
## Random requests

The contract tests, whose requests schemathesis makes from `openapi.yaml`, with other seeds than the fixed one:

"""
OTHERS = """
## Other faults

Held by `tests/faults/` on every run: fifty clients with one key, a full and a read-only database, curves that kill,
hang or bloat their worker, a stop with requests in flight, a wall clock that jumps by hours and days.
"""


@dataclass(frozen=True, slots=True)
class Contract:
    """The contract tests under one seed; `told` is the last line of their run."""

    seed: int
    failed: bool
    told: str


def report(rounds: Sequence[Round], contracts: Sequence[Contract]) -> str:
    """The whole document."""
    head = INTRODUCTION.format(
        cores=os.cpu_count(), machine=platform.machine(), python=platform.python_version(), load=os.getloadavg()[2]
    )
    parts = [head, _kills(rounds)]
    broken = [f"* {one.role} on {one.database}, round {one.seed}: {fault}" for one in rounds for fault in one.broken]
    if broken:
        parts += ["\n", BROKEN, "\n".join(broken), "\n"]
    if contracts:
        parts += [RANDOM, table(("seed", "result"), [(str(one.seed), one.told.strip("= ")) for one in contracts])]
    return "".join([*parts, OTHERS])


def _kills(rounds: Sequence[Round]) -> str:
    keys = sorted({(one.database, one.role) for one in rounds}, reverse=True)
    header = (
        "role, database",
        "kills",
        "batches",
        "curves",
        "lost, doubled or unfinished",
        "recovery: median, s",
        "longest, s",
        "aim, s",
    )
    rows = [_row([one for one in rounds if (one.database, one.role) == key]) for key in keys]
    lines = "\n".join(f"* {role}: {words}" for role, words in RECOVERED.items())
    return f"{table(header, rows)}\nRecovery is the time from the kill until\n\n{lines}\n"


def _row(rounds: Sequence[Round]) -> tuple[str, ...]:
    first = rounds[0]
    seconds = [value for one in rounds for value in one.recoveries]
    return (
        f"{first.role}, {first.database}",
        str(len(seconds)),
        _total(one.batches for one in rounds),
        _total(one.curves for one in rounds),
        _total(len(one.broken) for one in rounds),
        f"{median(seconds):.1f}" if seconds else "–",
        f"{max(seconds):.1f}" if seconds else "–",
        f"{LIMITS[first.role]:g}",
    )


def _total(numbers: Iterable[int]) -> str:
    return f"{sum(numbers):,}"
