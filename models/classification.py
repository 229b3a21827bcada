"""From class evidence to a label, and how much the label rests on the priors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.arrays import Floats
from models.curve_models import flat_shares
from models.curve_models.priors import HalfCauchy
from models.options import UNDETERMINED, Options, Shape
from models.pool import (
    ClassEvidence,
    Pool,
    class_evidence,
    posterior_weights,
    prior_vector,
    unseen_evidence,
    variation_factor,
)
from models.results import Classification, LogBayesFactor, Range
from models.shapes import FLAT, SHAPES

# Design, section 3. Two standard errors: a label must not hang on Monte Carlo noise.
MCSE_MARGIN = 2.0
# `flat` also needs P(max f - min f <= 2 delta) >= .8 without the point mass: else a rise of 2 delta is called flat.
# That of `at_ceiling` counts: above levels of almost 1 there is no room for a rise, and no other model knows such ones.
FLAT_RANGE, FLAT_CERTAINTY = 2.0, 0.8
HIDES_CHANGES = ("constant", "at_floor")
FEWEST_CLASS_DRAWS = 50.0  # effective draws in a class below which its Bayes factor is only bounded
SENSITIVITY_FACTOR = 3.0  # the prior scale of r is divided and multiplied by this
WITHIN_MONTE_CARLO_ERROR = "within_monte_carlo_error"
ERRATIC = "erratic"
EVEN_PRIOR: Mapping[Shape, float] = dict.fromkeys(SHAPES, 1 / len(SHAPES))


@dataclass(frozen=True, slots=True)
class Decision:
    """A label with its probability (5,) and reasons, before any judgement of the scatter."""

    label: str
    best: int
    probabilities: Floats
    mcse: float
    reasons: tuple[str, ...]


def decide(pool: Pool, options: Options, prior: Mapping[Shape, float], factor: Floats | None = None) -> Decision:
    """The most probable class if it is probable enough, else `undetermined`."""
    evidence = class_evidence(pool, factor)
    probabilities = evidence.probabilities(prior)
    best = int(np.argmax(probabilities))
    mcse = _mcse(evidence, prior, best)
    reasons = []
    if probabilities[best] < options.decision_threshold:
        reasons.append("below_decision_threshold")
    elif probabilities[best] - MCSE_MARGIN * mcse < options.decision_threshold:
        reasons.append(WITHIN_MONTE_CARLO_ERROR)
    elif best == FLAT and small_change_probability(pool, prior, factor) < FLAT_CERTAINTY:
        reasons.append("change_not_excluded")
    return Decision(UNDETERMINED if reasons else SHAPES[best].value, best, probabilities, mcse, tuple(reasons))


def _mcse(evidence: ClassEvidence, prior: Mapping[Shape, float], best: int) -> float:
    """Monte Carlo standard error of the winning probability by the delta method."""
    weight = prior_vector(prior)
    total = float(np.sum(weight * evidence.value))
    probability = weight[best] * evidence.value[best] / total
    slopes = -probability * weight / total
    slopes[best] += weight[best] / total
    return math.sqrt(float(np.sum(slopes**2 * evidence.variance)))


def small_change_probability(pool: Pool, prior: Mapping[Shape, float], factor: Floats | None = None) -> float:
    """P(max f - min f <= 2 delta) where the class flat keeps its prior but not its point mass at no change."""
    weights = posterior_weights(pool, prior) if factor is None else posterior_weights(pool, prior) * factor
    names = [posterior.model.name for posterior in pool.posteriors]
    hidden = sum(share for name, share in flat_shares(names).items() if name in HIDES_CHANGES)
    rest = np.where(pool.code == FLAT, 1 / (1 - hidden), 1.0)
    hides = np.array([name in HIDES_CHANGES for name in names])
    weights = np.where(hides[pool.model], 0.0, weights * rest)
    small = pool.marks.highest - pool.marks.lowest <= FLAT_RANGE * pool.context.delta
    return float(weights.compress(small).sum() / weights.sum())


def classification(
    pool: Pool, options: Options, variation: HalfCauchy, other_effects: Mapping[str, Pool], vetoes: tuple[str, ...]
) -> Classification:
    """The whole classification; `other_effects` are the pools under half and double the smallest effect.

    `vetoes` are reasons outside the probabilities ("erratic", "engine_unreliable") that forbid a label.
    """
    decision = decide(pool, options, options.class_prior)
    winners = {
        name: decide(pool, options, prior, factor) for name, prior, factor in _variations(pool, options, variation)
    }
    effects = {name: decide(other, options, options.class_prior).label for name, other in other_effects.items()}
    probabilities = [d.probabilities[decision.best] for d in (decision, *winners.values())]
    label = UNDETERMINED if vetoes else decision.label
    stable = all(d.label == decision.label for d in winners.values())
    return Classification(
        label=label,
        most_probable=SHAPES[decision.best],
        probability=float(decision.probabilities[decision.best]),
        probability_mcse=decision.mcse,
        probabilities=dict(zip(SHAPES, decision.probabilities.tolist(), strict=True)),
        log_bayes_factors=_bayes_factors(pool),
        prior_sensitivity=Range(float(min(probabilities)), float(max(probabilities))),
        smallest_effect_sensitivity=effects,
        robust=stable and all(other == decision.label for other in effects.values()) and not vetoes,
        erratic=ERRATIC in vetoes,
        reasons=(*decision.reasons, *vetoes),
    )


def _variations(
    pool: Pool, options: Options, variation: HalfCauchy
) -> list[tuple[str, Mapping[Shape, float], Floats | None]]:
    narrow = HalfCauchy(variation.scale / SENSITIVITY_FACTOR)
    wide = HalfCauchy(variation.scale * SENSITIVITY_FACTOR)
    return [
        ("narrow", options.class_prior, variation_factor(pool, variation, narrow)),
        ("wide", options.class_prior, variation_factor(pool, variation, wide)),
        ("even", EVEN_PRIOR, None),
    ]


def _bayes_factors(pool: Pool) -> dict[Shape, LogBayesFactor]:
    """Log Bayes factor of each class against the one of largest evidence."""
    evidence = class_evidence(pool)
    upper = evidence.value + unseen_evidence(pool)
    top = float(evidence.value.max())
    factors = {}
    for index, shape in enumerate(SHAPES):
        bounded = evidence.effective_sample_size[index] < FEWEST_CLASS_DRAWS
        value = upper[index] if bounded else evidence.value[index]
        if value > 0:
            reason = "few_draws_in_class" if bounded else None
            factors[shape] = LogBayesFactor(math.log(value / top), bounded, reason)
        else:
            factors[shape] = LogBayesFactor(None, reason="class_impossible_under_menu")
    return factors
