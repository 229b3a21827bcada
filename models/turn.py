"""Turns and effects: what the mean curve does inside the observed range, with intervals.

A turn's posterior is that of the position of the minimum (maximum) given that the curve is U-shaped (inverted-U).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from models.arrays import Bools, Floats, Ints
from models.options import Shape
from models.pool import Averaged
from models.results import Effects, Interval, Range, Turn
from models.shapes import SHAPES, Landmarks

SMALLEST_PROBABILITY = 0.01  # of a turned shape, from which its turn is reported
TURN_DRAWS = 2000
BOTTOM_DRAWS = 300
BOTTOM_NODES = np.linspace(0.0, 1.0, 201)
EFFECT_DRAWS = 4000
TOO_IMPROBABLE = "probability_too_small"
CHANCE_UNKNOWN = "chance_unknown"


def interval(values: Floats, level: float) -> Interval:
    """Median and equal-tailed interval of equally weighted draws."""
    return _ordered_interval(np.sort(values), level)


def _ordered_interval(ordered: Floats, level: float) -> Interval:
    """The same of draws in ascending order."""
    lower, estimate, upper = ordered_quantiles(ordered, level).tolist()
    return Interval(estimate, lower, upper)


def quantiles(values: Floats, level: float) -> Floats:
    """Lower end, median and upper end (3, ...) along the first axis, by numpy's linear rule, only faster."""
    ordered = np.array(values.T, order="C")  # rows are sorted sooner than columns
    ordered.sort(axis=-1)
    return ordered_quantiles(ordered.T, level)


def ordered_quantiles(ordered: Floats, level: float) -> Floats:
    """The same of values in ascending order."""
    below, above, share = _places(level, len(ordered), ordered.ndim)
    lower = ordered[below]
    return np.asarray(lower + share * (ordered[above] - lower))


@lru_cache(maxsize=256)
def _places(level: float, count: int, dimensions: int) -> tuple[Ints, Ints, Floats]:
    """Indices below and above the three quantiles of `count` values, and how far each lies between them."""
    places: Floats = np.array([(1 - level) / 2, 0.5, (1 + level) / 2]) * (count - 1)
    below = places.astype(np.int64)
    share: Floats = (places - below).reshape((-1,) + (1,) * (dimensions - 1))
    return below, np.minimum(below + 1, count - 1), share


def effects(averaged: Averaged) -> Effects:
    """Changes of performance over the observed range, in score units; falls and rises as positive sizes."""
    marks = averaged.pool.marks.at(averaged.indices(EFFECT_DRAWS))
    unit, decades = averaged.observations.unit, averaged.observations.decades
    net, early, late = marks.end - marks.start, marks.extreme - marks.start, marks.end - marks.extreme
    lowest, highest = np.minimum(np.minimum(early, late), net), np.maximum(np.maximum(early, late), net)
    changes = np.sort(net * unit)
    return Effects(
        net_change=_ordered_interval(changes, averaged.level),
        largest_fall=interval(np.maximum(-lowest, 0.0) * unit, averaged.level),
        largest_rise=interval(np.maximum(highest, 0.0) * unit, averaged.level),
        change_per_decade=_ordered_interval(changes / decades, averaged.level),
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """A turned shape, the monotone shape that it could be the start of, and the sign that makes it a minimum."""

    shape: Shape
    before: Shape
    sign: float


_U = _Side(Shape.U_SHAPED, Shape.INVERSE, 1.0)
_INVERTED = _Side(Shape.INVERTED_U, Shape.POSITIVE, -1.0)


def turns(averaged: Averaged) -> tuple[Turn, Turn]:
    """The U's turn and the inverted U's."""
    totals = np.bincount(averaged.pool.code, averaged.weights, len(SHAPES))
    most_probable = SHAPES[int(totals.argmax())]
    return _turn(averaged, _U, most_probable), _turn(averaged, _INVERTED, most_probable)


def _turn(averaged: Averaged, side: _Side, most_probable: Shape) -> Turn:
    inside = averaged.pool.code == SHAPES.index(side.shape)
    probability = float(averaged.weights.compress(inside).sum())
    no_turn = _no_turn(averaged, side) if most_probable is side.before else None
    reason = f"not_{side.before.value}" if no_turn is None else None
    if probability <= SMALLEST_PROBABILITY:
        return _unreported(probability, no_turn, reason)
    marks = averaged.pool.marks.at(averaged.indices(TURN_DRAWS, inside))
    unit, level = averaged.observations.unit, averaged.level
    above_chance = _above_chance(averaged, marks)
    return Turn(
        probability=probability,
        scale=_scales(averaged, marks.position),
        bottom=_bottom(averaged, inside, side),
        dip=interval(side.sign * (marks.start - marks.extreme) * unit, level),
        recovery=interval(side.sign * (marks.end - marks.extreme) * unit, level),
        end_minus_start=interval((marks.end - marks.start) * unit, level),
        probability_end_above_start=_share(marks.end > marks.start),
        probability_end_above_chance=above_chance,
        probability_end_above_chance_reason=CHANCE_UNKNOWN if above_chance is None else None,
        probability_no_turn_below_largest=no_turn,
        probability_no_turn_below_largest_reason=reason,
    )


def _unreported(probability: float, no_turn: float | None, reason: str | None) -> Turn:
    empty = Interval(None, None, None, TOO_IMPROBABLE)
    return Turn(
        probability=probability,
        scale=empty,
        bottom=Range(None, None, TOO_IMPROBABLE),
        dip=empty,
        recovery=empty,
        end_minus_start=empty,
        probability_end_above_start_reason=TOO_IMPROBABLE,
        probability_end_above_chance_reason=TOO_IMPROBABLE,
        probability_no_turn_below_largest=no_turn,
        probability_no_turn_below_largest_reason=reason,
    )


def _scales(averaged: Averaged, positions: Floats) -> Interval:
    """Quantiles on the log scale, in the scale's own unit."""
    lower, estimate, upper = averaged.observations.scale_at(quantiles(positions, averaged.level)).tolist()
    return Interval(estimate, lower, upper)


def _bottom(averaged: Averaged, inside: Bools, side: _Side) -> Range:
    """Median ends of the set where the mean is within half a smallest effect of its extreme."""
    pool, chosen = averaged.pool, averaged.indices(BOTTOM_DRAWS, inside)
    tolerance = side.sign * pool.context.delta / 2
    first, last = pool.formulas.nearly_extreme(chosen, pool.marks.position[chosen], tolerance, BOTTOM_NODES)
    ends = np.array([_middle_node(nodes) for nodes in (first, last)])
    lower, upper = averaged.observations.scale_at(ends).tolist()
    return Range(lower, upper)


def _middle_node(indices: Ints) -> float:
    """Median of an even number of nodes."""
    ordered, middle = np.sort(indices), len(indices) // 2
    return float((BOTTOM_NODES[ordered[middle - 1]] + BOTTOM_NODES[ordered[middle]]) / 2)


def _above_chance(averaged: Averaged, marks: Landmarks) -> float | None:
    chance = averaged.observations.chance
    return None if chance is None else _share(marks.end > chance)


def _no_turn(averaged: Averaged, side: _Side) -> float:
    """P(the extreme lies at the largest scale) for curves that are most probably still on their way to it."""
    code, weights, marks = averaged.pool.code, averaged.weights, averaged.pool.marks
    moving = (code == SHAPES.index(side.shape)) | (code == SHAPES.index(side.before))
    ends = side.sign * marks.end <= np.minimum(side.sign * marks.start, side.sign * marks.extreme)
    return float(weights.compress(moving & ends).sum() / weights.compress(moving).sum())


def _share(true: Bools) -> float:
    return int(np.count_nonzero(true)) / len(true)
