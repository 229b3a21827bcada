"""Emergence: how much of a rise is one jump, what that means against chance, and how sharp the rise is.

S = Schaeffer et al., arXiv 2304.15004, eq. 1, which is B's breakthroughness (BIG-bench, arXiv 2206.04615). The score is
descriptive: it is dominated by the smallest differences, so no verdict rests on it and no mean of it is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

import numpy as np

from models.arrays import Bools, Floats
from models.compiled import compiled
from models.likelihood import NoiseKind, Observations
from models.mean_curves import Formulas
from models.pool import Averaged
from models.posterior import ModelPosterior
from models.predictive import predicted_scores
from models.resampling import resampled
from models.results import Emergence, EmergenceNull, EmergenceScore, Sharpness
from models.scale_means import means_per_scale, sizes_of_tests
from models.turn import interval
from models.verdict import Judged

FEWEST_SCALES = 3  # design, section 6.1
NULL_DRAWS = 4000
SMALL_DENOMINATORS = 0.05  # share of draws with a denominator below the resolution, from which the upper end is open
ROUNDING = 1e-12  # of the largest value, below which a step is a rounding error of equal means
TIE = 1e-9  # relative difference below which a draw's statistic equals the observed one
BLOCK = 256  # curves whose steps are sorted side by side, so that they stay in a processor's cache
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

    def at(self, rows: slice) -> Steps:
        """The steps of some of the curves."""
        return Steps(self.signed_range[rows], self.median[rows], self.root_mean_square[rows], self.largest[rows])


def steps(curves: Floats) -> Steps:
    """Steps of curves (M, K), K >= 2: first index at ties, numpy's median."""
    values = np.ascontiguousarray(curves.T, dtype=np.float64)
    size, count = values.shape
    low, high, direction = values[0].copy(), values[0].copy(), np.full(count, -1.0)
    _extremes(values, low, high, direction)
    rounding, extent = ROUNDING * np.maximum(np.abs(low), np.abs(high)), high - low
    extent[extent <= rounding] = 0.0
    squares, total = np.empty((size - 1, count)), np.zeros(count)
    _fill_squares(values, rounding, squares, total)
    _sort_rows(squares)
    half = (size - 1) // 2
    middle = squares[half] if size % 2 == 0 else 0.5 * (squares[half - 1] + squares[half])
    return Steps(direction * extent, np.sqrt(middle), np.sqrt(total / (size - 1)), np.sqrt(squares[-1]))


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
    # The nulls draw counts, so they are held against counts.
    counts = _per_scale(observations, observations.y[None, :])[0]
    found = steps(np.concatenate([[observed_means(observations), counts], averaged.at_scales]))
    observed, counted, drawn = found.at(slice(0, 1)), found.at(slice(1, 2)), found.at(slice(2, None))
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
    if np.count_nonzero(small) / len(small) <= SMALL_DENOMINATORS:
        return EmergenceScore(observed, ends.estimate, ends.lower, ends.upper, normaliser, reason)
    open_below = np.count_nonzero(small & (scores < 0)) / len(small) > (1 - level) / 2
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
        return 1 / float(median(observations.trials[counts].tolist()))
    return float(median(observations.stderr.tolist()))


def _per_scale(observations: Observations, scores: Floats) -> Floats:
    if len(set(observations.u.tolist())) == len(observations.u):  # one model at each scale
        return scores
    return means_per_scale(observations.u, sizes_of_tests(observations), scores)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    ratio = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    return ratio


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


@compiled
def _extremes(values: Floats, low: Floats, high: Floats, direction: Floats) -> None:
    """Smallest and largest (S,) of values (K, S), and 1 where the first largest comes after the first smallest.

    Given are those of the first values, and -1.
    """
    for i in range(1, len(values)):
        for s in range(values.shape[1]):
            value = values[i, s]
            direction[s] = -1.0 if value < low[s] else 1.0 if value > high[s] else direction[s]
            low[s], high[s] = min(low[s], value), max(high[s], value)


@compiled
def _fill_squares(values: Floats, rounding: Floats, squares: Floats, total: Floats) -> None:
    """Squared steps (K - 1, S) of values (K, S), and their sums (S,)."""
    for i in range(len(squares)):
        for s in range(values.shape[1]):
            step = values[i + 1, s] - values[i, s]
            squares[i, s] = step * step if abs(step) > rounding[s] else 0.0
            total[s] += squares[i, s]


@compiled
def _sort_rows(values: Floats) -> None:
    """Sort along the first axis, in place: merge exchange (Knuth, The Art of Computer Programming, 5.2.2 M)."""
    count, top = len(values), 1
    while 2 * top < count:
        top *= 2
    for start in range(0, values.shape[1], BLOCK):
        end = min(start + BLOCK, values.shape[1])
        part = top
        while part > 0:
            far, rest, apart = top, 0, part
            while apart > 0:
                for i in range(count - apart):
                    if i & part == rest:
                        for s in range(start, end):
                            first, second = values[i, s], values[i + apart, s]
                            values[i, s], values[i + apart, s] = min(first, second), max(first, second)
                apart, far, rest = far - part, far // 2, part
            part //= 2
