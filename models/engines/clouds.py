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
from models.compiled import compiled, part
from models.curve_models.record import design, normal_from_levels
from models.engines import kernels
from models.engines.cells import EDGE
from models.engines.target import Draws, Target, Weighted, level_noise
from models.posterior import Work, effective_sample_size
from models.sobol import sobol

COMPONENTS = 48
PLACES = (np.arange(COMPONENTS) + 0.5) / COMPONENTS  # of the components among the draws, by running weight
PRIOR_SHARE = 0.08  # of the draws that come from the prior of shape and r
FEWEST_EFFECTIVE, FLATTENING, FLATTEST = 40.0, 0.8, 1e-3  # effective draws to build on, and the powers tried
NARROWEST = 1e-4  # smallest standard deviation along an axis, in prior standard deviations
FURTHEST = 7.0  # normal coordinates stay where the distribution function is not 0 or 1 in double precision
NEAREST_START = 3.0  # Newton steps start no further out than this


@dataclass(frozen=True, slots=True)
class CloudSequence:
    """Components (S,), -1 for the prior, and from quasi-random numbers t noise (S, d), prior draws (S, d), level noise.

    `nearest` (S,) are the components whose levels each draw starts from.
    """

    component: Ints
    nearest: Ints
    noise: Floats
    prior: Floats
    levels: Floats


def cloud_draws(target: Target, before: Weighted, z: Floats, work: Work) -> Draws:
    """Draws proposed around those of `before`, whose shape and r are z (S, d) in normal coordinates."""
    weights, effective = _tempered(before.log_weights)
    chosen = _systematic(weights)
    centers, scale = z.take(chosen, axis=0), _bandwidth(weights, effective, z)
    sequence = cloud_sequence(z.shape[1], target.level_count, work.draws, work.seed)
    proposed, log_density = propose(sequence, centers, scale)
    quantiles = np.asarray(ndtr(proposed))
    np.minimum(np.maximum(quantiles, EDGE, out=quantiles), 1 - EDGE, out=quantiles)
    starts = _modes(target, before, chosen).take(sequence.nearest, axis=0)
    return Draws(quantiles, starts, sequence.levels, log_density)


def propose(sequence: CloudSequence, centers: Floats, scale: Floats) -> tuple[Floats, Floats]:
    """Normal coordinates (S, d) of draws around the centres (C, d), and the log density (S,) there over the prior's."""
    proposed = _proposed(sequence.component, sequence.noise, sequence.prior, centers, scale)
    d = proposed.shape[1]
    df = _degrees_of_freedom(d)
    inverse = np.linalg.inv(scale)
    constant = math.lgamma((df + d) / 2) - math.lgamma(df / 2) - 0.5 * d * math.log(df * math.pi)
    constant -= float(np.sum(np.log(np.diag(scale))))
    return proposed, _log_ratio(proposed, np.ascontiguousarray((centers @ inverse.T).T), inverse, df, constant)


def _modes(target: Target, before: Weighted, chosen: Ints) -> Floats:
    """Modes (C, p) of the levels at the chosen draws' shape and r."""
    levels = normal_from_levels(target.model, before.levels.take(chosen, axis=0))
    np.minimum(np.maximum(levels, -NEAREST_START, out=levels), NEAREST_START, out=levels)
    place = design(target.model, before.shape.take(chosen, axis=0), target.u)
    return kernels.modes(levels, before.r[chosen], place, target.given)


def _tempered(log_weights: Floats) -> tuple[Floats, float]:
    """Weights and their effective number, flattened by a power below one where hardly any draw counts.

    Narrow ridges are reached in steps.
    """
    centered = log_weights - log_weights.max()
    power, weights = 1.0, np.exp(centered)
    effective = effective_sample_size(weights)
    while effective < FEWEST_EFFECTIVE and power > FLATTEST:
        power *= FLATTENING
        weights = np.exp(power * centered)
        effective = effective_sample_size(weights)
    return weights, effective


def _systematic(weights: Floats) -> Ints:
    """Indices (C,) of draws in proportion to their weights, one for each component."""
    cumulative = weights.cumsum()
    return np.asarray(np.minimum(cumulative.searchsorted(PLACES * cumulative[-1]), len(weights) - 1))


def _bandwidth(weights: Floats, effective: float, z: Floats) -> Floats:
    """Cholesky factor (d, d) of the components' covariance: the weighted one, narrowed by Scott's rule."""
    d = z.shape[1]
    share = weights / weights.sum()
    centered = z - share @ z
    covariance = centered.T @ (centered * share[:, None]) + NARROWEST**2 * np.eye(d)
    narrowing = max(effective, 2.0) ** (-1 / (d + 4))
    return np.asarray(np.linalg.cholesky(covariance) * narrowing)


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
    """Log density (S,) at x (S, d) of the mixture, over that of the prior; `constant` is that of one t density.

    The whitened centres are (d, C).
    """
    count, d = x.shape
    components = whitened_centers.shape[1]
    ratio = np.empty(count)
    whitened, bases, powers = np.empty(d), np.empty(components), np.empty(components)
    for s in range(count):
        log_prior = -0.5 * d * math.log(2 * math.pi)
        for a in range(d):
            log_prior -= 0.5 * x[s, a] ** 2
            whitened[a] = 0.0
            for b in range(a + 1):
                whitened[a] += inverse[a, b] * x[s, b]
        total = _density_sum(whitened, whitened_centers, df, bases, powers)
        mean = math.exp(constant) * total / components
        ratio[s] = math.log((1 - PRIOR_SHARE) * mean * math.exp(-log_prior) + PRIOR_SHARE)
    return ratio


@part
def _density_sum(x: Floats, centers: Floats, df: int, bases: Floats, powers: Floats) -> float:
    """Sum over the components of t densities at x (d,), without their constant; the last two arguments are for work.

    Step by step for all components at once, which compiles to vector instructions.
    """
    d, components = centers.shape
    for c in range(components):
        bases[c] = 0.0
    for a in range(d):
        for c in range(components):
            bases[c] += (x[a] - centers[a, c]) ** 2
    for c in range(components):
        bases[c] = 1.0 / (1.0 + bases[c] / df)
        powers[c] = bases[c]
    for _ in range((df + d) // 2 - 1):
        for c in range(components):
            powers[c] *= bases[c]
    total = 0.0
    for c in range(components):
        total += powers[c]
    return total


@lru_cache(maxsize=256)
def cloud_sequence(d: int, p: int, draws: int, seed: int) -> CloudSequence:
    """The quasi-random numbers of draws of d parameters of the shape, r among them, and p levels."""
    numbers = np.clip(sobol(3 + d + p, draws, np.random.default_rng([seed, d, p, 1])), EDGE, 1 - EDGE)
    z = np.asarray(ndtri(numbers[:, 1 : 1 + d]))
    df = _degrees_of_freedom(d)
    spread = np.sqrt(df / (2 * gammaincinv(df / 2, numbers[:, 1 + d])))
    levels = level_noise(numbers[:, 2 + d], numbers[:, 3 + d :])
    component = _components(numbers[:, 0])
    return CloudSequence(component, np.maximum(component, 0), z * spread[:, None], z, levels)


def _components(pick: Floats) -> Ints:
    """Components (S,), or -1 for the prior, by uniform numbers (S,)."""
    component = np.minimum((pick - PRIOR_SHARE) / (1 - PRIOR_SHARE) * COMPONENTS, COMPONENTS - 1)
    component = np.maximum(component, -1.0).astype(np.int64)
    component[pick < PRIOR_SHARE] = -1
    return component
