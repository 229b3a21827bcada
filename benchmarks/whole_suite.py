"""A whole suite by the command, with its report: time, memory, size; and how fast such suites are read.

`python -m benchmarks.whole_suite` writes its section of docs/benchmarks.md anew and leaves the others.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import reading
from benchmarks.markdown import table
from benchmarks.simulators import SEEDS, DataSet, simulate
from benchmarks.throughput import measured, submitted

CURVES = 10_000
FAMILIES, PROMPTINGS, TASK_GROUPS = 5, ("0-shot", "3-shot", "chain of thought"), 12
HEADING = "## A whole suite with its report\n"
DOCS = Path(__file__).resolve().parent.parent / "docs"
MOST_SECONDS, MOST_MEGABYTES = 240, 1024  # what is asked for at 10,000 curves on two quiet cores


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """`scaleshape analyze --csv --report` on a suite; sizes in megabytes."""

    curves: int
    points: int
    seconds: float
    peak_megabytes: float
    report_megabytes: float
    load: float


def suite_run(curves: int, seed: int) -> SuiteRun:
    """The real command on simulated curves, half in the menu and half outside it, from a cold process."""
    with tempfile.TemporaryDirectory() as folder:
        suite, report, output = (Path(folder) / name for name in ("suite.ndjson", "report.html", "rows.csv"))
        points = write_suite(suite, curves, seed)
        seconds, peak = measured([str(suite), "--csv", "--report", str(report)], output)
        rows = sum(1 for _ in output.open()) - 1
        if rows != curves:
            raise RuntimeError(f"{rows} rows for {curves} curves")
        return SuiteRun(curves, points, seconds, peak, report.stat().st_size / 1e6, os.getloadavg()[2])


def write_suite(path: Path, curves: int, seed: int) -> int:
    """Curves of several families, promptings, metrics and groups of tasks; returns their points."""
    kinds, points = (DataSet.MENU, DataSet.OUTSIDE), 0
    with path.open("w") as file:
        for index in range(curves):
            document = submitted(simulate(kinds[index % 2], seed, index).curve)
            document["model_family"] = f"family {index % FAMILIES}"
            document["prompting"] = PROMPTINGS[index // FAMILIES % len(PROMPTINGS)]
            document["tags"] = {"task_group": f"group {index % TASK_GROUPS}"}
            file.write(json.dumps(document) + "\n")
            points += json.dumps(document).count('"scale":')
    return points


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the section."""
    asked = _parser().parse_args(arguments)
    run = suite_run(asked.curves, SEEDS[asked.seed])
    section = HEADING + "\n" + _section(run, reading.readings(asked.tasks))
    print(section)
    asked.output.write_text(with_section(asked.output.read_text(), section))


def with_section(text: str, section: str) -> str:
    """A page with this section in the place of the earlier one, or at its end."""
    before, found, rest = text.partition(HEADING)
    if not found:
        return f"{text.rstrip()}\n\n{section}"
    _, following, after = rest.partition("\n## ")
    return f"{before}{section}{following}{after}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.whole_suite", description=__doc__)
    parser.add_argument("--curves", type=int, default=CURVES)
    parser.add_argument("--tasks", type=int, default=reading.TASKS, help="of the suite that is read in each form")
    parser.add_argument("--seed", choices=sorted(SEEDS), default="dev")
    parser.add_argument("--output", type=Path, default=DOCS / "benchmarks.md")
    return parser


def _section(run: SuiteRun, readings: Sequence[reading.Reading]) -> str:
    figures = [
        ("curves (points)", f"{run.curves:,} ({run.points:,})"),
        (f"whole run, s (at most {MOST_SECONDS} asked for at {CURVES:,})", f"{run.seconds:.0f}"),
        (f"peak memory of all processes, MB (at most {MOST_MEGABYTES:,})", f"{run.peak_megabytes:.0f}"),
        ("report, MB", f"{run.report_megabytes:.1f}"),
    ]
    rows = [
        (
            one.form.name,
            f"{one.form.megabytes:.1f}",
            f"{one.points / one.seconds:,.0f}",
            f"{one.form.megabytes / one.seconds:.1f}",
        )
        for one in readings
    ]
    return (
        "`scaleshape analyze suite.ndjson --csv --report F.html` from a cold process (`python -m "
        f"benchmarks.whole_suite`), {os.cpu_count()} cores; mean load of the machine at the end of the run, the run "
        f"itself among it: {run.load:.1f}.\n\n"
        + table(("figure", "value"), figures)
        + "\nReading alone, in processor time to the last curve's document (asked for: "
        f"{reading.CSV_POINTS_A_SECOND:,} points a second from CSV, {reading.LM_EVAL_MEGABYTES_A_SECOND:g} MB a second "
        "from lm-eval):\n\n" + table(("form", "MB", "points/s", "MB/s"), rows)
    )


if __name__ == "__main__":
    main()
