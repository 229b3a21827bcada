"""Proposal by clouds: a mixture of t distributions around the best draws of an earlier pass.

Shape parameters and r are taken to standard normal coordinates, where their prior is N(0, I). One covariance serves all
components, so the mixture's density is a matrix of distances; a share of draws from the prior itself keeps every
weight bounded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import gammaincinv, ndtr, ndtri

from models.arrays import Floats, Ints
from models.compiled import compiled
from models.curve_models.record import design, normal_from_levels
from models.engines import kernels
from models.engines.cells import EDGE
from models.engines.target import Draws, Target, level_noise
from models.posterior import ModelPosterior, Work, effective_sample_size
from models.sobol import sobol

COMPONENTS = 48
PRIOR_SHARE = 0.08  # of the draws that come from the prior of shape and r
FEWEST_EFFECTIVE, FLATTENING, FLATTEST = 40.0, 0.8, 1e-3  # effective draws to build on, and the powers tried
NARROWEST = 1e-4  # smallest standard deviation along an axis, in prior standard deviations
FURTHEST = 7.0  # normal coordinates stay where the distribution function is not 0 or 1 in double precision
NEAREST_START = 3.0  # Newton steps start no further out than this


@dataclass(frozen=True, slots=True)
class _Sequence:
    """Quasi-random numbers: component picker (S,), t noise (S, d), prior draws (S, d), noise of levels."""

    pick: Floats
    noise: Floats
    prior: Floats
    levels: Floats


def cloud_draws(target: Target, before: ModelPosterior, quantiles: Floats, work: Work) -> Draws:
    """Draws proposed around those of `before`, whose prior quantiles are `quantiles` (S, d)."""
    weights = _tempered(before.log_weights)
    z = np.asarray(ndtri(quantiles))
    chosen = _systematic(weights, COMPONENTS)
    scale = _bandwidth(weights, z)
    sequence = _sequence(z.shape[1], target.level_count, work.draws, work.seed)
    component = np.minimum((sequence.pick - PRIOR_SHARE) / (1 - PRIOR_SHARE) * COMPONENTS, COMPONENTS - 1)
    component = np.maximum(component, -1.0).astype(np.int64)
    component[sequence.pick < PRIOR_SHARE] = -1
    proposed = _proposed(component, sequence.noise, sequence.prior, z[chosen], scale)
    return Draws(
        np.clip(ndtr(proposed), EDGE, 1 - EDGE),
        _modes(target, before, chosen)[np.maximum(component, 0)],
        sequence.levels,
        _log_mixture(proposed, z[chosen], scale),
    )


def _modes(target: Target, before: ModelPosterior, chosen: Ints) -> Floats:
    """Modes (C, p) of the levels at the chosen draws' shape and r."""
    levels = np.clip(normal_from_levels(target.model, before.levels[chosen]), -NEAREST_START, NEAREST_START)
    place = design(target.model, before.shape[chosen], target.u)
    return kernels.modes(levels, before.r[chosen], place, target.given)


def _tempered(log_weights: Floats) -> Floats:
    """Weights, flattened by a power below one where hardly any draw counts: narrow ridges are reached in steps."""
    centered = log_weights - log_weights.max()
    power, weights = 1.0, np.exp(centered)
    while effective_sample_size(weights) < FEWEST_EFFECTIVE and power > FLATTEST:
        power *= FLATTENING
        weights = np.exp(power * centered)
    return weights


def _systematic(weights: Floats, count: int) -> Ints:
    """Indices of `count` draws in proportion to their weights."""
    cumulative = np.cumsum(weights)
    places = (np.arange(count) + 0.5) / count * cumulative[-1]
    return np.asarray(np.minimum(np.searchsorted(cumulative, places), len(weights) - 1))


def _bandwidth(weights: Floats, z: Floats) -> Floats:
    """Cholesky factor (d, d) of the components' covariance: the weighted one, narrowed by Scott's rule."""
    d = z.shape[1]
    share = weights / weights.sum()
    centered = z - share @ z
    covariance = centered.T @ (centered * share[:, None]) + NARROWEST**2 * np.eye(d)
    narrowing = max(effective_sample_size(weights), 2.0) ** (-1 / (d + 4))
    return np.asarray(np.linalg.cholesky(covariance) * narrowing)


def _log_mixture(x: Floats, centers: Floats, scale: Floats) -> Floats:
    """Log density (S,) of the mixture of t components and the prior, over that of the prior."""
    d = x.shape[1]
    df = _degrees_of_freedom(d)
    inverse = np.linalg.inv(scale)
    constant = math.lgamma((df + d) / 2) - math.lgamma(df / 2) - 0.5 * d * math.log(df * math.pi)
    constant -= float(np.sum(np.log(np.diag(scale))))
    return _log_ratio(x, centers @ inverse.T, inverse, df, constant)


def _degrees_of_freedom(d: int) -> int:
    """4 or 5, so that the density's exponent is a whole number: many times quicker."""
    return 4 + d % 2


@compiled
def _proposed(component: Ints, noise: Floats, prior: Floats, centers: Floats, scale: Floats) -> Floats:
    """Normal coordinates (S, d): t noise around a centre, or where the component is -1 the prior's."""
    proposed = np.empty_like(noise)
    count, d = noise.shape
    for s in range(count):
        for a in range(d):
            value = prior[s, a]
            if component[s] >= 0:
                value = centers[component[s], a]
                for b in range(a + 1):
                    value += scale[a, b] * noise[s, b]
            proposed[s, a] = min(max(value, -FURTHEST), FURTHEST)
    return proposed


@compiled
def _log_ratio(x: Floats, whitened_centers: Floats, inverse: Floats, df: int, constant: float) -> Floats:
    """Log density (S,) at x (S, d) of the mixture, over that of the prior; `constant` is that of one t density."""
    count, d = x.shape
    ratio, exponent = np.empty(count), (df + d) // 2
    whitened = np.empty(d)
    for s in range(count):
        log_prior = -0.5 * d * math.log(2 * math.pi)
        for a in range(d):
            log_prior -= 0.5 * x[s, a] ** 2
            whitened[a] = 0.0
            for b in range(a + 1):
                whitened[a] += inverse[a, b] * x[s, b]
        total = 0.0
        for c in range(len(whitened_centers)):
            distance = 0.0
            for a in range(d):
                distance += (whitened[a] - whitened_centers[c, a]) ** 2
            base = 1.0 / (1.0 + distance / df)
            power = base
            for _ in range(exponent - 1):
                power *= base
            total += power
        mean = math.exp(constant) * total / len(whitened_centers)
        ratio[s] = math.log((1 - PRIOR_SHARE) * mean * math.exp(-log_prior) + PRIOR_SHARE)
    return ratio


@lru_cache(maxsize=256)
def _sequence(d: int, p: int, draws: int, seed: int) -> _Sequence:
    numbers = np.clip(sobol(3 + d + p, draws, np.random.default_rng([seed, d, p, 1])), EDGE, 1 - EDGE)
    z = np.asarray(ndtri(numbers[:, 1 : 1 + d]))
    df = _degrees_of_freedom(d)
    spread = np.sqrt(df / (2 * gammaincinv(df / 2, numbers[:, 1 + d])))
    levels = level_noise(numbers[:, 2 + d], numbers[:, 3 + d :])
    return _Sequence(numbers[:, 0], z * spread[:, None], z, levels)
