"""Differences between models, promptings or families that answered the same items.

What an easy or hard draw of items does to both sides cancels in the difference. Statements are about these language
models on the population of items, so the between-model variation has no part in them; intervals of what a whole
family would do come from the curves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from models.arrays import Floats
from models.curve import ITEMS_TAG, ScalePoint, ScalingCurve
from models.outcomes import covariance, design_effects, items

# Two more items, one without a difference and half a one at either extreme: Agresti and Min 2005 (Statistics in
# Medicine 24, section 2), whose interval keeps its level where the plain one has the width 0 at no discordant item.
ADDED_ITEMS = 2.0
NO_SPREAD = 1e-24  # mean squared deviation that is rounding error of equal values
FEWEST_ITEMS = 2
MEAN_WIDTH, NET_WIDTH = 1.0, 2.0  # largest difference of two shares, and of two net changes
NO_OUTCOMES, DIFFERENT_ITEMS, DIFFERENT_CLUSTERS = "no_outcomes", "different_items", "different_clusters"
NO_COMMON_SCALES, ONE_ITEM = "no_common_scales", "one_item"
NO_DISCORDANCE, ALL_ALIKE = "no_discordant_items", "all_items_differ_alike"


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Second minus first performance, in shares of the items, with its interval.

    `unpaired_stderr` is what the standard error would be with different items on each side; `gain` the ratio of the
    two variances: pairing is worth that many times the items.
    """

    estimate: float
    lower: float
    upper: float
    stderr: float
    unpaired_stderr: float
    gain: float | None
    gain_reason: str | None = None


@dataclass(frozen=True, slots=True)
class ScaleDifference:
    """The difference at one scale that both curves have."""

    scale: float
    difference: PairedDifference


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """Second minus first curve on shared items.

    `mean_difference` is over the scales that both have; `net_change_difference` is that of the changes from each
    curve's smallest to its largest model.
    """

    n_examples: int
    n_clusters: int | None
    by_scale: tuple[ScaleDifference, ...]
    mean_difference: PairedDifference | None
    net_change_difference: PairedDifference
    mean_difference_reason: str | None = None


@dataclass(frozen=True, slots=True)
class NotPaired:
    """Why there is no paired comparison."""

    reason: str


def paired_comparison(first: ScalingCurve, second: ScalingCurve, level: float) -> PairedComparison | NotPaired:
    """Compare two curves whose outcomes are of the same items in the same order, unless their digests say otherwise.

    Where not both have a digest, the caller vouches for the items.
    """
    points = (*first.points, *second.points)
    refused = _refusal(points)
    if refused is not None:
        return refused
    digests = {curve.tags[ITEMS_TAG] for curve in (first, second) if ITEMS_TAG in curve.tags}
    if len(digests) > 1:
        return NotPaired(DIFFERENT_ITEMS)
    clusters, sides = points[0].clusters, (_by_scale(first), _by_scale(second))
    common = sorted(sides[0].keys() & sides[1].keys())
    ends = [side[max(side)] - side[min(side)] for side in sides]
    means = [np.mean([side[scale] for scale in common], axis=0) for side in sides] if common else None
    return PairedComparison(
        n_examples=len(points[0].outcomes or b""),
        n_clusters=None if clusters is None else len(set(clusters)),
        by_scale=tuple(
            ScaleDifference(scale, paired_difference(sides[0][scale], sides[1][scale], clusters, level))
            for scale in common
        ),
        mean_difference=None if means is None else paired_difference(means[0], means[1], clusters, level),
        mean_difference_reason=None if common else NO_COMMON_SCALES,
        net_change_difference=paired_difference(ends[0], ends[1], clusters, level, NET_WIDTH),
    )


def model_difference(curve: ScalingCurve, first: int, second: int, level: float) -> PairedDifference | NotPaired:
    """Second minus first of two points of a curve, by their indices."""
    points = (curve.points[first], curve.points[second])
    refused = _refusal(points)
    if refused is not None:
        return refused
    values = [_values(point, curve) for point in points]
    return paired_difference(values[0], values[1], points[0].clusters, level)


def paired_difference(
    first: Floats, second: Floats, clusters: Sequence[int] | None, level: float, width: float = MEAN_WIDTH
) -> PairedDifference:
    """Mean of second - first over items (n,), which lies between -width and width."""
    difference = second - first
    known = items(np.stack([difference, first, second]), clusters)
    varies = known.spread > NO_SPREAD
    variance, *apart = np.where(varies, np.diag(covariance(known)), 0.0).tolist()
    # k/deff of n/deff, as everywhere
    size = known.n_examples / float(design_effects(items(difference[None, :], clusters))[0])
    mean, padded = float(np.mean(difference)), size + ADDED_ITEMS
    center = mean * size / padded
    square = float(np.mean(difference**2)) * size + width**2
    spread = np.sqrt((square / padded - center**2) / padded)
    half = float(stdtrit(len(known.sizes) - 1, (1 + level) / 2) * spread)
    return PairedDifference(
        estimate=mean,
        lower=max(center - half, -width),
        upper=min(center + half, width),
        stderr=float(np.sqrt(variance)),
        unpaired_stderr=float(np.sqrt(sum(apart))),
        gain=sum(apart) / variance if variance > 0 else None,
        gain_reason=None if variance > 0 else NO_DISCORDANCE if mean == 0 else ALL_ALIKE,
    )


def _refusal(points: Sequence[ScalePoint]) -> NotPaired | None:
    if any(point.outcomes is None for point in points):
        return NotPaired(NO_OUTCOMES)
    sizes = {len(point.outcomes or b"") for point in points}
    if len(sizes) > 1 or max(sizes) < FEWEST_ITEMS:
        return NotPaired(DIFFERENT_ITEMS if len(sizes) > 1 else ONE_ITEM)
    return NotPaired(DIFFERENT_CLUSTERS) if len({point.clusters for point in points}) > 1 else None


def _by_scale(curve: ScalingCurve) -> dict[float, Floats]:
    """Performance (n,) on every item at each scale, the mean over its replicates."""
    found: dict[float, list[Floats]] = {}
    for point in curve.points:
        found.setdefault(point.scale, []).append(_values(point, curve))
    return {scale: np.mean(rows, axis=0) for scale, rows in found.items()}


def _values(point: ScalePoint, curve: ScalingCurve) -> Floats:
    scored = np.frombuffer(point.outcomes or b"", dtype=np.uint8).astype(float)
    return scored if curve.metric.higher_is_better else 1 - scored
