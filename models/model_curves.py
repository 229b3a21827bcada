"""The curve of each curve model by itself, and where the draws turn: what an analysis keeps no room for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.comparison import posterior_of
from models.crossing import SMALLEST_PROBABILITY
from models.fitting import GRID_NODES, score_intervals
from models.options import Shape
from models.pool import Averaged
from models.results import Analysis, GridPoint
from models.shapes import SHAPES

SMALLEST_WEIGHT = 0.01  # of a curve model that is drawn
DRAWS = 400  # of each model: a band on a screen needs no more
DENSITY_DRAWS = 4000
BINS = 60  # of the range of scales, for the density of the turn
SMOOTHING = (0.25, 0.5, 0.25)  # of neighbouring bins: draws of a few thousand are ragged


@dataclass(frozen=True, slots=True)
class ModelCurve:
    """One curve model with its posterior weight: median and pointwise interval, as scores."""

    name: str
    weight: float
    grid: tuple[GridPoint, ...]


@dataclass(frozen=True, slots=True)
class TurnDensity:
    """Where curves of this shape turn, given the shape: density per decade at these scales; it integrates to one."""

    shape: Shape
    probability: float
    scales: tuple[float, ...]
    density: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Behind:
    """What is behind the averaged curve: models by weight, the largest first, and turns that are possible."""

    models: tuple[ModelCurve, ...]
    turns: tuple[TurnDensity, ...]


def behind(analysis: Analysis) -> Behind:
    """The draws of an analysis made again (the engine is deterministic), by curve model and by turn."""
    averaged = posterior_of(analysis)
    turns = (turn_density(averaged, shape) for shape in (Shape.U_SHAPED, Shape.INVERTED_U))
    return Behind(model_curves(averaged), tuple(turn for turn in turns if turn is not None))


def model_curves(averaged: Averaged) -> tuple[ModelCurve, ...]:
    """Every curve model that carries weight."""
    pool = averaged.pool
    weights = np.bincount(pool.model, averaged.weights, len(pool.posteriors))
    order = [int(place) for place in np.argsort(-weights) if weights[place] >= SMALLEST_WEIGHT]
    return tuple(_model_curve(averaged, place, float(weights[place])) for place in order)


def turn_density(averaged: Averaged, shape: Shape) -> TurnDensity | None:
    """The turns of the draws of a shape; None where the shape is too improbable."""
    inside = averaged.pool.code == SHAPES.index(shape)
    probability = float(averaged.weights[inside].sum())
    if probability <= SMALLEST_PROBABILITY:
        return None
    positions = averaged.pool.marks.at(averaged.indices(DENSITY_DRAWS, inside)).position
    heights, edges = np.histogram(np.clip(positions, 0.0, 1.0), BINS, (0.0, 1.0), density=True)
    padded = np.pad(heights, 1, mode="edge")
    smooth = np.convolve(padded, SMOOTHING, mode="valid")
    smooth /= smooth.mean()  # over [0, 1]: the mean of the bins is the integral
    middles = averaged.observations.scale_at((edges[:-1] + edges[1:]) / 2)
    density = smooth / averaged.observations.decades
    return TurnDensity(shape, probability, tuple(map(float, middles)), tuple(map(float, density)))


def _model_curve(averaged: Averaged, place: int, weight: float) -> ModelCurve:
    u = np.linspace(0.0, 1.0, GRID_NODES)
    band = score_intervals(averaged, averaged.curves(averaged.indices(DRAWS, averaged.pool.model == place), u))
    scales = averaged.observations.scale_at(u)
    grid = tuple(
        GridPoint(float(scale), point.estimate or 0.0, point.lower or 0.0, point.upper or 0.0)
        for scale, point in zip(scales, band, strict=True)
    )
    return ModelCurve(averaged.pool.posteriors[place].model.name, weight, grid)
