"""Curves without the outcomes of single examples, for forms that have no place for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from models.curve import ScalePoint, ScalingCurve
from models.outcomes import design_effects, shared_items


@dataclass(slots=True)
class WithoutOutcomes:
    """Passes curves on as counts, with standard errors that hold what clusters say, and counts those that it changed.

    The count is that of the last pass.
    """

    curves: Callable[[], Iterable[ScalingCurve]]
    changed: int = 0

    def __call__(self) -> Iterator[ScalingCurve]:
        """The curves, from the first one each time."""
        self.changed = 0
        for curve in self.curves():
            if any(point.outcomes is not None for point in curve.points):
                self.changed += 1
                yield as_counts(curve)
            else:
                yield curve

    def note(self) -> str:
        """What was left out; empty where nothing was."""
        if not self.changed:
            return ""
        curves = f"{self.changed:,} curve{'s'[: self.changed != 1]}"
        return (
            f"outcomes of single examples of {curves} are left out, and with them what their models have in common; "
            "what clusters do to the error is in the standard errors"
        )


def as_counts(curve: ScalingCurve) -> ScalingCurve:
    """A curve with outcomes as one of counts; the standard error of clustered examples is sqrt(deff p (1 - p)/n)."""
    known = shared_items(curve.points)
    effects = iter(design_effects(known).tolist() if known.clustered else [])
    return replace(curve, points=tuple(_as_count(point, effects) for point in curve.points))


def _as_count(point: ScalePoint, effects: Iterator[float]) -> ScalePoint:
    if point.outcomes is None:
        return point
    effect, variance = next(effects, None), point.score * (1 - point.score)
    stderr = point.stderr
    if effect is not None and variance > 0 and point.n_examples:
        stderr = math.sqrt(effect * variance / point.n_examples)
    return replace(point, outcomes=None, clusters=None, stderr=stderr)
