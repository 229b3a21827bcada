"""Posterior of a turn as a histogram on log10 scale, rebuilt from an analysis, with the prior that went into it.

An analysis keeps three quantiles of the turn. Between them the posterior of logit(position) is taken as normal in two
pieces, one width on each side of the median: right for a sharp turn, and within 3 % of the range for one of which
nothing is known (a uniform position has a logistic logit).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

from models.arrays import Floats
from models.curve_models import CURVE_MODELS, FLAT_SHARES
from models.curve_models.record import Context, prior_draws
from models.likelihood import observe
from models.options import Shape
from models.results import Analysis
from models.shapes import CONTEXT_FIELDS, SHAPES, classify, landmarks
from models.sobol import sobol

CELLS = 16  # of equal posterior mass
BINS = 120  # of equal width, in a picture
TINY = 1e-12  # positions closer to an end of the range count as this far from it in a picture
TAIL = 5e-4  # posterior mass beyond the outermost edges, which is left to the outermost cells
EDGE = 1e-6  # positions closer to an end of the range count as this far from it
PRIOR_BINS = 20
PRIOR_DRAWS = 8192
PRIOR_SEED = 20230428  # fixed: the prior is a constant of the method
# Of the uniform density. Near the ends of the range a turn makes hardly any dip or recovery and the prior of a U there
# goes to zero: dividing by it would magnify the errors of the reconstructed tails.
SMALLEST_PRIOR = 0.2


@dataclass(frozen=True, slots=True)
class TurnPosterior:
    """`edges` (M + 1,) of cells of equal posterior mass on log10 scale; `prior` (M,) mean prior density per decade."""

    edges: Floats
    prior: Floats


def turn_posterior(analysis: Analysis, shape: Shape) -> TurnPosterior | None:
    """The turn's posterior given `shape` (u_shaped or inverted_u); None where the analysis reports none."""
    turn = analysis.u_turn if shape is Shape.U_SHAPED else analysis.inverted_u_turn
    found = (turn.scale.lower, turn.scale.estimate, turn.scale.upper)
    points = analysis.curve.points
    ends = (math.log10(points[0].scale), math.log10(points[-1].scale))
    quantiles = [math.log10(x) for x in found if x is not None]
    if len(quantiles) < len(found):
        return None
    edges = quantile_edges(np.array(quantiles), ends, analysis.options.interval)
    density = turn_prior(observe(analysis.curve, analysis.options).context, shape)
    return TurnPosterior(edges, _prior_at(edges, ends, density))


def turn_outline(analysis: Analysis, shape: Shape) -> tuple[list[float], list[float]] | None:
    """Density per decade of the turn given `shape`, at the middles of bins on log10 scale; None where none is reported.

    A smooth one through the three quantiles, for pictures: probit(probability) as a monotone function of
    logit(position) with Fritsch and Butland's slope at the median (SIAM J. Sci. Stat. Comput. 5, 1984).
    """
    turn = analysis.u_turn if shape is Shape.U_SHAPED else analysis.inverted_u_turn
    quantiles = [math.log10(x) for x in (turn.scale.lower, turn.scale.estimate, turn.scale.upper) if x is not None]
    if len(quantiles) < 3:
        return None
    points = analysis.curve.points
    low, high = math.log10(points[0].scale), math.log10(points[-1].scale)
    knots = logit(np.clip((np.array(quantiles) - low) / (high - low), EDGE, 1 - EDGE))
    edges = np.linspace(0.0, 1.0, BINS + 1)
    z = float(ndtri((1 + analysis.options.interval) / 2))
    mass = np.diff(ndtr(_probits(logit(np.clip(edges, TINY, 1 - TINY)), knots, z)))
    middles = low + (high - low) * (edges[1:] + edges[:-1]) / 2
    return middles.tolist(), (mass * BINS / (high - low)).tolist()


def _probits(x: Floats, knots: Floats, z: float) -> Floats:
    """A monotone function through (knots, -z, 0, z): cubic between the knots, linear beyond."""
    widths = np.maximum(np.diff(knots), EDGE)
    first, last = z / widths
    middle = 3 * widths.sum() / ((2 * widths[1] + widths[0]) / first + (widths[1] + 2 * widths[0]) / last)
    below = x < knots[1]
    width, start, end = (np.where(below, a, b) for a, b in ((widths[0], widths[1]), (first, middle), (middle, last)))
    t = np.clip((x - np.where(below, knots[1] - widths[0], knots[1])) / width, 0.0, 1.0)
    rise = z * (3 - 2 * t) * t**2 + width * (t * (1 - t) ** 2 * start - t**2 * (1 - t) * end)
    beyond = np.minimum(x - (knots[1] - widths[0]), 0.0) * first + np.maximum(x - knots[1] - widths[1], 0.0) * last
    return np.asarray(np.where(below, -z, 0.0) + rise + beyond)


def quantile_edges(quantiles: Floats, ends: tuple[float, float], level: float) -> Floats:
    """Edges (M + 1,) from lower end, median and upper end (3,) on log10 scale inside the observed range."""
    width = ends[1] - ends[0]
    lower, middle, upper = logit(np.clip((quantiles - ends[0]) / width, EDGE, 1 - EDGE))
    z = float(ndtri((1 + level) / 2))
    steps = ndtri(np.clip(np.linspace(0.0, 1.0, CELLS + 1), TAIL, 1 - TAIL))
    sd = np.where(steps < 0, middle - lower, upper - middle) / z
    # Strictly increasing even where the median touches an end of its interval.
    places = ends[0] + width * expit(middle + np.maximum(sd, EDGE) * steps)
    return np.asarray(np.maximum.accumulate(places + EDGE * np.arange(CELLS + 1) / CELLS))


def _prior_at(edges: Floats, ends: tuple[float, float], density: Floats) -> Floats:
    width = ends[1] - ends[0]
    middles = np.clip(((edges[1:] + edges[:-1]) / 2 - ends[0]) / width, 0.0, 1.0)
    bins = np.minimum((middles * PRIOR_BINS).astype(np.int64), PRIOR_BINS - 1)
    return np.asarray(np.maximum(density[bins], SMALLEST_PRIOR) / width)


def turn_prior(context: Context, shape: Shape) -> Floats:
    """Prior density (PRIOR_BINS,) of the turn's position in [0, 1] given the shape, over all curve models."""
    total = np.zeros(PRIOR_BINS)
    for name in CURVE_MODELS:
        kept = {field: getattr(context, field) for field in CONTEXT_FIELDS.get(name, ())}
        total += _positions(name, replace(Context(context.bounded, context.delta), **kept), shape)
    return np.asarray(total / total.sum() * PRIOR_BINS)


@lru_cache(maxsize=1024)
def _positions(name: str, context: Context, shape: Shape) -> Floats:
    """Share of a model's prior curves that have the shape with the turn in each bin."""
    model = CURVE_MODELS[name](context)
    if model is None or name in FLAT_SHARES:
        return np.zeros(PRIOR_BINS)
    size = len(model.parameter_names)
    v = sobol(size, PRIOR_DRAWS, np.random.default_rng(PRIOR_SEED))
    marks = landmarks(model, *prior_draws(model, np.clip(v, 1e-12, 1 - 1e-12)))
    positions = marks.position[classify(marks, context.delta) == SHAPES.index(shape)]
    return np.asarray(np.histogram(positions, bins=PRIOR_BINS, range=(0.0, 1.0))[0] / PRIOR_DRAWS)
