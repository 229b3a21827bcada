"""Verdicts on curves whose truth is known, and what they must not depend on."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import expit

from models.analysis import analyze
from models.arrays import Floats
from models.curve import ScalePoint, ScalingCurve
from models.metrics import REGISTRY, Metric
from models.options import Options
from models.results import Emergence, Verdict

EXACT_MATCH = replace(REGISTRY["exact_match"], target_length=5)
Z = np.linspace(8, 11.15, 8)
JUMP = 0.002 + 0.8 * expit((Z - 10.1) * 2 * np.log(9) / 0.5)  # 10-90 % within half a decade


def judged(scores: Floats, n: int = 2000, metric: Metric = EXACT_MATCH, z: Floats = Z) -> Emergence:
    points = tuple(ScalePoint(float(10**place), round(y * n) / n, n) for place, y in zip(z, scores, strict=True))
    return analyze(ScalingCurve("task", metric, points), Options()).emergence


def power_law(exponent: float, middle: float, z: Floats = Z) -> Floats:
    return np.asarray(np.exp(-np.exp(-exponent * np.log(10) * (z - middle))))


def test_a_sharp_unforeseen_rise_that_no_explanation_fits_is_emergent() -> None:
    found = judged(JUMP)
    assert (found.verdict, found.verdict_reasons) == (Verdict.EMERGENT, ())
    assert found.explanations.metric.holds is False
    assert found.explanations.resolution.holds is False
    assert found.explanations.scale_gap.holds is False
    assert found.unpredictability.p_value is not None
    assert found.unpredictability.p_value < 0.05
    assert found.sharpness.probability_below_one_decade is not None
    assert found.sharpness.probability_below_one_decade > 0.8


def test_the_same_rise_is_open_where_its_metric_cannot_be_tested() -> None:
    found = judged(JUMP, metric=REGISTRY["exact_match"])
    assert (found.verdict, found.verdict_reasons) == (Verdict.UNDETERMINED, ("metric_explanation_untested",))
    assert found.explanations.metric.reason == "target_length_unknown"
    assert found.explanations.metric.holds is None


def test_one_token_leaves_nothing_for_the_metric_to_explain() -> None:
    found = judged(JUMP, metric=replace(EXACT_MATCH, target_length=1))
    assert found.verdict is Verdict.EMERGENT
    assert found.explanations.metric.reason == "one_token"


@pytest.mark.parametrize("exponent", [0.75, 0.85])
def test_a_smooth_per_token_curve_under_exact_match_is_explained_by_the_metric(exponent: float) -> None:
    found = judged(power_law(exponent, 11.2), n=5000)
    assert found.verdict is Verdict.EXPLAINED_BY_METRIC
    metric = found.explanations.metric
    assert metric.route == "target_length"
    assert metric.probability_smooth is not None
    assert metric.probability_smooth >= 0.9
    assert metric.log_bayes_factor is not None
    assert metric.log_bayes_factor >= np.log(3)
    assert metric.exponent.lower is not None
    assert metric.exponent.upper is not None
    assert metric.exponent.lower < exponent < metric.exponent.upper


def test_a_gradual_rise_is_not_emergent() -> None:
    found = judged(0.1 + 0.7 * (Z - Z[0]) / (Z[-1] - Z[0]))
    assert (found.verdict, found.verdict_reasons) == (Verdict.NOT_EMERGENT, ("not_sharp",))
    assert found.explanations.metric.reason == found.explanations.metric.exponent.reason == "not_sharp"


@pytest.mark.parametrize("scores", [np.full(8, 0.4), np.linspace(0.7, 0.2, 8)])
def test_what_does_not_rise_is_not_emergent(scores: Floats) -> None:
    found = judged(scores)
    assert (found.verdict, found.verdict_reasons) == (Verdict.NOT_EMERGENT, ("not_positive",))
    assert found.unpredictability.reason == "not_rising"


def test_zeros_of_small_test_sets_explain_a_jump_that_large_ones_show() -> None:
    small = judged(np.array([0, 0, 0, 0, 0, 0.05, 0.25, 0.7]), n=20)
    assert small.verdict is Verdict.EXPLAINED_BY_RESOLUTION
    assert small.explanations.resolution.models_at_zero == 5
    large = judged(np.array([0, 0, 0, 0, 0, 0.05, 0.7, 0.72]), n=10_000)
    assert large.explanations.resolution.holds is False


@pytest.mark.parametrize("n", [500, 2000])
def test_zeros_before_perfect_scores_are_not_laid_to_the_test_set(n: int) -> None:
    found = judged(np.array([0, 0, 0, 0, 1, 1, 1, 1]), n=n)
    assert found.verdict is not Verdict.EXPLAINED_BY_RESOLUTION


def test_a_rise_between_two_distant_models_is_explained_by_the_gap() -> None:
    z = np.array([8.1, 8.5, 8.9, 9.1, 9.4, 9.8, 10.1, 11.2])
    found = judged(np.array([0.002, 0.001, 0.002, 0.002, 0.001, 0.003, 0.002, 0.8]), z=z)
    assert found.verdict is Verdict.EXPLAINED_BY_SCALE_GAP
    gap = found.explanations.scale_gap
    assert gap.gap_decades == pytest.approx(1.1)
    assert (gap.lower_scale, gap.upper_scale) == (float(10**10.1), float(10**11.2))


def test_the_scales_that_are_named_are_scales_of_the_curve_to_the_last_digit() -> None:
    sizes = (1e7, 3e7, 1e8, 3e8, 1e9, 1.5e9, 2e9, 4e9, 1e10)
    scores = (0.02, 0.021, 0.019, 0.02, 0.022, 0.3, 0.6, 0.92, 0.93)
    points = tuple(ScalePoint(size, score, stderr=0.006) for size, score in zip(sizes, scores, strict=True))
    found = analyze(ScalingCurve("task", REGISTRY["token_accuracy"], points), Options()).emergence
    gap = found.explanations.scale_gap
    assert found.unpredictability.first_hidden_scale == 1.5e9
    assert (gap.lower_scale, gap.upper_scale) in list(pairwise(sizes))


def test_of_several_models_of_one_size_the_gap_names_their_size() -> None:
    z = np.array([8.1, 8.1, 8.5, 8.9, 9.1, 9.4, 9.8, 10.1, 10.1, 11.2])
    shares = np.array([0.002, 0.003, 0.001, 0.002, 0.002, 0.001, 0.003, 0.002, 0.001, 0.8])
    gap = judged(shares, z=z).explanations.scale_gap
    assert (gap.lower_scale, gap.upper_scale) == (float(10**10.1), float(10**11.2))


def test_a_continuous_metric_explains_nothing() -> None:
    bounded = REGISTRY["mean_probability"]
    points = tuple(ScalePoint(float(10**z), float(y), stderr=0.004) for z, y in zip(Z, JUMP, strict=True))
    found = analyze(ScalingCurve("task", bounded, points), Options()).emergence
    assert found.explanations.metric.holds is False
    assert found.explanations.metric.reason == "metric_linear_or_continuous"
    assert found.explanations.resolution.reason == "not_counts"
    assert found.verdict is Verdict.EMERGENT
    assert found.verdict_reasons == ("resolution_explanation_untested",)


def test_scores_clear_of_the_worst_by_their_errors_are_no_zeros_of_a_small_test_set() -> None:
    bounded = REGISTRY["mean_probability"]
    points = tuple(ScalePoint(float(10**z), 0.1 + 0.85 * float(y), stderr=0.004) for z, y in zip(Z, JUMP, strict=True))
    found = analyze(ScalingCurve("task", bounded, points), Options()).emergence
    assert (found.explanations.resolution.holds, found.explanations.resolution.models_at_zero) == (False, 0)
    assert found.verdict is Verdict.EMERGENT
    assert found.verdict_reasons == ()


def test_an_error_rate_and_another_unit_of_scale_get_the_verdict_of_the_accuracy() -> None:
    error = replace(EXACT_MATCH, name="error_rate", higher_is_better=False, chance=1.0)
    accuracy, mirrored, rescaled = judged(JUMP), judged(1 - JUMP, metric=error), judged(JUMP, z=Z + 3)
    assert mirrored.verdict is rescaled.verdict is accuracy.verdict
    assert mirrored.unpredictability.p_value == accuracy.unpredictability.p_value
    assert rescaled.explanations.metric == accuracy.explanations.metric


@pytest.mark.parametrize("scales", [2, 3, 4])
def test_few_scales_never_make_a_rise_emergent(scales: int) -> None:
    scores = np.array([0.0, 0.9, 0.95, 0.96][:scales])
    assert judged(scores, z=Z[:scales]).verdict is not Verdict.EMERGENT


def test_the_same_curve_gets_the_same_judgement_twice() -> None:
    assert judged(JUMP) == judged(JUMP)


@pytest.mark.parametrize("decades", [0.6, 1.2])
def test_a_piece_of_a_gradual_rise_is_not_called_emergent_for_its_short_range(decades: float) -> None:
    z = np.linspace(9, 9 + decades, 10)
    found = judged(
        expit(-2.5 + 3 * ((z - 9) / decades) ** 2), n=10_000, metric=replace(EXACT_MATCH, target_length=1), z=z
    )
    assert found.sharpness.probability_below_one_decade == 1.0
    assert found.verdict is Verdict.UNDETERMINED
    assert "range_too_short" in found.verdict_reasons
