"""Warnings of an analysis: what a reader must know before believing it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.curve import AGREEMENT, ScalePoint, ScalingCurve
from models.likelihood import NoiseKind, Observations, clustered
from models.metrics import ALIASES, MetricKind, ScoreUnit
from models.outcomes import FEWEST_PAIRED
from models.resolution import count_residual
from models.results import Warned

FEW_SCALES = 4  # design, section 2: up to here the priors decide as much as the scores
FEW_CLUSTERS = 20  # Cameron and Miller 2015 (Journal of Human Resources 50, section VI): few are below 20 to 50
STDERR_DISAGREEMENT = 1.25  # ratio of given to binomial standard error that is no rounding


def curve_warnings(curve: ScalingCurve, observations: Observations) -> tuple[Warned, ...]:
    """Warnings that follow from the curve alone."""
    return tuple(_warnings(curve, observations))


def _warnings(curve: ScalingCurve, observations: Observations) -> Iterator[Warned]:
    if curve.n_scales <= FEW_SCALES:
        message = f"{curve.n_scales} scales: the result leans on the priors; measure more models"
        yield Warned("prior_dominated", message)
    if ALIASES.get(curve.metric.name, curve.metric.name) == "exact_match" and curve.metric.target_length is None:
        message = "target_length is not given: the per-token curve uses a wide prior around 4 tokens"
        yield Warned("target_length_unknown", message)
    yield from _score_warnings(curve)
    yield from _noise_warnings(curve, observations)
    yield from _outcome_warnings(curve, observations)


def _score_warnings(curve: ScalingCurve) -> Iterator[Warned]:
    scores = {point.score for point in curve.points}
    metric = curve.metric
    if len(scores) == 1 and scores <= {metric.lower, metric.upper}:
        value = next(iter(scores))
        message = f"every score is exactly {value:g}: the task may not be scorable this way, and flat says no more"
        yield Warned("scores_at_bound", message)
    if metric.chance is not None and metric.kind is not MetricKind.UNBOUNDED:
        sign = 1 if metric.higher_is_better else -1
        if max(sign * score for score in scores) < sign * metric.chance:
            side = "below chance" if metric.higher_is_better else "above chance, where lower is better"
            yield Warned("below_chance", f"every score lies {side} ({metric.chance:g})")


def _noise_warnings(curve: ScalingCurve, observations: Observations) -> Iterator[Warned]:
    if curve.metric.kind is MetricKind.BOUNDED and bool(np.any(observations.noise == NoiseKind.BETA_BINOMIAL)):
        message = "a mean of bounded scores with n only is treated as counts, which overstates its error; give stderr"
        yield Warned("bounded_mean_as_counts", message)
    if curve.metric.kind is not MetricKind.PROPORTION:
        return
    if any(point.n_examples is None for point in curve.points):
        yield Warned("n_from_stderr", "n_examples was derived from score and stderr by se² = p (1 - p)/(n - 1)")
    if uncounted := sum(_no_count(point, curve.metric.unit) for point in curve.points):
        message = f"{uncounted} of {len(curve.points)} scores are no whole count of n_examples by their digits"
        yield Warned("score_not_a_count", f"{message}: the nearest count is used; check n_examples, or give stderr")
    if any(clustered(point) for point in curve.points):
        message = "stderr is larger than that of n_examples independent examples (clusters?) and is used in place of n"
        yield Warned("stderr_disagrees_with_n", message)
    elif any(p.clusters is None and _disagrees(p.score, p.n_examples, p.stderr) for p in curve.points):
        yield Warned("stderr_disagrees_with_n", "stderr is not that of n_examples independent examples; n is used")


def _no_count(point: ScalePoint, unit: ScoreUnit) -> bool:
    """Whether a score with n is further from a count than its digits and the tolerance of given counts explain."""
    if point.n_examples is None or point.n_correct is not None or point.outcomes is not None:
        return False
    residual = count_residual(point.score, point.n_examples, unit)
    return residual is not None and abs(residual) > AGREEMENT * point.n_examples


def _outcome_warnings(curve: ScalingCurve, observations: Observations) -> Iterator[Warned]:
    given = [point for point in curve.points if point.outcomes is not None]
    if given and observations.pairing is None:
        lacking = len(curve.points) - len(given)
        reason = (
            f"{lacking} of {len(curve.points)} points have none"
            if lacking
            else f"a point has fewer than {FEWEST_PAIRED:g} right or wrong, clusters allowed for"
        )
        yield Warned("pairing_ignored", f"the points' test errors are taken as independent despite outcomes: {reason}")
    groups = len(set(given[0].clusters)) if given and given[0].clusters else FEW_CLUSTERS
    if groups < FEW_CLUSTERS:
        message = f"design effects from {groups} clusters are uncertain: intervals may be too narrow"
        yield Warned("few_clusters", message)


def _disagrees(score: float, n_examples: int | None, stderr: float | None) -> bool:
    if stderr is None or n_examples is None or n_examples < 2 or not 0 < score < 1:
        return False
    expected = (score * (1 - score) / (n_examples - 1)) ** 0.5
    return not 1 / STDERR_DISAGREEMENT < stderr / expected < STDERR_DISAGREEMENT
