"""A scaling curve: the scores of one (task, metric, prompting, model family) at K distinct scales.

Parsed once at the edge into frozen objects that cannot be wrong; nothing inside checks again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from models.errors import InvalidCurve, Problem
from models.metrics import Metric, MetricKind

AGREEMENT = 1e-6  # a score beside n_correct must agree with n_correct / n_examples to this
MINIMUM_SCALES = 2  # a curve needs two distinct scales to have a direction
FEWEST_FOR_TURN = 3  # scales; two cannot show a turn between them, whose place is then the prior's
MINIMUM_CLUSTERS = 2  # from one cluster nothing can be known about how clusters differ
LARGEST_STDERR = 0.5  # of a bounded metric's range: no distribution between two bounds has a larger sd (Popoviciu 1935)
ROUNDING = 1e-9  # relative, by which a standard error may be above the largest possible one
ITEMS_TAG = "items_digest"  # a tag of the curve that stands for the items of its outcomes, where they have names
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

    Either `n_examples` (with or without `n_correct`) or `stderr` > 0 is given; both may be. `outcomes` holds a byte,
    0 or 1, for each example, in the metric's own orientation and in one order of the items for all points of a curve;
    `clusters` a number for each example, equal where examples belong together (questions on one text).
    `distractor_score` or `n_distractor_correct` of the same n: examples answered as the distractor task would have it.
    """

    scale: float
    score: float
    n_examples: int | None = None
    stderr: float | None = None
    n_correct: int | None = None
    language_model: str | None = None
    outcomes: bytes | None = field(default=None, repr=False)
    clusters: tuple[int, ...] | None = field(default=None, repr=False)
    distractor_score: float | None = None
    n_distractor_correct: int | None = None

    @property
    def distractor_share(self) -> float | None:
        """Share of the examples answered as the distractor task would have it; None where not given."""
        if self.n_distractor_correct is not None and self.n_examples:
            return self.n_distractor_correct / self.n_examples
        return self.distractor_score


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

    @property
    def suite_and_tags(self) -> dict[str, str]:
        """What may tell the curve apart from others of the same task, metric, prompting and family."""
        return {**({} if self.suite is None else {"suite": self.suite}), **self.tags}


def differing_tags(tags: Sequence[Mapping[str, str]]) -> tuple[str, ...]:
    """The tags in which several curves differ, by name."""
    return tuple(name for name in sorted(set[str]().union(*tags)) if len({each.get(name) for each in tags}) > 1)


def _order(point: ScalePoint) -> tuple[float, float, int, float, str, bytes, float]:
    size, error, name = point.n_examples or 0, point.stderr or 0.0, point.language_model or ""
    return (point.scale, point.score, size, error, name, point.outcomes or b"", point.distractor_share or 0.0)


def _problems(curve: ScalingCurve) -> Iterator[Problem]:
    for index, point in enumerate(curve.points):
        for name, message in _point_problems(point, curve.metric):
            yield Problem(f"/points/{index}/{name}", message)
    yield from _scale_problems(curve)
    yield from _duplicates(curve)
    if any(point.outcomes is not None or point.clusters is not None for point in curve.points):
        yield from _outcome_problems(curve)


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
        if (same := first.setdefault(point, index)) != index:
            yield Problem(
                f"/points/{index}",
                f"the same as point {same}: remove one, or give the language models different names if they are "
                "replicates",
            )


def _point_problems(point: ScalePoint, metric: Metric) -> Iterator[tuple[str, str]]:
    if not (math.isfinite(point.scale) and point.scale > 0):
        yield "scale", f"{point.scale!r} is not a positive finite number"
    if not math.isfinite(point.score):
        yield "score", f"{point.score!r} is not a finite number"
    else:
        yield from _bound_problems(point, metric)
    yield from _size_problems(point, metric)
    yield from _count_problems(point, metric)
    if point.distractor_score is not None or point.n_distractor_correct is not None:
        yield from _distractor_problems(point, metric)


def _bound_problems(point: ScalePoint, metric: Metric) -> Iterator[tuple[str, str]]:
    if metric.lower is None or metric.upper is None or metric.lower <= point.score <= metric.upper:
        return
    if point.n_correct is not None and point.n_examples is not None and point.n_correct > point.n_examples:
        return  # which is told of the counts; the score may be theirs
    hint = _percent_hint(point.score, metric)
    yield "score", f"{point.score!r} lies outside the metric's bounds {metric.lower:g} to {metric.upper:g}{hint}"


def _percent_hint(value: float, metric: Metric, largest: float = 1.0) -> str:
    """Said of a value that is too large, but would not be as a hundredth."""
    in_percent = metric.upper == 1.0 and largest < value <= 100.0 * largest
    return " (in percent? say unit: percent)" if in_percent else ""


def _size_problems(point: ScalePoint, metric: Metric) -> Iterator[tuple[str, str]]:
    if point.n_examples is None and point.stderr is None:
        yield "n_examples", "missing, and so is stderr: without one of them the score has no known uncertainty"
    if point.n_examples is not None and point.n_examples < 1:
        yield "n_examples", f"{point.n_examples!r} is less than 1"
    if point.stderr is not None and not (math.isfinite(point.stderr) and point.stderr > 0):
        yield "stderr", f"{point.stderr!r} is not a positive finite number; give n_examples instead"
    elif point.stderr is not None:
        yield from _stderr_problems(point, point.stderr, metric)
    no_mean = metric.kind is MetricKind.UNBOUNDED or metric.corpus_level
    if point.stderr is None and point.n_examples is not None and no_mean:
        reason = "is no bounded mean over examples" if metric.corpus_level else "has no bounds"
        yield "stderr", f"missing: {metric.name} {reason}, so n_examples does not give its standard error"


def _stderr_problems(point: ScalePoint, stderr: float, metric: Metric) -> Iterator[tuple[str, str]]:
    """A standard error that no mean of values within the metric's bounds can have, or no share of that score."""
    if metric.lower is None or metric.upper is None or metric.kind is MetricKind.UNBOUNDED:
        return
    largest, whose = LARGEST_STDERR * metric.width, "half the metric's range"
    if metric.kind is MetricKind.PROPORTION and 0 < point.score < 1:
        largest, whose = (
            math.sqrt(point.score * (1 - point.score)),
            f"that of one example at a score of {point.score:g}",
        )
    if stderr > largest * (1 + ROUNDING):
        hint = _percent_hint(stderr, metric, largest) or ": check it, or give n_examples instead"
        yield "stderr", f"{stderr!r} is larger than a standard error can be, {whose} ({largest:.6g}){hint}"


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


def _outcome_problems(curve: ScalingCurve) -> Iterator[Problem]:
    """Rules between points: the items are the same in all of them, and so are the clusters."""
    first: tuple[int, ScalePoint] | None = None
    for index, point in enumerate(curve.points):
        for name, message in _own_outcome_problems(point, curve.metric):
            yield Problem(f"/points/{index}/{name}", message)
        if point.outcomes is None:
            continue
        first = first or (index, point)
        if len(point.outcomes) != len(first[1].outcomes or b""):
            message = f"{len(point.outcomes):,} outcomes, but {len(first[1].outcomes or b''):,} at point {first[0]}"
            yield Problem(
                f"/points/{index}/outcomes", f"{message}: give the same items in the same order to all points"
            )
        elif point.clusters != first[1].clusters:
            message = f"not those of point {first[0]}: the items are the same in all points, and so are their clusters"
            yield Problem(f"/points/{index}/clusters", message)


def _own_outcome_problems(point: ScalePoint, metric: Metric) -> Iterator[tuple[str, str]]:
    if point.outcomes is None:
        yield from () if point.clusters is None else (("clusters", "given without outcomes, which they group"),)
        return
    if metric.kind is not MetricKind.PROPORTION:
        yield "outcomes", f"{metric.name} is no proportion: leave the outcomes out, or say kind: proportion"
    if point.outcomes.translate(None, delete=b"\x00\x01"):
        yield "outcomes", "each must be 0 or 1"
    elif point.n_correct is not None and point.n_correct != point.outcomes.count(1):
        yield "n_correct", f"{point.n_correct} disagrees with the {point.outcomes.count(1):,} outcomes that are 1"
    elif not point.outcomes or abs(point.score - point.outcomes.count(1) / len(point.outcomes)) > AGREEMENT:
        yield "score", f"{point.score!r} is not the mean of the outcomes: they take the metric's own orientation"
    if point.n_examples != len(point.outcomes):
        yield "n_examples", f"{point.n_examples} where {len(point.outcomes):,} outcomes are given"
    yield from _cluster_problems(point)


def _cluster_problems(point: ScalePoint) -> Iterator[tuple[str, str]]:
    if point.clusters is None or point.outcomes is None:
        return
    if len(point.clusters) != len(point.outcomes):
        yield "clusters", f"{len(point.clusters):,} where {len(point.outcomes):,} outcomes are given: name one for each"
    elif len(set(point.clusters)) < MINIMUM_CLUSTERS:
        yield "clusters", "all examples are in one cluster, which leaves the sampling error unknown: leave clusters out"


def _distractor_problems(point: ScalePoint, metric: Metric) -> Iterator[tuple[str, str]]:
    """What is wrong with the distractor accuracy of a point that has one."""
    count, score = point.n_distractor_correct, point.distractor_score
    name = "n_distractor_correct" if score is None else "distractor_score"
    if metric.kind is not MetricKind.PROPORTION or not metric.higher_is_better:
        yield name, f"{metric.name} is no share of right answers: give the accuracy of both tasks, or leave this out"
    elif count is not None and point.n_examples is None:
        yield "n_examples", "missing beside n_distractor_correct"
    elif count is not None and not 0 <= count <= (point.n_examples or 0):
        yield "n_distractor_correct", f"{count} is not between 0 and n_examples = {point.n_examples}"
    elif score is not None and not 0 <= score <= 1:
        yield "distractor_score", f"{score!r} is not between 0 and 1"
    elif count is not None and score is not None and abs(score - count / (point.n_examples or 1)) > AGREEMENT:
        expected = count / (point.n_examples or 1)
        yield name, f"{score!r} disagrees with n_distractor_correct / n_examples = {expected:.6g}"
    elif point.score + (point.distractor_share or 0.0) > 1 + AGREEMENT:
        total = point.score + (point.distractor_share or 0.0)
        message = f"{point.distractor_share:.6g} beside the score {point.score:.6g} makes {total:.6g}, more than 1"
        yield name, f"{message}: an example is answered as the true task or as the distractor would have it, not both"
