"""Prevalence of the shapes in a suite: product over curves of sum_c pi_c p(y_i|c), pi ~ Dirichlet(1/2, ..., 1/2).

Evidences go in, never posterior probabilities: those have the analysis's own prior in them. The metrics of the same
outputs are one cluster and count as one curve together: each enters with the power 1/size. The posterior of pi has four
dimensions; it is sampled by importance from t distributions around its mode on the log-ratio scale, with a fixed Sobol
sequence.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import gammaincinv, ndtri

from models.arrays import Floats
from models.options import Shape
from models.resampling import resampled
from models.results import Interval
from models.shapes import SHAPES
from models.sobol import sobol
from models.suite_curve import SuiteCurve
from models.turn import quantiles

# Of the Dirichlet prior, for each shape: Jeffreys's. With 1, 95 % intervals covered 63 % where 95 % of curves are flat.
CONCENTRATION = 0.5
PILOT_DRAWS, DRAWS = 2048, 8192
KEPT_DRAWS = 4000
DEGREES_OF_FREEDOM = 5
SEED = 20230428  # fixed: the same suite gives the same numbers
EM_STEPS, EM_TOLERANCE = 2000, 1e-10
CHUNK = 2_000_000  # likelihood terms held at once
TINY = 1e-300
UPDATE_DRAWS = 400  # of pi, over which the probabilities of a curve are averaged
SUITE_TERMS = 4_000_000  # draws of pi by curves by shapes over which what holds for all curves is averaged, at most
NEAR_END = 0.02  # ends of a group farther inside stay: its prevalence leans on groups that do have the shape
NO_CURVES = "no_curves"


@dataclass(frozen=True, slots=True)
class PiPosterior:
    """Equally weighted draws (S, 5) of the prevalences, and how good the sampling was."""

    draws: Floats
    effective_sample_size: float


@dataclass(frozen=True, slots=True)
class Prevalence:
    """Prevalence of every shape among `n_curves` curves in `n_clusters` clusters.

    `expected_curves` sums the curves' probabilities under the suite's own prevalences. `bound_shift` is the largest
    change of an estimate when every evidence that is only bounded stands at its bound.
    """

    group: str | None
    n_curves: int
    n_clusters: int
    shapes: Mapping[Shape, Interval]
    expected_curves: Mapping[Shape, float]
    labels: Mapping[str, int]
    bound_shift: float | None = None
    bound_shift_reason: str | None = None
    reason: str | None = None


def prevalence(curves: Sequence[SuiteCurve], level: float, group: str | None = None) -> Prevalence:
    """Prevalence among curves that belong together, without any other curve's help."""
    if not curves:
        return no_prevalence(group, NO_CURVES)
    weights = cluster_weights(curves)
    evidence = np.array([curve.evidence for curve in curves])
    posterior = pi_posterior(evidence, weights)
    bound = np.array([curve.evidence_bound for curve in curves])
    bounded = posterior if np.array_equal(bound, evidence) else pi_posterior(bound, weights)
    shift = float(np.max(np.abs(np.median(bounded.draws, axis=0) - np.median(posterior.draws, axis=0))))
    return summarised(curves, posterior.draws, level, group, shift)


def summarised(
    curves: Sequence[SuiteCurve], draws: Floats, level: float, group: str | None = None, shift: float | None = None
) -> Prevalence:
    """The record of draws (S, 5) of the prevalences among these curves.

    An end is 0 where it may well be that no curve has the shape, 1 where it may be that all have it: equal tails of a
    continuous posterior would shut out both, with any data. In a group only ends near by move there.
    """
    evidence = np.array([curve.evidence for curve in curves])
    lower, middle, upper = quantiles(draws, level)
    none, every = none_and_every(evidence, cluster_weights(curves), draws)
    near = 1.0 if group is None else NEAR_END
    lower = np.where((none >= (1 - level) / 2) & (lower <= near), 0.0, lower).tolist()
    upper = np.where((every >= (1 - level) / 2) & (upper >= 1 - near), 1.0, upper).tolist()
    expected = updated_probabilities(evidence, draws).sum(axis=0).tolist()
    return Prevalence(
        group=group,
        n_curves=len(curves),
        n_clusters=len({curve.outputs for curve in curves}),
        shapes={shape: Interval(float(middle[c]), lower[c], upper[c]) for c, shape in enumerate(SHAPES)},
        expected_curves=dict(zip(SHAPES, expected, strict=True)),
        labels=dict(Counter(curve.label for curve in curves)),
        bound_shift=shift,
        bound_shift_reason="computed_for_the_whole_suite_only" if shift is None else None,
    )


def no_prevalence(group: str | None, reason: str) -> Prevalence:
    """The record where there is nothing to say."""
    return Prevalence(group, 0, 0, {}, {}, {}, None, reason, reason)


def cluster_weights(curves: Sequence[SuiteCurve]) -> Floats:
    """1 / (number of these curves that are metrics of the same outputs) for each curve (I,)."""
    sizes = Counter(curve.outputs for curve in curves)
    return np.array([1 / sizes[curve.outputs] for curve in curves])


def updated_probabilities(evidence: Floats, draws: Floats) -> Floats:
    """Probability (I, 5) of every shape for every curve, averaged over the posterior of the prevalences (S, 5)."""
    total = np.zeros_like(evidence)
    for shares in _shares(evidence, draws, UPDATE_DRAWS):
        total += shares
    return total / UPDATE_DRAWS


def none_and_every(evidence: Floats, weights: Floats, draws: Floats) -> tuple[Floats, Floats]:
    """Probability (5,) that no curve of the suite has the shape, and that all have it.

    Given the prevalences the curves are independent; metrics of the same outputs count together as one curve.
    """
    none, every = np.zeros(evidence.shape[1]), np.zeros(evidence.shape[1])
    count = min(UPDATE_DRAWS, max(1, SUITE_TERMS // evidence.size))
    for shares in _shares(evidence, draws, count):
        none += np.exp(weights @ np.log(np.maximum(1 - shares, TINY)))
        every += np.exp(weights @ np.log(np.maximum(shares, TINY)))
    return none / count, every / count


def _shares(evidence: Floats, draws: Floats, count: int) -> Iterator[Floats]:
    """Probabilities (I, 5) of the curves' shapes under so many draws of the prevalences, evenly taken from all."""
    for pi in draws[np.linspace(0, len(draws) - 1, count).astype(np.int64)]:
        joint = evidence * pi
        yield joint / joint.sum(axis=1, keepdims=True)


def pi_posterior(evidence: Floats, weights: Floats) -> PiPosterior:
    """Posterior of the prevalences given evidences (I, 5), largest of each row 1, and powers (I,)."""
    mode = pi_mode(evidence, weights)
    basis = log_ratio_basis(evidence.shape[1])
    center = basis.T @ np.log(mode)
    covariance = np.linalg.inv(information(evidence, weights, mode) + prior_information(mode))
    eta, w = _weighed(evidence, weights, basis, _proposed(center, covariance, PILOT_DRAWS))
    center = w @ eta
    covariance = (eta - center).T @ ((eta - center) * w[:, None])
    eta, w = _weighed(evidence, weights, basis, _proposed(center, covariance, DRAWS))
    kept = np.random.default_rng(SEED).permutation(resampled(w, KEPT_DRAWS))
    return PiPosterior(_softmax(eta[kept] @ basis.T), float(1 / np.sum(w**2)))


def pi_mode(evidence: Floats, weights: Floats, prior: Floats | None = None) -> Floats:
    """Mode (5,) on the log-ratio scale by expectation and maximisation (Dempster, Laird and Rubin 1977).

    `prior` (5,) are the exponents of another Dirichlet prior.
    """
    size = evidence.shape[1]
    exponents = np.full(size, CONCENTRATION) if prior is None else prior
    total = float(exponents.sum() + weights.sum())
    pi = np.full(size, 1 / size)
    for _ in range(EM_STEPS):
        joint = evidence * pi
        new = (exponents + weights @ (joint / joint.sum(axis=1, keepdims=True))) / total
        if np.max(np.abs(new - pi)) < EM_TOLERANCE:
            break
        pi = new
    return pi


def information(evidence: Floats, weights: Floats, pi: Floats) -> Floats:
    """Negative Hessian (4, 4) of the log likelihood by the log ratios."""
    joint = evidence * pi
    r = joint / joint.sum(axis=1, keepdims=True)
    counted = float(weights.sum()) * (np.diag(pi) - np.outer(pi, pi)) - np.diag(weights @ r)
    basis = log_ratio_basis(len(pi))
    return np.asarray(basis.T @ (counted + (r * weights[:, None]).T @ r) @ basis)


def prior_information(pi: Floats) -> Floats:
    """Negative Hessian (4, 4) of the log prior by the log ratios."""
    basis = log_ratio_basis(len(pi))
    return np.asarray(basis.T @ (CONCENTRATION * len(pi) * (np.diag(pi) - np.outer(pi, pi))) @ basis)


def log_ratio_basis(size: int) -> Floats:
    """Orthonormal basis (5, 4) of the log ratios: Helmert's."""
    columns = np.zeros((size, size - 1))
    for j in range(1, size):
        columns[:j, j - 1] = 1.0
        columns[j, j - 1] = -j
        columns[:, j - 1] /= math.sqrt(j * (j + 1))
    return columns


def _weighed(
    evidence: Floats, weights: Floats, basis: Floats, proposed: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """Proposed log ratios (S, 4) and their normalised importance weights (S,)."""
    eta, log_proposal = proposed
    log_weights = log_target(evidence, weights, _softmax(eta @ basis.T)) - log_proposal
    w = np.exp(log_weights - log_weights.max())
    return eta, w / w.sum()


def log_target(evidence: Floats, weights: Floats, pi: Floats) -> Floats:
    """Log posterior density (S,) on the log-ratio scale, whose Jacobian adds one to each exponent of the Dirichlet."""
    total = CONCENTRATION * np.log(np.maximum(pi, TINY)).sum(axis=1)
    step = max(1, CHUNK // len(pi))
    for first in range(0, len(evidence), step):
        part = slice(first, first + step)
        total += np.log(np.maximum(pi @ evidence[part].T, TINY)) @ weights[part]
    return np.asarray(total)


def _softmax(log_ratios: Floats) -> Floats:
    shifted = np.exp(log_ratios - log_ratios.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def _proposed(center: Floats, covariance: Floats, count: int) -> tuple[Floats, Floats]:
    """Draws (S, 4) from a t distribution and its log density up to a constant."""
    standard, log_density = _standard(len(center), count)
    return center + standard @ np.linalg.cholesky(covariance).T, log_density


@lru_cache(maxsize=8)
def _standard(size: int, count: int) -> tuple[Floats, Floats]:
    """Draws (S, size) from the standard t distribution and its log density up to a constant; always the same."""
    v = sobol(size + 1, count, np.random.default_rng(SEED))
    v = np.clip(v, 1e-12, 1 - 1e-12)
    scale = np.sqrt(DEGREES_OF_FREEDOM / (2 * gammaincinv(DEGREES_OF_FREEDOM / 2, v[:, -1])))
    standard = ndtri(v[:, :-1]) * scale[:, None]
    distance = np.sum(standard**2, axis=1)
    log_density = -0.5 * (DEGREES_OF_FREEDOM + size) * np.log1p(distance / DEGREES_OF_FREEDOM)
    standard.setflags(write=False)
    log_density.setflags(write=False)
    return standard, log_density
