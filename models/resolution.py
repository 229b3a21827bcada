"""What a test set can show: intervals of single scores, and how large it must be for a score to be seen at all.

Scores and intervals are in the submitted orientation; whether a test set can show a score is a question of performance,
so that an error rate gets the report of the accuracy that it mirrors. Intervals of counts are Jeffreys and Wilson
(Brown, Cai and DasGupta 2001, Statistical Science 16, sections 3.1 and 4.3), never the normal one, which covers 18 % at
n = 20 and p = .01.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, ndtri

from models.arrays import Bools, Floats
from models.curve import ScalePoint, ScalingCurve
from models.digits import half_last_digit
from models.likelihood import clustered, independent_examples
from models.metrics import Metric, MetricKind, ScoreUnit
from models.results import Interval, PointReport, Range

# With 3/p examples a score of p shows no success in e^-3 = 5 % of test sets (rule of three, Hanley and Lippman-Hand
# 1983, JAMA 249).
VISIBLE_SUCCESSES = 3.0
MISSED = 0.05
LARGEST_TEST_SET = 10**12  # no test set is larger: beyond it the fitted score is zero for every purpose
CEILING_SLACK = 1e-12  # relative: 3/p one unit in the last place above a whole number is that number
RESIDUAL_SLACK = 1e-9  # relative to the allowed residual

STDERR_GIVEN = "stderr_given"
NOT_A_COUNT = "not_a_count"
FITTED_NEAR_ZERO = "fitted_score_near_zero"
NO_FITTED_SCORE = "no_fitted_score"
COUNT_GIVEN = "count_given"
EXPLAINED = "explained_by_digits"
N_NOT_GIVEN = "n_examples_not_given"


@dataclass(frozen=True, slots=True)
class _Sample:
    """What is known of one point's noise: its two intervals, the size of its test set (0: stderr only), design effect.

    The design effect is the test set's size over the independent examples that it is worth.
    """

    interval: Range
    wilson: Range
    n_examples: float
    design_effect: float


def point_reports(
    curve: ScalingCurve, fitted: Sequence[Interval], level: float, design_effect: float | Floats = 1.0
) -> tuple[PointReport, ...]:
    """One report per point, in the order of the curve's points, as `fitted` must be.

    `design_effect` >= 1, of each point or of all, is the factor by which clustered examples widen the variance: k/deff
    of n/deff. Where a larger standard error stands for n, its own factor comes on top.
    """
    samples = _samples(curve, level, np.full(len(curve.points), design_effect))
    triples = zip(curve.points, fitted, samples, strict=True)
    return tuple(_report(curve.metric, point, fit, sample) for point, fit, sample in triples)


def jeffreys(successes: Floats, trials: Floats, level: float) -> tuple[Floats, Floats]:
    """Lower and upper ends (N,); the lower is 0 at no success and the upper 1 at no failure."""
    tail = (1 - level) / 2
    a, b = successes + 0.5, trials - successes + 0.5
    lower = np.where(successes > 0, betaincinv(a, b, tail), 0.0)
    upper = np.where(successes < trials, betaincinv(a, b, 1 - tail), 1.0)
    return lower, upper


def wilson(successes: Floats, trials: Floats, level: float) -> tuple[Floats, Floats]:
    """Lower and upper ends (N,)."""
    square = float(ndtri((1 + level) / 2)) ** 2
    p = successes / trials
    center = (p + square / (2 * trials)) / (1 + square / trials)
    half = np.sqrt(square * (p * (1 - p) + square / (4 * trials)) / trials) / (1 + square / trials)
    # At the bounds the two terms cancel up to rounding.
    return np.where(successes > 0, center - half, 0.0), np.where(successes < trials, center + half, 1.0)


def upper_bound_at_zero(n_examples: Floats) -> Floats:
    """Largest score that shows no success among n examples in at least 5 % of test sets: 1 - .05^(1/n)."""
    return np.asarray(-np.expm1(math.log(MISSED) / n_examples))


def n_needed(score: float, design_effect: float = 1.0) -> int | None:
    """Test-set size from which a score in [0, 1] is visible, 3/p; None where no test set would be large enough."""
    if score <= VISIBLE_SUCCESSES * design_effect / LARGEST_TEST_SET:
        return None
    return math.ceil(VISIBLE_SUCCESSES * design_effect / score * (1 - CEILING_SLACK))


def count_residual(score: float, n_examples: int, unit: ScoreUnit = ScoreUnit.FRACTION) -> float | None:
    """n y minus the nearest count; None where the digits of y explain it, half a unit in the last one."""
    count = score * n_examples
    residual = count - round(count)
    if residual == 0:
        return None
    allowed = n_examples * half_last_digit(score, unit)
    return None if abs(residual) <= allowed * (1 + RESIDUAL_SLACK) else residual


def _samples(curve: ScalingCurve, level: float, design_effects: Floats) -> list[_Sample]:
    n_examples = np.array([_n_examples(point, curve.metric) for point in curve.points])
    counted = n_examples > 0
    trials = np.where(counted, n_examples, 1.0)
    successes = np.minimum(np.maximum(_successes(curve, trials), 0.0), trials)
    effective = successes / design_effects, trials / design_effects
    intervals = _ranges(curve.metric, *jeffreys(*effective, level), counted)
    wilsons = _ranges(curve.metric, *wilson(*effective, level), counted)
    normal, missing = _normal(curve, level), Range(None, None, STDERR_GIVEN)
    sizes = np.array([_test_set(point, curve.metric) for point in curve.points])
    effects = design_effects * (np.where(counted, sizes, 1.0) / trials)
    return [
        _Sample(exact or approximate, score or missing, n, effect)
        for exact, approximate, score, n, effect in zip(
            intervals, normal, wilsons, sizes.tolist(), effects.tolist(), strict=True
        )
    ]


def _test_set(point: ScalePoint, metric: Metric) -> float:
    """Size of the test set behind a count, as it was given where it was; 0 where the standard error alone is used."""
    if metric.kind is MetricKind.PROPORTION and point.n_examples is not None:
        return float(point.n_examples)
    return _n_examples(point, metric)


def _n_examples(point: ScalePoint, metric: Metric) -> float:
    """Independent examples that a count is worth; 0 where the standard error alone says how a score varies."""
    if metric.kind is MetricKind.PROPORTION:
        return float(independent_examples(point))
    return 0.0 if point.stderr is not None else float(point.n_examples or 0)


def _successes(curve: ScalingCurve, trials: Floats) -> Floats:
    """Counts (N,): whole for proportions, n y for other bounded means."""
    scores = np.array([point.score for point in curve.points])
    counts = (scores - (curve.metric.lower or 0.0)) / curve.metric.width * trials
    if curve.metric.kind is not MetricKind.PROPORTION:
        return np.asarray(counts)
    given = [None if clustered(point) else point.n_correct for point in curve.points]
    return np.array([float(round(n) if k is None else k) for n, k in zip(counts.tolist(), given, strict=True)])


def _ranges(metric: Metric, lower: Floats, upper: Floats, counted: Bools) -> list[Range | None]:
    """Ranges in score units where there is a count."""
    start, width = metric.lower or 0.0, metric.width
    ends = zip((start + width * lower).tolist(), (start + width * upper).tolist(), counted, strict=True)
    return [Range(low, high) if there else None for low, high, there in ends]


def _normal(curve: ScalingCurve, level: float) -> list[Range]:
    """Normal intervals from the standard errors, cut at the metric's bounds."""
    quantile = float(ndtri((1 + level) / 2))
    lowest = -math.inf if curve.metric.lower is None else curve.metric.lower
    highest = math.inf if curve.metric.upper is None else curve.metric.upper
    half = [quantile * (point.stderr or 0.0) for point in curve.points]
    return [
        Range(max(point.score - h, lowest), min(point.score + h, highest))
        for point, h in zip(curve.points, half, strict=True)
    ]


def _report(metric: Metric, point: ScalePoint, fitted: Interval, sample: _Sample) -> PointReport:
    is_count = metric.kind is MetricKind.PROPORTION
    needed, needed_reason = _needed(metric, fitted, sample.design_effect)
    below, below_reason = _below(sample.n_examples, needed, needed_reason)
    residual, residual_reason = _residual(metric, point)
    return PointReport(
        model=point.language_model,
        scale=point.scale,
        score=point.score,
        n_examples=point.n_examples,
        stderr=point.stderr,
        n_correct=point.n_correct,
        interval=sample.interval,
        wilson=sample.wilson,
        fitted=fitted,
        resolution=metric.width / sample.n_examples if is_count else None,
        resolution_reason=None if is_count else NOT_A_COUNT,
        below_resolution=below,
        below_resolution_reason=below_reason,
        n_needed=needed,
        n_needed_reason=needed_reason,
        design_effect=sample.design_effect,
        count_residual=residual,
        count_residual_reason=residual_reason,
    )


def _needed(metric: Metric, fitted: Interval, design_effect: float) -> tuple[int | None, str | None]:
    if metric.kind is not MetricKind.PROPORTION:
        return None, NOT_A_COUNT
    if fitted.estimate is None:
        return None, NO_FITTED_SCORE
    needed = n_needed(_performance(metric, fitted.estimate), design_effect)
    return needed, FITTED_NEAR_ZERO if needed is None else None


def _performance(metric: Metric, score: float) -> float:
    """Share of the examples solved, in [0, 1], that a score stands for."""
    share = (score - (metric.lower or 0.0)) / metric.width
    return share if metric.higher_is_better else 1.0 - share


def _below(n_examples: float, needed: int | None, reason: str | None) -> tuple[bool | None, str | None]:
    """Whether a model of the fitted score would go unseen in more than 5 % of test sets of this size."""
    if needed is None:
        return (True, None) if reason == FITTED_NEAR_ZERO else (None, reason)
    return n_examples < needed, None


def _residual(metric: Metric, point: ScalePoint) -> tuple[float | None, str | None]:
    if metric.kind is not MetricKind.PROPORTION:
        return None, NOT_A_COUNT
    if point.n_correct is not None:
        return None, COUNT_GIVEN
    if point.n_examples is None:
        return None, N_NOT_GIVEN
    residual = count_residual(point.score, point.n_examples, metric.unit)
    return residual, EXPLAINED if residual is None else None
