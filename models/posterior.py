"""The posterior of one curve model as weighted draws: what an engine returns and all else is computed from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.arrays import Floats
from models.compiled import compiled, part
from models.curve_models.priors import HalfCauchy
from models.curve_models.record import CurveModel
from models.likelihood import Observations


@dataclass(frozen=True, slots=True)
class SamplerChecks:
    """Convergence figures of a Markov chain sampler: the worst over the parameters."""

    r_hat: float
    ess_bulk: float
    ess_tail: float
    divergences: int
    bfmi: float


@dataclass(frozen=True)
class ModelPosterior:
    """S draws: shape parameters (S, q), levels (S, p), between-model variation r (S,), log weights (S,).

    The mean of exp(log_weights) is the evidence, exp(log_evidence), all constants kept. `equal`: the weights are so by
    construction.
    """

    model: CurveModel
    shape: Floats
    levels: Floats
    r: Floats
    log_weights: Floats
    log_evidence: float
    effective_sample_size: float
    draws: int
    checks: SamplerChecks | None = None
    equal: bool = False

    @cached_property
    def pareto_k(self) -> float | None:
        """Shape of the weights' tail; None where they are equal by construction."""
        return None if self.equal else pareto_k(self.log_weights)


@dataclass(frozen=True, slots=True)
class Work:
    """How much an engine shall do: effective draws of the averaged posterior to aim at, and the seed.

    `even`: the same draws for every model, also for those whose evidence is negligible.
    """

    draws: int
    seed: int
    even: bool = False

    def renewed(self, number: int) -> Work:
        """The same work with other random numbers."""
        return Work(self.draws, self.seed + (number % NUMBERS) * SEED_STEP, self.even)


Engine = Callable[[Sequence[CurveModel], Observations, HalfCauchy, Work], tuple[ModelPosterior, ...]]
"""(curve models, observations, prior of r, work) -> one posterior per curve model."""


def effective_sample_size(weights: Floats) -> float:
    """Kish's (sum w)²/sum w²; 0 when all weights vanish."""
    square = float(np.sum(weights**2))
    return float(np.sum(weights)) ** 2 / square if square > 0 else 0.0


NUMBERS, SEED_STEP = 256, 2**40  # further apart than any two seeds that a request can name
TAIL_SHARE, TAIL_ROOT = 0.2, 3.0  # Vehtari et al. 2024 (arXiv 1507.02646), section 3.2
FEWEST_TAIL_DRAWS = 5
PRIOR_STRENGTH = 10.0  # the same, appendix G: shrinks k towards 1/2


def pareto_k(log_weights: Floats) -> float:
    """Shape of the generalised Pareto fitted to the largest weights (Vehtari et al., arXiv 1507.02646, eq. 5-7)."""
    count = int(min(TAIL_SHARE * len(log_weights), TAIL_ROOT * math.sqrt(len(log_weights))))
    if count < FEWEST_TAIL_DRAWS:
        return 0.0
    ordered = log_weights.copy()
    ordered.partition(len(ordered) - count - 1)
    tail = ordered[-count - 1 :]
    tail.sort()
    weights = np.exp(tail - tail[-1])
    exceedances = weights[1:] - weights[0]
    if exceedances[-1] <= 0:
        return 0.0
    return float(_generalised_pareto_k(np.maximum(exceedances, exceedances[-1] * 1e-15)))


@part
def _mean_log1p(x: Floats, factor: float) -> float:
    total = 0.0
    for value in x:
        total += math.log1p(factor * value)
    return total / len(x)


@compiled
def _generalised_pareto_k(x: Floats) -> float:
    """Zhang and Stephens 2009 (Technometrics 51, eq. 6-9), x sorted ascending; positive k is a heavy tail."""
    n = len(x)
    count = 30 + int(math.sqrt(n))
    theta, profile = np.empty(count), np.empty(count)
    for i in range(count):
        theta[i] = 1 / x[-1] + (1 - math.sqrt(count / (i + 0.5))) / (3 * x[int(n / 4 + 0.5) - 1])
        k = _mean_log1p(x, -theta[i])
        profile[i] = n * (math.log(-theta[i] / k) - k - 1)
    highest, total, best = max(profile), 0.0, 0.0
    for i in range(count):
        weight = math.exp(profile[i] - highest)
        total += weight
        best += weight * theta[i]
    best /= total
    return (n * _mean_log1p(x, -best) + PRIOR_STRENGTH * 0.5) / (n + PRIOR_STRENGTH)
