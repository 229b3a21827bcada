"""One curve model on one curve, packed for the kernels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, ndtri, stdtrit

from models.arrays import Floats
from models.curve_models.priors import (
    HalfCauchy,
    LevelPrior,
    LogNormal,
    Normal,
    Parameter,
    ShapePrior,
    StudentT,
    Triangle,
    Uniform,
)
from models.curve_models.record import CurveModel, design
from models.engines.kernels import weigh_draws
from models.engines.lanes import PAIRED, Given
from models.engines.level_kernels import LOG_NORMAL, NORMAL, STUDENT_T, TRIANGLE, UNIFORM
from models.engines.proposal_kernels import LEVEL_PRIOR_SHARE, T_DF
from models.likelihood import Observations
from models.outcomes import Pairing
from models.posterior import ModelPosterior

MEMORY_BLOCK = 2_000_000  # largest number of column entries held at once
SMALLEST_R = 1e-7  # below it the between-model variation is nothing to any test set
LARGEST_R = 1 - 1e-9  # at 1 the beta distribution of the models has no density


@dataclass(frozen=True, slots=True)
class Target:
    """Data and priors of the levels as rows, with the model and the prior of r that they came from.

    `data` are as `pack` makes them. `in_turn`: levels are drawn one after the other, which costs more and follows
    curved ridges.
    """

    model: CurveModel
    u: Floats
    data: Floats
    priors: Floats
    variation: HalfCauchy
    in_turn: bool

    @property
    def at_bound(self) -> bool:
        """Whether some count is none or all, where the levels' posterior is skewed."""
        counts = self.data[self.data[:, 0] == 0.0]
        return bool(np.any((counts[:, 1] == 0.0) | (counts[:, 1] == counts[:, 2])))

    @property
    def given(self) -> Given:
        """The part of it that the kernels see."""
        return Given(int(self.model.link), self.priors, self.data)

    @property
    def level_count(self) -> int:
        """p, the number of levels."""
        return len(self.priors)


@dataclass(frozen=True, slots=True)
class Draws:
    """Proposed draws: prior quantiles of shape and r (S, q + 1), level modes to start from (S, p), noise (S, p + 1).

    `noise` is that of `weigh_draws`; `log_proposal` (S,) is the log density of the quantiles.
    """

    quantiles: Floats
    starts: Floats
    noise: Floats
    log_proposal: Floats


class Estimate(NamedTuple):
    """Log evidence of a model, all constants kept, and the effective number of the draws that it is from."""

    log_evidence: float
    effective_sample_size: float


@dataclass(frozen=True)
class Weighted:
    """S draws with prior quantiles (S, q + 1), shape (S, q), levels (S, p), r (S,), log weights (S,)."""

    quantiles: Floats
    shape: Floats
    levels: Floats
    r: Floats
    log_weights: Floats

    @cached_property
    def estimate(self) -> Estimate:
        """What the weights say."""
        return estimate(self.log_weights)

    @property
    def efficiency(self) -> float:
        """Effective over actual draws."""
        return self.estimate.effective_sample_size / len(self.r)

    def with_more(self, other: Weighted) -> Weighted:
        """These draws and others."""
        return Weighted(
            np.concatenate([self.quantiles, other.quantiles]),
            np.concatenate([self.shape, other.shape]),
            np.concatenate([self.levels, other.levels]),
            np.concatenate([self.r, other.r]),
            np.concatenate([self.log_weights, other.log_weights]),
        )

    def posterior(self, model: CurveModel) -> ModelPosterior:
        """As the posterior of their model."""
        log_evidence, effective = self.estimate
        return ModelPosterior(
            model=model,
            shape=self.shape,
            levels=self.levels,
            r=self.r,
            log_weights=self.log_weights,
            log_evidence=log_evidence,
            effective_sample_size=effective,
            draws=len(self.r),
        )


def make_target(
    model: CurveModel, observations: Observations, variation: HalfCauchy, data: Floats | None = None
) -> Target:
    """Pack a curve model and a curve, whose data may have been packed already."""
    packed = pack(observations) if data is None else data
    return Target(model, observations.u, packed, _prior_rows(model.levels), variation, model.in_turn == "always")


@lru_cache(maxsize=256)
def _prior_rows(levels: tuple[Parameter[LevelPrior], ...]) -> Floats:
    """Priors of the levels (p, 5) as the kernels read them."""
    return np.array([_prior_row(parameter) for parameter in levels], dtype=float)


def pack(observations: Observations) -> Floats:
    """The data as one array: (N, 6) of noise, k, n, se, log binomial coefficient, y; (N, 7 + N) where it is paired."""
    if observations.pairing is not None:
        return _paired(observations, observations.pairing)
    k, n = observations.successes, observations.trials
    data = np.empty((len(k), 6))
    data[:, 0], data[:, 1], data[:, 2], data[:, 3] = observations.noise, k, n, observations.stderr
    data[:, 4] = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    data[:, 5] = observations.y
    return data


def _paired(observations: Observations, paired: Pairing) -> Floats:
    """Rows of `Given`, constants such that the density is that of the counts: dk = (n + 1) p (1 - p) dlogit."""
    rows = np.column_stack(
        [
            np.full(len(paired.logit), PAIRED),
            observations.successes,
            observations.trials,
            paired.weight,
            -np.log((paired.n_examples + 1) * paired.weight),
            paired.logit,
            paired.variances,
        ]
    )
    return np.ascontiguousarray(np.hstack([rows, paired.vectors.T]))


def _prior_row(parameter: Parameter[LevelPrior]) -> tuple[float, ...]:
    match parameter.prior:
        case Normal(center, sd):
            return NORMAL, center, sd, -1, -1
        case StudentT(scale):
            return STUDENT_T, 0.0, scale, -1, -1
        case Triangle(upper):
            return TRIANGLE, 0.0, upper, -1, -1
        case LogNormal(center, sd):
            return LOG_NORMAL, center, sd, -1, -1
        case Uniform(low, high, low_index, high_index):
            indices = (-1 if index is None else index for index in (low_index, high_index))
            return UNIFORM, low, high, *indices


def shape_values(parameters: tuple[Parameter[ShapePrior], ...], quantiles: Floats) -> Floats:
    """Shape parameters (S, q) at prior quantiles (S, q)."""
    values = np.empty_like(quantiles)
    for i, parameter in enumerate(parameters):
        values[:, i] = parameter.prior.quantile(quantiles[:, i])
    return values


def weigh(target: Target, draws: Draws) -> Weighted:
    """Draw the levels around their modes and weigh the draws."""
    shape = shape_values(target.model.shape, draws.quantiles[:, :-1])
    r = np.maximum(target.variation.quantile(draws.quantiles[:, -1]), SMALLEST_R)
    np.minimum(r, LARGEST_R, out=r)
    levels, log_weights = _in_blocks(target, draws, shape, r)
    log_weights -= draws.log_proposal
    return Weighted(draws.quantiles, shape, levels, r, log_weights)


def _in_blocks(target: Target, draws: Draws, shape: Floats, r: Floats) -> tuple[Floats, Floats]:
    """Levels (S, p) and log of posterior over their proposal (S,); blocks bound the memory that long curves take."""
    block = max(64, MEMORY_BLOCK // (len(target.u) * target.level_count))
    given, in_turn = target.given, int(target.in_turn)
    parts = []
    for first in range(0, len(r), block):
        part = slice(first, first + block)
        place = (r[part], design(target.model, shape[part], target.u))
        parts.append(weigh_draws(draws.starts[part], draws.noise[part], *place, given, in_turn))
    if len(parts) == 1:
        return parts[0]
    levels, log_weights = map(np.concatenate, zip(*parts, strict=True))
    return levels, log_weights


def estimate(log_weights: Floats) -> Estimate:
    """What the weights of draws say of their model."""
    top = float(np.maximum.reduce(log_weights))
    weights = np.exp(log_weights - top)
    total, square = float(np.add.reduce(weights)), float(np.add.reduce(weights * weights))
    return Estimate(top + math.log(total / len(weights)), total**2 / square if square > 0 else 0.0)


def joined(first: ModelPosterior, second: ModelPosterior) -> ModelPosterior:
    """Two sets of draws from one proposal as one."""
    log_weights = np.concatenate([first.log_weights, second.log_weights])
    log_evidence, effective = estimate(log_weights)
    return ModelPosterior(
        model=first.model,
        shape=np.concatenate([first.shape, second.shape]),
        levels=np.concatenate([first.levels, second.levels]),
        r=np.concatenate([first.r, second.r]),
        log_weights=log_weights,
        log_evidence=log_evidence,
        effective_sample_size=effective,
        draws=len(log_weights),
    )


def level_noise(pick: Floats, uniforms: Floats) -> Floats:
    """Noise (S, p + 1) for the levels from uniform numbers (S,) and (S, p)."""
    from_prior = pick < LEVEL_PRIOR_SHARE
    coordinates = np.where(from_prior[:, None], ndtri(uniforms), stdtrit(T_DF, uniforms))
    return np.ascontiguousarray(np.column_stack([coordinates, from_prior]))
