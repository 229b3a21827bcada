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
            "what clusters do to the error is in the standard errors, and in n where a score is 0 or 1"
        )


def as_counts(curve: ScalingCurve) -> ScalingCurve:
    """A curve with outcomes as one of counts, discounted for clusters as the likelihood does it.

    The standard error is sqrt(deff p (1 - p)/n); a score of 0 or 1 has none, and is one of n/deff examples. A point
    without outcomes has the mean design effect of the others.
    """
    known = shared_items(curve.points)
    if not known.clustered:
        return replace(curve, points=tuple(replace(point, outcomes=None, clusters=None) for point in curve.points))
    effects = design_effects(known)
    own, mean = iter(effects.tolist()), float(effects.mean())
    points = (_as_count(point, mean if point.outcomes is None else next(own)) for point in curve.points)
    return replace(curve, points=tuple(points))


def _as_count(point: ScalePoint, effect: float) -> ScalePoint:
    variance, n = point.score * (1 - point.score), point.n_examples
    plain = replace(point, outcomes=None, clusters=None)
    if n is None or point.stderr is not None:
        return plain
    if variance > 0:
        return replace(plain, stderr=math.sqrt(effect * variance / n))
    fewer = max(round(n / effect), 1)
    return replace(plain, n_examples=fewer, n_correct=None if point.n_correct is None else round(point.score * fewer))
