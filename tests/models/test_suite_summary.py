"""A suite summed up: what is kept of an analysis, effects, moderators, the whole summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from benchmarks.suites import suite_curve_of
from models.analysis import analyze
from models.curve import ScalePoint, ScalingCurve
from models.errors import InvalidOptions
from models.metrics import Metric, MetricKind, registered
from models.options import Options, Shape
from models.random_effects import Effect, Pooling, random_effects
from models.results import Analysis, LogBayesFactor
from models.shapes import SHAPES
from models.suite_curve import SuiteCurve, class_evidences, suite_curve
from models.suite_effects import moderated_effects, pooled_effects
from models.suite_summary import GroupEngine, SuiteOptions, grouped_prevalence, suite_summary, summary_of_curves

ACCURACY = Metric("accuracy", MetricKind.PROPORTION, linear=False)
QUICK = SuiteOptions(group_by=())
BARE = suite_curve_of(np.eye(5)[0], "task", "accuracy")
EVEN = dict.fromkeys(SHAPES, 0.2)
RISING, FALLING = (100, 150, 250, 330, 400), (400, 330, 250, 150, 100)
TURNED, LEVEL = (300, 200, 150, 210, 320), (250, 252, 249, 251, 250)


def curve_of(task: str, counts: Sequence[int], family: str = "A", prompting: str | None = None) -> ScalingCurve:
    points = tuple(ScalePoint(10.0 ** (8 + i), k / 500, n_examples=500, n_correct=k) for i, k in enumerate(counts))
    return ScalingCurve(task, ACCURACY, points, model_family=family, prompting=prompting)


@cache
def suite() -> tuple[Analysis, ...]:
    """Five rising, four falling, four turned and two level curves of two families."""
    shapes = [RISING] * 5 + [FALLING] * 4 + [TURNED] * 4 + [LEVEL] * 2
    rng = np.random.default_rng(1)
    noisy = [tuple(int(k) for k in np.array(counts) + rng.integers(-8, 9, 5)) for counts in shapes]
    return tuple(analyze(curve_of(f"task {i}", k, "AB"[i % 2]), Options()) for i, k in enumerate(noisy))


def small() -> list[SuiteCurve]:
    return [suite_curve(analysis) for analysis in suite()]


@pytest.mark.parametrize("counts", [RISING, TURNED, LEVEL])
def test_evidences_do_not_depend_on_the_prior_of_the_analysis(counts: tuple[int, ...]) -> None:
    curve = curve_of("task", counts)
    plain, _ = class_evidences(analyze(curve, Options()))
    other, _ = class_evidences(analyze(curve, Options(class_prior=EVEN)))
    np.testing.assert_allclose(plain, other, rtol=1e-9)


def test_evidences_are_the_bayes_factors_where_these_are_known_and_their_bounds_elsewhere() -> None:
    analysis = suite()[9]
    factors = dict(analysis.classification.log_bayes_factors)
    value, bound = class_evidences(analysis)
    for index, shape in enumerate(SHAPES):
        factor = factors[shape]
        assert factor.estimate is not None
        assert (bound if factor.upper_bound else value)[index] == pytest.approx(np.exp(factor.estimate), rel=1e-6)
    factors[Shape.FLAT] = LogBayesFactor(-0.5, upper_bound=True, reason="few_draws_in_class")
    raised = replace(analysis, classification=replace(analysis.classification, log_bayes_factors=factors))
    assert class_evidences(raised)[1][SHAPES.index(Shape.FLAT)] == pytest.approx(np.exp(-0.5))


def test_the_summary_finds_the_composition_of_the_suite() -> None:
    found = suite_summary(suite(), QUICK)
    shapes = found.prevalence.shapes
    for shape, count in {Shape.POSITIVE: 5, Shape.INVERSE: 4, Shape.U_SHAPED: 4}.items():
        lower, upper = shapes[shape].lower, shapes[shape].upper
        assert lower is not None
        assert upper is not None
        assert lower <= count / 15 <= upper
        assert found.prevalence.expected_curves[shape] == pytest.approx(count, abs=0.7)
    assert found.n_curves == sum(found.labels.values()) == len(found.error_control.labels) == 15
    assert found.error_control.all_labels.n_kept >= 12
    assert found.u_turn_uncensored.scale.estimate == pytest.approx(1e10, rel=0.5)
    assert found.u_turn.n_beyond == pytest.approx(4, abs=0.5)


def test_an_unreliable_analysis_has_no_vote_and_is_counted() -> None:
    bad = [replace(small()[0], reliable=False, label="undetermined"), *small()[1:]]
    found = summary_of_curves(bad, QUICK)
    assert found.left_out == {"engine_unreliable": 1}
    assert found.prevalence.n_curves == 14
    assert found.error_control.labels[0].kept is False


def test_a_suite_without_any_vote_says_so_everywhere() -> None:
    found = summary_of_curves([replace(curve, reliable=False) for curve in small()[:3]], QUICK)
    assert found.prevalence.reason == "no_curves"
    assert found.u_turn.reason == "fewer_than_two_turns"
    assert {effect.pooled.reason for effect in found.effects} == {"fewer_than_two_effects"}


def test_dips_of_probable_u_shapes_are_pooled_by_random_effects() -> None:
    found = {effect.name: effect for effect in pooled_effects(small(), Pooling())}
    dips = [curve.effects["dip"] for curve in small() if curve.probabilities[SHAPES.index(Shape.U_SHAPED)] >= 0.5]
    assert len(dips) == 4
    assert found["dip"].pooled == random_effects(dips)
    assert found["dip"].pooled.estimate.estimate == pytest.approx(0.3, abs=0.06)
    assert found["rise"].pooled.reason == "fewer_than_two_effects"


def test_a_flat_curve_has_a_change_of_no_less_than_half_a_smallest_effect_of_uncertainty() -> None:
    flat = [curve for curve in small() if curve.label == "flat"]
    assert flat
    assert all(curve.effects["net_change"].variance >= 0.01**2 * (1 - 1e-9) for curve in flat)


def test_metrics_of_the_same_outputs_are_averaged_before_they_are_pooled() -> None:
    thrice = [curve for curve in small() for _ in range(3)]
    once, clustered = pooled_effects(small(), Pooling())[0], pooled_effects(thrice, Pooling())[0]
    assert clustered.pooled.n_effects == 15
    assert clustered.pooled.estimate.upper == pytest.approx(once.pooled.estimate.upper, rel=1e-9)


@pytest.mark.parametrize("change", [{"suite": "other"}, {"tags": {"checkpoint": "1"}}, {"tags": {"task_version": "1"}}])
def test_another_suite_checkpoint_or_task_version_is_no_metric_of_the_same_outputs(change: dict[str, Any]) -> None:
    twin = replace(suite()[0], curve=replace(suite()[0].curve, **change))
    curves = [suite_curve(suite()[0]), suite_curve(twin)]
    assert pooled_effects(curves, Pooling())[0].pooled.n_effects == 2
    assert summary_of_curves(curves, QUICK).prevalence.n_clusters == 2


def test_another_metric_of_the_same_outputs_stays_with_them() -> None:
    other = replace(suite()[0].curve, metric=replace(ACCURACY, name="other"), tags={"task_group": "a"})
    curves = [suite_curve(suite()[0]), suite_curve(replace(suite()[0], curve=other))]
    assert summary_of_curves(curves, QUICK).prevalence.n_clusters == 1


def test_effects_in_another_unit_are_left_out_and_counted() -> None:
    loss = [replace(curve, effect_unit="loss") for curve in small()[:2]]
    found = pooled_effects([*loss, *small()[2:]], Pooling())[0]
    assert (found.unit, found.n_left_out, found.pooled.n_effects) == ("fraction_of_range", 2, 13)


def test_a_moderator_explains_what_it_was_made_to_explain() -> None:
    curves = []
    for i in range(30):
        prompting = ("zero-shot", "few-shot")[i % 2]
        change = Effect(str(i), 0.1 + 0.2 * (i % 2) + 0.01 * (i % 7), 1e-4)
        curves.append(replace(small()[0], outputs=(str(i),), groups={**small()[0].groups, "prompting": prompting}))
        curves[-1] = replace(curves[-1], effects={"net_change": change})
    found = {m.moderator: m for m in moderated_effects(curves, Pooling())}
    regression = found["prompting"].regression
    assert regression is not None
    slope = regression.coefficients[1].value.estimate
    assert slope is not None
    assert abs(slope) == pytest.approx(0.2, abs=0.02)
    assert regression.r2 is not None
    assert regression.r2 > 0.8
    assert found["model_family"].reason == "fewer_than_two_values"


def moderated_suite(rng: np.random.Generator, outputs: int, metrics: int) -> list[SuiteCurve]:
    """Metrics of the same outputs, which share their change, under two promptings that do not matter."""
    found = []
    for i in range(outputs):
        curve = replace(BARE, outputs=(str(i),), groups={"prompting": "ab"[i % 2], "model_family": None})
        change = rng.normal(0.1, 0.1)
        for m in range(metrics):
            effect = Effect(str(i), change + rng.normal(0, 0.005), 0.03**2)
            found.append(replace(curve, effects={"net_change": effect}, linear=m % 2 == 0))
    return found


def p_value_by(moderator: str, curves: Sequence[SuiteCurve]) -> float:
    found = {m.moderator: m for m in moderated_effects(curves, Pooling())}[moderator].regression
    assert found is not None
    p_value = found.coefficients[1].p_value
    assert p_value is not None
    return p_value


@pytest.mark.parametrize("metrics", [1, 2, 4])
def test_a_prompting_without_effect_is_rarely_significant_whatever_the_number_of_metrics(metrics: int) -> None:
    rng = np.random.default_rng(0)
    false = sum(p_value_by("prompting", moderated_suite(rng, 24, metrics)) < 0.05 for _ in range(100))
    assert false <= 10  # with a rate of .05 exceeded once in a hundred times


def test_a_linearity_without_effect_is_rarely_significant_though_metrics_of_the_same_outputs_stay_apart() -> None:
    rng = np.random.default_rng(0)
    false = sum(p_value_by("metric_linearity", moderated_suite(rng, 12, 4)) < 0.05 for _ in range(100))
    assert false <= 10


def test_values_of_a_moderator_are_counted_by_outputs() -> None:
    curves = moderated_suite(np.random.default_rng(0), 4, 3)
    found = {m.moderator: m for m in moderated_effects(curves, Pooling())}
    assert (found["prompting"].reason, found["prompting"].n_left_out) == ("fewer_than_two_values", 12)
    regression = found["metric_linearity"].regression
    assert regression is not None
    assert regression.n_effects == 8


def test_groups_with_partial_pooling_lie_between_themselves_and_the_whole() -> None:
    found = grouped_prevalence(small(), "model_family", SuiteOptions())
    assert [group.group for group in found.groups] == ["A", "B"]
    assert sum(group.n_curves for group in found.groups) == 15
    assert found.r_hat is not None
    assert found.spread.estimate is not None


@pytest.mark.slow
def test_groups_are_sampled_by_pymc_where_it_is_asked_for() -> None:
    own = grouped_prevalence(small(), "model_family", SuiteOptions())
    reference = grouped_prevalence(small(), "model_family", SuiteOptions(group_engine=GroupEngine.NUTS))
    assert reference.r_hat != own.r_hat
    for one, other in zip(own.groups, reference.groups, strict=True):
        for shape in SHAPES:
            assert one.shapes[shape].estimate == pytest.approx(other.shapes[shape].estimate, abs=0.03)


def test_one_group_is_no_grouping_and_says_so() -> None:
    found = grouped_prevalence(small(), "metric", SuiteOptions())
    assert found.reason == "fewer_than_two_groups"
    assert grouped_prevalence(small(), "task_group", SuiteOptions()).n_ungrouped == 15


def test_the_summary_in_words_tells_the_numbers_of_the_records() -> None:
    found = suite_summary(suite(), QUICK)
    labels = found.error_control.all_labels
    assert found.summary.startswith(f"Of 15 curves, {found.labels['positive']} rising, ")
    assert f"Of the {labels.n_labels} labels {labels.expected_false:.1f} are expected to be false" in found.summary
    assert f"{labels.n_kept} can be kept, expected to hold at most 5 % false." in found.summary
    assert "the typical U turns at 8" in found.summary
    unreliable = [replace(curve, reliable=False, label="undetermined") for curve in small()[:3]]
    assert summary_of_curves(unreliable, QUICK).summary == "Of 3 curves, 3 undetermined. No curve has a label."


def test_verdicts_on_emergence_are_counted_by_metric() -> None:
    curves = [replace(curve, verdict="emergent" if i < 2 else None) for i, curve in enumerate(small())]
    assert summary_of_curves(curves, QUICK).verdicts == {"emergent": {"accuracy": 2}}
    assert summary_of_curves([replace(curve, verdict=None) for curve in small()], QUICK).verdicts == {}


def test_options_out_of_range_are_named() -> None:
    with pytest.raises(InvalidOptions, match=r"interval.*fdr_level.*group_by"):
        SuiteOptions(interval=1.0, fdr_level=0.0, group_by=("colour",))
    with pytest.raises(InvalidOptions, match="at least 2"):
        suite_summary(suite()[:1])


def test_linearity_of_a_metric_comes_from_the_registry() -> None:
    edit = registered("token_edit_distance")
    assert edit is not None
    assert edit.linear is True
    assert small()[0].linear is False


def test_no_interval_of_a_bounded_change_holds_what_cannot_be() -> None:
    changes = [Effect(str(place), change, 1e-4) for place, change in enumerate((-0.2, 0.8))]
    first = small()[0]
    curves = [replace(first, outputs=(one.name,), effects={"net_change": one}) for one in changes]
    found = next(effect for effect in pooled_effects(curves, Pooling()) if effect.name == "net_change").pooled
    assert (found.estimate.lower, found.estimate.upper) == (-1.0, 1.0)
    assert (found.prediction.lower, found.prediction.upper) == (-1.0, 1.0)
    alone = random_effects(changes)
    assert alone.estimate.upper is not None
    assert alone.estimate.upper > 1


@pytest.mark.parametrize("name", ["dip", "recovery", "rise", "fall"])
@pytest.mark.parametrize("unit", ["fraction_of_range", "bits_per_byte"])
def test_no_interval_of_a_change_with_a_direction_reaches_below_zero(name: str, unit: str) -> None:
    sizes = [Effect(str(place), change, 1e-4) for place, change in enumerate((0.1, 0.8))]
    inverted = name in ("rise", "fall")
    shape = Shape.INVERTED_U if inverted else Shape.U_SHAPED
    probabilities = np.array([float(shape is other) for other in SHAPES])
    first = replace(small()[0], probabilities=probabilities, effect_unit=unit)
    curves = [replace(first, outputs=(one.name,), effects={name: one}) for one in sizes]
    found = next(effect for effect in pooled_effects(curves, Pooling()) if effect.name == name).pooled
    assert found.estimate.estimate == pytest.approx(0.45)
    assert (found.estimate.lower, found.prediction.lower) == (0.0, 0.0)
    assert found.estimate.upper is not None
    assert (found.estimate.upper == 1.0) == (unit == "fraction_of_range")
