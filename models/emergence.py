"""Emergence: how much of a rise is one jump, what that means against chance, and how sharp the rise is.

S = Schaeffer et al., arXiv 2304.15004, eq. 1, which is B's breakthroughness (BIG-bench, arXiv 2206.04615). The score is
descriptive: it is dominated by the smallest differences, so no verdict rests on it and no mean of it is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.arrays import Bools, Floats
from models.compiled import compiled
from models.likelihood import NoiseKind, Observations
from models.mean_curves import Formulas
from models.pool import Averaged, resampled
from models.posterior import ModelPosterior
from models.predictive import predicted_scores
from models.results import Emergence, EmergenceNull, EmergenceScore, Sharpness
from models.scale_means import means_per_scale, sizes_of_tests
from models.turn import interval
from models.verdict import Judged

FEWEST_SCALES = 3  # design, section 6.1
NULL_DRAWS = 4000
SMALL_DENOMINATORS = 0.05  # share of draws with a denominator below the resolution, from which the upper end is open
ROUNDING = 1e-12  # of the largest value, below which a step is a rounding error of equal means
TIE = 1e-9  # relative difference below which a draw's statistic equals the observed one
SHORT = 16  # steps up to which a sorting network is the fastest
MEDIAN_STEP, MEAN_STEP = "root_median_square_step", "root_mean_square_step"
FEW_SCALES, ZERO_MEDIAN, ZERO_RANGE = "fewer_than_three_scales", "zero_median_difference", "zero_range"
OPEN_ABOVE = "denominator_below_resolution"


@dataclass(frozen=True, slots=True)
class Steps:
    """Of M curves, each (M,): sign(argmax - argmin)(max - min), root median and root mean square step, largest step."""

    signed_range: Floats
    median: Floats
    root_mean_square: Floats
    largest: Floats

    @property
    def emergence_score(self) -> Floats:
        """S eq. 1; nan where the denominator is zero."""
        return _ratio(self.signed_range, self.median)

    @property
    def linearity(self) -> Floats:
        """The same over the root mean square step; nan where it is zero."""
        return _ratio(self.signed_range, self.root_mean_square)

    @property
    def signed_step_share(self) -> Floats:
        """Largest step over the range, with the sign of the score; nan where the range is zero."""
        return _ratio(np.sign(self.signed_range) * self.largest, np.abs(self.signed_range))


def steps(curves: Floats) -> Steps:
    """Steps of curves (M, K), K >= 2."""
    return Steps(*_steps(np.ascontiguousarray(curves, dtype=np.float64)))


def emergence_score(values: Floats) -> float | None:
    """Emergence score (S eq. 1) of values (K,) in order of scale, K >= 2; None where the median step is zero."""
    return _defined(steps(values[None, :]).emergence_score[0])


def linearity(values: Floats) -> float | None:
    """The emergence score with the root mean square step as its denominator; None where all values are equal."""
    return _defined(steps(values[None, :]).linearity[0])


def observed_means(observations: Observations) -> Floats:
    """Mean performance (K,) at each distinct scale as the scores were given, weighted by test-set size."""
    given = observations.y if observations.submitted is None else observations.submitted
    return np.asarray(_per_scale(observations, given[None, :])[0])


def emergence(
    averaged: Averaged, nulls: tuple[ModelPosterior, ModelPosterior], seed: int, sharp: Sharpness, judged: Judged
) -> Emergence:
    """Emergence score with model-based interval and nulls, beside what was found of the rise.

    `nulls` are the posteriors of `constant` and `logit_linear`.
    """
    observations = averaged.observations
    if len(averaged.scales) < FEWEST_SCALES:
        return _too_few(sharp, judged)
    observed = steps(observed_means(observations)[None, :])
    # The nulls draw counts, so they are held against counts.
    counted = steps(_per_scale(observations, observations.y[None, :]))
    drawn = steps(averaged.at_scales)
    size, level = _resolution(observations), averaged.level
    score, linear = _defined(observed.emergence_score[0]), _defined(observed.linearity[0])
    share = _defined(observed.signed_step_share[0])
    return Emergence(
        score=_posterior(score, drawn.emergence_score, drawn.median < size, level, MEDIAN_STEP),
        linearity=_posterior(linear, drawn.linearity, drawn.root_mean_square < size, level, MEAN_STEP),
        null=_null(observations, counted, nulls, seed),
        largest_step_share=None if share is None else abs(share),
        largest_step_share_reason=ZERO_RANGE if share is None else None,
        sharpness=sharp,
        unpredictability=judged.unpredictability,
        explanations=judged.explanations,
        verdict=judged.verdict,
        verdict_reasons=judged.reasons,
    )


def _too_few(sharp: Sharpness, judged: Judged) -> Emergence:
    return Emergence(
        score=EmergenceScore(None, None, None, None, MEDIAN_STEP, FEW_SCALES),
        linearity=EmergenceScore(None, None, None, None, MEAN_STEP, FEW_SCALES),
        null=EmergenceNull(None, None, reason=FEW_SCALES),
        largest_step_share=None,
        largest_step_share_reason=FEW_SCALES,
        sharpness=sharp,
        unpredictability=judged.unpredictability,
        explanations=judged.explanations,
        verdict=judged.verdict,
        verdict_reasons=judged.reasons,
    )


def _posterior(observed: float | None, values: Floats, small: Bools, level: float, normaliser: str) -> EmergenceScore:
    """Quantiles of a score's draws (M,), ends left open where the denominators are too `small` (M,) to be known.

    Constant curves (nan) have no jump: they count as 0, and as small. A small denominator leaves the size of the score
    open, so a falling curve has no lower end either.
    """
    scores = np.where(np.isnan(values), 0.0, values)
    ends = interval(scores, level)
    reason = ZERO_MEDIAN if observed is None else None
    if float(np.mean(small)) <= SMALL_DENOMINATORS:
        return EmergenceScore(observed, ends.estimate, ends.lower, ends.upper, normaliser, reason)
    open_below = float(np.mean(small & (scores < 0))) > (1 - level) / 2
    return EmergenceScore(observed, None, None if open_below else ends.lower, None, normaliser, reason or OPEN_ABOVE)


def _null(
    observations: Observations, observed: Steps, nulls: tuple[ModelPosterior, ModelPosterior], seed: int
) -> EmergenceNull:
    """Tail probabilities of the observed score under both nulls; of the step share where the score is undefined."""
    if observed.signed_range[0] == 0:
        return EmergenceNull(None, None, reason=ZERO_RANGE)
    flat, smooth = (steps(_per_scale(observations, null_scores(observations, null, seed))) for null in nulls)
    if observed.median[0] > 0:
        score = float(observed.emergence_score[0])
        return EmergenceNull(
            tail_probability(score, flat.emergence_score), tail_probability(score, smooth.emergence_score)
        )
    share = float(observed.signed_step_share[0])
    return EmergenceNull(
        tail_probability(share, flat.signed_step_share),
        tail_probability(share, smooth.signed_step_share),
        statistic="largest_step_share",
    )


def null_scores(observations: Observations, null: ModelPosterior, seed: int) -> Floats:
    """Posterior predictive performances (4000, N) of all points under one curve model."""
    chosen = resampled(np.exp(null.log_weights - null.log_weights.max()), NULL_DRAWS)
    means = Formulas.of(null.model, null.shape, null.levels).curves(chosen, observations.u)
    return predicted_scores(observations, means, null.r[chosen], seed)


def tail_probability(observed: float, draws: Floats) -> float:
    """(1 + #{E* >= E})/(N + 1), with E* <= E for negative E; undefined draws (nan) count as extreme."""
    sign = 1.0 if observed >= 0 else -1.0
    inside = sign * draws < abs(observed) * (1 - TIE)
    return float(1 + len(draws) - np.count_nonzero(inside)) / (len(draws) + 1)


def _resolution(observations: Observations) -> float:
    """Smallest denominator that the scores can show: 1/n at the median test set, else the median standard error."""
    counts = observations.noise == NoiseKind.BETA_BINOMIAL
    if bool(counts.any()):
        return 1 / float(np.median(observations.trials[counts]))
    return float(np.median(observations.stderr))


def _per_scale(observations: Observations, scores: Floats) -> Floats:
    return means_per_scale(observations.u, sizes_of_tests(observations), scores)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    ratio = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    return ratio


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


@compiled
def _steps(curves: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Fields of `Steps`: first index at ties, numpy's median."""
    count, size = curves.shape
    signed, median, root_mean, largest = np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    squares = np.empty(size - 1)
    for s in range(count):
        low, high = 0, 0
        for i in range(1, size):
            low = i if curves[s, i] < curves[s, low] else low
            high = i if curves[s, i] > curves[s, high] else high
        rounding = ROUNDING * max(abs(curves[s, low]), abs(curves[s, high]))
        extent = curves[s, high] - curves[s, low]
        extent = extent if extent > rounding else 0.0
        signed[s] = extent if high > low else -extent
        total = 0.0
        for i in range(size - 1):
            step = curves[s, i + 1] - curves[s, i]
            square = step * step if abs(step) > rounding else 0.0
            total += square
            squares[i] = square
        _sort(squares)
        half = (size - 1) // 2
        middle = squares[half] if size % 2 == 0 else 0.5 * (squares[half - 1] + squares[half])
        median[s], root_mean[s], largest[s] = np.sqrt(middle), np.sqrt(total / (size - 1)), np.sqrt(squares[-1])
    return signed, median, root_mean, largest


@compiled
def _sort(values: Floats) -> None:
    """Sort in place; few values by odd-even transposition, which has no branch to mispredict."""
    if len(values) > SHORT:
        _sort_many(values)
        return
    for turn in range(len(values)):
        for i in range(turn % 2, len(values) - 1, 2):
            low, high = min(values[i], values[i + 1]), max(values[i], values[i + 1])
            values[i], values[i + 1] = low, high


@compiled
def _sort_many(values: Floats) -> None:
    """Shell's sort with the gaps of Gonnet and Baeza-Yates (1991); numba's own takes seconds to compile."""
    gap = len(values) // 2
    while gap > 0:
        for i in range(gap, len(values)):
            value, place = values[i], i
            while place >= gap and values[place - gap] > value:
                values[place] = values[place - gap]
                place -= gap
            values[place] = value
        gap = 0 if gap == 1 else max(5 * gap // 11, 1)
