"""The engines side by side on the same curves, and the command as a whole: `python -m benchmarks.engines`.

Prints a table and writes docs/benchmarks.md. Times are of this machine; ratios and differences carry over.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from benchmarks import sampling, throughput
from benchmarks.markdown import NOTHING, number, percent, table
from benchmarks.sampling import EngineRun
from benchmarks.scripted import Scripted, scripted
from benchmarks.simulators import SEEDS, DataSet, simulate

DOCS = Path(__file__).resolve().parent.parent / "docs"
SECTIONS = ("engines", "scripted", "command")
ENGINE_CURVES = 8
SCRIPTED_CURVES = 30
COMMAND_CURVES = 10_000
MODELS = ("bent_line", "logistic")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the sections asked for and write the report."""
    asked = _parser().parse_args(arguments)
    seed = SEEDS[asked.seed]
    parts = [_head(asked)]
    if "engines" in asked.sections:
        parts += [_engines(sampling.compared(name, asked.curves, seed)) for name in asked.models]
    if "scripted" in asked.sections:
        curves = [simulate(DataSet.MENU_TURN, seed, index) for index in range(SCRIPTED_CURVES)]
        parts.append(_scripted([*scripted(curves, seed), sampling.whole_analyses(curves)]))
    if "command" in asked.sections:
        parts.append(_command(*throughput.command_runs(asked.command_curves, seed)))
    text = "\n".join(parts)
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    asked.output.write_text(text)
    print(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("--curves", type=int, default=ENGINE_CURVES, help="curves for each curve model")
    parser.add_argument("--command-curves", type=int, default=COMMAND_CURVES)
    parser.add_argument("--models", nargs="+", default=MODELS, help="curve models to sample")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--seed", choices=sorted(SEEDS), default="dev")
    parser.add_argument("--output", type=Path, default=DOCS / "benchmarks.md")
    return parser


def _head(asked: argparse.Namespace) -> str:
    return (
        "# Benchmarks\n\n"
        f"Made by `python -m benchmarks.engines`, sections {', '.join(asked.sections)}, in one run on {os.cpu_count()} "
        f"processor cores ({platform.machine()}), Python {platform.python_version()}. Simulated curves.\n"
    )


def _engines(runs: Sequence[EngineRun]) -> str:
    fastest = min(run.seconds for run in runs)
    rows = [
        (
            run.name,
            f"{1000 * run.seconds:.1f}",
            f"{run.seconds / fastest:.0f}",
            number(run.median_difference),
            number(run.tail_difference),
            f"{run.effective_sample_size:.0f}",
        )
        for run in runs
    ]
    header = (
        "engine",
        "ms a curve",
        "times quadrature",
        "largest difference of a median, posterior sd",
        "of a 2.5 or 97.5 % quantile",
        "least effective size",
    )
    first = runs[0]
    title = f"## `{first.model}`, {first.curves} curves\n\n"
    note = (
        "Differences over all parameters and the between-model variation, against the reference: `quadrature` with "
        f"{sampling.REFERENCE_DRAWS:,} draws. A first curve warms each engine up and is not counted.\n\n"
    )
    return title + note + table(header, rows)


def _scripted(runs: Sequence[Scripted]) -> str:
    rows = [
        (
            run.name,
            f"{1000 * run.seconds:.1f}",
            percent(run.answered, interval=False),
            NOTHING if run.turn_covered is None else percent(run.turn_covered),
        )
        for run in runs
    ]
    header = ("on U-shaped curves", "ms a curve", "gives an answer", "95 % interval of the turn covers it")
    return "## What people script today\n\n" + table(header, rows)


def _command(few: throughput.CommandRun, many: throughput.CommandRun) -> str:
    rows = [
        (f"{few.curves} curves from a cold process, s", number(few.seconds, 1)),
        (f"{many.curves} curves, s", number(many.seconds, 1)),
        ("whole analyses a second, start-up taken out", number(throughput.curves_per_second(few, many), 0)),
        (f"peak memory of all processes at {many.curves} curves, MB", number(many.peak_megabytes, 0)),
    ]
    return "## `scaleshape analyze --json`\n\n" + table(("figure", "value"), rows)


if __name__ == "__main__":
    main()
