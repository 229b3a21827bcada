"""Erratic curves: the models scatter around their mean curve by more than the effect that the label rests on."""

from __future__ import annotations

import numpy as np

from models.arrays import Floats
from models.options import Shape
from models.pool import Averaged
from models.results import Interval
from models.shapes import SHAPES, Landmarks
from models.turn import interval

ERRATIC_PROBABILITY = 0.5  # design, section 3
FLAT_EFFECT = 0.1  # scatter beyond which a flat mean says little, in units of the metric's range
SCATTER_DRAWS = 1000


def is_erratic(averaged: Averaged, best: int) -> bool:
    """P(sqrt(2) r sqrt(m (1 - m)) > effect | y, label) > 1/2: a typical difference of two models exceeds the effect."""
    chosen = averaged.indices(SCATTER_DRAWS, averaged.pool.code == best)
    level = averaged.curves(chosen, averaged.scales).mean(axis=1)
    scatter = np.sqrt(2) * spread(averaged, averaged.pool.r[chosen], level)
    larger = scatter > _effect(averaged.pool.marks.at(chosen), SHAPES[best])
    return bool(np.count_nonzero(larger) / SCATTER_DRAWS > ERRATIC_PROBABILITY)


def _effect(marks: Landmarks, shape: Shape) -> Floats:
    match shape:
        case Shape.U_SHAPED:
            return np.minimum(marks.start, marks.end) - marks.extreme
        case Shape.INVERTED_U:
            return marks.extreme - np.maximum(marks.start, marks.end)
        case Shape.FLAT:
            return np.full(len(marks.start), FLAT_EFFECT)
        case _:
            return np.abs(marks.end - marks.start)


def spread(averaged: Averaged, r: Floats, level: Floats) -> Floats:
    """Sd (S,) of a model's true performance around the curve where the curve is at `level` (S,)."""
    if not averaged.observations.bounded:
        return r
    return r * np.sqrt(np.maximum(level * (1 - level), 0.0))


def between_model_sd(averaged: Averaged) -> Interval:
    """Posterior of that sd at the curve's mean level, in score units."""
    level = averaged.at_scales.mean(axis=1)
    return interval(
        spread(averaged, averaged.pool.r[averaged.drawn], level) * averaged.observations.unit, averaged.level
    )
