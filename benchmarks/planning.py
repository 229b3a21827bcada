"""Whether plans come true: a model is hidden from a simulated curve, planned for, and then shown.

`python -m benchmarks.planning [--curves N]` prints a table: what the plans expected on average against what the
analyses of the whole curves said, for curves from the menu and from outside it, a hidden model within or at the end.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from benchmarks.simulators import SEEDS, DataSet, Simulated, simulate
from models.between_model import own_scale
from models.candidates import HORIZON_DECADES, Action, Wanted
from models.curve_models.priors import HalfCauchy
from models.likelihood import observe
from models.options import UNDETERMINED, Options
from models.planning import plan_next
from models.preposterior import ground, seen_after
from models.shapes import SHAPES

FEWEST_POINTS = 4  # so that three stay when one is hidden
DRAWS = 512
BINS = (0.0, 1 / 3, 2 / 3, 1.000001)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Expected and realised: whether the label is decided, the top probability, the width of the turn weighed by it."""

    at_end: bool
    decided: tuple[float, float]
    top: tuple[float, float]
    turn: tuple[float, float] | None
    right: bool | None


def outcomes(data_set: DataSet, seed: int, count: int) -> Iterator[Outcome]:
    """Plans and what came of them, for the first `count` curves that have enough points."""
    index = done = 0
    while done < count:
        simulated = simulate(data_set, seed, index)
        z = simulated.design.z
        near = done % 2 == 0 or z[-1] - z[-2] <= HORIZON_DECADES  # a farther model is not planned for
        if len(z) >= FEWEST_POINTS and near:
            yield came_true(simulated, at_end=done % 2 == 1)
            done += 1
        index += 1


def came_true(simulated: Simulated, *, at_end: bool) -> Outcome:
    """One curve: its last model is hidden, or the middle one."""
    curve, options = simulated.curve, Options()
    hidden = len(curve.points) - 1 if at_end else len(curve.points) // 2
    point = curve.points[hidden]
    shown = replace(curve, points=tuple(p for p in curve.points if p is not point))
    wanted = Wanted((point.scale,), (point.n_examples or 1,), actions=(Action.NEW_SCALE,))
    plan = plan_next(shown, options, wanted)
    (prospect,) = plan.prospects
    whole = ground(observe(curve, options), options, HalfCauchy(own_scale(options).value), DRAWS)
    after = seen_after(whole, None, options, plan.now.turned_shape)
    share = float(whole.probabilities[SHAPES.index(plan.now.turned_shape)])
    turn = None
    if prospect.turn_decades is not None and not np.isnan(after.turn_decades) and share > 0.1:
        turn = prospect.turn_decades, after.turn_decades
    decided = after.label != UNDETERMINED
    return Outcome(
        at_end=at_end,
        decided=(prospect.probability_decided, float(decided)),
        top=(prospect.expected_top_probability, float(after.probabilities.max())),
        turn=turn,
        right=after.label == simulated.truth.shape.value if decided else None,
    )


def table(found: Sequence[Outcome]) -> Iterator[str]:
    """Rows of a table in Markdown."""
    for name, own in (
        ("hidden inside", [each for each in found if not each.at_end]),
        ("hidden at the end", [each for each in found if each.at_end]),
    ):
        decided, top = (np.array([getattr(each, field) for each in own]) for field in ("decided", "top"))
        error = float(np.std(decided[:, 1] - decided[:, 0]) / np.sqrt(len(own)))
        turns = np.array([each.turn for each in own if each.turn is not None]).reshape(-1, 2)
        cells = [
            name,
            str(len(own)),
            f"{decided[:, 0].mean():.2f}, {decided[:, 1].mean():.2f} (± {error:.2f})",
            f"{top[:, 0].mean():.3f}, {top[:, 1].mean():.3f}",
            f"{turns[:, 0].mean():.2f}, {turns[:, 1].mean():.2f} ({len(turns)})" if len(turns) else "-",
        ]
        yield f"| {' | '.join(cells)} |"


def bins(found: Sequence[Outcome]) -> Iterator[str]:
    """Realised against expected, by what was expected."""
    decided = np.array([each.decided for each in found])
    for low, high in pairwise(BINS):
        inside = decided[(decided[:, 0] >= low) & (decided[:, 0] < high)]
        if len(inside):
            yield f"expected {inside[:, 0].mean():.2f}, came true {inside[:, 1].mean():.2f} ({len(inside)} curves)"


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--curves", type=int, default=200)
    parser.add_argument("--seed", choices=list(SEEDS), default="gate")
    told = parser.parse_args()
    for data_set in (DataSet.MENU, DataSet.OUTSIDE):
        found = list(outcomes(data_set, SEEDS[told.seed], told.curves))
        print(data_set.value)
        print(*table(found), sep="\n")
        print(*bins(found), sep="\n", flush=True)


if __name__ == "__main__":
    main()
