"""Faults inside every process of a service under test: Python imports this at its start, for it is on PYTHONPATH.

FAULT_CURVES=1     a batch's curve kills, hangs or bloats the process that analyses it, by the name of its task
FAULT_SQLITE=FILE  each writing transaction runs the PRAGMA that the file holds: max_page_count for a full database,
                   query_only for one that has become read-only
FAULT_CLOCK=1      the wall clock jumps by hours and days, to and fro, in all processes at once
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

JUMPS = (0.0, 86_400.0, -7_200.0, 40 * 86_400.0, -400 * 86_400.0)  # seconds
JUMP_EVERY = 2.0  # seconds of the monotonic clock, which all processes share
GIB = 2**30
ASKING_FOR_THE_DATE = ("service.clock", "service.use_cases", "service.jobs.housekeeping", "service.jobs.progress")


def after_import(name: str, change: Callable[[ModuleType], None]) -> None:
    """Change a module as soon as somebody imports it."""
    sys.meta_path.insert(0, _Watch(name, change))


class _Watch:
    def __init__(self, name: str, change: Callable[[ModuleType], None]) -> None:
        self._name, self._change = name, change

    def find_spec(self, name: str, _path: Sequence[str] | None = None, _target: object = None) -> ModuleSpec | None:
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def run_and_change(module: ModuleType) -> None:
            run(module)
            self._change(module)

        spec.loader.exec_module = run_and_change  # type: ignore[method-assign]  # of this one loader
        return spec


def poisoned(analysis: ModuleType) -> None:
    """Curves whose task says so do harm."""
    analyze = analysis.analyze

    def harmful(curve: Any, *arguments: Any, **settings: Any) -> Any:
        if curve.task == "kills":
            os.kill(os.getpid(), signal.SIGKILL)
        if curve.task == "hangs":
            time.sleep(3600)
        if curve.task == "bloats":
            _bloat()
        return analyze(curve, *arguments, **settings)

    analysis.analyze = harmful  # type: ignore[attr-defined]  # a module's attributes are not declared


def limited(driver: ModuleType) -> None:
    """Connections whose writing transactions begin with the PRAGMA of a file."""
    fault = Path(os.environ["FAULT_SQLITE"])
    connect = driver.connect

    class Cursor(driver.Cursor):  # type: ignore[misc, name-defined]  # of the driver that is there
        def execute(self, statement: str, *arguments: Any) -> Any:
            done = super().execute(statement, *arguments)
            if statement == "BEGIN IMMEDIATE":
                super().execute(fault.read_text())
            return done

    class Connection(driver.Connection):  # type: ignore[misc, name-defined]  # the same
        def cursor(self, *_arguments: Any) -> Any:
            return super().cursor(Cursor)

    driver.connect = lambda *arguments, **settings: connect(  # type: ignore[attr-defined]  # the same
        *arguments, **{"factory": Connection, **settings}
    )


def jumping() -> None:
    """Replace the wall clock; what measures durations by the monotonic clock is not affected."""
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + _offset()
    time.time_ns = lambda: real_ns() + int(_offset() * 1e9)
    for name in ASKING_FOR_THE_DATE:
        after_import(name, _misdated)


def _misdated(module: ModuleType) -> None:
    """The class itself cannot be replaced: compiled libraries rely on how it lies in memory."""

    class Jumping(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return dt.datetime.fromtimestamp(time.time(), tz)

    module.datetime = Jumping  # type: ignore[attr-defined]  # a module's attributes are not declared


def _offset() -> float:
    return JUMPS[int(time.monotonic() / JUMP_EVERY) % len(JUMPS)]


def _bloat() -> None:
    """Takes four times the memory that a worker has in the tests, then gives up."""
    held = [bytearray(b"x") * (GIB // 4) for _ in range(16)]
    time.sleep(3)  # its nanny looks late on a busy machine
    del held


if os.environ.get("FAULT_CURVES"):
    after_import("models.analysis", poisoned)
if os.environ.get("FAULT_SQLITE"):
    after_import("pysqlite3.dbapi2", limited)
if os.environ.get("FAULT_CLOCK"):
    jumping()
