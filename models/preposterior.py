"""What an analysis is expected to say after one more measurement, averaged over what that may show.

The draws of the posterior are kept and reweighted by the likelihood of each possible outcome; where that leaves too few
of them, the engine runs again with the outcome in place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from models.arrays import Bools, Floats
from models.classification import FLAT_CERTAINTY, MCSE_MARGIN, Decision, decide, small_change_probability
from models.curve_models import menu
from models.curve_models.priors import HalfCauchy
from models.engines.quadrature import quadrature
from models.further import OUTCOME_DRAWS, Law, factors, outcomes
from models.likelihood import Observations
from models.options import UNDETERMINED, Options, Shape
from models.pool import Averaged, Pool, pooled, posterior_weights, recoarsened
from models.posterior import Work, effective_sample_size
from models.scatter import ERRATIC_PROBABILITY, FLAT_EFFECT, spread
from models.shapes import FLAT, SHAPES, Landmarks
from models.turn import SMALLEST_PROBABILITY

OUTCOMES = 64  # equally probable ones that stand for all
FEWEST_DRAWS = (
    50.0  # effective ones after reweighting, below which the engine runs again; as for a class's Bayes factor
)
MOST_REFITS = 8  # of one measurement, where the draws serve worst
REFIT_DRAWS = 512  # as many as an analysis takes
ANALYSIS_DRAWS = 800.0  # effective ones that it has then, in the middle of 300 simulated curves (development seed)
BITS = math.log(2.0)


@dataclass(frozen=True, slots=True)
class Ground:
    """What is known before a measurement: draws, and whether the scatter of each exceeds its effect (T,)."""

    averaged: Averaged
    erratic: Bools

    @property
    def probabilities(self) -> Floats:
        """Probabilities (5,) of the shapes before the measurement."""
        return np.bincount(self.averaged.pool.code, self.averaged.weights, len(SHAPES))


@dataclass(frozen=True, slots=True)
class After:
    """An analysis after one outcome: label, probabilities (5,) and the width of the turn in decades, nan if none.

    `near`: whether a Monte Carlo error up or down would give or take the label.
    """

    label: str
    probabilities: Floats
    turn_decades: float
    near: bool


@dataclass(frozen=True, slots=True)
class Expected:
    """The average over the outcomes; `bits` are the reduction in entropy of the shape.

    `turn_decades` is the width of the turn's interval where the curve does turn, None where that is too improbable.
    `effective_sample_size` is the smallest of any outcome that was not refitted; `near` the share of outcomes that are
    a Monte Carlo error away from another answer: they share their draws, so they may all be decided otherwise.
    """

    labels: dict[str, float]
    top_probability: float
    bits: float
    turn_decades: float | None
    effective_sample_size: float
    refits: int
    near: float


def ground(observations: Observations, options: Options, variation: HalfCauchy, draws: int) -> Ground:
    """The posterior before a measurement."""
    context = observations.context
    posteriors = quadrature(menu(context), observations, variation, Work(draws, options.seed))
    pool = pooled(posteriors, context)
    averaged = Averaged(pool, posterior_weights(pool, options.class_prior), observations, options.interval)
    return Ground(averaged, _erratic(averaged))


def expected(
    before: Ground, law: Law, options: Options, turned: Shape, refit: Callable[[float], Ground] | None = None
) -> Expected:
    """What is expected of a measurement with this law; `refit` makes the posterior with one outcome in place."""
    chosen = before.averaged.indices(OUTCOME_DRAWS)
    found = outcomes(law, chosen, OUTCOMES, options.seed)
    likelihoods = factors(law, found)
    sizes = np.array([effective_sample_size(row * before.averaged.weights) for row in likelihoods])
    again = frozenset() if refit is None else _to_refit(sizes)
    after = []
    for index, row in enumerate(likelihoods):
        if refit is not None and index in again:
            after.append(seen_after(refit(float(found[index])), None, options, turned))
        else:
            after.append(seen_after(before, row, options, turned))
    kept = [size for index, size in enumerate(sizes.tolist()) if index not in again]
    return _average(before, after, turned, (min(kept, default=FEWEST_DRAWS), len(again)))


def seen_after(before: Ground, factor: Floats | None, options: Options, turned: Shape) -> After:
    """What an analysis would say whose draws are reweighted by `factor` (T,)."""
    averaged = before.averaged
    factor = None if factor is None else recoarsened(averaged.pool, factor)
    decision = decide(averaged.pool, options, options.class_prior, factor)
    weights = averaged.weights if factor is None else averaged.weights * factor
    named, near = _label(averaged.pool, decision, options, (factor, effective_sample_size(weights)))
    inside = np.where(averaged.pool.code == decision.best, weights, 0.0)
    veto = float(inside[before.erratic].sum()) > ERRATIC_PROBABILITY * float(inside.sum())
    label = UNDETERMINED if veto else named
    return After(label, decision.probabilities, turn_decades(averaged, weights, turned), near and not veto)


def turn_decades(averaged: Averaged, weights: Floats, turned: Shape) -> float:
    """Width in decades of the interval of the turn given the shape; nan where the shape is too improbable."""
    inside = np.flatnonzero(averaged.pool.code == SHAPES.index(turned))
    if float(weights[inside].sum()) <= SMALLEST_PROBABILITY * float(weights.sum()):
        return math.nan
    positions = averaged.pool.marks.position[inside]
    order = np.argsort(positions, kind="stable")
    cumulative = np.cumsum(weights[inside][order])
    tail = (1 - averaged.level) / 2
    places = np.searchsorted(cumulative, np.array([tail, 1 - tail]) * cumulative[-1])
    ends = positions[order][np.minimum(places, len(order) - 1)]
    return float(ends[1] - ends[0]) * averaged.observations.decades


def entropy_bits(probabilities: Floats) -> float:
    """Entropy of a distribution (5,)."""
    inside = probabilities[probabilities > 0]
    return float(-np.sum(inside * np.log(inside)) / BITS)


def _label(pool: Pool, decision: Decision, options: Options, drawn: tuple[Floats | None, float]) -> tuple[str, bool]:
    """The label with the Monte Carlo margin that an analysis would have, which does not reuse draws.

    And whether it is a Monte Carlo error away from another answer.
    """
    factor, size = drawn
    margin = MCSE_MARGIN * decision.mcse * math.sqrt(size / ANALYSIS_DRAWS)
    above = decision.probabilities[decision.best] - margin - options.decision_threshold
    near = bool(abs(above) < decision.mcse)
    if above < 0 and not near:
        return UNDETERMINED, False
    if decision.best == FLAT and small_change_probability(pool, options.class_prior, factor) < FLAT_CERTAINTY:
        return UNDETERMINED, False
    return UNDETERMINED if above < 0 else SHAPES[decision.best].value, near


def _to_refit(sizes: Floats) -> frozenset[int]:
    """The outcomes that leave the fewest effective draws, where those are too few."""
    worst = np.argsort(sizes, kind="stable")[:MOST_REFITS]
    return frozenset(int(index) for index in worst if sizes[index] < FEWEST_DRAWS)


def _average(before: Ground, after: Sequence[After], turned: Shape, quality: tuple[float, int]) -> Expected:
    names = [*(shape.value for shape in SHAPES), UNDETERMINED]
    labels = {name: sum(each.label == name for each in after) / len(after) for name in names}
    entropy = float(np.mean([entropy_bits(each.probabilities) for each in after]))
    share = np.array([each.probabilities[SHAPES.index(turned)] for each in after])
    widths = np.array([each.turn_decades for each in after])
    known = ~np.isnan(widths)
    width = None
    if known.any() and float(before.probabilities[SHAPES.index(turned)]) > SMALLEST_PROBABILITY:
        width = float(np.sum(share[known] * widths[known]) / np.sum(share[known]))
    return Expected(
        labels=labels,
        top_probability=float(np.mean([each.probabilities.max() for each in after])),
        bits=max(entropy_bits(before.probabilities) - entropy, 0.0),  # below is Monte Carlo error: no news is 0
        turn_decades=width,
        effective_sample_size=quality[0],
        refits=quality[1],
        near=float(np.mean([each.near for each in after])),
    )


def _erratic(averaged: Averaged) -> Bools:
    """Whether a typical difference of two models exceeds the effect (T,); its share in the label's class is the veto.

    The rule is that of `models.scatter`, draw by draw.
    """
    pool, size = averaged.pool, len(averaged.weights)
    curves = averaged.curves(np.arange(size), np.unique(averaged.observations.u))
    scatter = np.sqrt(2) * spread(averaged, pool.r, curves.mean(axis=1))
    return np.asarray(scatter > _effects(pool.marks)[pool.code, np.arange(size)])


def _effects(marks: Landmarks) -> Floats:
    """The effect (5, T) that each label rests on."""
    net = np.abs(marks.end - marks.start)
    by_shape = {
        Shape.U_SHAPED: np.minimum(marks.start, marks.end) - marks.extreme,
        Shape.INVERTED_U: marks.extreme - np.maximum(marks.start, marks.end),
        Shape.FLAT: np.full(len(net), FLAT_EFFECT),
    }
    return np.stack([by_shape.get(shape, net) for shape in SHAPES])
