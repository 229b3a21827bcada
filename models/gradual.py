"""Could a gradual curve have given these counts? Two gradual curves against all points of a sharp-looking one.

The gradual curves rise over more than a decade: a straight line on the logit no steeper than 2 ln 9 per decade, and a
per-token power law (Schaeffer et al., arXiv 2304.15004, section 2) of exponent below 1. Counts are binomial around
logit-normal variation between models with sd 2 r: the beta-binomial of the likelihood would explain any zero away.
The check is that of the best curve of the family by its own simulations, with the deviance as the discrepancy. That
the curve was fitted to the data makes it conservative: a gradual curve is ruled out too rarely, not too often.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from scipy.special import expit

from models.arrays import Bools, Floats
from models.compiled import compiled, part
from models.likelihood import NoiseKind, Observations

SIMULATIONS = 499
STREAM = 6204  # keeps these random numbers apart from any other use of the same seed
ADEQUATE = 0.05  # design, section 6.4: posterior predictive p
STEEPEST_LINE = 2 * math.log(9)  # logits per decade: its 10-90 % width is one decade
STEEPEST_EXPONENT = 1.0  # design, section 6.4; the 10-90 % width of a power law is 1.34/a decades
UNSEEN_ERRORS = 2.0  # standard errors from the worst score within which nothing is seen
LOGIT_PER_R = 2.0  # a beta with intra-class correlation r² has, at one half, a logit sd of 2 r
NODES, ZOOMS = 9, 4  # slopes of a grid, and how often one is laid
LEVELS = (-20.0, 20.0)  # of the linear predictor at the middle of the scales
GOLDEN, SECTIONS = (math.sqrt(5) - 1) / 2, 26  # from 40 to .0001
MOST_STEPS, SETTLED = 60, 1e-4  # Newton's steps to a mode, and the length in logits of one that ends them
SMALLEST = 1e-12  # score, below which a curve is taken as zero plus this


class GradualFamily(IntEnum):
    """Families of gradual curves with a level and a slope."""

    LINE = 0
    POWER_LAW = 1


@dataclass(frozen=True, slots=True)
class GradualCheck:
    """The p value of the best gradual curve, and its scores (N,) at the points."""

    p_value: float
    fitted: Floats

    @property
    def adequate(self) -> bool:
        """Whether a gradual curve could have given the counts."""
        return self.p_value >= ADEQUATE


def counts_only(observations: Observations) -> bool:
    """Whether every point is a count, as the check needs."""
    return bool(np.all(observations.noise == NoiseKind.BETA_BINOMIAL))


def at_zero(observations: Observations) -> Bools:
    """Which points (N,) show nothing: a count of 0, or a score that its standard error does not tell from the worst."""
    counts = observations.noise == NoiseKind.BETA_BINOMIAL
    unseen = observations.bounded & (observations.y <= UNSEEN_ERRORS * observations.stderr)
    return np.asarray(np.where(counts, observations.successes == 0, unseen))


def gradual_check(family: GradualFamily, observations: Observations, r: float, seed: int) -> GradualCheck:
    """Check the best curve of a family against counts, with between-model variation `r`."""
    above = observations.decades_above
    x = above - float(np.mean(np.unique(above)))
    sd = LOGIT_PER_R * r
    level, slope = _best(int(family), x, observations.successes, observations.trials, sd)
    fitted = _curve(int(family), level, slope, x)
    drawn = _simulated(fitted, observations.trials, sd, seed)
    observed = _deviances(fitted, observations.successes[None, :], observations.trials, sd)[0]
    beyond = np.count_nonzero(_deviances(fitted, drawn, observations.trials, sd) >= observed)
    return GradualCheck(float(1 + beyond) / (SIMULATIONS + 1), fitted)


def _simulated(fitted: Floats, trials: Floats, sd: float, seed: int) -> Floats:
    """Counts (S, N) under the fitted scores (N,)."""
    generator = np.random.default_rng((seed, STREAM))
    noise = sd * generator.standard_normal((SIMULATIONS, len(fitted)))
    shares = expit(np.log(fitted) - np.log1p(-fitted) + noise)
    whole = np.maximum(np.rint(trials), 1.0)  # clusters leave a broken number of examples
    return np.asarray(generator.binomial(whole.astype(np.int64), shares) * (trials / whole))


@compiled
def _best(family: int, x: Floats, successes: Floats, trials: Floats, sd: float) -> tuple[float, float]:
    """Level and slope of largest likelihood: slopes on a grid that is laid ever closer, the best level for each."""
    steepest = STEEPEST_LINE if family == 0 else STEEPEST_EXPONENT * math.log(10.0)
    flat, steep = 0.0, steepest
    least, best_level, best_slope = np.inf, 0.0, 0.0
    for _ in range(ZOOMS):
        step = (steep - flat) / (NODES - 1)
        for j in range(NODES):
            slope = flat + j * step
            level, deviance = _best_level(family, slope, x, successes, trials, sd)
            if deviance < least:
                least, best_level, best_slope = deviance, level, slope
        flat, steep = max(best_slope - step, 0.0), min(best_slope + step, steepest)
    return best_level, best_slope


@part
def _best_level(
    family: int, slope: float, x: Floats, successes: Floats, trials: Floats, sd: float
) -> tuple[float, float]:
    """Level of least deviance for a slope, and that deviance, by golden section; there is one minimum."""
    low, high = LEVELS
    first, second = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_first = _deviance(_curve(family, first, slope, x), successes, trials, sd)
    at_second = _deviance(_curve(family, second, slope, x), successes, trials, sd)
    for _ in range(SECTIONS):
        if at_first <= at_second:
            high, second, at_second = second, first, at_first
            first = high - GOLDEN * (high - low)
            at_first = _deviance(_curve(family, first, slope, x), successes, trials, sd)
        else:
            low, first, at_first = first, second, at_second
            second = low + GOLDEN * (high - low)
            at_second = _deviance(_curve(family, second, slope, x), successes, trials, sd)
    return (first, at_first) if at_first <= at_second else (second, at_second)


@compiled
def _curve(family: int, level: float, slope: float, x: Floats) -> Floats:
    """Scores (N,), kept away from 0 and 1: 1/(1 + exp(-level - slope x)), or exp(-exp(level - slope x))."""
    scores = np.empty(len(x))
    for i in range(len(x)):
        if family == 0:
            score = 1.0 / (1.0 + math.exp(-level - slope * x[i]))
        else:
            score = math.exp(-math.exp(min(level - slope * x[i], 700.0)))
        scores[i] = min(max(score, SMALLEST), 1.0 - SMALLEST)
    return scores


@compiled
def _deviances(fitted: Floats, successes: Floats, trials: Floats, sd: float) -> Floats:
    """Deviances (S,) of counts (S, N)."""
    values = np.empty(len(successes))
    for s in range(len(successes)):
        values[s] = _deviance(fitted, successes[s], trials, sd)
    return values


@part
def _deviance(fitted: Floats, successes: Floats, trials: Floats, sd: float) -> float:
    """-2 log likelihood of counts (N,)."""
    total = 0.0
    for i in range(len(fitted)):
        center = math.log(fitted[i]) - math.log1p(-fitted[i])
        total += _log_probability(successes[i], trials[i], center, sd)
    return -2.0 * total


@part
def _log_probability(k: float, n: float, center: float, sd: float) -> float:
    """Log probability of k of n, binomial with logit ~ N(center, sd²), by Laplace's approximation."""
    constant = math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)
    if sd <= 0.0:
        return constant + _log_binomial(k, n, center)
    # Newton's steps on a log-concave function, each no longer than is safe for a logistic curve.
    eta, precision = center, 1.0 / (sd * sd)
    for _ in range(MOST_STEPS):
        p = 1.0 / (1.0 + math.exp(-eta))
        slope = k - n * p - (eta - center) * precision
        step = slope / (n * p * (1.0 - p) + precision)
        eta += min(max(step, -2.0), 2.0)
        if abs(step) < SETTLED:
            break
    p = 1.0 / (1.0 + math.exp(-eta))
    bend = n * p * (1.0 - p) * sd * sd + 1.0
    return constant + _log_binomial(k, n, eta) - 0.5 * (eta - center) ** 2 * precision - 0.5 * math.log(bend)


@part
def _log_binomial(k: float, n: float, eta: float) -> float:
    """k log p + (n - k) log(1 - p) at logit eta."""
    if eta > 0:
        return (k - n) * eta - n * math.log1p(math.exp(-eta))
    return k * eta - n * math.log1p(math.exp(eta))
