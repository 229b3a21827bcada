"""The draws of all curve models together, each with the weight that the prior on classes gives it.

p(y|c) = sum_j q_j Z_j post_j(c) / sum_j q_j pi_j(c): the prior is on classes, not on how many models the menu holds.
No curve model is the truth, and evidence counts every trace that tells a curve from the models as if it told the
shapes apart. So class evidences count by a power below 1, as in the coarsened posterior of Miller and Dunson (2019,
Journal of the American Statistical Association 114). What is said of a curve given its class is not touched.
The class flat is made of `constant`, `at_floor`, `at_ceiling`, `near_flat` and, with a small share, the flat curves
of the others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np

from models.arrays import Bools, Floats, Ints
from models.compiled import compiled
from models.curve_models import FLAT_SHARES, SMALL_CHANGES_SHARE, flat_shares
from models.curve_models.priors import HalfCauchy
from models.curve_models.record import Context
from models.likelihood import Observations
from models.mean_curves import Formulas
from models.options import Shape
from models.posterior import ModelPosterior, effective_sample_size
from models.resampling import resampled
from models.shapes import FLAT, PLACED, SHAPES, Landmarks, classify, prior_masses

DRAWS = 1000  # that what is said of a curve at its own scales rests on
TINY, LOG_NOTHING = 1e-300, -1e300
CLASSES = len(SHAPES)


@dataclass(frozen=True, slots=True)
class Part:
    """Mean functions and landmarks of one model's draws."""

    formulas: Formulas
    marks: Landmarks

    @classmethod
    def of(cls, posterior: ModelPosterior) -> Part:
        """Those of a posterior."""
        formulas = Formulas.of(posterior.model, posterior.shape, posterior.levels)
        position = posterior.model.extreme(list(posterior.shape.T), list(posterior.levels.T))
        return cls(formulas, Landmarks.of(formulas, position))


@dataclass(frozen=True)
class Pool:
    """T draws of all models: landmarks, shape codes, model index, r, and evidence shares.

    `share` (T,) sums over a class to the class's evidence times exp(-log_unit); `draws` (J,) is the number of draws
    of each model, `masses` (J, 5) its prior mass of each shape, 0 for flat models;
    `log_unit` is a common factor taken out.
    """

    posteriors: tuple[ModelPosterior, ...]
    parts: tuple[Part, ...]
    marks: Landmarks
    code: Ints
    model: Ints
    r: Floats
    share: Floats
    draws: Ints
    masses: Floats
    log_unit: float
    context: Context

    @cached_property
    def formulas(self) -> Formulas:
        """The mean function of every draw."""
        return Formulas.joined([part.formulas for part in self.parts])

    @cached_property
    def evidence(self) -> ClassEvidence:
        """Evidence of each class under the prior of r that the draws come from."""
        return _evidence(self, self.share)


@dataclass(frozen=True)
class Averaged:
    """The model-averaged posterior of one curve: the pool and the normalised weight (T,) of every draw."""

    pool: Pool
    weights: Floats
    observations: Observations
    level: float

    @cached_property
    def scales(self) -> Floats:
        """Positions (K,) of the distinct scales."""
        return np.unique(self.observations.u)

    @cached_property
    def drawn(self) -> Ints:
        """Indices (1000,) of equally weighted draws."""
        return self.indices(DRAWS)

    @cached_property
    def at_scales(self) -> Floats:
        """Mean curves (1000, K) of these draws at the distinct scales."""
        return self.curves(self.drawn, self.scales)

    def indices(self, count: int, kept: Bools | None = None) -> Ints:
        """Indices (count,) of equally weighted draws, perhaps only among those kept."""
        return resampled(self.weights, count, kept)

    def curves(self, indices: Ints, u: Floats) -> Floats:
        """Mean curves (M, K) of those draws at positions u (K,), on the performance scale."""
        return mean_curves(self.pool, indices, u)


def narrowed(near_flat: ModelPosterior, delta: float, share: float) -> ModelPosterior:
    """`near_flat` under a smaller effect `delta`: the draws inside it, which hold `share` of the prior mass."""
    inside = np.abs(near_flat.shape[:, 0]) <= delta
    log_weights = np.where(inside, near_flat.log_weights - math.log(share), LOG_NOTHING)
    weights = np.exp(log_weights - near_flat.log_evidence)
    return replace(
        near_flat,
        log_weights=log_weights,
        log_evidence=near_flat.log_evidence + math.log(max(float(weights.mean()), TINY)),
        effective_sample_size=effective_sample_size(weights),
    )


@dataclass(frozen=True, slots=True)
class ClassEvidence:
    """Evidence of each class (5,) up to exp(log_unit), its Monte Carlo variance and effective size."""

    value: Floats
    variance: Floats
    effective_sample_size: Floats
    log_unit: float

    def probabilities(self, prior: Mapping[Shape, float]) -> Floats:
        """Posterior probabilities (5,) of the shapes under a prior on them."""
        weighted = self.value * prior_vector(prior)
        return weighted / weighted.sum()


# Chosen on development seeds: outside the menu the calibration error falls by a third, inside it rises by .007.
EVIDENCE_POWER = 0.92
RULE_OF_THREE = 3.0  # 95 % upper bound of a share of which not one of n draws was seen, times n


def prior_vector(prior: Mapping[Shape, float]) -> Floats:
    """A prior on shapes in the order of `SHAPES`."""
    return np.array([prior[shape] for shape in SHAPES])


def pooled(posteriors: Sequence[ModelPosterior], context: Context, known: Pool | None = None) -> Pool:
    """Put the draws of all curve models together; the landmarks of draws that are in a `known` pool are taken."""
    before = () if known is None else zip(known.posteriors, known.parts, strict=True)
    have = {id(posterior.levels): part for posterior, part in before}
    parts = tuple(have.get(id(posterior.levels)) or Part.of(posterior) for posterior in posteriors)
    marks = Landmarks.joined([part.marks for part in parts])
    draws = np.array([len(posterior.r) for posterior in posteriors])
    unit = max(posterior.log_evidence for posterior in posteriors)
    log_weights = np.concatenate([posterior.log_weights for posterior in posteriors])
    flat, masses, factors = _prior(tuple(posterior.model.name for posterior in posteriors), context)
    codes = classify(marks, context.delta)
    model, share, evidence = _shares(log_weights - unit, codes, draws, flat, factors)
    share *= _coarsening(evidence).take(codes)
    r = np.concatenate([posterior.r for posterior in posteriors])
    return Pool(tuple(posteriors), parts, marks, codes, model, r, share, draws, masses, unit, context)


@lru_cache(maxsize=256)
def _prior(names: tuple[str, ...], context: Context) -> tuple[Floats, Floats, Floats]:
    """Of curve models: share of the class flat (J,), prior masses (J, 5) and factors of the draws (J, 5)."""
    flat, masses = _unplaced(names, replace(context, decades=1.0, u_mean=0.5, near_ceiling=False))
    masses = masses.copy()
    for name in PLACED:
        if name in names:
            masses[names.index(name)] = prior_masses(name, context)
    return flat, masses, _factors(flat, masses)


@lru_cache(maxsize=256)
def _unplaced(names: tuple[str, ...], context: Context) -> tuple[Floats, Floats]:
    """Share of the class flat (J,), and prior masses (J, 5) wherever the scales lie; none of flat and placed models."""
    shares = flat_shares(names)
    flat = np.array([shares.get(name, 0.0) for name in names])
    masses = np.zeros((len(names), CLASSES))
    for j, name in enumerate(names):
        if name not in FLAT_SHARES and name not in PLACED:
            masses[j] = prior_masses(name, context)
    return flat, masses


def _coarsening(evidence: Floats) -> Floats:
    """Factors (5,) that leave the largest class evidence as it is and bring the others nearer to it."""
    largest = evidence.max()
    return np.power(np.maximum(evidence / largest, TINY), EVIDENCE_POWER - 1)


def _factors(flat: Floats, masses: Floats) -> Floats:
    """What all draws of a model in a class count (J, 5) beside their weight; `flat` (J,) is that of the flat models."""
    total = masses.sum(axis=0)
    change = 1 / np.where(total > 0, total, 1.0)
    change[FLAT] *= SMALL_CHANGES_SHARE
    return np.where(flat[:, None] > 0, flat[:, None], change)


@compiled
def _shares(
    log_weights: Floats, codes: Ints, draws: Ints, flat: Floats, factors: Floats
) -> tuple[Ints, Floats, Floats]:
    """Model and share of every draw (T,), the sums of shares by class (5,); the codes of flat models become flat."""
    model, share, evidence, t = np.empty_like(codes), np.empty_like(log_weights), np.zeros(CLASSES), 0
    for j in range(len(draws)):
        for _ in range(draws[j]):
            if flat[j] > 0:
                codes[t] = FLAT
            model[t], share[t] = j, math.exp(log_weights[t]) * factors[j, codes[t]] / draws[j]
            evidence[codes[t]] += share[t]
            t += 1
    return model, share, evidence


def with_effect(pool: Pool, flat_posteriors: Sequence[ModelPosterior], delta: float) -> Pool:
    """The pool under another smallest effect; the flat models depend on it and are given anew."""
    changed = [posterior for posterior in pool.posteriors if posterior.model.name not in FLAT_SHARES]
    return pooled([*flat_posteriors, *changed], replace(pool.context, delta=delta), pool)


def class_evidence(pool: Pool, factor: Floats | None = None) -> ClassEvidence:
    """Evidence of each class; `factor` (T,) reweights the draws, as another prior of r does."""
    return pool.evidence if factor is None else _evidence(pool, pool.share * factor)


def _evidence(pool: Pool, share: Floats) -> ClassEvidence:
    value, square, variance = _class_sums(share, pool.code, pool.model, pool.draws)
    effective = np.divide(value**2, square, out=np.zeros(CLASSES), where=square > 0)
    return ClassEvidence(value, np.maximum(variance, 0.0), effective, pool.log_unit)


@compiled
def _class_sums(share: Floats, code: Ints, model: Ints, draws: Ints) -> tuple[Floats, Floats, Floats]:
    """Of each class (5,): sum and sum of squares of the draws' shares (T,), variance of the sum."""
    per_model, square = np.zeros((len(draws), CLASSES)), np.zeros(CLASSES)
    for t in range(len(share)):
        per_model[model[t], code[t]] += share[t]
        square[code[t]] += share[t] * share[t]
    variance, total = square.copy(), np.zeros(CLASSES)
    for j in range(len(draws)):
        for c in range(CLASSES):
            variance[c] -= per_model[j, c] ** 2 / draws[j]
            total[c] += per_model[j, c]
    return total, square, variance


def unseen_evidence(pool: Pool) -> Floats:
    """What each class (5,) may hold beyond the draws seen in it: three draws' worth of every model that has it."""
    masses = pool.masses.sum(axis=0)
    evidences = np.array([posterior.log_evidence for posterior in pool.posteriors])
    sizes = np.array([max(posterior.effective_sample_size, 1.0) for posterior in pool.posteriors])
    weight = np.exp(evidences - pool.log_unit) / sizes
    total = RULE_OF_THREE * (weight @ (pool.masses > 0)) / np.where(masses > 0, masses, 1.0)
    total[FLAT] = 0.0
    largest = pool.evidence.value.max()
    return np.asarray(largest * (total / largest) ** EVIDENCE_POWER)


def recoarsened(pool: Pool, factor: Floats) -> Floats:
    """The factor (T,) of more data, with the power of all data's evidence: the shares have that of the evidence before.

    Raised to the power are (evidence before times likelihood), not the evidence before alone.
    """
    before = pool.evidence.value
    ratio = np.divide(before, before.max(), out=np.ones(CLASSES), where=before > 0)
    raw = factor / np.power(ratio, 1 - 1 / EVIDENCE_POWER).take(pool.code)
    return raw * _coarsening(np.bincount(pool.code, pool.share * raw, CLASSES)).take(pool.code)


def variation_factor(pool: Pool, before: HalfCauchy, after: HalfCauchy) -> Floats:
    """Factor (T,) that turns the prior of r from one scale to another."""
    square = pool.r**2
    constant = _total(before.scale) / _total(after.scale)
    return np.asarray(constant * (1 + square / before.scale**2) / (1 + square / after.scale**2))


def _total(scale: float) -> float:
    """Integral of 1/(1 + (r/scale)²) over the r that a half-Cauchy truncated at 1 has."""
    return scale * math.atan(1 / scale)


def posterior_weights(pool: Pool, prior: Mapping[Shape, float]) -> Floats:
    """Normalised posterior weight (T,) of every draw."""
    weights = pool.share * prior_vector(prior).take(pool.code)
    return weights / weights.sum()


def mean_curves(pool: Pool, indices: Ints, u: Floats) -> Floats:
    """Mean curves (M, K) of the draws with these indices at positions u (K,), on the performance scale."""
    return pool.formulas.curves(indices, u)
