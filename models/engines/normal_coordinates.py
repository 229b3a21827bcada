"""The posterior of a curve model in coordinates where its prior is standard normal: unconstrained, and nearly round."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtr, ndtri

from models.arrays import Floats
from models.curve_models.priors import Exponential, LogNormal, Normal, ShapePrior, Uniform
from models.curve_models.record import CurveModel, Link, design, inverse_link, levels_from_normal, normal_from_levels
from models.engines.kernels import log_likelihoods
from models.engines.target import SMALLEST_R, Target, shape_values

FURTHEST = 8.0  # standard deviations; the distribution function is still below 1 there in double precision


@dataclass(frozen=True, slots=True)
class Parameters:
    """Shape parameters (S, q), levels (S, p), between-model variation r (S,)."""

    shape: Floats
    levels: Floats
    r: Floats


def from_normal(target: Target, x: Floats) -> Parameters:
    """Parameters at coordinates x (S, q + p + 1): shape, levels, r."""
    x = np.clip(x, -FURTHEST, FURTHEST)
    q = len(target.model.shape)
    shape = shape_values(target.model.shape, np.asarray(ndtr(x[:, :q])))
    r = np.maximum(target.variation.quantile(np.asarray(ndtr(x[:, -1]))), SMALLEST_R)
    return Parameters(shape, levels_from_normal(target.model, x[:, q:-1]), r)


def to_normal(target: Target, parameters: Parameters) -> Floats:
    """Inverse of `from_normal`."""
    shape = [ndtri(_cdf(parameter.prior, parameters.shape[:, i])) for i, parameter in enumerate(target.model.shape)]
    levels = normal_from_levels(target.model, parameters.levels)
    columns = np.column_stack([*shape, levels, ndtri(target.variation.cdf(parameters.r))])
    return np.clip(columns, -FURTHEST, FURTHEST)


def _cdf(prior: ShapePrior, value: Floats) -> Floats:
    match prior:
        case Uniform(low, high):
            return (value - low) / (high - low)
        case Normal(center, sd):
            return np.asarray(ndtr((value - center) / sd))
        case LogNormal(center, sd):
            return np.asarray(ndtr((np.log(value) - center) / sd))
        case Exponential(center):
            return -np.expm1(-value / center)


def log_posterior(target: Target, x: Floats) -> Floats:
    """Log of likelihood times prior (S,) at coordinates x (S, d), all constants kept: its integral is the evidence."""
    log_prior = -0.5 * np.sum(x**2, axis=1) - 0.5 * x.shape[1] * math.log(2 * math.pi)
    return np.asarray(log_prior + log_likelihood(target, from_normal(target, x)))


def log_likelihood(target: Target, parameters: Parameters) -> Floats:
    """Exact log likelihood (S,)."""
    offset, columns = design(target.model, parameters.shape, target.u)
    eta = offset + np.einsum("skp,sp->sk", columns, parameters.levels)
    mean = np.ascontiguousarray(inverse_link(target.model.link, eta))
    complement = np.ascontiguousarray(_complement(target.model, eta))
    return np.asarray(log_likelihoods(mean, complement, parameters.r, target.data))


def _complement(model: CurveModel, eta: Floats) -> Floats:
    """1 - mean, without cancellation where the link allows."""
    if model.link is Link.LOGIT:
        return np.asarray(expit(-eta))
    return np.asarray(-np.expm1(-np.exp(np.minimum(eta, 700.0))) if model.link is Link.LOG_LOG else 1 - eta)
