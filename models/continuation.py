"""A curve beyond its largest model: what the curve models say there, and the chance of a turn that is unseen.

Two things can happen. A turn beyond the largest model: it has the stated hazard per decade, and its form the prior of
the curve models over the range extended to the new scale. Or none, in one of three ways that are equally probable
before the data, for nobody knows where on a curve the observation stopped: the features of the curve are of the size of
the extended range; they are of the size of the observed range, and it runs on; it is a straight line on the logit. The
evidence weighs all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from models.arrays import Bools, Floats
from models.curve_models import menu
from models.curve_models.priors import HalfCauchy
from models.curve_models.record import Context
from models.diagnostics import SMALLEST_AGREEING
from models.engines.quadrature import quadrature
from models.likelihood import NoiseKind, Observations
from models.options import Shape
from models.pool import Pool, mean_curves, pooled, prior_vector
from models.posterior import Work, effective_sample_size
from models.resampling import resampled
from models.straight_line import line_pool, of_classes
from models.turn_prior import TURNED, mass_beyond

DRAWS = 512  # effective ones to aim at of each engine run, as in an analysis
FEWEST_EFFECTIVE = 200.0  # from which the ends of an 80 % interval are known to two points of coverage
MORE_DRAWS = 2  # times as many where there were fewer
LINE_DRAWS = 256
FEWEST_COUNTS = 10.0  # successes and failures from which errors on shared items are correlated like normal ones
SAME_TEST_SET = 0.01  # relative difference of the test sets' sizes up to which they are taken to be one
DIGITS = 9
TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a forecast takes as known: all of it can be learnt from a suite.

    `between_model_scale`: s of the between-model variation. `item_correlation`: of the sampling errors of two models
    that answer the same items. `turn_hazard`: turns per decade of scale.
    """

    between_model_scale: float
    item_correlation: float
    turn_hazard: float
    class_prior: dict[Shape, float]

    def turn_probability(self, decades: float) -> float:
        """Prior probability of a turn within so many decades."""
        return -math.expm1(-self.turn_hazard * decades)


class Without(Enum):
    """What happens where no turn comes; equally probable before the data."""

    LONGER_FEATURES = "features of the size of the extended range"
    RUNNING_ON = "features of the size of the observed range"
    LINE = "a straight line on the logit"


@dataclass(frozen=True, slots=True)
class Part:
    """Draws of one engine run with their weights (T,), which sum to one over all parts, and the target's position."""

    pool: Pool
    weights: Floats
    position: float


@dataclass(frozen=True, slots=True)
class Continuation:
    """The curve at one scale beyond the largest model. `reliable`: the engine got enough effective draws."""

    parts: tuple[Part, ...]
    probability_turn: float
    reliable: bool

    def draws(self, count: int) -> tuple[Floats, Floats]:
        """Equally weighted draws (count,) of the mean performance at the target, and of r."""
        indices = resampled(np.concatenate([part.weights for part in self.parts]), count)
        means, r, first = np.empty(count), np.empty(count), 0
        for part in self.parts:
            rows = np.flatnonzero((indices >= first) & (indices < first + len(part.weights)))
            own = indices[rows] - first
            mean = mean_curves(part.pool, own, np.array([part.position]))[:, 0]
            # Straight lines on the score itself, which are inside the bounds over the range that was observed.
            means[rows] = np.clip(mean, 0.0, 1.0) if part.pool.context.bounded else mean
            r[rows] = part.pool.r[own]
            first += len(part.weights)
        return means, r


def posterior_pool(observations: Observations, reach: float, assumptions: Assumptions, work: Work) -> Pool:
    """The curve models on a curve whose range is taken to be `reach` decades, at least the observed ones."""
    rescaled = replace(observations, u=observations.u * (observations.decades / reach))
    context = reaching_context(observations.context, observations, reach)
    sharper = sharpened(rescaled, assumptions.item_correlation)
    variation = HalfCauchy(assumptions.between_model_scale)
    return pooled(quadrature(menu(context), sharper, variation, work), context)


def reaching_context(context: Context, observations: Observations, reach: float) -> Context:
    """The context of a curve over a longer range."""
    u_mean = float(np.mean(np.unique(observations.u))) * observations.decades / reach
    return replace(context, decades=round(reach, DIGITS), u_mean=round(u_mean, DIGITS))


def sharpened(observations: Observations, item_correlation: float) -> Observations:
    """Counts of a test set that all models share: only the uncorrelated part of the error blurs the curve's form.

    The common part moves the whole curve of this test set and is no scatter around it. As with clusters, k/d of n/d,
    here with d = 1 - correlation; not where either count is small, for rare successes are not normal.
    """
    shared = correlated(observations)
    divisor = np.where(shared, 1.0 - item_correlation, 1.0)
    return replace(
        observations,
        successes=observations.successes / divisor,
        trials=observations.trials / divisor,
        pairing=None,
    )


def correlated(observations: Observations) -> Bools:
    """Which points (N,) have errors that are correlated as normal ones are: one test set, no count small."""
    k, n = observations.successes, observations.trials
    counts = observations.noise == NoiseKind.BETA_BINOMIAL
    same = bool(np.ptp(n) <= SAME_TEST_SET * n.max()) if counts.all() else False
    return np.asarray(counts & (k >= FEWEST_COUNTS) & (n - k >= FEWEST_COUNTS) & same)


@dataclass(frozen=True, slots=True)
class Observed:
    """The curve over its observed range, the same for every target: all curve models, and a straight line."""

    models: Pool
    line: Pool
    reliable: bool


def running_on(observations: Observations, assumptions: Assumptions, seed: int) -> Observed:
    """What runs on beyond the observed range."""
    models, reliable = _enough(observations, observations.decades, assumptions, seed)
    sharper = sharpened(observations, assumptions.item_correlation)
    line = line_pool(sharper, HalfCauchy(assumptions.between_model_scale), Work(LINE_DRAWS, seed))
    return Observed(models, line, reliable)


def continuation(
    observations: Observations, distance: float, assumptions: Assumptions, observed: Observed, seed: int
) -> Continuation:
    """The curve `distance` decades beyond its largest scale; `observed` from `running_on`."""
    reach = observations.decades + distance
    extended, reliable = _enough(observations, reach, assumptions, seed)
    prior, last = prior_vector(assumptions.class_prior), observations.decades / reach
    unseen = np.isin(extended.code, TURNED) & (extended.marks.position > last)
    beyond = float(prior @ mass_beyond(extended, last))
    turn = assumptions.turn_probability(distance) if 0.0 < beyond < 1.0 else 0.0
    new = extended.share * prior[extended.code]
    stays = (1.0 - turn) / len(Without) / max(1.0 - beyond, TINY)
    line, models = observed.line, observed.models
    parts = [
        (extended, new * np.where(unseen, turn / max(beyond, TINY), stays), 1.0),
        (models, models.share * prior[models.code] * ((1.0 - turn) / len(Without)), 1.0 / last),
        (line, line.share * of_classes(line, prior)[line.code] * ((1.0 - turn) / len(Without)), 1.0 / last),
    ]
    unit = max(pool.log_unit for pool, _, _ in parts)
    weighed = [(pool, weights * math.exp(pool.log_unit - unit), place) for pool, weights, place in parts]
    total = sum(float(weights.sum()) for _, weights, _ in weighed)
    kept = tuple(Part(pool, weights / total, place) for pool, weights, place in weighed)
    return Continuation(kept, float(kept[0].weights[unseen].sum()), reliable and observed.reliable)


def _enough(observations: Observations, reach: float, assumptions: Assumptions, seed: int) -> tuple[Pool, bool]:
    """A pool with enough effective draws, and whether it has them; the better of two runs where a first had too few."""
    prior = prior_vector(assumptions.class_prior)
    first = posterior_pool(observations, reach, assumptions, Work(DRAWS, seed))
    if _effective(first, prior) >= FEWEST_EFFECTIVE:
        return first, True
    # As many draws for every model: the first run may have misjudged how much a model counts.
    second = posterior_pool(observations, reach, assumptions, Work(MORE_DRAWS * DRAWS, seed, even=True).renewed(-1))
    best = max(first, second, key=lambda pool: _effective(pool, prior))
    return best, _effective(best, prior) >= SMALLEST_AGREEING


def _effective(pool: Pool, prior: Floats) -> float:
    return effective_sample_size(pool.share * prior[pool.code])
