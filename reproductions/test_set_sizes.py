"""What test sets of other sizes would show of the same curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.figure import Figure

from models.analysis import analyze
from models.arrays import Floats, Ints
from models.curve import ScalePoint, ScalingCurve
from models.options import Options
from reproductions.arithmetic_tasks import Task
from reproductions.emergence import score_of
from reproductions.page import COLOURS, NOTHING, Page, number, panels, probability, table

SIZES = (50, 200, 2000, 100_000)  # simulated test sets; the published ones have 2,000
SIMULATIONS = 400
JUDGED = 20  # simulated curves of each size that are analysed in full
SEED = 20230428


@dataclass(frozen=True, slots=True)
class Seen:
    """What test sets of one size show of a curve: models at zero, emergence scores, verdicts and labels."""

    zeros: float
    scores: Floats
    undefined: float
    rising: float
    emergent: float


def add_test_set_sizes(page: Page, additions: Sequence[Task], judged: int) -> None:
    """The section on test sets of other sizes; `judged` simulated curves of each size are analysed in full."""
    page.say(
        "## Test sets of other sizes",
        "The median model-averaged curve of each task is taken for the truth, and test sets are drawn from it "
        f"{SIMULATIONS} times (binomial, seed {SEED}); the first {judged} of each size are analysed in full. "
        "Emergence scores are medians with the middle 90 %; where many models score the same, mostly zero, the "
        "median step is zero and the score is undefined.",
        table(
            (
                "task",
                "n",
                "smallest score",
                "models at zero",
                "emergence score",
                "undefined",
                "label positive",
                "called emergent",
            ),
            [row for task in additions for row in _rows(task, judged)],
        ),
    )
    page.picture(_figure(additions[1]), "resolution", "4-digit addition as test sets of four sizes show it")
    page.say(
        "With few problems the small models' scores are zeros, and what is left is a jump at the end; with 100,000 "
        "the rise is seen to begin among the small models. The scores of n = 2,000 lie in between."
    )


def _rows(task: Task, judged: int) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for n in SIZES:
        seen = seen_with(task, n, judged)
        low, middle, high = np.quantile(seen.scores, [0.05, 0.5, 0.95]) if len(seen.scores) else (None, None, None)
        shown = NOTHING if middle is None else f"{number(middle, 2)} ({number(low, 2)} to {number(high, 2)})"
        undefined = f"{100 * seen.undefined:.0f} %"
        shares = probability(seen.rising), probability(seen.emergent)
        rows.append((task.name, f"{n:,}", f"{1 / n:g}", f"{seen.zeros:.1f} of 8", shown, undefined, *shares))
    return rows


def seen_with(task: Task, n: int, judged: int) -> Seen:
    """What test sets of n problems show of a task."""
    generator = np.random.default_rng((SEED, task.length, n))
    truth = np.median(task.found.curves, axis=0)
    counts = generator.binomial(n, truth, size=(SIMULATIONS, len(truth)))
    scores = [score_of(row / n) for row in counts]
    known = np.array([score for score in scores if score is not None])
    analyses = [analyze(_simulated(task, row, n), Options()) for row in counts[:judged]]
    return Seen(
        zeros=float(np.mean(np.sum(counts == 0, axis=1))),
        scores=known,
        undefined=1 - len(known) / SIMULATIONS,
        rising=float(np.mean([a.classification.label == "positive" for a in analyses])),
        emergent=float(np.mean([a.emergence.verdict == "emergent" for a in analyses])),
    )


def _simulated(task: Task, counts: Ints, n: int) -> ScalingCurve:
    curve = task.found.analysis.curve
    points = tuple(
        ScalePoint(point.scale, k / n, n, n_correct=k, language_model=point.language_model)
        for point, k in zip(curve.points, counts.tolist(), strict=True)
    )
    return replace(curve, points=points)


def _figure(task: Task) -> Figure:
    figure, axes = panels(len(SIZES), width=2.4, height=2.6)
    truth = np.median(task.found.curves, axis=0)
    for axis, n in zip(axes, SIZES, strict=True):
        draw = np.random.default_rng((SEED, task.length, n)).binomial(n, truth, size=(12, len(truth))) / n
        axis.plot(task.found.scales, draw.T, "o", color=COLOURS[0], markersize=2.5, alpha=0.35)
        axis.plot(task.found.scales, truth, color=COLOURS[4], linewidth=1)
        axis.axhline(1 / n, color=COLOURS[1], linewidth=0.8, linestyle=":")
        axis.set(xscale="log", title=f"n = {n:,}", xlabel="parameters")
        axis.set_yscale("symlog", linthresh=1e-5)
        axis.set_ylim(-2e-6, 1.2)
    axes[0].set_ylabel("exact match")
    for axis in axes[1:]:
        axis.set_yticklabels([])
    return figure
