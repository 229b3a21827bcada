"""Diagnostics of an engine's work on one curve."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from models.arrays import Floats
from models.options import EngineName
from models.pool import Averaged, class_evidence
from models.posterior import ModelPosterior, SamplerChecks, effective_sample_size
from models.results import Diagnostics, Warned
from models.shapes import SHAPES

LARGEST_PARETO_K = 0.7  # Vehtari et al., arXiv 1507.02646, section 3: importance sampling is not to be trusted beyond
SMALLEST_SAMPLE = 400.0  # effective draws of the averaged posterior; 2.5 % quantiles then rest on ten of them
LARGEST_R_HAT = 1.01  # Vehtari et al., arXiv 1903.08008
# Divergent trajectories mark where a sampler cannot follow the posterior, and its draws are biased (Betancourt 2017,
# arXiv 1701.02434, section 6.2). Stan warns of any; one among thousands of draws should not cost a label. Up to 1 %,
# half of the `AGREEMENT` that probabilities of two runs are held to, they are reported only.
LARGEST_DIVERGENT_SHARE = 0.01
# Betancourt 2016, arXiv 1604.00695, the figure in 2017, section 6.1: below it, a chain's momenta do not carry it
# through all of the energies.
SMALLEST_BFMI = 0.3
COUNTED_WEIGHT = 0.1  # of a curve model, from which its own figures count
BLAMED_SHARE = 0.2  # of the lack of effective draws, from which a model is sampled again
INFINITE_MEAN = 1.0  # Pareto k from which no mean exists
SMALLEST_AGREEING = 100.0  # effective draws that do when two runs agree
AGREEMENT = 0.02  # largest difference of a probability between two runs that agree


def diagnostics(averaged: Averaged, engine: EngineName, warnings: tuple[Warned, ...]) -> Diagnostics:
    """Figures of the averaged posterior, and a sampler's own checks where there are any."""
    sizes = class_evidence(averaged.pool).effective_sample_size
    checks = [posterior.checks for posterior in averaged.pool.posteriors if posterior.checks is not None]
    return Diagnostics(
        engine=engine.value,
        pareto_k=worst_pareto_k(averaged),
        effective_sample_size=effective_sample_size(averaged.weights),
        class_effective_sample_size=dict(zip(SHAPES, sizes.tolist(), strict=True)),
        warnings=warnings,
        r_hat=_worst(max, (check.r_hat for check in checks)),
        ess_bulk=_worst(min, (check.ess_bulk for check in checks)),
        ess_tail=_worst(min, (check.ess_tail for check in checks)),
        divergences=sum(check.divergences for check in checks) if checks else None,
        bfmi=_worst(min, (check.bfmi for check in checks)),
    )


def _worst(choose: Callable[[Iterable[float]], float], values: Iterable[float]) -> float | None:
    found = list(values)
    return choose(found) if found else None


def model_weights(averaged: Averaged) -> Floats:
    """Posterior weight (J,) of every curve model."""
    return np.bincount(averaged.pool.model, averaged.weights, len(averaged.pool.posteriors))


def worst_pareto_k(averaged: Averaged) -> float | None:
    """Largest Pareto k of the curve models that count; None where no weights were needed."""
    weighed = zip(averaged.pool.posteriors, model_weights(averaged), strict=True)
    values = [p.pareto_k for p, weight in weighed if weight >= COUNTED_WEIGHT and p.pareto_k is not None]
    return max(values) if values else None


def weak_models(averaged: Averaged) -> tuple[int, ...]:
    """Curve models that need more draws: too heavy a tail of weights, or too few effective draws for their weight.

    The averaged posterior's effective sample is 1/sum_j (w_j²/n_j) for models of weight w_j with n_j effective draws.
    """
    posteriors, weights = averaged.pool.posteriors, model_weights(averaged)
    burden = weights**2 / np.array([max(posterior.effective_sample_size, 1.0) for posterior in posteriors])
    few = burden.sum() > 1 / SMALLEST_SAMPLE
    heavy = BLAMED_SHARE / SMALLEST_SAMPLE
    return tuple(
        j
        for j, posterior in enumerate(posteriors)
        if (few and burden[j] > heavy) or (weights[j] >= COUNTED_WEIGHT and not _is_sound(posterior))
    )


def _is_sound(posterior: ModelPosterior) -> bool:
    heavy_tail = posterior.pareto_k is not None and posterior.pareto_k > LARGEST_PARETO_K
    return not heavy_tail and (posterior.checks is None or _converged(posterior.checks)) and _explores(posterior)


def agree(first: Averaged, second: Averaged) -> bool:
    """Whether two independent runs, the second with enough draws and finite variance, give the same probabilities.

    Never where a sampler leaves out a part of a posterior: it does so in both runs.
    """
    size = len(SHAPES)
    apart = np.bincount(first.pool.code, first.weights, size) - np.bincount(second.pool.code, second.weights, size)
    k = worst_pareto_k(second)
    enough = effective_sample_size(second.weights) >= SMALLEST_AGREEING
    weighed = zip(second.pool.posteriors, model_weights(second), strict=True)
    everywhere = all(_explores(posterior) for posterior, weight in weighed if weight >= COUNTED_WEIGHT)
    return everywhere and enough and (k is None or k < INFINITE_MEAN) and float(np.max(np.abs(apart))) <= AGREEMENT


def _converged(checks: SamplerChecks) -> bool:
    return checks.r_hat <= LARGEST_R_HAT and min(checks.ess_bulk, checks.ess_tail) >= SMALLEST_SAMPLE


def _explores(posterior: ModelPosterior) -> bool:
    """Whether a sampler, where there is one, reached all of the posterior."""
    checks = posterior.checks
    if checks is None:
        return True
    return checks.divergences <= LARGEST_DIVERGENT_SHARE * posterior.draws and checks.bfmi >= SMALLEST_BFMI
