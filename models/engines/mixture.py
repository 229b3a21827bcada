"""A mixture of Student t distributions fitted to weighted draws, with a share of the standard normal prior."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv, gammaln, ndtri

from models.arrays import Floats
from models.compiled import compiled, part
from models.sobol import sobol

COMPONENTS = 10
FIRST_ROUNDS, ROUNDS = 12, 4  # of expectation and maximisation, from scattered centres and from an earlier mixture
FREEDOM = 7.0  # degrees of freedom: tails heavier than those of any posterior here
PRIOR_SHARE = 0.05  # of the draws, from the prior itself
SMALLEST_SHARE = 1e-3  # of a component that is kept
PULL = 0.02  # of each covariance towards that of all draws, so that no component collapses
WIDENING = 1.15  # of each covariance, for the weights' sake
WHOLE_SHARE, WHOLE_WIDENING = 0.1, 1.5  # of one component over all draws
EDGE = 1e-12


@dataclass(frozen=True, slots=True)
class Normals:
    """A mixture of normal distributions: shares (C,), centres (C, D), lower Cholesky factors (C, D, D)."""

    shares: Floats
    centres: Floats
    factors: Floats


@dataclass(frozen=True, slots=True)
class Mixture:
    """Student t distributions around `normals`, one over everything, and the prior; `parts` are all but the prior."""

    normals: Normals
    parts: Normals

    def log_density(self, x: Floats) -> Floats:
        """Log density (S,) at x (S, D)."""
        d = x.shape[1]
        constant = gammaln((FREEDOM + d) / 2) - gammaln(FREEDOM / 2) - 0.5 * d * np.log(FREEDOM * np.pi)
        parts = self.parts
        logs = np.log(parts.shares * (1 - PRIOR_SHARE)) + constant - _log_volumes(parts.factors)
        of_prior = math.log(PRIOR_SHARE) - 0.5 * d * math.log(2 * math.pi)
        return np.asarray(_log_densities(x, logs, parts.centres, parts.factors, of_prior))

    def draws(self, count: int, generator: np.random.Generator) -> Floats:
        """Draws (count, D), a power of two, from a scrambled Sobol sequence."""
        d = self.parts.centres.shape[1]
        v = np.clip(sobol(d + 2, count, generator), EDGE, 1 - EDGE)
        normal = np.asarray(ndtri(v[:, :d]))
        stretch = np.sqrt(FREEDOM / (2 * gammaincinv(FREEDOM / 2, v[:, d])))
        chosen = np.searchsorted(np.cumsum(self.parts.shares) * (1 - PRIOR_SHARE), v[:, d + 1])
        for c, (centre, factor) in enumerate(zip(self.parts.centres, self.parts.factors, strict=True)):
            rows = np.flatnonzero(chosen == c)
            normal[rows] = centre + stretch[rows, None] * _spread_by(normal[rows], factor)
        return normal


def fitted(x: Floats, weights: Floats, generator: np.random.Generator) -> Mixture:
    """The mixture of x (S, D) with normalised weights (S,), from scattered centres."""
    whole = _covariance(x, weights)
    centres = x[_scattered(x, weights, whole, generator)]
    factors = np.repeat(np.linalg.cholesky(whole)[None], len(centres), axis=0)
    normals = Normals(np.full(len(centres), 1.0 / len(centres)), centres, factors)
    return _maximised(normals, x, weights, FIRST_ROUNDS)


def refitted(mixture: Mixture, x: Floats, weights: Floats) -> Mixture:
    """The mixture of x (S, D) with normalised weights (S,), from an earlier one."""
    return _maximised(mixture.normals, x, weights, ROUNDS)


def _maximised(normals: Normals, x: Floats, weights: Floats, rounds: int) -> Mixture:
    whole = _covariance(x, weights)
    for _ in range(rounds):
        logs = np.log(normals.shares) - _log_volumes(normals.factors)
        mass, first, second = _moments(x, weights, logs, normals.centres, normals.factors)
        kept = mass > SMALLEST_SHARE
        mass, centres = mass[kept], first[kept] / mass[kept, None]
        own = second[kept] / mass[:, None, None] - centres[:, :, None] * centres[:, None, :]
        covariances = (1 - PULL) * own + PULL * whole + EDGE * np.eye(x.shape[1])
        normals = Normals(mass / mass.sum(), centres, np.linalg.cholesky(covariances))
    return Mixture(normals, _with_whole(normals, weights @ x, whole))


def _with_whole(normals: Normals, centre: Floats, whole: Floats) -> Normals:
    """Wider normals, and one over everything, so that what lies between them is not forgotten."""
    wide = np.linalg.cholesky(WHOLE_WIDENING * whole)
    return Normals(
        np.append((1 - WHOLE_SHARE) * normals.shares, WHOLE_SHARE),
        np.vstack([normals.centres, centre]),
        np.concatenate([math.sqrt(WIDENING) * normals.factors, wide[None]]),
    )


def _covariance(x: Floats, weights: Floats) -> Floats:
    apart = x - weights @ x
    return np.asarray((weights[:, None] * apart).T @ apart + EDGE * np.eye(x.shape[1]))


def _log_volumes(factors: Floats) -> Floats:
    return np.asarray(np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1))


def _scattered(x: Floats, weights: Floats, whole: Floats, generator: np.random.Generator) -> list[int]:
    """Draws far from one another to begin with (Arthur and Vassilvitskii 2007, k-means++)."""
    scaled = np.linalg.solve(np.linalg.cholesky(whole), x.T).T
    chosen = [int(generator.choice(len(x), p=weights))]
    nearest = np.sum((scaled - scaled[chosen[0]]) ** 2, axis=1)
    for _ in range(COMPONENTS - 1):
        chance = nearest * weights + EDGE / len(x)
        chosen.append(int(generator.choice(len(x), p=chance / chance.sum())))
        nearest = np.minimum(nearest, np.sum((scaled - scaled[chosen[-1]]) ** 2, axis=1))
    return chosen


# Plain loops: matrices of ten rows are too small for a linear algebra library with threads.


@part
def _square(x: Floats, centre: Floats, factor: Floats, work: Floats) -> float:
    """Squared length of factor⁻¹ (x - centre)."""
    total = 0.0
    for i in range(len(x)):
        value = x[i] - centre[i]
        for j in range(i):
            value -= factor[i, j] * work[j]
        work[i] = value / factor[i, i]
        total += work[i] * work[i]
    return total


@compiled
def _log_densities(x: Floats, logs: Floats, centres: Floats, factors: Floats, of_prior: float) -> Floats:
    """Log of the sum of the t distributions and the prior."""
    count, d = x.shape
    parts, work, values = np.empty(len(logs) + 1), np.empty(d), np.empty(count)
    for s in range(count):
        parts[-1] = of_prior - 0.5 * np.sum(x[s] * x[s])
        for c in range(len(logs)):
            square = _square(x[s], centres[c], factors[c], work)
            parts[c] = logs[c] - 0.5 * (FREEDOM + d) * math.log1p(square / FREEDOM)
        largest = parts.max()
        values[s] = largest + math.log(np.sum(np.exp(parts - largest)))
    return values


@compiled
def _moments(
    x: Floats, weights: Floats, logs: Floats, centres: Floats, factors: Floats
) -> tuple[Floats, Floats, Floats]:
    """Mass (C,), first (C, D) and second moments (C, D, D) of what each normal has of the draws."""
    size, d = centres.shape
    mass, first, second = np.zeros(size), np.zeros((size, d)), np.zeros((size, d, d))
    parts, work = np.empty(size), np.empty(d)
    for s in range(len(x)):
        if weights[s] <= 0.0:
            continue
        for c in range(size):
            parts[c] = logs[c] - 0.5 * _square(x[s], centres[c], factors[c], work)
        duty = np.exp(parts - parts.max())
        duty *= weights[s] / duty.sum()
        for c in range(size):
            if duty[c] > EDGE * weights[s]:
                mass[c] += duty[c]
                for i in range(d):
                    first[c, i] += duty[c] * x[s, i]
                    for j in range(d):
                        second[c, i, j] += duty[c] * x[s, i] * x[s, j]
    return mass, first, second


@compiled
def _spread_by(normal: Floats, factor: Floats) -> Floats:
    """normal (S, D) times the transposed factor."""
    spread = np.zeros_like(normal)
    for s in range(len(normal)):
        for i in range(normal.shape[1]):
            for j in range(i + 1):
                spread[s, i] += factor[i, j] * normal[s, j]
    return spread
