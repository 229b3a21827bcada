"""Two or more curves compared: prompting, metric of the same outputs, family, subtask.

An analysis keeps quantiles only, so the draws of every curve are made again (the engine is deterministic and takes
milliseconds) and differences are differences of draws. Posteriors of different curves are taken as independent: models
of one family that share their items or their training data make a difference more certain than is said here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Literal, cast

import numpy as np

from models.analysis import averaged_posterior
from models.arrays import Floats
from models.between_model import ResolvedScale, Source
from models.crossing import OTHER_METRIC, OTHER_SCALE, SEED, SMALLEST_PROBABILITY, Crossing, crossing
from models.curve import ITEMS_TAG, ScalingCurve, differing_tags
from models.errors import InvalidOptions, Problem
from models.metrics import MetricKind
from models.options import DEFAULT_INTERVAL, Shape
from models.pool import Averaged
from models.results import Analysis, Interval
from models.shapes import SHAPES
from models.suite_curve import FRACTION_OF_RANGE, curve_name
from models.turn import interval

MOST_CURVES = 20  # compared at once, every one with every other
DRAWS = 2000
NO_TURN = "turn_too_improbable"
# A curve is of one suite, checkpoint and version of its task, whether or not the curves at hand have others.
ALWAYS_KEPT = ("suite", "checkpoint", "task_version")
OF_THE_TASK = ("task_group", "task_version", ITEMS_TAG)  # tags that say nothing about curves of different tasks

Factor = Literal["prompting", "metric", "model_family", "task"]
FACTORS: tuple[Factor, ...] = ("prompting", "metric", "model_family", "task")


@dataclass(frozen=True, slots=True)
class ComparedCurve:
    """One row of the label table."""

    name: str
    label: str
    most_probable: Shape
    probability: float
    probabilities: Mapping[Shape, float]


@dataclass(frozen=True, slots=True)
class Difference:
    """The second curve against the first, by their places in the comparison.

    Effects are second less first, in `unit`; `turn_ratio` is the second's turn over the first's, given that both are U
    shapes (`inverted_turn_ratio`: inverted U).
    """

    first: int
    second: int
    labels_differ: bool
    probability_shapes_differ: float
    unit: str | None
    net_change: Interval
    largest_fall: Interval
    largest_rise: Interval
    change_per_decade: Interval
    turn_ratio: Interval
    inverted_turn_ratio: Interval
    crossing: Crossing


@dataclass(frozen=True, slots=True)
class Comparison:
    """All curves and every pair of them."""

    curves: tuple[ComparedCurve, ...]
    differences: tuple[Difference, ...]


def compare(
    analyses: Sequence[Analysis], level: float = DEFAULT_INTERVAL, among: Sequence[ScalingCurve] = ()
) -> Comparison:
    """Compare every analysis with every other. Raises `InvalidOptions` for fewer than two or more than 20.

    Names are those that tell the curves apart `among` more of them.
    """
    if not 2 <= len(analyses) <= MOST_CURVES:
        message = f"{len(analyses)} curve(s): a comparison takes 2 to {MOST_CURVES}"
        raise InvalidOptions([Problem("/analyses", message)])
    posteriors = [posterior_of(analysis) for analysis in analyses]
    added = told_apart([analysis.curve for analysis in analyses], among)
    rows = tuple(_row(analysis, more) for analysis, more in zip(analyses, added, strict=True))
    return Comparison(
        curves=rows,
        differences=tuple(
            _difference((i, j), (analyses[i], analyses[j]), (posteriors[i], posteriors[j]), level)
            for i, j in combinations(range(len(analyses)), 2)
        ),
    )


def matched(curves: Sequence[ScalingCurve], factor: Factor) -> tuple[tuple[int, ...], ...]:
    """Sets of curves, by number, that agree in everything but `factor` and differ in it.

    Suite, checkpoint and version of the task count, and the tags in which curves of the same names differ; other tags
    may go with the factor.
    """
    sets: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    values: defaultdict[tuple[object, ...], set[str | None]] = defaultdict(set)
    left = OF_THE_TASK if factor == "task" else ()
    tags = {*ALWAYS_KEPT, *chain.from_iterable(_telling(curves).values())}.difference(left)
    for index, curve in enumerate(curves):
        kept = {
            "task": curve.task,
            "metric": curve.metric.name,
            "prompting": curve.prompting,
            "model_family": curve.model_family,
        }
        own = kept.pop(factor)
        key = (*kept.values(), curve.scale_kind, *(curve.suite_and_tags.get(name) for name in tags))
        sets[key].append(index)
        values[key].add(own)
    return tuple(tuple(members) for key, members in sets.items() if len(values[key]) > 1)


def told_apart(curves: Sequence[ScalingCurve], among: Sequence[ScalingCurve] = ()) -> tuple[str, ...]:
    """What tells each curve apart from others of its names, its suite or tags; empty where that is nothing.

    The others are `among`, or else the curves themselves.
    """
    telling = _telling(among or curves)
    return tuple(_own(curve.suite_and_tags, telling.get(curve_name(curve), ())) for curve in curves)


def _own(tags: Mapping[str, str], names: Sequence[str]) -> str:
    return ", ".join(f"{name} {tags[name]}" for name in names if name in tags)


def _telling(curves: Sequence[ScalingCurve]) -> dict[str, tuple[str, ...]]:
    """The tags, the suite among them, in which curves of one name differ."""
    alike: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for curve in curves:
        alike[curve_name(curve)].append(curve.suite_and_tags)
    return {name: differing_tags(tags) for name, tags in alike.items()}


def posterior_of(analysis: Analysis) -> Averaged:
    """The draws behind an analysis, under the between-model scale that it used."""
    found = analysis.provenance
    scale = ResolvedScale(found.between_model_scale, cast("Source", found.between_model_scale_source))
    return averaged_posterior(analysis.curve, analysis.options, scale)


def _row(analysis: Analysis, added: str) -> ComparedCurve:
    found = analysis.classification
    name = ", ".join(filter(None, (curve_name(analysis.curve), added)))
    return ComparedCurve(name, found.label, found.most_probable, found.probability, found.probabilities)


def _difference(
    places: tuple[int, int], analyses: tuple[Analysis, Analysis], pair: tuple[Averaged, Averaged], level: float
) -> Difference:
    labels = [analysis.classification for analysis in analyses]
    same = sum(labels[0].probabilities[shape] * labels[1].probabilities[shape] for shape in SHAPES)
    curves = analyses[0].curve, analyses[1].curve
    unit = common_unit(*curves)
    effects = _effect_differences(pair, unit, level)
    if curves[0].scale_kind is not curves[1].scale_kind:
        effects["change_per_decade"] = Interval(None, None, None, OTHER_SCALE)
    return Difference(
        first=places[0],
        second=places[1],
        labels_differ=labels[0].label != labels[1].label,
        probability_shapes_differ=float(np.clip(1 - same, 0.0, 1.0)),
        unit=unit,
        net_change=effects["net_change"],
        largest_fall=effects["largest_fall"],
        largest_rise=effects["largest_rise"],
        change_per_decade=effects["change_per_decade"],
        turn_ratio=_turn_ratio(curves, pair, Shape.U_SHAPED, level),
        inverted_turn_ratio=_turn_ratio(curves, pair, Shape.INVERTED_U, level),
        crossing=crossing(curves, pair, level),
    )


def common_unit(first: ScalingCurve, second: ScalingCurve) -> str | None:
    """Unit in which changes of both can be told: the range of a bounded metric, or one unbounded metric's own."""
    unbounded = [curve.metric.kind is MetricKind.UNBOUNDED for curve in (first, second)]
    if not any(unbounded):
        return FRACTION_OF_RANGE
    return first.metric.name if all(unbounded) and first.metric.name == second.metric.name else None


def _effect_differences(pair: tuple[Averaged, Averaged], unit: str | None, level: float) -> dict[str, Interval]:
    found = [_effect_draws(averaged, unit) for averaged in pair]
    if unit is None:
        return dict.fromkeys(found[0], Interval(None, None, None, OTHER_METRIC))
    order = np.random.default_rng(SEED).permutation(DRAWS)
    return {name: interval(found[1][name][order] - found[0][name], level) for name in found[0]}


def _effect_draws(averaged: Averaged, unit: str | None) -> dict[str, Floats]:
    """Changes of performance (S,) as shares of the metric's range, or in score units for unbounded metrics."""
    marks = averaged.pool.marks.at(averaged.indices(DRAWS))
    size = 1.0 if unit == FRACTION_OF_RANGE else averaged.observations.unit
    net = marks.end - marks.start
    steps = marks.extreme - marks.start, marks.end - marks.extreme, net
    return {
        "net_change": size * net,
        "largest_fall": size * np.maximum(-np.minimum.reduce(steps), 0.0),
        "largest_rise": size * np.maximum(np.maximum.reduce(steps), 0.0),
        "change_per_decade": size * net / averaged.observations.decades,
    }


def _turn_ratio(
    curves: tuple[ScalingCurve, ScalingCurve], pair: tuple[Averaged, Averaged], shape: Shape, level: float
) -> Interval:
    if curves[0].scale_kind is not curves[1].scale_kind:
        return Interval(None, None, None, OTHER_SCALE)
    turns = [_turn_draws(averaged, shape) for averaged in pair]
    if turns[0] is None or turns[1] is None:
        return Interval(None, None, None, NO_TURN)
    order = np.random.default_rng(SEED).permutation(DRAWS)
    found = interval(turns[1][order] - turns[0], level)
    ends = [10.0**x for x in (found.estimate, found.lower, found.upper) if x is not None]
    return Interval(*ends)


def _turn_draws(averaged: Averaged, shape: Shape) -> Floats | None:
    """Draws (S,) of the log10 scale of the turn given the shape; None where the shape is too improbable."""
    inside = averaged.pool.code == SHAPES.index(shape)
    if float(averaged.weights[inside].sum()) <= SMALLEST_PROBABILITY:
        return None
    positions = averaged.pool.marks.at(averaged.indices(DRAWS, inside)).position
    return np.asarray(averaged.observations.z[0] + positions * averaged.observations.decades)
