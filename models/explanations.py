"""Three ways in which a rise can look emergent without being so, each a test (design, section 6.4).

S = Schaeffer et al., arXiv 2304.15004: too small test sets (resolution), a nonlinear or discontinuous metric, too few
large models (scale gap).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr

from models.arrays import Floats
from models.curve import ScalingCurve
from models.curve_models.priors import HalfCauchy
from models.curve_models.sharp_step import sharp_step
from models.curve_models.token_power_law import EXPONENT_LOG_SD, EXPONENT_MEDIAN
from models.engines.quadrature import quadrature
from models.gradual import ADEQUATE, STEEPEST_EXPONENT, GradualCheck, GradualFamily, at_zero, counts_only, gradual_check
from models.pool import Averaged
from models.posterior import ModelPosterior, Work
from models.resampling import resampled
from models.resolution import VISIBLE_SUCCESSES
from models.results import (
    Explanations,
    Interval,
    MetricExplanation,
    ResolutionExplanation,
    ScaleGapExplanation,
)
from models.transition import Transition
from models.turn import interval

WIDE_GAP = 0.5  # decades; design, section 6.4
IN_ONE_GAP = 0.5  # probability from which the rise counts as hidden in a gap
SMOOTH = 0.9  # design, section 6.4: P(a < 1) that is asked for
MOST_ZEROS = 0.5  # share of the zeros that must be due to the test set
USUAL_SCATTER = 0.8  # probability that the prior gives to so little variation between models, or less
SUPPORT = math.log(3)  # design, section 6.4: Bayes factor, and its inverse for the contrary
FEWEST_TOKENS = 2  # from which exact match is not linear in the per-token accuracy
STEP_DRAWS, EXPONENT_DRAWS = 256, 1000
SAME_OUTPUTS, TARGET_LENGTH = "same_outputs", "target_length"
NOT_SHARP, NOT_COUNTS, NO_ZEROS = "not_sharp", "not_counts", "no_model_at_zero_below_the_rise"
NOT_THE_TEST_SET = "zeros_not_due_to_the_test_set"
LENGTH_UNKNOWN, ONE_TOKEN, CONTINUOUS = "target_length_unknown", "one_token", "metric_linear_or_continuous"
ABOVE_CHANCE, NOT_SETTLED = "chance_above_zero", "not_settled"


def unexplained(reason: str) -> Explanations:
    """Explanations of what needs none."""
    return Explanations(
        ResolutionExplanation(None, None, None, reason),
        MetricExplanation(None, None, None, None, None, Interval(None, None, None, reason), reason),
        ScaleGapExplanation(None, None, None, None, None, reason),
    )


@dataclass(frozen=True)
class Case:
    """A sharp rise that asks for an explanation."""

    curve: ScalingCurve
    averaged: Averaged
    rise: Transition
    variation: HalfCauchy
    seed: int

    @property
    def sizes(self) -> tuple[float, ...]:
        """Scales (N,) of the points as they were given."""
        return tuple(point.scale for point in self.curve.points)

    @cached_property
    def r(self) -> float:
        """Posterior median of the between-model variation."""
        return float(np.median(self.averaged.pool.r[self.averaged.indices(EXPONENT_DRAWS)]))

    def check(self, family: GradualFamily) -> GradualCheck:
        """Whether a gradual curve of that family gives the counts.

        A line is asked with no more scatter between models than `USUAL_SCATTER` of its prior: a row of none and all
        says nothing of it, so that its posterior has room for scatter that would make a jump of any line.
        """
        most = float(self.variation.quantile(np.array([USUAL_SCATTER]))[0])
        r = min(self.r, most) if family is GradualFamily.LINE else self.r
        return gradual_check(family, self.averaged.observations, r, self.seed)


def explanations(case: Case) -> Explanations:
    """All three."""
    return Explanations(_resolution(case), _metric(case), _scale_gap(case))


def _resolution(case: Case) -> ResolutionExplanation:
    """A straight line on the logit, no steeper than a decade wide, would give the zeros and all else (S, section 4)."""
    observations = case.averaged.observations
    below = observations.decades_above < np.median(case.rise.high)
    zero = below & at_zero(observations)
    zeros = int(np.count_nonzero(zero))
    if zeros == 0:
        return ResolutionExplanation(holds=False, p_value=None, models_at_zero=0, reason=NO_ZEROS)
    if not counts_only(observations):
        return ResolutionExplanation(None, None, None, NOT_COUNTS)
    check = case.check(GradualFamily.LINE)
    # Scatter between models gives any zero; it is the test set's only where so low a score is seldom seen in it.
    unseen = float(np.mean((check.fitted * observations.trials)[zero] <= VISIBLE_SUCCESSES)) >= MOST_ZEROS
    reason = None if unseen else NOT_THE_TEST_SET
    return ResolutionExplanation(check.adequate and unseen, check.p_value, zeros, reason)


def _metric(case: Case) -> MetricExplanation:
    """Route (ii): a per-token power law, gradual by itself, under exact match of a known length (S, section 2)."""
    untestable = _untestable(case)
    if untestable is not None:
        holds = False if untestable in (ONE_TOKEN, CONTINUOUS) else None
        empty = Interval(None, None, None, untestable)
        return MetricExplanation(holds, None, None, None, None, empty, untestable)
    posterior = next(p for p in case.averaged.pool.posteriors if p.model.name == "token_power_law")
    exponents = _exponents(posterior)
    smooth = float(np.count_nonzero(exponents < STEEPEST_EXPONENT) / len(exponents))
    log_bayes_factor = _log_bayes_factor(case, posterior)
    p_value = case.check(GradualFamily.POWER_LAW).p_value
    holds = _settled(smooth, log_bayes_factor, p_value)
    shown = interval(exponents, case.averaged.level)
    reason = NOT_SETTLED if holds is None else None
    return MetricExplanation(holds, TARGET_LENGTH, log_bayes_factor, p_value, smooth, shown, reason)


def _untestable(case: Case) -> str | None:
    metric, observations = case.curve.metric, case.averaged.observations
    if metric.linear or metric.continuous:
        return CONTINUOUS
    if observations.target_length is None:
        return LENGTH_UNKNOWN
    if observations.target_length < FEWEST_TOKENS:
        return ONE_TOKEN
    if not counts_only(observations):
        return NOT_COUNTS
    return ABOVE_CHANCE if (observations.chance or 0.0) > 0 else None


def _settled(smooth: float, log_bayes_factor: float, p_value: float) -> bool | None:
    """Whether the per-token curve explains the rise; None where neither that nor the contrary is shown."""
    if p_value >= ADEQUATE and smooth >= SMOOTH and log_bayes_factor >= SUPPORT:
        return True
    return False if log_bayes_factor <= -SUPPORT or p_value < ADEQUATE else None


def _exponents(posterior: ModelPosterior) -> Floats:
    weights = np.exp(posterior.log_weights - posterior.log_weights.max())
    return np.asarray(posterior.shape[resampled(weights, EXPONENT_DRAWS), 0])


def _log_bayes_factor(case: Case, posterior: ModelPosterior) -> float:
    """Log evidence of the power law with exponent below 1 minus that of the step."""
    weights = np.exp(posterior.log_weights - posterior.log_evidence)
    inside = float(np.mean(weights * (posterior.shape[:, 0] < STEEPEST_EXPONENT)))
    prior = float(ndtr(math.log(STEEPEST_EXPONENT / EXPONENT_MEDIAN) / EXPONENT_LOG_SD))
    # No draw below 1 is at most one draw's weight there.
    smooth = posterior.log_evidence + math.log(max(inside, 1 / len(weights)) / prior)
    observations = case.averaged.observations
    model = sharp_step(observations.context)
    step = quadrature([model], observations, case.variation, Work(STEP_DRAWS, case.seed, even=True))[0]
    return smooth - step.log_evidence


def _scale_gap(case: Case) -> ScaleGapExplanation:
    """Both crossings between the same two neighbours, half a decade apart or more (S, section 4)."""
    rise = case.rise
    same = rise.before == rise.after
    gaps = np.clip(rise.after, 1, len(rise.scales) - 1)
    chosen = int(np.argmax(np.bincount(gaps[same] if same.any() else gaps, minlength=len(rise.scales))))
    size = float(rise.scales[chosen] - rise.scales[chosen - 1])
    probability = float(np.count_nonzero(same & (gaps == chosen)) / len(same))
    first, second = np.searchsorted(case.averaged.observations.u, case.averaged.scales[[chosen - 1, chosen]]).tolist()
    holds = size >= WIDE_GAP and probability >= IN_ONE_GAP
    return ScaleGapExplanation(holds, probability, size, case.sizes[first], case.sizes[second])
