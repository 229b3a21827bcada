"""The joint model of true and distractor accuracy: Wei et al. (arXiv 2211.02011, section 5) with both tasks seen.

A model that has learnt neither task answers (start, d_start, rest), one that has learnt the distractor (low, high,
rest), one that has learnt the true task (top, d_end, rest). With s = sigmoid((u - m1)/w1) the share of the distractor
learnt and t = sigmoid((u - m1 - gap)/w2) that of the true task, the mean shares of true and distractor answers are
f = (1 - t)((1 - s) start + s low) + t top and h = (1 - t)((1 - s) d_start + s high) + t d_end: a mixture of three
points of the simplex, so f + h <= 1. The priors of (start, low, top) are those of `two_task`; the others are uniform
where learning the distractor raises its share and the true task displaces it: d_start ~ U(0, 1 - start),
high ~ U(d_start, 1 - low), d_end ~ U(0, min(high, 1 - top)).

Counts (true, distractor, other) of n are Dirichlet-multinomial around the means with precision M = 1/r² - 1. Adding up
distractor and other gives the beta-binomial of `models.likelihood`: points without a distractor, and the fit of the
true accuracy alone, need no other model. Where true and distractor are all there is (two options), the
distractor's levels are what the true ones leave.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np
from scipy.special import expit, ndtr

from models.arrays import Floats, Ints
from models.compiled import compiled, part
from models.curve import ScalingCurve
from models.curve_models.priors import Exponential, HalfCauchy, LogNormal, Triangle, Uniform
from models.curve_models.two_task import (
    DISTRACTOR_LOWER,
    DISTRACTOR_UPPER,
    GAP_MEAN,
    HIGHEST_START,
    SMALLEST_START,
    WIDTH_LOG_SD,
    WIDTH_MEDIAN,
)
from models.engines.rising_factorials import log_rising
from models.likelihood import Observations

EDGE = 1e-15  # of probabilities, so that quantiles stay finite
NEAREST = 1e-12  # a mean share is at least this
SMALLEST_R = 1e-6  # between-model variation below which nothing is seen of it at any n
ROUNDING = 1e-9  # of counts that a design effect has broken
UNKNOWN = -1.0  # count of a distractor that was not given

FIRST = Uniform(DISTRACTOR_LOWER, DISTRACTOR_UPPER)
GAP = Exponential(GAP_MEAN)
WIDTH = LogNormal(math.log(WIDTH_MEDIAN), WIDTH_LOG_SD)


@dataclass(frozen=True, slots=True)
class Counts:
    """True answers, distractor answers (UNKNOWN where not given) and trials (N,) at positions u (N,)."""

    u: Floats
    correct: Floats
    distracted: Floats
    trials: Floats

    @property
    def closed(self) -> bool:
        """Whether no example is ever answered otherwise, as where there are two options."""
        known = self.distracted != UNKNOWN
        return bool(np.all((self.correct + self.distracted)[known] >= self.trials[known] * (1 - ROUNDING)))

    def without_distractor(self) -> Counts:
        """The same with the true accuracy alone."""
        return replace(self, distracted=np.full_like(self.distracted, UNKNOWN))


@dataclass(frozen=True, slots=True)
class TwoTaskPrior:
    """What is known before the counts: chance, the prior of r, and whether every answer is one of the two."""

    chance: float | None
    variation: HalfCauchy
    closed: bool = False

    @property
    def dimension(self) -> int:
        """Number of parameters: transitions, r, levels of the true task, and those of the distractor that are free."""
        return 7 + (self.chance is None) + (0 if self.closed else 3)


@dataclass(frozen=True, slots=True)
class TwoTaskDraws:
    """Parameters of S draws, each (S,)."""

    m1: Floats
    gap: Floats
    w1: Floats
    w2: Floats
    r: Floats
    start: Floats
    low: Floats
    top: Floats
    d_start: Floats
    high: Floats
    d_end: Floats

    def at(self, rows: Ints) -> TwoTaskDraws:
        """Some of the draws."""
        return TwoTaskDraws(*(getattr(self, field.name)[rows] for field in fields(self)))


def counts(curve: ScalingCurve, observations: Observations) -> Counts:
    """The counts of a curve of proportions; what the design effect takes from n it takes from them all."""
    given = [point.distractor_share for point in curve.points]
    shares = np.array([np.nan if share is None else share for share in given])
    effects = np.ones(len(given)) if observations.design_effects is None else observations.design_effects
    answers = np.rint(shares * observations.trials * effects) / effects
    answers = np.minimum(answers, observations.trials - observations.successes)
    distracted = np.where(np.isnan(shares), UNKNOWN, answers)
    return Counts(observations.u, observations.successes, distracted, observations.trials)


def draws_at(x: Floats, prior: TwoTaskPrior) -> TwoTaskDraws:
    """Parameters at coordinates x (S, D) in which the prior is standard normal."""
    v = iter(np.clip(ndtr(x), EDGE, 1 - EDGE).T)
    m1, gap, w1, w2 = (parameter.quantile(next(v)) for parameter in (FIRST, GAP, WIDTH, WIDTH))
    r = np.maximum(prior.variation.quantile(next(v)), SMALLEST_R)
    if prior.chance is None:
        low = Triangle(HIGHEST_START).quantile(next(v))
        start = low + (HIGHEST_START - low) * next(v)
    else:
        start = np.full(len(x), max(prior.chance, SMALLEST_START))
        low = start * next(v)
    top = low + (1 - low) * next(v)
    if prior.closed:
        return TwoTaskDraws(m1, gap, w1, w2, r, start, low, top, 1 - start, 1 - low, 1 - top)
    d_start = (1 - start) * next(v)
    high = d_start + (1 - low - d_start) * next(v)
    return TwoTaskDraws(m1, gap, w1, w2, r, start, low, top, d_start, high, np.minimum(high, 1 - top) * next(v))


def mean_shares(draws: TwoTaskDraws, u: Floats) -> tuple[Floats, Floats]:
    """Mean shares (S, K) of true and of distractor answers at positions u (K,)."""
    first, middle, last = learnt(draws, u)
    true = first * draws.start[:, None] + middle * draws.low[:, None] + last * draws.top[:, None]
    distractor = first * draws.d_start[:, None] + middle * draws.high[:, None] + last * draws.d_end[:, None]
    return true, distractor


def learnt(draws: TwoTaskDraws, u: Floats) -> tuple[Floats, Floats, Floats]:
    """Weights (S, K) of having learnt neither task, the distractor, the true task."""
    s = expit((u - draws.m1[:, None]) / draws.w1[:, None])
    t = expit((u - (draws.m1 + draws.gap)[:, None]) / draws.w2[:, None])
    return (1 - t) * (1 - s), (1 - t) * s, t


def log_likelihood(draws: TwoTaskDraws, seen: Counts) -> Floats:
    """Log likelihood (S,), up to a constant of the counts."""
    true, distractor = mean_shares(draws, seen.u)
    data = np.column_stack([seen.correct, seen.distracted, seen.trials])
    return np.asarray(_log_likelihoods(true, distractor, draws.r, data))


@part
def _term(count: float, share: float, precision: float) -> float:
    """log(Γ(count + a)/Γ(a)) of a = share times precision, less count log precision."""
    if count <= 0.0:
        return 0.0
    share = max(share, NEAREST)
    return count * math.log(share) + log_rising(count, share * precision)


@compiled
def _log_likelihoods(true: Floats, distractor: Floats, r: Floats, data: Floats) -> Floats:
    total = np.zeros(len(r))
    for s in range(len(r)):
        precision = 1.0 / (r[s] * r[s]) - 1.0
        whole = 0.0
        for i in range(len(data)):
            correct, distracted, trials = data[i]
            if i == 0 or trials != data[i - 1, 2]:
                whole = log_rising(trials, precision)
            total[s] += _term(correct, true[s, i], precision) - whole
            if distracted < 0.0:
                total[s] += _term(trials - correct, 1.0 - true[s, i], precision)
                continue
            total[s] += _term(distracted, distractor[s, i], precision)
            total[s] += _term(trials - correct - distracted, 1.0 - true[s, i] - distractor[s, i], precision)
    return total
