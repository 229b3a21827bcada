"""Observation model: from a curve to the arrays that the engines see, performance-oriented.

Proportions (and bounded means known only by n) are beta-binomial around the curve f with intra-class correlation r²:
a = f M, b = (1 - f) M, M = 1/r² - 1. Scores with a standard error are normal around f with variance se² + r² f (1 - f)
(bounded) or se² + r² (unbounded, in units of 50 smallest effects). r is the between-model variation: two models of one
family never lie on one smooth curve, however large the test set.

Outcomes per example make the counts one normal vector of logits where all are far enough from the bounds (`Pairing`);
clusters of examples leave k/deff of n/deff.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property

import numpy as np

from models.arrays import Bools, Floats, Ints
from models.curve import ScalePoint, ScalingCurve
from models.curve_models.at_ceiling import NEAR_CEILING
from models.curve_models.record import Context
from models.digits import half_last_digit
from models.errors import InvalidCurve, InvalidOptions, Problem
from models.metrics import Metric, MetricKind
from models.options import DEFAULT_SMALLEST_EFFECT, LARGEST_SMALLEST_EFFECT, Options
from models.outcomes import Pairing, design_effects, pairing, shared_items

RATIO_DIGITS = 12  # decimals of log10 that are kept
MOST_EFFECTS = 1e9  # smallest effects that scores may span, their standard errors included
COUNT_ROUNDING = 1e-12  # of the metric's range, by which a score and its count differ in binary arithmetic alone
CLUSTERED = 1.02  # ratio of variances from which a standard error is larger than that of n, as for files of harnesses
UNKNOWING = 1e3  # standard error, in units of the metric's range, of a score that says nothing
SMALLEST_SAMPLE = 2  # examples from which a standard error follows
LARGEST_N = 1e12  # a standard error that says more is a mistake


class NoiseKind(IntEnum):
    """How one point varies around the curve."""

    BETA_BINOMIAL = 0
    NORMAL_BOUNDED = 1
    NORMAL_UNBOUNDED = 2


@dataclass(frozen=True)
class Observations:
    """N points sorted by scale, higher is better; `score = sign (location + unit y)`.

    `u` is the position in [0, 1] of `z` = log10 scale. `y` in [0, 1] for bounded metrics. `successes` and `trials` are
    0 where the noise is normal; `stderr` is 0 where it is beta-binomial. `chance` and `delta` are on the scale of y.
    `pairing`: the counts, which are all there then, have this joint distribution instead of the beta-binomial.
    `submitted` (N,) is the performance as given, before counts were rounded; None where it is y.
    `design_effects` (N,) have been taken out of successes and trials; None where there are no clusters.
    """

    u: Floats
    z: Floats
    y: Floats
    successes: Floats
    trials: Floats
    stderr: Floats
    noise: Ints
    chance: float | None
    sign: int
    location: float
    unit: float
    delta: float
    target_length: int | None = None
    pairing: Pairing | None = None
    design_effects: Floats | None = None
    submitted: Floats | None = None

    @property
    def bounded(self) -> bool:
        """Whether y lives in [0, 1]."""
        return int(self.noise[0]) != NoiseKind.NORMAL_UNBOUNDED

    @property
    def usual_noise(self) -> NoiseKind:
        """The kind of noise that most points have; where two have as many, that of the last point."""
        kinds, numbers = np.unique(self.noise, return_counts=True)
        most = kinds[numbers == numbers.max()].tolist()
        last = int(self.noise[-1])
        return NoiseKind(last if last in most else most[0])

    @property
    def decades(self) -> float:
        """Observed range of scale in decades."""
        return round(float(self.z[-1] - self.z[0]), RATIO_DIGITS)

    @property
    def decades_above(self) -> Floats:
        """Decades (N,) above the smallest scale, to the last digit the same in every unit of scale."""
        return (self.u * self.decades).round(RATIO_DIGITS)

    @cached_property
    def context(self) -> Context:
        """What curve models may know before they see scores."""
        bounded, scales = self.bounded, np.array(sorted(set(self.u.tolist())))
        return Context(
            bounded=bounded,
            delta=self.delta,
            chance=self.chance,
            target_length=self.target_length,
            decades=round(self.decades, 9),
            u_mean=round(float(scales.sum()) / len(scales), 9),
            near_ceiling=bounded and bool(self.y[self.telling].min() >= NEAR_CEILING),
        )

    @property
    def telling(self) -> Bools:
        """Which points (N,) say something: a place that is only planned has no trials, or an endless standard error."""
        counts = self.noise == NoiseKind.BETA_BINOMIAL
        return np.asarray(np.where(counts, self.trials > 0, self.stderr < UNKNOWING))

    def scale_at(self, u: Floats) -> Floats:
        """Scale, in its own unit, at positions u."""
        return np.asarray(10.0 ** (self.z[0] + u * self.decades))

    def score_at(self, y: Floats) -> Floats:
        """Score in the submitted orientation at performance y."""
        return self.sign * (self.location + self.unit * y)


def observe(curve: ScalingCurve, options: Options) -> Observations:
    """Arrays of a curve; raises `InvalidOptions` when the smallest effect does not fit the metric."""
    metric, points = curve.metric, curve.points
    effect = smallest_effect(metric, options)
    sign = 1 if metric.higher_is_better else -1
    scores = sign * np.array([point.score for point in points])
    _check_reach(scores, points, effect)
    location, unit = _standard(metric, sign, scores, effect)
    y = (scores - location) / unit
    kinds = [_noise_kind(metric, point) for point in points]
    trials = np.array([0.0 if kind else float(independent_examples(p)) for kind, p in zip(kinds, points, strict=True)])
    successes = _successes(curve, y, trials)
    # From the counts, so that an error rate gives the same numbers as the accuracy that it stands for.
    counted = np.where(trials > 0, successes / np.maximum(trials, 1.0), y)
    # Relative to the smallest scale, and without the last digits, where a change of the scale's unit leaves its traces.
    ratios = np.array([point.scale / points[0].scale for point in points])
    rise = np.log10(ratios).round(RATIO_DIGITS)
    observations = Observations(
        u=rise / rise[-1],
        z=math.log10(points[0].scale) + rise,
        y=counted,
        successes=successes,
        trials=trials,
        stderr=np.array([(p.stderr or 0.0) / unit if kind else 0.0 for kind, p in zip(kinds, points, strict=True)]),
        noise=np.array(kinds, dtype=np.int64),
        chance=None if metric.chance is None else (sign * metric.chance - location) / unit,
        sign=sign,
        location=location,
        unit=unit,
        delta=effect / unit,
        target_length=metric.target_length,
        submitted=_submitted(points, y, counted),
    )
    return _with_outcomes(observations, points) if any(point.outcomes is not None for point in points) else observations


def _check_reach(scores: Floats, points: Sequence[ScalePoint], effect: float) -> None:
    """Raises `InvalidOptions` where numbers would be lost beside others, or overflow when squared."""
    reach = float(np.ptp(scores)) + max(point.stderr or 0.0 for point in points)
    if reach > MOST_EFFECTS * effect:
        message = (
            f"{effect:g} is less than a 10^9th of what the scores span ({reach:.3g}): give the change that matters"
        )
        raise InvalidOptions([Problem("/options/smallest_effect", message)])


def _submitted(points: Sequence[ScalePoint], y: Floats, counted: Floats) -> Floats | None:
    """Performance as given: y, but the count where it was given or is the same; None where that is so of all points."""
    known = np.array([point.n_correct is not None or point.outcomes is not None for point in points])
    same = known | (np.abs(y - counted) <= COUNT_ROUNDING)
    return None if same.all() else np.where(same, counted, y)


def _with_outcomes(observations: Observations, points: Sequence[ScalePoint]) -> Observations:
    """Paired where every point has outcomes and none is near a bound; in any case k/deff of n/deff.

    A point without outcomes has the mean design effect of the others: its test set is clustered as well.
    """
    given = np.array([point.outcomes is not None for point in points])
    known = shared_items(points)
    effects = np.ones(len(points))
    effects[given] = design_effects(known)
    effects[~given] = np.mean(effects[given])
    return replace(
        observations,
        successes=observations.successes / effects,
        trials=observations.trials / effects,
        pairing=pairing(known, observations.successes) if given.all() else None,
        design_effects=effects if known.clustered else None,
    )


def smallest_effect(metric: Metric, options: Options) -> float:
    """Smallest effect in score units: as asked, or 0.02 of upper - lower."""
    asked = options.smallest_effect
    if metric.kind is MetricKind.UNBOUNDED:
        if asked is None:
            message = f"required for the unbounded metric {metric.name}: say in score units which change matters"
            raise InvalidOptions([Problem("/options/smallest_effect", message)])
        return asked
    if asked is None:
        return DEFAULT_SMALLEST_EFFECT * metric.width
    if asked > LARGEST_SMALLEST_EFFECT * metric.width:
        limit = LARGEST_SMALLEST_EFFECT * metric.width
        percent = " (scores in percent are fractions here, 0.02 is two points)" if metric.width == 1.0 else ""
        message = f"{asked:g} is more than a quarter of the metric's range ({limit:g}): nothing could be found{percent}"
        raise InvalidOptions([Problem("/options/smallest_effect", message)])
    return asked


def _standard(metric: Metric, sign: int, scores: Floats, effect: float) -> tuple[float, float]:
    """Location and unit of y."""
    if metric.lower is None or metric.upper is None or metric.kind is MetricKind.UNBOUNDED:
        return float(np.mean(scores)), effect / DEFAULT_SMALLEST_EFFECT
    return (metric.lower if sign > 0 else -metric.upper), metric.width


def _noise_kind(metric: Metric, point: ScalePoint) -> NoiseKind:
    if metric.kind is MetricKind.UNBOUNDED:
        return NoiseKind.NORMAL_UNBOUNDED
    if metric.kind is MetricKind.BOUNDED and point.stderr is not None:
        return NoiseKind.NORMAL_BOUNDED
    return NoiseKind.BETA_BINOMIAL


def independent_examples(point: ScalePoint) -> int:
    """Examples that a share is worth: n, or what its standard error says where that is larger or n is not given."""
    if point.n_examples is not None and not clustered(point):
        return point.n_examples
    return n_from_stderr(point.score, point.stderr or 0.0)


def clustered(point: ScalePoint) -> bool:
    """Whether the standard error is larger than that of n independent examples, whatever digits were rounded away.

    Never so with outcomes, whose own clusters say how far they are independent.
    """
    n, stderr, score = point.n_examples, point.stderr, point.score
    if n is None or n < SMALLEST_SAMPLE or stderr is None or point.outcomes is not None or not 0 < score < 1:
        return False
    from_half = max(abs(score - 0.5) - half_last_digit(score), 0.0)
    largest_variance = (0.25 - from_half**2) / (n - 1)
    return max(stderr - half_last_digit(stderr), 0.0) ** 2 > CLUSTERED * largest_variance


def n_from_stderr(score: float, stderr: float) -> int:
    """Test-set size behind a proportion's standard error, of one example's at most: se² = p (1 - p)/(n - 1).

    Raises `InvalidCurve` where the score is 0 or 1, when every n has the standard error 0.
    """
    if score <= 0 or score >= 1:
        message = f"a score of {score:g} with only a standard error leaves the test-set size open: give n_examples"
        raise InvalidCurve([Problem("/points", message)])
    size = score * (1 - score) / stderr**2 + 1
    if size > LARGEST_N:
        message = f"a standard error of {stderr:g} would take more than {LARGEST_N:g} examples: give n_examples"
        raise InvalidCurve([Problem("/points", message)])
    return round(size)


def _successes(curve: ScalingCurve, y: Floats, trials: Floats) -> Floats:
    """Counts of success in the performance orientation; whole for proportions, n y for other bounded means."""
    if curve.metric.kind is not MetricKind.PROPORTION:
        return np.clip(y * trials, 0.0, trials)
    given = [None if clustered(point) else point.n_correct for point in curve.points]
    counts = np.array([np.nan if k is None else float(k) for k in given])
    if not curve.metric.higher_is_better:
        counts = trials - counts
    return np.where(np.isnan(counts), np.minimum(np.maximum(np.rint(y * trials), 0.0), trials), counts)
