"""A scaling curve: the scores of one (task, metric, prompting, model family) at K distinct scales.

Parsed once at the edge into frozen objects that cannot be wrong; nothing inside checks again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from models.errors import InvalidCurve, Problem
from models.metrics import Metric, MetricKind

AGREEMENT = 1e-6  # a score beside n_correct must agree with n_correct / n_examples to this
MINIMUM_SCALES = 2  # a curve needs two distinct scales to have a direction
MINIMUM_RATIO = 1.01  # of the largest to the smallest scale; below it a change per decade is an extrapolation


class ScaleKind(StrEnum):
    """What the scale axis counts."""

    PARAMETERS = "parameters"
    TRAINING_FLOPS = "training_flops"
    TRAINING_TOKENS = "training_tokens"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ScalePoint:
    """One language model: scale x > 0 and its score, as a fraction in the submitted orientation.

    Either `n_examples` (with or without `n_correct`) or `stderr` > 0 is given; both may be.
    """

    scale: float
    score: float
    n_examples: int | None = None
    stderr: float | None = None
    n_correct: int | None = None
    language_model: str | None = None


@dataclass(frozen=True, slots=True)
class ScalingCurve:
    """A checked curve; `points` are sorted by scale (ties by score, n, model).

    Raises `InvalidCurve` with every problem found, pointers into the points as they were given.
    """

    task: str
    metric: Metric
    points: tuple[ScalePoint, ...]
    prompting: str | None = None
    model_family: str | None = None
    scale_kind: ScaleKind = ScaleKind.PARAMETERS
    suite: str | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        problems = tuple(_problems(self))
        if problems:
            raise InvalidCurve(problems)
        object.__setattr__(self, "points", tuple(sorted(self.points, key=_order)))

    @property
    def n_scales(self) -> int:
        """K, the number of distinct scales."""
        return len({point.scale for point in self.points})


def _order(point: ScalePoint) -> tuple[float, float, int, float, str]:
    return (point.scale, point.score, point.n_examples or 0, point.stderr or 0.0, point.language_model or "")


def _problems(curve: ScalingCurve) -> Iterator[Problem]:
    for index, point in enumerate(curve.points):
        for name, message in _point_problems(point, curve.metric):
            yield Problem(f"/points/{index}/{name}", message)
    yield from _scale_problems(curve)
    yield from _duplicates(curve)


def _scale_problems(curve: ScalingCurve) -> Iterator[Problem]:
    if curve.n_scales < MINIMUM_SCALES:
        yield Problem(
            "/points",
            f"{len(curve.points)} point(s) at {curve.n_scales} distinct scale(s): a scaling curve needs at least "
            f"{MINIMUM_SCALES} different scales; add models of other sizes",
        )
    sizes = [point.scale for point in curve.points if math.isfinite(point.scale) and point.scale > 0]
    if len(set(sizes)) >= MINIMUM_SCALES and max(sizes) / min(sizes) < MINIMUM_RATIO:
        yield Problem(
            "/points", f"the largest scale is {max(sizes) / min(sizes):.6g} times the smallest: no range to see"
        )


def _duplicates(curve: ScalingCurve) -> Iterator[Problem]:
    first: dict[ScalePoint, int] = {}
    for index, point in enumerate(curve.points):
        if point in first:
            yield Problem(
                f"/points/{index}",
                f"the same as point {first[point]}: remove one, or name the language models if they are replicates",
            )
        first.setdefault(point, index)


def _point_problems(point: ScalePoint, metric: Metric) -> Iterator[tuple[str, str]]:
    if not (math.isfinite(point.scale) and point.scale > 0):
        yield "scale", f"{point.scale!r} is not a positive finite number"
    if not math.isfinite(point.score):
        yield "score", f"{point.score!r} is not a finite number"
    else:
        yield from _bound_problems(point, metric)
    yield from _size_problems(point, metric)
    yield from _count_problems(point, metric)


def _bound_problems(point: ScalePoint, metric: Metric) -> Iterator[tuple[str, str]]:
    if metric.lower is None or metric.upper is None or metric.lower <= point.score <= metric.upper:
        return
    hint = " (in percent? say unit: percent)" if metric.upper == 1.0 and 1.0 < point.score <= 100.0 else ""
    yield "score", f"{point.score!r} lies outside the metric's bounds {metric.lower:g} to {metric.upper:g}{hint}"


def _size_problems(point: ScalePoint, metric: Metric) -> Iterator[tuple[str, str]]:
    if point.n_examples is None and point.stderr is None:
        yield "n_examples", "missing, and so is stderr: without one of them the score has no known uncertainty"
    if point.n_examples is not None and point.n_examples < 1:
        yield "n_examples", f"{point.n_examples!r} is less than 1"
    if point.stderr is not None and not (math.isfinite(point.stderr) and point.stderr > 0):
        yield "stderr", f"{point.stderr!r} is not a positive finite number; give n_examples instead"
    no_mean = metric.kind is MetricKind.UNBOUNDED or metric.corpus_level
    if point.stderr is None and point.n_examples is not None and no_mean:
        reason = "is no bounded mean over examples" if metric.corpus_level else "has no bounds"
        yield "stderr", f"missing: {metric.name} {reason}, so n_examples does not give its standard error"


def _count_problems(point: ScalePoint, metric: Metric) -> Iterator[tuple[str, str]]:
    if point.n_correct is None:
        return
    if point.n_examples is None:
        yield "n_examples", "missing beside n_correct"
    elif not 0 <= point.n_correct <= point.n_examples:
        yield "n_correct", f"{point.n_correct} is not between 0 and n_examples = {point.n_examples}"
    elif abs(point.score - point.n_correct / point.n_examples) > AGREEMENT:
        expected = point.n_correct / point.n_examples
        yield "score", f"{point.score!r} disagrees with n_correct / n_examples = {expected:.6g}"
    if metric.kind is not MetricKind.PROPORTION:
        yield "n_correct", f"{metric.name} is no proportion; give score with stderr or n_examples"
