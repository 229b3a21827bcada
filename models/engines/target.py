"""One curve model on one curve, packed for the kernels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, ndtri, stdtrit

from models.arrays import Floats
from models.curve_models.priors import HalfCauchy, LevelPrior, LogNormal, Normal, Parameter, StudentT, Triangle, Uniform
from models.curve_models.record import CurveModel, design
from models.engines import kernels
from models.likelihood import Observations
from models.outcomes import Pairing
from models.posterior import ModelPosterior, effective_sample_size

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
    def given(self) -> kernels.Given:
        """The part of it that the kernels see."""
        return kernels.Given(int(self.model.link), self.priors, self.data)

    @property
    def level_count(self) -> int:
        """p, the number of levels."""
        return len(self.priors)


@dataclass(frozen=True, slots=True)
class Draws:
    """Proposed draws: prior quantiles of shape and r (S, q + 1), level modes to start from (S, p), noise (S, p + 1).

    `noise` is that of `kernels.weigh_draws`; `log_proposal` (S,) is the log density of the quantiles.
    """

    quantiles: Floats
    starts: Floats
    noise: Floats
    log_proposal: Floats


def make_target(
    model: CurveModel, observations: Observations, variation: HalfCauchy, data: Floats | None = None
) -> Target:
    """Pack a curve model and a curve, whose data may have been packed already."""
    priors = np.array([_prior_row(parameter) for parameter in model.levels], dtype=float)
    packed = pack(observations) if data is None else data
    return Target(model, observations.u, packed, priors, variation, model.in_turn == "always")


def pack(observations: Observations) -> Floats:
    """The data as one array: (N, 6) of noise, k, n, se, log binomial coefficient, y; (N, 7 + N) where it is paired."""
    if observations.pairing is not None:
        return _paired(observations, observations.pairing)
    k, n = observations.successes, observations.trials
    coefficient = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return np.column_stack([observations.noise.astype(float), k, n, observations.stderr, coefficient, observations.y])


def _paired(observations: Observations, paired: Pairing) -> Floats:
    """Rows of `kernels.Given`, constants such that the density is that of the counts: dk = (n + 1) p (1 - p) dlogit."""
    rows = np.column_stack(
        [
            np.full(len(paired.logit), kernels.PAIRED),
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
            return kernels.NORMAL, center, sd, -1, -1
        case StudentT(scale):
            return kernels.STUDENT_T, 0.0, scale, -1, -1
        case Triangle(upper):
            return kernels.TRIANGLE, 0.0, upper, -1, -1
        case LogNormal(center, sd):
            return kernels.LOG_NORMAL, center, sd, -1, -1
        case Uniform(low, high, low_index, high_index):
            indices = (-1 if index is None else index for index in (low_index, high_index))
            return kernels.UNIFORM, low, high, *indices


def shape_values(model: CurveModel, quantiles: Floats) -> Floats:
    """Shape parameters (S, q) at prior quantiles (S, q)."""
    values = np.empty_like(quantiles)
    for i, parameter in enumerate(model.shape):
        values[:, i] = parameter.prior.quantile(quantiles[:, i])
    return values


def weigh(target: Target, draws: Draws) -> ModelPosterior:
    """Draw the levels around their modes and weigh the draws; in blocks that bound the memory of long curves."""
    shape = shape_values(target.model, draws.quantiles[:, :-1])
    r = np.clip(target.variation.quantile(draws.quantiles[:, -1]), SMALLEST_R, LARGEST_R)
    block = max(64, MEMORY_BLOCK // (len(target.u) * target.level_count))
    parts = []
    for first in range(0, len(r), block):
        part = slice(first, first + block)
        place = (r[part], design(target.model, shape[part], target.u))
        parts.append(
            kernels.weigh_draws(draws.starts[part], draws.noise[part], *place, target.given, int(target.in_turn))
        )
    levels, log_weights = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
    log_weights = log_weights - draws.log_proposal
    return _posterior(target.model, shape, levels, r, log_weights)


def _posterior(model: CurveModel, shape: Floats, levels: Floats, r: Floats, log_weights: Floats) -> ModelPosterior:
    top = float(log_weights.max())
    weights = np.exp(log_weights - top)
    return ModelPosterior(
        model=model,
        shape=shape,
        levels=levels,
        r=r,
        log_weights=log_weights,
        log_evidence=top + math.log(float(weights.mean())),
        effective_sample_size=effective_sample_size(weights),
        pareto_k=None,
        draws=len(r),
    )


def joined(first: ModelPosterior, second: ModelPosterior) -> ModelPosterior:
    """Two sets of draws from one proposal as one."""
    return _posterior(
        first.model,
        np.concatenate([first.shape, second.shape]),
        np.concatenate([first.levels, second.levels]),
        np.concatenate([first.r, second.r]),
        np.concatenate([first.log_weights, second.log_weights]),
    )


def level_noise(pick: Floats, uniforms: Floats) -> Floats:
    """Noise (S, p + 1) for the levels from uniform numbers (S,) and (S, p)."""
    from_prior = pick < kernels.LEVEL_PRIOR_SHARE
    coordinates = np.where(from_prior[:, None], ndtri(uniforms), stdtrit(kernels.T_DF, uniforms))
    return np.ascontiguousarray(np.column_stack([coordinates, from_prior]))
