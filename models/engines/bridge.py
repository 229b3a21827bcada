"""Evidence by bridge sampling (Meng and Wong 1996, Statistica Sinica 6, eq. 4.1) from Markov chain draws.

The proposal is a t distribution fitted to the first half of every chain (Overstall and Forster 2010, Computational
Statistics and Data Analysis 54(12), with heavier tails); the second half and as many proposed draws enter the
iteration, the former counted with their effective sample size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, logsumexp

from models.arrays import Floats

PROPOSAL_DF = 7.0  # heavier tails than those of a posterior in normal coordinates
WIDENING = 1.1  # of the proposal's scale: a proposal too narrow costs more than one too wide
MOST_STEPS = 1000
CONVERGED = 1e-10  # change of the log evidence in one step
NARROWEST = 1e-10  # added to the variances, so that a parameter that does not move has a proposal


@dataclass(frozen=True, slots=True)
class Bridge:
    """Log evidence and its standard error (relative error of the evidence), Monte Carlo only."""

    log_evidence: float
    error: float


def bridge_sampling(log_density: Callable[[Floats], Floats], draws: Floats, rng: np.random.Generator) -> Bridge:
    """Evidence from draws (chains, S, d) of the normalised version of exp(log_density), a function (M, d) -> (M,)."""
    half = draws.shape[1] // 2
    center, scale = _fitted(draws[:, :half].reshape(-1, draws.shape[2]))
    later = draws[:, half:]
    kept = later.reshape(-1, draws.shape[2])
    proposed = _t_draws(center, scale, len(kept), rng)
    # Log ratio of target to proposal at draws of the target and of the proposal.
    at_kept = log_density(kept) - _log_t(kept, center, scale)
    at_proposed = log_density(proposed) - _log_t(proposed, center, scale)
    effective = effective_size(at_kept.reshape(later.shape[:2]))
    log_evidence = _iterated(at_kept, at_proposed, effective)
    return Bridge(log_evidence, _error(at_kept, at_proposed, effective, log_evidence))


def _iterated(at_kept: Floats, at_proposed: Floats, effective: float) -> float:
    """Fixed point of Meng and Wong's eq. 4.1 with the optimal bridge function."""
    share = effective / (effective + len(at_proposed))
    before, estimate = math.inf, float(np.median(at_kept))
    for _ in range(MOST_STEPS):
        if abs(estimate - before) < CONVERGED:
            break
        bottom = np.logaddexp(math.log(share) + at_kept, math.log1p(-share) + estimate)
        top = np.logaddexp(math.log(share) + at_proposed, math.log1p(-share) + estimate)
        before, estimate = estimate, _log_mean(at_proposed - top) - _log_mean(-bottom)
    return estimate


def _error(at_kept: Floats, at_proposed: Floats, effective: float, log_evidence: float) -> float:
    """Relative error of the evidence (Frühwirth-Schnatter 2004, Econometrics Journal 7, eq. 18)."""
    share = effective / (effective + len(at_proposed))
    # Posterior over the mixture at proposed draws, proposal over the mixture at kept ones.
    first = np.exp(
        at_proposed - log_evidence - np.logaddexp(math.log(share) + at_proposed - log_evidence, math.log1p(-share))
    )
    second = np.exp(-np.logaddexp(math.log(share) + at_kept - log_evidence, math.log1p(-share)))
    square = float(np.var(first) / np.mean(first) ** 2 / len(first) + np.var(second) / np.mean(second) ** 2 / effective)
    return math.sqrt(square)


def _log_mean(x: Floats) -> float:
    return float(logsumexp(x)) - math.log(len(x))


def _fitted(draws: Floats) -> tuple[Floats, Floats]:
    """Center (d,) and Cholesky factor (d, d) of the proposal's scale matrix."""
    covariance = np.atleast_2d(np.cov(draws, rowvar=False)) + NARROWEST * np.eye(draws.shape[1])
    # A t with df degrees of freedom has df/(df - 2) times its scale matrix for covariance.
    factor = WIDENING * math.sqrt((PROPOSAL_DF - 2) / PROPOSAL_DF)
    return draws.mean(axis=0), np.linalg.cholesky(covariance) * factor


def _t_draws(center: Floats, scale: Floats, count: int, rng: np.random.Generator) -> Floats:
    normal = rng.standard_normal((count, len(center)))
    spread = np.sqrt(PROPOSAL_DF / rng.chisquare(PROPOSAL_DF, count))
    return np.asarray(center + normal @ scale.T * spread[:, None])


def _log_t(x: Floats, center: Floats, scale: Floats) -> Floats:
    d, df = len(center), PROPOSAL_DF
    distance = np.sum(np.linalg.solve(scale, (x - center).T) ** 2, axis=0)
    constant = float(gammaln((df + d) / 2) - gammaln(df / 2)) - 0.5 * d * math.log(df * math.pi)
    return constant - float(np.sum(np.log(np.diag(scale)))) - 0.5 * (df + d) * np.log1p(distance / df)


def effective_size(chains: Floats) -> float:
    """Effective sample size of the mean over chains (C, S) by Geyer's initial positive sequence.

    Geyer 1992 (Statistical Science 7(4), section 3.3); chains that disagree count as correlated.
    """
    count, length = chains.shape
    centered = chains - chains.mean(axis=1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(centered, 2 * length, axis=1)) ** 2
    covariance = np.fft.irfft(spectrum, axis=1)[:, :length].mean(axis=0) / length
    between = float(np.var(chains.mean(axis=1), ddof=1)) if count > 1 else 0.0
    total = covariance[0] + between
    if total <= 0:
        return float(count * length)
    correlation = 1 - (covariance[0] - covariance) / total
    pairs = correlation[: length - length % 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs < 0)
    time = 2 * float(np.sum(pairs[: negative[0] if len(negative) else None])) - 1
    return float(count * length / max(time, 1 / math.log10(count * length)))
