"""Draws around a mode that cells miss: two transitions on either side of one model that stands out from its neighbours.

Such a mode is as narrow as the two gaps between three models, and no centre of a cell need lie in it. Whether a curve
has such a model is read off its scores; the draws are proposed and weighed like all others.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from models.arrays import Floats
from models.curve_models.priors import Parameter, ShapePrior
from models.curve_models.record import design
from models.engines import kernels
from models.engines.cells import EDGE
from models.engines.clouds import COMPONENTS, NARROWEST, cloud_sequence, propose
from models.engines.target import Draws, Target, shape_values
from models.likelihood import NoiseKind, Observations
from models.posterior import Work
from models.scale_means import means_per_scale, sizes_of_tests

TWO_STEPS = ("two_task", "double_logistic")  # curve models of two transitions: m1, gap, w
STANDS_OUT = 4.0  # standard errors of sampling between a model and the nearer one of its two neighbours
# Centres: each transition this share of a gap off its middle, widths in shares of the narrower gap, variations r.
OFF_MIDDLE, WIDTHS, VARIATIONS = (-0.25, 0.25), (1 / 5, 1 / 10, 1 / 20), (0.002, 0.006, 0.015, 0.04)
SPREAD = 1 / 6  # of a gap: standard deviation of each transition
WIDTH_SPREAD, VARIATION_SPREAD = 0.6, 0.8  # of w and r, in standard deviations of their priors
SURPRISE = 1.0  # nats by which the evidence around a dent must exceed that of the cells for these to have missed it


class Dent(NamedTuple):
    """Positions of the model that stands out and of its two neighbours."""

    before: float
    place: float
    after: float


def dent_of(observations: Observations) -> Dent | None:
    """The model farthest below or above both of its neighbours; None where none is beyond what sampling explains."""
    tested = observations.telling  # a place that is only planned for has no score
    positions, sizes = observations.u[tested], sizes_of_tests(observations)[tested]
    u = np.unique(positions)
    if len(u) < 3:
        return None
    y = means_per_scale(positions, sizes, observations.y[None, tested])[0]
    variance = _variance_of_means(positions, sizes, _variances(observations)[tested])
    middle, around = y[1:-1], np.stack([y[:-2], y[2:]])
    outside = np.maximum(around.min(axis=0) - middle, middle - around.max(axis=0))
    errors = np.sqrt(variance[1:-1] + np.maximum(variance[:-2], variance[2:]))
    stands_out = outside / errors
    best = int(np.argmax(stands_out))
    if stands_out[best] < STANDS_OUT:
        return None
    return Dent(*u[best : best + 3].tolist())


def _variances(observations: Observations) -> Floats:
    """Sampling variance (N,) of each score."""
    n = np.maximum(observations.trials, 1.0)
    p = (observations.successes + 0.5) / (n + 1.0)
    counts = observations.noise == NoiseKind.BETA_BINOMIAL
    return np.where(counts, p * (1 - p) / n, observations.stderr**2)


def _variance_of_means(positions: Floats, sizes: Floats, variance: Floats) -> Floats:
    """That of the mean at each position (K,), weighted by sizes."""
    _, place = np.unique(positions, return_inverse=True)
    return np.asarray(np.bincount(place, sizes**2 * variance) / np.bincount(place, sizes) ** 2)


def dent_draws(target: Target, dent: Dent, work: Work) -> Draws:
    """Draws whose transitions lie in the gaps before and after the model that stands out."""
    parameters = target.model.shape
    centers, scale = _centers(target, dent)
    sequence = cloud_sequence(centers.shape[1], target.level_count, work.draws, work.seed)
    proposed, log_density = propose(sequence, centers, scale)
    quantiles = np.clip(ndtr(proposed), EDGE, 1 - EDGE)
    shape = shape_values(parameters, np.clip(ndtr(centers[:, :-1]), EDGE, 1 - EDGE))
    rates = target.variation.quantile(ndtr(centers[:, -1]))
    starts = np.zeros((COMPONENTS, target.level_count))
    modes = kernels.modes(starts, rates, design(target.model, shape, target.u), target.given)
    return Draws(quantiles, modes.take(sequence.nearest, axis=0), sequence.levels, log_density)


def _centers(target: Target, dent: Dent) -> tuple[Floats, Floats]:
    """Centres (C, 4) in normal coordinates and the factor (4, 4) of their covariance."""
    gaps = dent.place - dent.before, dent.after - dent.place
    narrow = min(gaps)
    rows = []
    for first, second, width, r in product(OFF_MIDDLE, OFF_MIDDLE, WIDTHS, VARIATIONS):
        m1 = dent.before + (0.5 + first) * gaps[0]
        m2 = dent.place + (0.5 + second) * gaps[1]
        rows.append((m1, m2 - m1, width * narrow, r))
    values = np.array(rows)
    values[:, -1] = target.variation.cdf(values[:, -1])
    early, between, _ = target.model.shape
    spread = [
        _step(early, dent.before + gaps[0] / 2, SPREAD * gaps[0]),
        _step(between, sum(gaps) / 2, SPREAD * gaps[1]),
        WIDTH_SPREAD,
        VARIATION_SPREAD,
    ]
    for axis, parameter in enumerate(target.model.shape):
        values[:, axis] = parameter.prior.cdf(values[:, axis])
    return np.asarray(ndtri(np.clip(values, EDGE, 1 - EDGE))), np.diag(spread)


def _step(parameter: Parameter[ShapePrior], value: float, step: float) -> float:
    """How far apart two values are in normal coordinates; beyond the edges of the prior there is no distance left."""
    low, high = np.clip(parameter.prior.cdf(np.array([value - step / 2, value + step / 2])), EDGE, 1 - EDGE).tolist()
    return max(float(ndtri(high) - ndtri(low)), NARROWEST)
