"""Where the lead of one mean curve becomes another's, and whether anything says so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.arrays import Floats, Ints
from models.curve import MINIMUM_RATIO, ScalingCurve
from models.options import DEFAULT_DECISION_THRESHOLD
from models.pool import Averaged
from models.results import Interval
from models.turn import interval

CROSSING_DRAWS = 1000
CROSSING_NODES = 201
SMALLEST_PROBABILITY = 0.01  # of a turn or a crossing, from which its place is reported
SEED = 20230428  # fixed: which draw of one curve meets which of the other
NO_CROSSING = "crossing_too_improbable"
NOT_TOLD_APART = "curves_not_told_apart"
OTHER_METRIC, OTHER_SCALE, NO_OVERLAP = "different_metrics", "different_scale_kinds", "ranges_do_not_overlap"
# Probability with which each curve has to lead at some scale before a crossing is called more probable than not; that
# of a label. Two independent draws of one steep curve change places in most cases, which says nothing of the curves.
EVIDENT_LEAD = DEFAULT_DECISION_THRESHOLD


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where the lead of one mean curve first becomes the other's, in the range that both cover; `scale` is given that.

    A lead is a difference above the smallest effect of both curves. `curves_not_told_apart`: draws change places, but
    nowhere is it evident that the one curve leads, or nowhere that the other one does.
    """

    probability: float | None
    scale: Interval
    probability_second_better_at_start: float | None
    probability_second_better_at_end: float | None
    reason: str | None = None


def crossing(curves: tuple[ScalingCurve, ScalingCurve], pair: tuple[Averaged, Averaged], level: float) -> Crossing:
    """The crossing of two curves with draws from their posteriors, at a level of its interval."""
    reason = _incomparable(*curves)
    first, last = (max(o.observations.z[0] for o in pair), min(o.observations.z[-1] for o in pair))
    if reason is None and last - first < np.log10(MINIMUM_RATIO):
        reason = NO_OVERLAP
    if reason is not None:
        return Crossing(None, Interval(None, None, None, reason), None, None, reason)
    z = np.linspace(first, last, CROSSING_NODES)
    order = np.random.default_rng(SEED).permutation(CROSSING_DRAWS)
    gap = _performance(pair[1], z)[order] - _performance(pair[0], z)
    matters = max(o.observations.delta * abs(o.observations.unit) for o in pair)
    left, right = change_of_lead(gap, matters)
    meets = right > 0
    ends = float(np.mean(gap[:, 0] > 0)), float(np.mean(gap[:, -1] > 0))
    leads = [float(np.mean(ahead > matters, axis=0).max()) for ahead in (gap, -gap)]
    if np.mean(meets) > 1 / 2 and min(leads) < EVIDENT_LEAD:
        return Crossing(None, Interval(None, None, None, NOT_TOLD_APART), *ends, NOT_TOLD_APART)
    place = Interval(None, None, None, NO_CROSSING)
    if np.mean(meets) > SMALLEST_PROBABILITY:
        place = interval(10.0 ** meeting_points(gap[meets], left[meets], z), level)
    return Crossing(float(np.mean(meets)), place, *ends)


def _incomparable(first: ScalingCurve, second: ScalingCurve) -> str | None:
    if first.scale_kind is not second.scale_kind:
        return OTHER_SCALE
    return None if first.metric.name == second.metric.name and _bounds(first) == _bounds(second) else OTHER_METRIC


def _bounds(curve: ScalingCurve) -> tuple[object, ...]:
    metric = curve.metric
    return metric.kind, metric.lower, metric.upper, metric.higher_is_better


def _performance(averaged: Averaged, z: Floats) -> Floats:
    """Mean performance (S, K), higher is better, in score units."""
    data = averaged.observations
    curves = averaged.curves(averaged.indices(CROSSING_DRAWS), (z - data.z[0]) / data.decades)
    return data.location + data.unit * curves


def change_of_lead(gap: Floats, matters: float) -> tuple[Ints, Ints]:
    """The nodes (S,) between which one curve's lead first becomes the other's; 0 and 0 where it never does.

    A lead is a difference that matters: the draws of curves that nobody can tell apart change places for nothing.
    """
    leads = np.where(np.abs(gap) > matters, np.sign(gap), 0.0)
    nodes = np.arange(gap.shape[1])
    latest = np.maximum.accumulate(np.where(leads != 0, nodes, -1), axis=1)  # node of the last lead, itself included
    before = np.take_along_axis(leads, np.maximum(latest, 0), axis=1)
    changes = leads[:, 1:] * before[:, :-1] < 0
    right = np.where(changes.any(axis=1), np.argmax(changes, axis=1) + 1, 0)
    left = np.take_along_axis(latest, np.maximum(right - 1, 0)[:, None], axis=1)[:, 0]
    return np.where(right > 0, left, 0), right


def meeting_points(gap: Floats, start: Ints, z: Floats) -> Floats:
    """First zero (S,) of the differences at or after their nodes `start`, on the log scale, linear between nodes."""
    rows = np.arange(len(gap))
    crossed = ((gap[:, 1:] > 0) != (gap[:, :-1] > 0)) & (np.arange(gap.shape[1] - 1) >= start[:, None])
    node = np.argmax(crossed, axis=1)
    before, after = gap[rows, node], gap[rows, node + 1]
    return np.asarray(z[node] + (z[node + 1] - z[node]) * before / (before - after))
