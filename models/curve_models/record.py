"""The record that a curve model is, and what can be computed from any such record.

Every curve model here is linear in its `levels` once its `shape` parameters are fixed:
mean f(u) = link⁻¹(offset(shape, u) + sum_j column_j(shape, u) level_j), with u in [0, 1] the position on the log scale.
One implementation of each engine therefore serves them all. The columns are written once, against `Ops`, and are
evaluated by numpy in `quadrature` and symbolically in `nuts`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal

import numpy as np
from scipy.special import expit, ndtr, ndtri

from models.arrays import Floats
from models.curve_models.priors import LevelPrior, LogNormal, Normal, Parameter, ShapePrior, StudentT, Triangle, Uniform


class Link(IntEnum):
    """From linear predictor to mean: f = eta, f = 1/(1 + e^-eta), f = exp(-e^eta)."""

    IDENTITY = 0
    LOGIT = 1
    LOG_LOG = 2


@dataclass(frozen=True, slots=True)
class Ops:
    """The array operations that columns may use; numpy's or pytensor's."""

    exp: Callable[[Any], Any]
    sigmoid: Callable[[Any], Any]
    maximum: Callable[[Any, Any], Any]


NUMPY = Ops(exp=np.exp, sigmoid=expit, maximum=np.maximum)


@dataclass(frozen=True, slots=True)
class Context:
    """What a curve model may know of a curve before its scores.

    `chance` is on the performance scale; `delta` the smallest effect there; `decades` the observed range z_K - z_1;
    `u_mean` the mean position of the distinct scales. `near_ceiling` alone comes from the scores: it leaves out a model
    that would have no weight.
    """

    bounded: bool
    delta: float
    chance: float | None = None
    target_length: int | None = None
    decades: float = 1.0
    u_mean: float = 0.5
    near_ceiling: bool = False


Columns = Callable[[Ops, Sequence[Any], Any], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class CurveModel:
    """A curve model: parameters with priors, mean function, turn and source.

    `columns(ops, shape, u)` returns (offset, column_1, …, column_p), each broadcastable to (S, K), for shape
    parameters of shape (S, 1) and u of shape (K,) or (S, K). `extreme(shape, levels)` is the position in [0, 1] of the
    one interior minimum or maximum (0 where there is none), for arrays of shape (S,). `cells` is the number of grid
    cells per shape parameter in `quadrature`; `in_turn` says when the levels are drawn one
    after the other there, which costs more and follows curved ridges.
    """

    name: str
    source: str
    shape: tuple[Parameter[ShapePrior], ...]
    levels: tuple[Parameter[LevelPrior], ...]
    columns: Columns
    link: Link
    extreme: Callable[[Sequence[Floats], Sequence[Floats]], Floats]
    cells: tuple[int, ...] = ()
    in_turn: Literal["never", "when_poor", "always"] = "when_poor"

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of shape and level parameters, in that order."""
        return (*(parameter.name for parameter in self.shape), *(parameter.name for parameter in self.levels))


def no_extreme(shape: Sequence[Floats], levels: Sequence[Floats]) -> Floats:
    """Position of the extreme of a monotone mean: none."""
    return np.zeros(np.shape(levels[0]))


def design(model: CurveModel, shape: Floats, u: Floats) -> tuple[Floats, Floats]:
    """Offset (S, K) and columns (S, K, p) for shape parameters (S, q) and u (K,) or (S, K)."""
    offset, *columns = model.columns(NUMPY, [shape[:, i : i + 1] for i in range(shape.shape[1])], u)
    size = len(shape), u.shape[-1]
    whole, stacked = np.empty(size), np.empty((*size, len(columns)))
    whole[:] = offset
    for j, column in enumerate(columns):
        stacked[:, :, j] = column
    return whole, stacked


def inverse_link(link: Link, eta: Floats) -> Floats:
    """Mean from the linear predictor."""
    if link is Link.LOGIT:
        return np.asarray(expit(eta))
    return np.exp(-np.exp(np.minimum(eta, 700.0))) if link is Link.LOG_LOG else eta


def mean(model: CurveModel, shape: Floats, levels: Floats, u: Floats) -> Floats:
    """Mean curve (S, K) for shape parameters (S, q), levels (S, p) and u (K,) or (S, K)."""
    parts = [shape[:, i : i + 1] for i in range(shape.shape[1])]
    eta, *columns = model.columns(NUMPY, parts, np.atleast_1d(u))
    for j, column in enumerate(columns):
        eta = eta + column * levels[:, j : j + 1]
    size = np.broadcast_shapes(np.shape(eta), (len(levels), np.shape(u)[-1]))
    return inverse_link(model.link, np.broadcast_to(eta, size))


def levels_from_normal(model: CurveModel, x: Floats) -> Floats:
    """Levels (S, p) whose prior is that of the model when x (S, p) is standard normal."""
    levels = np.empty_like(x)
    for j, parameter in enumerate(model.levels):
        prior = parameter.prior
        if isinstance(prior, Uniform):
            low, high = bounds(prior, levels)
            levels[:, j] = low + (high - low) * ndtr(x[:, j])
        else:
            levels[:, j] = prior.quantile(ndtr(x[:, j]))
    return levels


def normal_from_levels(model: CurveModel, levels: Floats) -> Floats:
    """Inverse of `levels_from_normal`."""
    x = np.empty_like(levels)
    for j, parameter in enumerate(model.levels):
        x[:, j] = ndtri(_cdf(parameter.prior, levels, j))
    return x


def _cdf(prior: LevelPrior, levels: Floats, j: int) -> Floats:
    value = levels[:, j]
    match prior:
        case Uniform():
            low, high = bounds(prior, levels)
            return np.asarray((value - low) / (high - low))
        case Normal(center, sd):
            return np.asarray(ndtr((value - center) / sd))
        case LogNormal(center, sd):
            return np.asarray(ndtr((np.log(value) - center) / sd))
        case Triangle(upper):
            return 1 - (1 - value / upper) ** 2
        case StudentT(scale):
            sine = value / scale / np.sqrt(4 + (value / scale) ** 2)
            return 0.5 + 0.75 * (sine - sine**3 / 3)


def bounds(prior: Uniform, levels: Floats) -> tuple[Floats | float, Floats | float]:
    """Bounds of a uniform prior, where they may be earlier levels (S, p)."""
    low = prior.lower if prior.lower_index is None else levels[:, prior.lower_index]
    high = prior.upper if prior.upper_index is None else levels[:, prior.upper_index]
    return low, high


def log_prior(model: CurveModel, shape: Floats, levels: Floats) -> Floats:
    """Log prior density (S,) of shape parameters (S, q) and levels (S, p), in the parameters' own units."""
    total = np.zeros(len(levels))
    for i, shape_parameter in enumerate(model.shape):
        total += shape_parameter.prior.log_density(shape[:, i])
    for j, parameter in enumerate(model.levels):
        prior = parameter.prior
        if isinstance(prior, Uniform):
            low, high = bounds(prior, levels)
            total -= np.log(high - low)
        else:
            total += prior.log_density(levels[:, j])
    return total


def prior_draws(model: CurveModel, v: Floats) -> tuple[Floats, Floats]:
    """Shape parameters (S, q) and levels (S, p) from uniform v (S, q + p)."""
    q = len(model.shape)
    shape = np.empty((len(v), q))
    for i, parameter in enumerate(model.shape):
        shape[:, i] = parameter.prior.quantile(v[:, i])
    return shape, levels_from_normal(model, np.asarray(ndtri(v[:, q:])))
