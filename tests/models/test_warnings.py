"""Warnings that follow from a curve alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.curve import ScalePoint, ScalingCurve
from models.likelihood import CLUSTERED, observe
from models.metrics import REGISTRY, Metric, MetricKind
from models.options import Options
from models.resolution import point_reports
from models.results import Interval
from models.warnings import curve_warnings
from service.readers import score_columns

ACCURACY = REGISTRY["accuracy"]


def warned(*points: ScalePoint, metric: Metric = ACCURACY) -> dict[str, str]:
    """Messages by code."""
    curve = ScalingCurve("task", metric, points)
    options = Options(smallest_effect=0.02 if metric.kind is MetricKind.UNBOUNDED else None)
    return {found.code: found.message for found in curve_warnings(curve, observe(curve, options))}


def test_scores_that_no_count_gives_are_told_with_their_number() -> None:
    found = warned(ScalePoint(1.0, 0.5, 7), ScalePoint(2.0, 0.714, 7), ScalePoint(3.0, 0.7512, 20))
    assert found["score_not_a_count"].startswith("2 of 3 scores are no whole count of n_examples")


@pytest.mark.parametrize("score", [0.71, 0.714, 5 / 7, 0.7142857])
def test_a_score_rounded_to_its_digits_is_a_count(score: float) -> None:
    assert "score_not_a_count" not in warned(ScalePoint(1.0, 2 / 7, 7), ScalePoint(2.0, score, 7))


SCORES = (0.52, 0.61, 0.73, 0.84)


def with_errors(stderr: float, n: int | None, k_of: int | None = None) -> ScalingCurve:
    points = (
        ScalePoint(10.0 ** (8 + i), y, n, stderr, n_correct=None if k_of is None else round(y * k_of))
        for i, y in enumerate(SCORES)
    )
    return ScalingCurve("task", ACCURACY, tuple(points))


@pytest.mark.parametrize("k_of", [None, 1000])
def test_a_standard_error_of_clusters_counts_as_it_does_without_n(k_of: int | None) -> None:
    both, alone = (observe(with_errors(0.1, *sizes), Options()) for sizes in ((1000, k_of), (None, None)))
    assert both.trials == pytest.approx(alone.trials)
    assert both.successes == pytest.approx(alone.successes)
    reports = [
        point_reports(with_errors(0.1, *sizes), [Interval(None, None, None)] * 4, 0.95)
        for sizes in ((1000, k_of), (None, None))
    ]
    assert [one.interval for one in reports[0]] == [one.interval for one in reports[1]]
    messages = {found.code: found.message for found in curve_warnings(with_errors(0.1, 1000), both)}
    assert messages["stderr_disagrees_with_n"].endswith("is used in place of n")


@pytest.mark.parametrize("stderr", [0.001, 0.0157, 0.016, 0.02])
def test_a_standard_error_that_is_smaller_or_rounded_leaves_n(stderr: float) -> None:
    assert observe(with_errors(stderr, 1000), Options()).trials.tolist()[0] == 1000


def test_clusters_are_told_by_the_same_ratio_of_variances_as_in_files_of_harnesses() -> None:
    assert CLUSTERED == score_columns.CLUSTERED


def test_a_score_within_the_tolerance_of_counts_is_one() -> None:
    single_precision = 0.3330000042915344
    assert "score_not_a_count" not in warned(ScalePoint(1.0, 0.2, 1000), ScalePoint(2.0, single_precision, 1000))


WORSE = {
    "accuracy": "every score lies below chance (0.25)",
    "error_rate": "every score lies above chance, where lower is better (0.75)",
}


@pytest.mark.parametrize("best", [0.21, 0.25, 0.3])
def test_models_worse_than_chance_are_told_for_accuracies_and_for_error_rates(best: float) -> None:
    errors = replace(ACCURACY, name="error_rate", higher_is_better=False, chance=0.75)
    for metric in (replace(ACCURACY, chance=0.25), errors):
        shares = (y if metric.higher_is_better else 1 - y for y in (0.2, 0.19, best))
        found = warned(*(ScalePoint(10.0**i, share, 500) for i, share in enumerate(shares)), metric=metric)
        assert found.get("below_chance") == (WORSE[metric.name] if best < 0.25 else None)


def test_a_loss_without_bounds_has_no_chance_to_be_worse_than() -> None:
    loss = replace(REGISTRY["loss"], chance=1.0)
    assert "below_chance" not in warned(*(ScalePoint(10.0**i, 3.0, stderr=0.1) for i in range(3)), metric=loss)
