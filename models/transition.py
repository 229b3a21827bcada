"""Where and how fast a curve rises: the 10-90 % width of its net rise, and the share of it inside one step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.arrays import Floats, Ints
from models.pool import Averaged
from models.results import Interval, Sharpness
from models.turn import interval

RISE_NODES = np.linspace(0.0, 1.0, 101)
RISE_FROM, RISE_TO = 0.1, 0.9  # design, section 6.3: the 10-90 % width
RISING = 0.5  # share of the draws that must rise for a width to be reported
SHARP_DECADES = 1.0  # design, section 6.5: a rise narrower than this is sharp
DRAWS = 500
NOT_RISING = "not_rising"
INSIDE_GAP = "rise_inside_one_gap"


@dataclass(frozen=True, slots=True)
class Transition:
    """M posterior draws that rise: decades (M,) from the smallest scale to 10 % and to 90 % of the net rise.

    `step_share` (M,) is the share of the rise inside the largest step, `before` and `after` (M,) the number of scales
    below each of the two crossings, `scales` (K,) the scales in decades above the smallest, `middle` (K,) the median
    performance there, which rises because every draw does. `straight` (M,) are the 10-90 % widths of straight lines
    between each draw's values at the models' scales.
    """

    low: Floats
    high: Floats
    step_share: Floats
    before: Ints
    after: Ints
    scales: Floats
    middle: Floats
    straight: Floats

    @property
    def straight_width(self) -> float:
        """10-90 % width in decades of straight lines between the medians at the models' scales.

        What lies between two models nobody has seen: that it is steeper there than a line is the curve models' word.
        """
        return float(rise_width(self.scales, self.middle[None, :])[0])

    @property
    def holds_a_model(self) -> bool:
        """Whether the median of some model lies inside the rise, between 10 and 90 % of it."""
        share = (self.middle - self.middle[0]) / (self.middle[-1] - self.middle[0])
        return bool(np.any((share > RISE_FROM) & (share < RISE_TO)))

    @property
    def width(self) -> Floats:
        """10-90 % widths (M,) in decades."""
        return self.high - self.low

    @property
    def probability_sharp(self) -> float:
        """P(width < 1 decade), given that the curve rises."""
        return float(np.count_nonzero(self.width < SHARP_DECADES) / len(self.low))


def transition(averaged: Averaged) -> Transition | None:
    """The rise in the draws that rise by more than the smallest effect; None where fewer than half of them do."""
    chosen = averaged.indices(DRAWS)
    rises = averaged.pool.marks.end[chosen] - averaged.pool.marks.start[chosen] > averaged.pool.context.delta
    if np.count_nonzero(rises) / DRAWS < RISING:
        return None
    observations = averaged.observations
    u = averaged.scales
    curves = averaged.curves(chosen[rises], np.concatenate([RISE_NODES, u]))
    low, high = crossings(observations.decades * RISE_NODES, curves[:, : len(RISE_NODES)])
    scales = observations.decades * u
    before, after = (np.searchsorted(scales, place) for place in (low, high))
    seen = curves[:, len(RISE_NODES) :]
    straight = rise_width(scales, seen)
    return Transition(low, high, step_share(seen), before, after, scales, np.median(seen, axis=0), straight)


def sharpness(rise: Transition | None, level: float) -> Sharpness:
    """What a reader is told of the rise.

    What lies between two models nobody has seen. The width's ends therefore hold for straight lines between their
    fitted scores as well, and a rise that may lie inside one gap, wide or narrow, has no lower end.
    """
    if rise is None:
        empty = Interval(None, None, None, NOT_RISING)
        return Sharpness(empty, empty, None, NOT_RISING)
    middle = interval(rise.width, level).estimate
    lower = interval(np.minimum(rise.width, rise.straight), level).lower
    upper = interval(np.maximum(rise.width, rise.straight), level).upper
    inside_gap = np.mean(rise.before == rise.after) > (1 - level) / 2
    width = Interval(middle, None, upper, INSIDE_GAP) if inside_gap else Interval(middle, lower, upper)
    return Sharpness(width, interval(rise.step_share, level), rise.probability_sharp)


def rise_width(z_grid: Floats, curves: Floats) -> Floats:
    """Decades (M,) from the first crossing of 10 % to that of 90 % of the net rise of curves (M, G) > 0."""
    low, high = crossings(z_grid, curves)
    return high - low


def crossings(z_grid: Floats, curves: Floats) -> tuple[Floats, Floats]:
    """Positions (M,) on `z_grid` (G,) where curves (M, G) first reach 10 % and 90 % of their net rise > 0."""
    start, net = curves[:, 0], curves[:, -1] - curves[:, 0]
    low, high = (_crossing(z_grid, curves, start + share * net) for share in (RISE_FROM, RISE_TO))
    return low, high


def step_share(curves: Floats) -> Floats:
    """Largest share (M,) of the net rise of curves (M, K) within one step; 1 where a step exceeds the net rise."""
    largest = (curves[:, 1:] - curves[:, :-1]).max(axis=1)
    return np.asarray(np.minimum(largest / (curves[:, -1] - curves[:, 0]), 1.0))


def _crossing(z_grid: Floats, curves: Floats, level: Floats) -> Floats:
    """Position (M,) where a curve first reaches its level, between its values at both ends."""
    first, rows = np.argmax(curves >= level[:, None], axis=1), np.arange(len(curves))
    before, after = curves[rows, first - 1], curves[rows, first]
    share = (level - before) / (after - before)
    return np.asarray(z_grid[first - 1] + (z_grid[first] - z_grid[first - 1]) * share)
