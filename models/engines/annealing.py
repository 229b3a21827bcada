"""Posteriors of some ten parameters with several modes and curved ridges: annealed particles, then importance sampling.

Particles drawn from the prior, which is standard normal in the coordinates used here, are led to the posterior through
powers of the likelihood, resampled and moved at each step (sequential Monte Carlo: Del Moral, Doucet and Jasra 2006,
JRSS B 68). A move is along the difference of two particles of the other half (ter Braak 2006, Statistics and Computing
16). Where they end, a mixture of Student t distributions is fitted to them and refitted to its own weighted draws
(adaptive importance sampling: Cappé et al. 2008, Statistics and Computing 18); a share of the prior keeps the weights
bounded. The last draws and their weights are the posterior. The same seed gives the same draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from models.arrays import Floats
from models.engines.mixture import Mixture, fitted, refitted
from models.posterior import effective_sample_size, pareto_k
from models.sobol import sobol

PARTICLES = 1024  # a power of two, as a Sobol sequence wants it
LEAST_SIZE = 0.5  # effective share of the particles that a step may leave
MOVES = 12  # sweeps at each power
JUMPS = 0.1  # share of moves by the whole difference, from one mode to another (ter Braak 2006, section 2)
BEST_STEP = 2.38  # over sqrt(2 d), the same section
SUBSETS = np.array([0.25, 0.5, 1.0])  # shares of the coordinates that a move changes (Vrugt et al. 2009, DREAM)
JITTER = 1e-4
HALVINGS = 40
EDGE = 1e-9
FIT_SIZE = 0.1  # effective share of the draws that a refit uses; larger weights are flattened until then
MOST_REFITS, WHOLE_REFITS = 16, 3  # refits at most, and those with weights as they are
REFIT_DRAWS, LAST_DRAWS = 4096, 16384
LAST_TRIALS, ENOUGH = 4, 1500.0  # sets of last draws, and the effective size that ends them
HEAVY = 0.7  # Vehtari et al. 2024 (arXiv 1507.02646): weights beyond have too heavy a tail

type LogLikelihood = Callable[[Floats], Floats]
"""Log likelihood (S,) at coordinates (S, D), in which the prior is standard normal."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """Draws (S, D) with normalised weights (S,), and how far the weights can be trusted."""

    x: Floats
    weights: Floats
    effective_sample_size: float
    pareto_k: float


def annealed(log_likelihood: LogLikelihood, dimension: int, seed: int) -> Weighted:
    """Weighted draws from the posterior."""
    generator = np.random.default_rng(seed)
    particles = _annealed_particles(log_likelihood, dimension, generator)
    mixture = fitted(particles, np.full(len(particles), 1.0 / len(particles)), generator)
    whole = 0
    for _ in range(MOST_REFITS):
        x, log_weights = _weighed(mixture, log_likelihood, REFIT_DRAWS, generator)
        power = _next_power(log_weights, 0.0, FIT_SIZE)
        mixture = refitted(mixture, x, _normalised(power * log_weights))
        whole += power == 1.0
        if whole >= WHOLE_REFITS:
            break
    return _last_draws(mixture, log_likelihood, generator)


def _last_draws(mixture: Mixture, log_likelihood: LogLikelihood, generator: np.random.Generator) -> Weighted:
    """The best of a few sets of draws, each from a mixture fitted to the one before, until one is good enough."""
    sets: list[Weighted] = []
    while len(sets) < LAST_TRIALS:
        x, log_weights = _weighed(mixture, log_likelihood, LAST_DRAWS, generator)
        weights = _normalised(log_weights)
        sets.append(Weighted(x, weights, effective_sample_size(weights), pareto_k(log_weights)))
        if sets[-1].effective_sample_size >= ENOUGH and sets[-1].pareto_k <= HEAVY:
            return sets[-1]
        power = _next_power(log_weights, 0.0, FIT_SIZE)
        mixture = refitted(mixture, x, _normalised(power * log_weights))
    return max(sets, key=lambda found: found.effective_sample_size)


def _weighed(
    mixture: Mixture, log_likelihood: LogLikelihood, count: int, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """Draws of a mixture and their log weights."""
    x = mixture.draws(count, generator)
    prior = -0.5 * np.sum(x**2, axis=1) - 0.5 * x.shape[1] * np.log(2 * np.pi)
    return x, log_likelihood(x) + prior - mixture.log_density(x)


def _normalised(log_weights: Floats) -> Floats:
    weights = np.exp(log_weights - log_weights.max())
    return np.asarray(weights / weights.sum())


class _Swarm:
    """The particles, with their log likelihoods."""

    def __init__(self, log_likelihood: LogLikelihood, x: Floats, generator: np.random.Generator) -> None:
        self._log_likelihood, self._generator = log_likelihood, generator
        self.x, self.value = x, log_likelihood(x)

    def resample(self, weights: Floats) -> None:
        """Keep particles in proportion to their weights, systematically."""
        count = len(self.x)
        places = (np.arange(count) + self._generator.random()) / count * weights.sum()
        chosen = np.minimum(np.searchsorted(np.cumsum(weights), places), count - 1)
        self.x, self.value = self.x[chosen], self.value[chosen]

    def sweep(self, power: float) -> None:
        """Move each half along differences of the other one."""
        mixed = self._generator.permutation(len(self.x))
        half = len(self.x) // 2
        for own, other in ((mixed[:half], mixed[half:]), (mixed[half:], mixed[:half])):
            old, old_value = self.x[own], self.value[own]
            new = old + self._step(self.x[other], old.shape)
            value = self._log_likelihood(new)
            change = power * (value - old_value) - 0.5 * np.sum(new**2 - old**2, axis=1)
            taken = np.log(self._generator.random(len(own))) < change
            self.x[own[taken]], self.value[own[taken]] = new[taken], value[taken]

    def _step(self, other: Floats, size: tuple[int, ...]) -> Floats:
        count, dimension = size
        first = self._generator.integers(len(other), size=count)
        second = (first + self._generator.integers(1, len(other), size=count)) % len(other)
        share = self._generator.choice(SUBSETS, size=(count, 1))
        changed = self._generator.random(size) < share
        usual = BEST_STEP / np.sqrt(2 * np.maximum(changed.sum(axis=1, keepdims=True), 1))
        jump = self._generator.random((count, 1)) < JUMPS
        difference = np.where(jump, 1.0, usual) * (other[first] - other[second])
        return np.where(changed, difference + JITTER * self._generator.standard_normal((count, dimension)), 0.0)


def _annealed_particles(log_likelihood: LogLikelihood, dimension: int, generator: np.random.Generator) -> Floats:
    uniform = sobol(dimension, PARTICLES, generator)
    swarm = _Swarm(log_likelihood, np.asarray(ndtri(np.clip(uniform, EDGE, 1 - EDGE))), generator)
    power = 0.0
    while power < 1.0:
        after = _next_power(swarm.value, power)
        swarm.resample(np.exp((after - power) * (swarm.value - swarm.value.max())))
        power = after
        for _ in range(MOVES):
            swarm.sweep(power)
    return swarm.x


def _next_power(values: Floats, power: float, least: float = LEAST_SIZE) -> float:
    """The largest power up to 1 whose weights leave enough effective particles."""
    if _effective_share(values, 1.0 - power) >= least:
        return 1.0
    low, high = 0.0, 1.0 - power
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _effective_share(values, middle) >= least else (low, middle)
    return power + max(low, float(np.finfo(np.float64).eps))


def _effective_share(values: Floats, step: float) -> float:
    return effective_sample_size(np.exp(step * (values - values.max()))) / len(values)
