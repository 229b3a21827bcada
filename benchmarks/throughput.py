"""The command as a user starts it: curves a second, start-up, memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.simulators import DataSet, simulate
from models.curve import ScalingCurve

FEW = 20  # curves of the cold start
POLL_SECONDS = 1.0  # looking at the memory of all processes takes milliseconds of the cores that are timed
COMMAND = (sys.executable, "-m", "service.cli", "analyze")


@dataclass(frozen=True, slots=True)
class CommandRun:
    """Wall time and the largest proportional memory of the process and all that it started."""

    curves: int
    seconds: float
    peak_megabytes: float


def command_runs(curves: int, seed: int) -> tuple[CommandRun, CommandRun]:
    """`scaleshape analyze --json` on few curves and on many."""
    with tempfile.TemporaryDirectory() as folder:
        return _run(Path(folder), FEW, seed), _run(Path(folder), curves, seed)


def curves_per_second(few: CommandRun, many: CommandRun) -> float:
    """Whole analyses a second with start-up taken out."""
    return (many.curves - few.curves) / (many.seconds - few.seconds)


def write_curves(path: Path, count: int, seed: int) -> None:
    """Simulated curves, half from the menu and half from outside it, as NDJSON that the command reads."""
    kinds = (DataSet.MENU, DataSet.OUTSIDE)
    with path.open("w") as file:
        for index in range(count):
            curve = simulate(kinds[index % 2], seed, index).curve
            file.write(json.dumps(submitted(curve)) + "\n")


def family(pid: int) -> list[int]:
    """A process and all its descendants that live now."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:  # it has ended meanwhile
        return []
    return [pid, *(member for child in children for member in family(child))]


def submitted(curve: ScalingCurve) -> dict[str, object]:
    """A curve as a request has it."""
    metric: dict[str, object] = {"name": curve.metric.name, "kind": curve.metric.kind.value}
    optional = {"chance": curve.metric.chance, "target_length": curve.metric.target_length}
    metric |= {name: value for name, value in optional.items() if value is not None}
    points = [{"scale": p.scale, "n_correct": p.n_correct, "n_examples": p.n_examples} for p in curve.points]
    return {"task": curve.task, "metric": metric, "scale_kind": curve.scale_kind.value, "points": points}


def _run(folder: Path, count: int, seed: int) -> CommandRun:
    file, output = folder / f"{count}.ndjson", folder / f"{count}.out"
    write_curves(file, count, seed)
    seconds, peak = measured([str(file), "--json"], output)
    answered = sum('"status":"succeeded"' in line.replace(" ", "") for line in output.open())
    if answered != count:
        raise RuntimeError(f"{answered} of {count} curves analysed")
    return CommandRun(count, seconds, peak)


def measured(arguments: Sequence[str], output: Path) -> tuple[float, float]:
    """Wall time in seconds and peak memory in megabytes of `scaleshape analyze`, which writes to `output`."""
    began, peak = time.perf_counter(), 0.0
    with output.open("w") as out:
        process = subprocess.Popen([*COMMAND, *arguments], stdout=out, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            time.sleep(POLL_SECONDS)
    if process.returncode != 0:
        raise RuntimeError(f"exit code {process.returncode}")
    return time.perf_counter() - began, peak


def _memory(pid: int) -> float:
    """Proportional set size in megabytes of a process and its descendants: shared pages are counted once."""
    return sum(proportional_kilobytes(member) for member in family(pid)) / 1024


def proportional_kilobytes(pid: int) -> int:
    """Proportional set size of a process: pages that it shares count in part; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended meanwhile
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
