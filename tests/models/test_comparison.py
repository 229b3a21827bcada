"""Comparisons of curves: labels, differences of draws, crossings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from models.analysis import analyze
from models.arrays import Floats
from models.comparison import compare, matched, posterior_of, told_apart
from models.crossing import change_of_lead, meeting_points
from models.curve import ScaleKind, ScalePoint, ScalingCurve
from models.errors import InvalidOptions
from models.metrics import REGISTRY, Metric, MetricKind
from models.options import Options
from models.results import Analysis, Interval
from models.turn import effects

ACCURACY = Metric("accuracy", MetricKind.PROPORTION)
FALLS_AND_RECOVERS, RISES = (300, 250, 180, 150, 160, 220, 330), (200, 230, 260, 300, 340, 400, 430)
LATER = (330, 310, 270, 210, 160, 150, 230)


def curve_of(counts: Sequence[int], prompting: str = "zero-shot", start: float = 8.0) -> ScalingCurve:
    points = tuple(
        ScalePoint(10 ** (start + i / 2), k / 500, n_examples=500, n_correct=k) for i, k in enumerate(counts)
    )
    return ScalingCurve("task", ACCURACY, points, prompting=prompting)


@cache
def analysed(counts: tuple[int, ...], start: float = 8.0) -> Analysis:
    return analyze(curve_of(counts, start=start), Options())


def test_the_draws_made_again_are_those_of_the_analysis() -> None:
    analysis = analysed(FALLS_AND_RECOVERS)
    assert effects(posterior_of(analysis)) == analysis.effects


def test_a_curve_that_rises_and_one_that_turns_differ_and_cross_once() -> None:
    found = compare([analysed(FALLS_AND_RECOVERS), analysed(RISES)])
    difference = found.differences[0]
    assert [row.label for row in found.curves] == ["u_shaped", "positive"]
    assert difference.labels_differ
    assert difference.probability_shapes_differ > 0.95
    assert difference.net_change.lower is not None
    assert difference.net_change.lower > 0.2
    crossing = difference.crossing
    assert crossing.probability is not None
    assert crossing.probability > 0.95
    assert crossing.scale.lower is not None
    assert crossing.scale.upper is not None
    assert 10**8.25 < crossing.scale.lower < crossing.scale.upper < 10**9
    assert crossing.probability_second_better_at_start == pytest.approx(0, abs=0.05)
    assert crossing.probability_second_better_at_end == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("n", [500, 10_000])
def test_a_steep_curve_does_not_cross_itself(n: int) -> None:
    scores = (0.8, 0.7, 0.5, 0.3, 0.4, 0.65, 0.85)
    points = (ScalePoint(10 ** (8 + i / 2), y, n_examples=n, n_correct=round(y * n)) for i, y in enumerate(scores))
    steep = analyze(ScalingCurve("task", ACCURACY, tuple(points)), Options())
    crossing = compare([steep, steep]).differences[0].crossing
    assert (crossing.probability, crossing.reason, crossing.scale.reason) == (None, *["curves_not_told_apart"] * 2)
    assert crossing.probability_second_better_at_start == pytest.approx(0.5, abs=0.1)


def test_curves_that_lie_on_each_other_do_not_cross() -> None:
    points = tuple(ScalePoint(10.0 ** (8 + i), 0.5, n_examples=20_000, n_correct=10_000) for i in range(5))
    flat = analyze(ScalingCurve("task", ACCURACY, points), Options())
    crossing = compare([flat, flat]).differences[0].crossing
    assert crossing.probability is not None
    assert crossing.probability < 0.1
    assert crossing.probability_second_better_at_start == pytest.approx(0.5, abs=0.1)


def first_change(gap: Floats, matters: float) -> tuple[int, int]:
    """The nodes between which the lead changes, looked for one by one."""
    last = None
    for node, difference in enumerate(gap):
        if abs(difference) > matters:
            if last is not None and gap[last] * difference < 0:
                return last, node
            last = node
    return 0, 0


def test_a_lead_changes_where_a_walk_from_node_to_node_finds_it() -> None:
    gap = np.cumsum(np.random.default_rng(1).normal(size=(500, 30)), axis=1)
    left, right = change_of_lead(gap, 1.0)
    found = list(zip(left.tolist(), right.tolist(), strict=True))
    assert found == [first_change(row, 1.0) for row in gap]
    assert 0.2 < np.mean(right > 0) < 0.8
    rows = np.flatnonzero(right)
    starts = meeting_points(gap[rows], left[rows], np.arange(30.0))
    assert np.all((left[rows] <= starts) & (starts <= right[rows]))


def test_probability_that_shapes_differ_is_that_of_independent_labels() -> None:
    first, second = analysed(FALLS_AND_RECOVERS), analysed(LATER)
    p, q = first.classification.probabilities, second.classification.probabilities
    expected = 1 - sum(p[shape] * q[shape] for shape in p)
    assert compare([first, second]).differences[0].probability_shapes_differ == pytest.approx(expected)


def test_a_later_turn_has_a_ratio_above_one_and_the_ratio_turns_with_the_order() -> None:
    forward = compare([analysed(FALLS_AND_RECOVERS), analysed(LATER)]).differences[0].turn_ratio
    backward = compare([analysed(LATER), analysed(FALLS_AND_RECOVERS)]).differences[0].turn_ratio
    assert forward.lower is not None
    assert forward.lower > 1
    assert backward.estimate is not None
    assert forward.estimate == pytest.approx(1 / backward.estimate, rel=0.1)


def test_a_curve_against_itself_differs_by_nothing_but_its_own_uncertainty() -> None:
    analysis = analysed(RISES)
    difference = compare([analysis, analysis]).differences[0]
    net, own = difference.net_change, analysis.effects.net_change
    assert None not in (net.lower, net.upper, own.lower, own.upper)
    assert net.estimate == pytest.approx(0, abs=0.01)
    # The difference of two independent draws is wider by the square root of two.
    assert (net.upper or 0) - (net.lower or 0) == pytest.approx(2**0.5 * ((own.upper or 0) - (own.lower or 0)), rel=0.1)


def test_the_mirrored_metric_gives_the_same_differences_of_performance() -> None:
    errors = replace(ACCURACY, name="error_rate", higher_is_better=False)
    mirrored = []
    for counts in (FALLS_AND_RECOVERS, RISES):
        points = tuple(
            replace(p, score=1 - p.score, n_correct=500 - (p.n_correct or 0)) for p in curve_of(counts).points
        )
        mirrored.append(analyze(ScalingCurve("task", errors, points), Options()))
    plain = compare([analysed(FALLS_AND_RECOVERS), analysed(RISES)]).differences[0]
    other = compare(mirrored).differences[0]
    assert other.net_change.estimate == pytest.approx(plain.net_change.estimate, abs=1e-6)
    assert other.crossing.scale.estimate == pytest.approx(plain.crossing.scale.estimate, rel=1e-6)


def test_curves_without_a_common_range_metric_or_scale_do_not_cross_and_say_why() -> None:
    far = analysed(RISES, 12.0)
    assert compare([analysed(RISES), far]).differences[0].crossing.reason == "ranges_do_not_overlap"
    tokens = analyze(replace(curve_of(RISES), scale_kind=ScaleKind.TRAINING_TOKENS), Options())
    difference = compare([analysed(RISES), tokens]).differences[0]
    assert difference.crossing.reason == difference.turn_ratio.reason == "different_scale_kinds"
    assert difference.change_per_decade == Interval(None, None, None, "different_scale_kinds")
    assert difference.net_change.estimate is not None
    match = analyze(replace(curve_of(RISES), metric=REGISTRY["exact_match"]), Options())
    assert compare([analysed(RISES), match]).differences[0].crossing.reason == "different_metrics"


def test_changes_of_a_loss_and_of_an_accuracy_have_no_difference() -> None:
    points = tuple(ScalePoint(10.0 ** (8 + i), 3.0 - 0.2 * i, stderr=0.01) for i in range(5))
    loss = analyze(ScalingCurve("task", REGISTRY["loss"], points), Options(smallest_effect=0.05))
    difference = compare([analysed(RISES), loss]).differences[0]
    assert (difference.unit, difference.net_change.reason) == (None, "different_metrics")
    same = compare([loss, loss]).differences[0]
    assert same.unit == "loss"
    assert same.net_change.estimate == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("count", [0, 1, 21])
def test_a_comparison_takes_two_to_twenty_curves(count: int) -> None:
    with pytest.raises(InvalidOptions, match="takes 2 to 20"):
        compare([analysed(RISES)] * count)


def test_matched_sets_agree_in_everything_but_the_factor() -> None:
    zero, few = curve_of(RISES, "zero-shot"), curve_of(RISES, "few-shot")
    other = replace(zero, task="other")
    assert matched([zero, other, few], "prompting") == ((0, 2),)
    assert matched([zero, other, few], "task") == ((0, 1),)
    assert matched([zero, other, few], "metric") == ()


def test_curves_of_other_checkpoints_suites_and_versions_are_no_match_and_their_names_tell_them_apart() -> None:
    promptings = [curve_of(RISES, prompting) for prompting in ("zero-shot", "few-shot")]
    for other in ({"tags": {"checkpoint": "step1000"}}, {"tags": {"task_version": "2"}}, {"suite": "s"}):
        curves = [*promptings, *(replace(curve, **other) for curve in promptings)]
        assert matched(curves, "prompting") == ((0, 1), (2, 3))
        assert matched([curves[0], curves[3]], "prompting") == ()
        (named,) = {f"{name} {value}" for name, value in curves[2].suite_and_tags.items()}
        assert told_apart(curves) == ("", "", named, named)
        assert told_apart(curves[2:]) == ("", "")
        assert told_apart(curves[2:], curves) == (named, named)


def test_tags_that_go_with_the_factor_do_not_keep_curves_from_a_match() -> None:
    zero = replace(curve_of(RISES, "zero-shot"), tags={"shots": "0", "task_group": "a", "task_version": "1"})
    few = replace(zero, prompting="few-shot", tags={**zero.tags, "shots": "5"})
    assert matched([zero, few], "prompting") == ((0, 1),)
    other = replace(zero, task="other", tags={**zero.tags, "task_group": "b", "task_version": "2"})
    assert matched([zero, other], "task") == ((0, 1),)


def test_curves_that_are_told_apart_by_a_tag_alone_are_matched_one_by_one() -> None:
    curves = [
        replace(curve_of(RISES, prompting), tags={"seed": seed})
        for prompting in ("zero-shot", "few-shot")
        for seed in "12"
    ]
    assert matched(curves, "prompting") == ((0, 2), (1, 3))
    assert matched(curves[:2], "prompting") == ()


def test_compared_curves_of_one_name_have_longer_names() -> None:
    last = curve_of(RISES)
    first = replace(last, tags={"checkpoint": "step1000"})
    names = [row.name for row in compare([analyze(first, Options()), analyze(last, Options())]).curves]
    assert names == ["task, accuracy, zero-shot, checkpoint step1000", "task, accuracy, zero-shot"]
