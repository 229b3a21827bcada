"""Figures of forecasts: on simulated suites by distance, and on real ones. Writes the last part of docs/forecast.md.

`python -m benchmarks.forecasts --suite "GPT-3, Table H.1=data/gpt3_table_h1.csv"`; further suites in the same way.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.forecast_suites import simulated_suite
from benchmarks.markdown import table
from benchmarks.running import ONE_THREAD
from benchmarks.simulators import DEVELOPMENT_SEED, SEEDS
from models.backtest import Split
from models.continuation import Assumptions, Continuation, Part, continuation, running_on
from models.forecast import FARTHEST_SHARE
from models.likelihood import observe
from models.new_score import NewTest, score_draws
from models.options import Options
from models.rivals import RIVALS, seen
from models.scoring_rules import covered, crps
from models.suite_learning import Given, curve_evidence, default_assumptions, learnt

PAGE = Path(__file__).resolve().parent.parent / "docs" / "forecast.md"
MARK = "<!-- What follows is written by python -m benchmarks.forecasts. -->"
CURVES = 12  # of a simulated suite
HIDDEN = (1, 2, 4)
SHARES = (0.0, 0.15, 0.3, 0.5, 0.75, 1.0, 1.5, 10.0)
RIVALS_BY_DISTANCE = ("last_value", "logit_line")  # the two that ever come close
(LEARNT, DEFAULT, EXTENDED, RUNNING, LINE) = (
    "learnt from the suite",
    "defaults",
    "extended range only",
    "running on only",
    "line only",
)
VARIANTS = (LEARNT, DEFAULT, EXTENDED, RUNNING, LINE)
NAMES = {"last_value": "last value", "logit_line": "line on the logit"} | {
    "logistic": "logistic",
    "broken_scaling_law": "broken scaling law",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One method on one hidden score."""

    method: str
    share: float
    crps: float
    absolute_error: float
    covered: tuple[bool, bool, bool]
    turn_told: float
    turned: bool


def simulated_rows(seed: int, task: tuple[bool, int]) -> list[dict[str, Any]]:
    """All methods on one simulated suite, for every number of hidden scales."""
    outside, index = task
    members = simulated_suite(seed, index, outside=outside, curves=CURVES)
    rows: list[Row] = []
    for hidden in HIDDEN:
        found = [(member, _split(member.curve, hidden)) for member in members]
        kept = [(member, parts) for member, parts in found if parts is not None]
        if kept:
            evidence = [curve_evidence(parts.visible, parts.distance, Options()) for _, parts in kept]
            assumed = learnt(evidence, Given(), Options())
            for member, parts in kept:
                rows += _rows(parts, member.turn, assumed)
    return [asdict(row) for row in rows]


def _split(curve: Any, hidden: int) -> Split | None:
    """Like `models.backtest.split`, but past the horizon, too: that is what shows where it belongs."""
    scales = sorted({point.scale for point in curve.points})
    if len(scales) < hidden + 3:
        return None
    visible = replace(curve, points=tuple(point for point in curve.points if point.scale < scales[-hidden]))
    last = tuple(point for point in curve.points if point.scale == scales[-1])
    return Split(visible, last, float(np.log10(scales[-1] / visible.points[-1].scale)))


def _rows(parts: Split, turn: float | None, assumed: Assumptions) -> list[Row]:
    visible, distance = observe(parts.visible, Options()), parts.distance
    point = parts.hidden[-1]
    came = (point.n_correct or 0) / (point.n_examples or 1)
    turned = turn is not None and turn > float(visible.z[-1])
    share, test = distance / visible.decades, NewTest(0, float(point.n_examples or 1), 0.0)
    rows = []
    for name, known in ((LEARNT, assumed), (DEFAULT, default_assumptions(Given(), Options()))):
        future = continuation(visible, distance, known, running_on(visible, known, 0), 0)
        for variant, one in _variants(name, future):
            draws = score_draws(one, visible, test, known.item_correlation, 0)[0]
            median = float(np.median(draws))
            rows.append(_row(variant, (share, median, came), draws, (future.probability_turn, turned)))
    given = seen(visible, 1.0 + share)
    for name, rival in RIVALS.items():
        found = rival(given)
        rows.append(_row(name, (share, found.point, came), found.quantiles, (0.0, turned)))
    return rows


def _variants(name: str, future: Continuation) -> Iterable[tuple[str, Continuation]]:
    """The forecast, and of the learnt one its three parts alone."""
    yield name, future
    if name == LEARNT:
        for variant, part in zip((EXTENDED, RUNNING, LINE), future.parts, strict=True):
            total = part.weights.sum()
            if total > 0:
                alone = Part(part.pool, part.weights / total, part.position)
                yield variant, Continuation((alone,), future.probability_turn, future.reliable)


def _row(method: str, place: tuple[float, float, float], draws: Any, turn: tuple[float, bool]) -> Row:
    share, median, came = place
    inside = (covered(draws, came, 0.5), covered(draws, came, 0.8), covered(draws, came, 0.95))
    return Row(method, share, crps(draws, came), abs(median - came), inside, *turn)


def _figures(rows: Sequence[Row]) -> list[str]:
    cover = np.mean([row.covered for row in rows], axis=0)
    errors = np.mean([row.absolute_error for row in rows]), np.mean([row.crps for row in rows])
    return [*(f"{100 * value:.2f}" for value in errors), *(f"{100 * value:.1f}" for value in cover)]


def _simulated(rows: Sequence[Row]) -> str:
    """All methods within the horizon, then by distance."""
    near = [row for row in rows if row.share <= FARTHEST_SHARE]
    methods = [*VARIANTS, *RIVALS]
    overall = [
        [NAMES.get(method, method), *_figures([row for row in near if row.method == method])] for method in methods
    ]
    head = ("method", "absolute error", "CRPS", "50 % covers", "80 % covers", "95 % covers")
    return table(head, overall) + "\n" + _by_distance(rows)


def _by_distance(rows: Sequence[Row]) -> str:
    lines = []
    for low, high in pairwise(SHARES):
        there = [row for row in rows if low < row.share <= high]
        own = [row for row in there if row.method == LEARNT]
        if own:
            saved = [_saved(own, [row for row in there if row.method == name]) for name in RIVALS_BY_DISTANCE]
            told, turned = np.mean([row.turn_told for row in own]), np.mean([row.turned for row in own])
            turns = [f"{100 * told:.1f}", f"{100 * turned:.1f}"]
            bounds = f"{low:g} to {high:g}" if high < SHARES[-1] else f"over {low:g}"
            lines.append([bounds, str(len(own)), *_figures(own)[1:], *saved, *turns])
    saved_head = (f"CRPS below {NAMES[name]}, %" for name in RIVALS_BY_DISTANCE)
    covers = ("50 % covers", "80 % covers", "95 % covers")
    head = ("distance", "forecasts", "CRPS", *covers, *saved_head, "turns told, %", "turned, %")
    return table(head, lines)


def _saved(own: Sequence[Row], other: Sequence[Row]) -> str:
    ratio = np.mean([row.crps for row in own]) / np.mean([row.crps for row in other])
    return f"{100 * (1 - ratio):.0f}"


def _real(name: str, path: str) -> tuple[str, dict[str, Any]]:
    """One suite through the command, as a user would do it."""
    command = [sys.executable, "-m", "service.cli", "backtest", path, "--json"]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return name, found


def _real_text(name: str, found: dict[str, Any]) -> str:
    rows = [[NAMES.get(each["method"], each["method"]), *_real_cells(each)] for each in found["methods"]]
    known = found["assumptions"]
    shapes = ", ".join(f"{shape} {share:.2f}" for shape, share in known["class_prior"].items())
    learnt_text = (
        f"{found['n_forecasts']} hidden scores, {found['n_tasks']} tasks, {len(found['left_out'])} curves left out. "
        f"Learnt from the visible scores: between-model scale {known['between_model_scale']:g}, item correlation "
        f"{known['item_correlation']:g}, {known['turn_hazard_per_decade']:g} turns a decade; {shapes}.\n"
    )
    head = ("method", "absolute error", "CRPS", "50 % covers", "80 % covers", "95 % covers", "CRPS saved, %")
    return f"### {name}\n\n{learnt_text}\n{table(head, rows)}"


def _real_cells(each: dict[str, Any]) -> list[str]:
    names = ("absolute_error", "crps", "coverage_50", "coverage_80", "coverage_95", "crps_reduction")
    return [_ends(each[name], 2 if name in names[:2] else 0) for name in names]


def _ends(interval: dict[str, Any], decimals: int) -> str:
    if interval["estimate"] is None:
        return "–"
    values = (100 * interval[name] for name in ("estimate", "lower", "upper"))
    estimate, lower, upper = (f"{value:.{decimals}f}" for value in values)
    return f"{estimate} ({lower} to {upper})"


def _together(found: Sequence[dict[str, Any]]) -> str:
    """All real suites as one: mean over all hidden scores."""
    errors: dict[str, list[dict[str, Any]]] = {}
    for suite in found:
        for one in suite["forecasts"]:
            for each in one["errors"]:
                errors.setdefault(each["method"], []).append(each)
    rows = []
    for method, all_of_it in errors.items():
        means = {name: float(np.mean([each[name] for each in all_of_it])) for name in ("absolute_error", "crps")}
        cover = [np.mean([each[f"covered_{level}"] for each in all_of_it]) for level in (50, 80, 95)]
        rows.append([NAMES.get(method, method), *(f"{100 * value:.2f}" for value in means.values())])
        rows[-1] += [f"{100 * value:.1f}" for value in cover]
    count = len(errors["scaleshape"])
    head = ("method", "absolute error", "CRPS", "50 % covers", "80 % covers", "95 % covers")
    return f"### All of them, {count} hidden scores\n\n{table(head, rows)}"


def main() -> None:
    """Make all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suites", type=int, default=6, help="simulated suites of each kind")
    parser.add_argument("--seed", choices=tuple(SEEDS), default="gate")
    parser.add_argument("--suite", action="append", default=[], metavar="NAME=PATH", help="a real suite")
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    began, seed = time.monotonic(), SEEDS[asked.seed]
    kind = "development" if seed == DEVELOPMENT_SEED else "gate"
    hidden = ", ".join(map(str, HIDDEN))
    intro = f"{asked.suites} simulated suites of each kind, {CURVES} curves each, {kind} seed; {hidden} scales hidden."
    parts = [f"{intro} Errors in % of the range.\n"]
    for outside, title in ((False, "in the menu"), (True, "outside the menu")):
        rows = _all_rows(seed, [(outside, index) for index in range(asked.suites)], asked.processes)
        parts.append(f"### Mean curves {title}\n\n{_simulated(rows)}")
    real = [_real(*each.split("=", 1)) for each in asked.suite]
    parts += [_real_text(name, found) for name, found in real]
    if len(real) > 1:
        parts.append(_together([found for _, found in real]))
    text = PAGE.read_text().split(MARK)[0] if PAGE.exists() else ""
    PAGE.write_text(f"{text}{MARK}\n\n" + "\n".join(parts))
    print(f"{PAGE} written after {time.monotonic() - began:.0f} s", file=sys.stderr)


def _all_rows(seed: int, tasks: Sequence[tuple[bool, int]], processes: int) -> list[Row]:
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    with get_context("spawn").Pool(processes) as pool:
        found = pool.map(partial(simulated_rows, seed), tasks, chunksize=1)
    return [Row(**{**row, "covered": tuple(row["covered"])}) for rows in found for row in rows]


if __name__ == "__main__":
    main()
