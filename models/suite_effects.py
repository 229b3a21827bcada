"""Changes of performance pooled over a suite, and what explains them: random effects and meta-regression.

An effect is the posterior median of a curve with the variance of a normal distribution of the same interval. Emergence
scores are never pooled: their sampling distribution has no useful mean. Metrics of the same outputs are one cluster and
are averaged first, as if they were perfectly correlated; in a regression, those with the same value of the moderator.
Where a moderator differs between metrics of the same outputs, their means are taken as independent: they vary together,
so that the difference between values is known better than its interval says, never worse.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.meta_regression import MetaRegression, meta_regression
from models.options import Shape
from models.random_effects import Effect, LeftOut, Pooling, RandomEffects, leave_one_out, random_effects
from models.results import Interval
from models.shapes import SHAPES
from models.suite_curve import FRACTION_OF_RANGE, SuiteCurve

NET_CHANGE = "net_change"
# The shape that each effect presupposes; None: it is a fact of every curve.
EFFECTS: Mapping[str, Shape | None] = {
    NET_CHANGE: None,
    "dip": Shape.U_SHAPED,
    "recovery": Shape.U_SHAPED,
    "rise": Shape.INVERTED_U,
    "fall": Shape.INVERTED_U,
}
PROBABLE = 0.5  # probability of the shape from which its dips and rises are pooled
MOST_LEFT_OUT = 200  # effects up to which each is left out in turn
FEWEST_OF_A_KIND = 3  # outputs with one value of a moderator, from which the value gets a coefficient
MOST_VALUES = 20  # of a moderator
LINEAR, NOT_LINEAR = "linear", "not_linear"
ONE_VALUE, TOO_MANY_VALUES = "fewer_than_two_values", "more_than_20_values"
MODERATED = NET_CHANGE


@dataclass(frozen=True, slots=True)
class PooledEffect:
    """One kind of change over the suite, in `unit`; `n_left_out` curves have it in another unit."""

    name: str
    unit: str | None
    pooled: RandomEffects
    effects: tuple[Effect, ...]
    n_left_out: int
    leave_one_out: tuple[LeftOut, ...] = ()
    leave_one_out_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Moderated:
    """Net change regressed on a moderator, against its commonest value `reference`.

    `n_left_out` curves have no value of it, a rare one, or their effect in another unit.
    """

    moderator: str
    reference: str | None
    regression: MetaRegression | None
    n_left_out: int
    reason: str | None = None


Moderator = Callable[[SuiteCurve], str | None]


def pooled_effects(curves: Sequence[SuiteCurve], pooling: Pooling) -> tuple[PooledEffect, ...]:
    """Every kind of change, pooled."""
    return tuple(_pooled(name, shape, curves, pooling) for name, shape in EFFECTS.items())


def _pooled(name: str, shape: Shape | None, curves: Sequence[SuiteCurve], pooling: Pooling) -> PooledEffect:
    having = [curve for curve in curves if name in curve.effects and _is_probable(curve, shape)]
    unit, own = _commonest_unit(having)
    effects = _cluster_means(own, name)
    many = len(effects) > MOST_LEFT_OUT
    pooled = random_effects(effects, pooling)
    return PooledEffect(
        name=name,
        unit=unit,
        pooled=_possible(pooled, name, bounded=unit == FRACTION_OF_RANGE),
        effects=tuple(effects),
        n_left_out=len(having) - len(own),
        leave_one_out=() if many else leave_one_out(effects, pooling),
        leave_one_out_reason="more_than_200_effects" if many else None,
    )


def _possible(pooled: RandomEffects, name: str, *, bounded: bool) -> RandomEffects:
    """Intervals without what no change can be.

    Scores within the metric's range change by the whole of it at most, and dips, recoveries, rises and falls have a
    direction: theirs are 0 at least.
    """
    most = 1.0 if bounded else math.inf
    limits = (-most if name == NET_CHANGE else 0.0, most)
    return replace(pooled, estimate=_cut(pooled.estimate, limits), prediction=_cut(pooled.prediction, limits))


def _cut(interval: Interval, limits: tuple[float, float]) -> Interval:
    if interval.lower is None or interval.upper is None:
        return interval
    return replace(interval, lower=max(interval.lower, limits[0]), upper=min(interval.upper, limits[1]))


def _is_probable(curve: SuiteCurve, shape: Shape | None) -> bool:
    return curve.reliable and (shape is None or float(curve.probabilities[SHAPES.index(shape)]) >= PROBABLE)


def _commonest_unit(curves: Sequence[SuiteCurve]) -> tuple[str | None, list[SuiteCurve]]:
    if not curves:
        return None, []
    unit = Counter(curve.effect_unit for curve in curves).most_common(1)[0][0]
    return unit, [curve for curve in curves if curve.effect_unit == unit]


def _cluster_means(curves: Sequence[SuiteCurve], name: str) -> list[Effect]:
    return [_mean(members) for members in _grouped((curve.outputs, curve.effects[name]) for curve in curves).values()]


def _grouped[Key](keyed: Iterable[tuple[Key, Effect]]) -> dict[Key, list[Effect]]:
    groups: defaultdict[Key, list[Effect]] = defaultdict(list)
    for key, effect in keyed:
        groups[key].append(effect)
    return groups


def _mean(members: Sequence[Effect]) -> Effect:
    """Mean of perfectly correlated effects: its standard error is the mean of theirs."""
    error = float(np.mean([np.sqrt(effect.variance) for effect in members]))
    return Effect(members[0].name, float(np.mean([effect.estimate for effect in members])), error**2)


def moderators() -> dict[str, Moderator]:
    """What may explain a change."""
    return {
        "metric_linearity": lambda curve: None if curve.linear is None else (LINEAR if curve.linear else NOT_LINEAR),
        "prompting": lambda curve: curve.groups["prompting"],
        "model_family": lambda curve: curve.groups["model_family"],
    }


def moderated_effects(curves: Sequence[SuiteCurve], pooling: Pooling) -> tuple[Moderated, ...]:
    """Net change regressed on each moderator."""
    own = _commonest_unit([curve for curve in curves if curve.reliable and MODERATED in curve.effects])[1]
    return tuple(_moderated(name, value, own, len(curves), pooling) for name, value in moderators().items())


def _moderated(name: str, value: Moderator, curves: Sequence[SuiteCurve], total: int, pooling: Pooling) -> Moderated:
    valued = [(curve.outputs, v, curve.effects[MODERATED]) for curve in curves if (v := value(curve)) is not None]
    clusters = _grouped(((outputs, v), effect) for outputs, v, effect in valued)
    counts = Counter(v for _, v in clusters)
    kept = [v for v, count in counts.most_common() if count >= FEWEST_OF_A_KIND]
    chosen = [(v, members) for (_, v), members in clusters.items() if v in kept]
    left_out = total - sum(len(members) for _, members in chosen)
    if len(kept) < 2 or len(kept) > MOST_VALUES:
        return Moderated(name, None, None, left_out, ONE_VALUE if len(kept) < 2 else TOO_MANY_VALUES)
    columns = {v: np.array([float(own == v) for own, _ in chosen]) for v in sorted(kept[1:])}
    regression = meta_regression([_mean(members) for _, members in chosen], columns, pooling)
    return Moderated(name, kept[0], regression, left_out)
