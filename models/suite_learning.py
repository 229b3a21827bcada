"""What forecasts can learn from the suite that a curve belongs to: scatter, shared items, shapes, turns per decade.

Empirical Bayes from the visible scores alone. Each curve gives the evidence of every shape at nodes of the item
correlation and of the between-model scale; nodes are weighed by all curves together, then the prevalence of the shapes
follows by expectation maximisation under a Dirichlet prior. Every expected turn counts against the decades looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from models.arrays import Floats
from models.between_model import LOG_SD, NODES
from models.continuation import Assumptions, correlated, posterior_pool
from models.curve import ScalingCurve
from models.curve_models.priors import HalfCauchy
from models.likelihood import observe
from models.options import DEFAULT_BETWEEN_MODEL_SCALE, SUITE_AUTOMATIC, Options, Shape
from models.pool import class_evidence, prior_vector, variation_factor
from models.posterior import Work
from models.shapes import SHAPES
from models.turn_prior import TURNED

# What is assumed of a curve without a suite; docs/forecast.md has the figures of the suites that they come from.
DEFAULT_ITEM_CORRELATION = 0.5
DEFAULT_TURN_HAZARD = 0.03  # turns per decade of scale
LARGEST_ITEM_CORRELATION = 0.8
LARGEST_TURN_HAZARD = 10.0
CORRELATION_NODES: Floats = np.array([0.0, 0.3, 0.5, 0.65, 0.75])  # with equal prior probability
SHAPE_STRENGTH = 10.0  # curves that the prior on shapes counts for
HAZARD_DECADES = 20.0  # of scale that the default hazard counts for
MOST_CURVES = 100  # of a suite from which is learnt; more would change nothing that is used
FEWEST_CURVES = SUITE_AUTOMATIC  # from which is learnt at all
LEARNING_DRAWS = 128  # effective ones a node
ROUNDS = 50  # of expectation maximisation; the prior keeps it away from the edges where it is slow
DIGITS = 3
TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Given:
    """What a request fixes; None is learnt where there is a suite, and the default elsewhere."""

    between_model_scale: float | None = None
    item_correlation: float | None = None
    turn_hazard: float | None = None
    class_prior: dict[Shape, float] | None = None


@dataclass(frozen=True, slots=True)
class CurveEvidence:
    """Log evidence (correlations, scales, 5) of one curve over `reach` decades."""

    values: Floats
    reach: float


def default_assumptions(given: Given, options: Options) -> Assumptions:
    """Without a suite."""
    scale, correlation, hazard = given.between_model_scale, given.item_correlation, given.turn_hazard
    return Assumptions(
        between_model_scale=DEFAULT_BETWEEN_MODEL_SCALE if scale is None else scale,
        item_correlation=DEFAULT_ITEM_CORRELATION if correlation is None else correlation,
        turn_hazard=DEFAULT_TURN_HAZARD if hazard is None else hazard,
        class_prior=given.class_prior or dict(options.class_prior),
    )


def curve_evidence(curve: ScalingCurve, distance: float, options: Options) -> CurveEvidence:
    """What one curve, whose range is extended by `distance` decades, says of the suite."""
    observations = observe(curve, options)
    reach = observations.decades + distance
    shared = int(correlated(observations).sum())
    rows = []
    for correlation in CORRELATION_NODES.tolist():
        assumed = Assumptions(DEFAULT_BETWEEN_MODEL_SCALE, correlation, 0.0, dict(options.class_prior))
        pool = posterior_pool(observations, reach, assumed, Work(LEARNING_DRAWS, options.seed))
        before = HalfCauchy(DEFAULT_BETWEEN_MODEL_SCALE)
        factors = (variation_factor(pool, before, HalfCauchy(node)) for node in NODES.tolist())
        values = np.array([class_evidence(pool, factor).value for factor in factors])
        # Counts that were divided have a density on another scale.
        rows.append(pool.log_unit + np.log(np.maximum(values, TINY)) - shared * math.log(1.0 - correlation))
    return CurveEvidence(np.array(rows), reach)


def learnt(evidence: Sequence[CurveEvidence], given: Given, options: Options) -> Assumptions:
    """What the curves of a suite say together, where the request does not say it."""
    base = prior_vector(given.class_prior or options.class_prior)
    values = np.array([each.values for each in evidence])
    weights = _node_weights(values, base, given)
    correlation = 1.0 - math.exp(float(weights.sum(axis=1) @ np.log1p(-CORRELATION_NODES)))
    scale = math.exp(float(weights.sum(axis=0) @ np.log(NODES)))
    best = np.unravel_index(int(np.argmax(weights)), weights.shape)
    shapes = base if given.class_prior else _prevalence(values[:, best[0], best[1]], base)
    return Assumptions(
        between_model_scale=_rounded(scale if given.between_model_scale is None else given.between_model_scale),
        item_correlation=_rounded(correlation if given.item_correlation is None else given.item_correlation),
        turn_hazard=_rounded(_hazard(shapes, evidence) if given.turn_hazard is None else given.turn_hazard),
        class_prior=dict(zip(SHAPES, shapes.tolist(), strict=True)),
    )


def _node_weights(values: Floats, base: Floats, given: Given) -> Floats:
    """Posterior probability (correlations, scales) of the nodes; what is given fixes the nearest node."""
    total = logsumexp(values + np.log(base), axis=3).sum(axis=0)
    total = total - 0.5 * (np.log(NODES / DEFAULT_BETWEEN_MODEL_SCALE) / LOG_SD) ** 2
    if given.item_correlation is not None:
        total = _only(total, int(np.argmin(np.abs(CORRELATION_NODES - given.item_correlation))), 0)
    if given.between_model_scale is not None:
        total = _only(total, int(np.argmin(np.abs(np.log(NODES / given.between_model_scale)))), 1)
    weights = np.exp(total - total.max())
    return np.asarray(weights / weights.sum())


def _only(total: Floats, place: int, axis: int) -> Floats:
    keep = np.arange(total.shape[axis]) == place
    return np.where(keep[:, None] if axis == 0 else keep[None, :], total, -np.inf)


def _prevalence(log_evidence: Floats, base: Floats) -> Floats:
    """Posterior mode (5,) of the prevalence of the shapes given log evidences (I, 5)."""
    likelihood = np.exp(log_evidence - log_evidence.max(axis=1, keepdims=True))
    shapes = base
    for _ in range(ROUNDS):
        joint = likelihood * shapes
        counts = (joint / joint.sum(axis=1, keepdims=True)).sum(axis=0)
        shapes = (counts + SHAPE_STRENGTH * base) / (len(likelihood) + SHAPE_STRENGTH)
    return np.asarray(shapes)


def _hazard(shapes: Floats, evidence: Sequence[CurveEvidence]) -> float:
    """Turns per decade: those expected, over the decades looked at, with the default as so many decades more."""
    decades = sum(each.reach for each in evidence)
    turns = float(shapes[list(TURNED)].sum()) * len(evidence)
    return (turns + DEFAULT_TURN_HAZARD * HAZARD_DECADES) / (decades + HAZARD_DECADES)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS - 1}e}")
