"""Test-set size against statsmodels, slow loops and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

from models.curve import ScalePoint, ScalingCurve
from models.metrics import REGISTRY, Metric, MetricKind, ScoreUnit
from models.resolution import count_residual, jeffreys, n_needed, point_reports, upper_bound_at_zero, wilson
from models.results import Interval, PointReport, Range

ACCURACY = REGISTRY["accuracy"]
ERROR = Metric("error", MetricKind.PROPORTION, higher_is_better=False)
SIZES = st.integers(1, 10_000_000)
COUNTS = SIZES.flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def reports(
    points: list[ScalePoint], metric: Metric = ACCURACY, fitted: list[float] | None = None, design_effect: float = 1.0
) -> tuple[PointReport, ...]:
    curve = ScalingCurve("task", metric, tuple(points))
    estimates = fitted or [point.score for point in curve.points]
    intervals = [Interval(estimate, estimate, estimate) for estimate in estimates]
    return point_reports(curve, intervals, 0.95, design_effect)


def counted(scores: list[float], n: int) -> list[ScalePoint]:
    return [ScalePoint(10.0**i, score, n_examples=n) for i, score in enumerate(scores)]


@given(COUNTS, st.sampled_from([0.5, 0.8, 0.95, 0.99]))
def test_intervals_agree_with_statsmodels(count: tuple[int, int], level: float) -> None:
    k, n = count
    lower, upper = jeffreys(np.array([float(k)]), np.array([float(n)]), level)
    expected = proportion_confint(k, n, 1 - level, method="jeffreys")
    assert lower[0] == (0 if k == 0 else pytest.approx(expected[0], rel=1e-7))
    assert upper[0] == (1 if k == n else pytest.approx(expected[1], rel=1e-7))
    lower, upper = wilson(np.array([float(k)]), np.array([float(n)]), level)
    assert (lower[0], upper[0]) == pytest.approx(proportion_confint(k, n, 1 - level, method="wilson"), abs=1e-12)


@given(COUNTS)
def test_both_intervals_hold_the_score_and_stay_inside_the_bounds(count: tuple[int, int]) -> None:
    k, n = (np.array([float(value)]) for value in count)
    for interval in (jeffreys, wilson):
        lower, upper = interval(k, n, 0.95)
        assert 0 <= lower[0] <= k[0] / n[0] <= upper[0] <= 1
        assert lower[0] < upper[0]


@given(COUNTS)
def test_swapping_successes_and_failures_mirrors_both_intervals(count: tuple[int, int]) -> None:
    k, n = (np.array([float(value)]) for value in count)
    for interval in (jeffreys, wilson):
        lower, upper = interval(k, n, 0.95)
        mirrored = interval(n - k, n, 0.95)
        assert (1 - upper[0], 1 - lower[0]) == pytest.approx((mirrored[0][0], mirrored[1][0]), abs=1e-9)


def test_jeffreys_covers_where_the_normal_interval_fails() -> None:
    n, p, k = 20, 0.01, np.arange(21.0)
    mass = np.array([math.comb(n, int(i)) * p**i * (1 - p) ** (n - i) for i in k])
    lower, upper = jeffreys(k, np.full(21, 20.0), 0.95)
    half = norm.ppf(0.975) * np.sqrt(k / n * (1 - k / n) / n)
    assert mass[(lower <= p) & (p <= upper)].sum() > 0.95
    assert mass[(k / n - half <= p) & (p <= k / n + half)].sum() == pytest.approx(0.18, abs=0.01)


def test_a_bound_holds_the_score_below_which_no_success_is_no_surprise() -> None:
    n = np.array([1.0, 20.0, 2000.0, 1e7])
    bound = upper_bound_at_zero(n)
    assert bound == pytest.approx(1 - 0.05 ** (1 / n), rel=1e-6)
    assert (1 - bound) ** n == pytest.approx(0.05, rel=1e-6)
    assert bound[2:] == pytest.approx(-math.log(0.05) / n[2:], rel=1e-3)


def test_a_score_of_p_needs_three_over_p_examples() -> None:
    assert [n_needed(p) for p in (1.0, 0.5, 0.0015, 0.3, 1e-9)] == [3, 6, 2000, 10, 3_000_000_000]
    assert n_needed(0.0015, 2.0) == 4000
    assert n_needed(0.0) is None
    assert n_needed(1e-300) is None


@given(st.floats(1e-4, 1.0))
def test_with_the_examples_needed_a_score_is_seen_in_95_of_100_test_sets(p: float) -> None:
    n = n_needed(p)
    assert n is not None
    assert (1 - p) ** n <= 0.05
    # The rule of three is an approximation for rare successes: there it is not wasteful either.
    assert p > 0.01 or (1 - p) ** (0.97 * n) > 0.05


def test_a_report_says_what_two_thousand_examples_can_show() -> None:
    small, large = reports(counted([0.0, 0.6], 2000), fitted=[0.0004, 0.6])
    assert (small.resolution, small.below_resolution, small.n_needed) == (0.0005, True, 7500)
    assert (large.resolution, large.below_resolution, large.n_needed) == (0.0005, False, 5)
    assert small.interval.lower == 0
    assert small.interval.upper == pytest.approx(proportion_confint(0, 2000, 0.05, method="jeffreys")[1], rel=1e-7)
    assert small.n_needed_reason is None


def test_the_published_example_of_the_contract_is_just_visible() -> None:
    report = reports(counted([0.0015, 0.4], 2000))[0]
    assert (report.n_needed, report.below_resolution, report.resolution) == (2000, False, 0.0005)


def test_a_fitted_score_of_zero_is_below_every_resolution() -> None:
    report = reports(counted([0.0, 0.6], 2000), fitted=[0.0, 0.6])[0]
    assert (report.n_needed, report.n_needed_reason) == (None, "fitted_score_near_zero")
    assert (report.below_resolution, report.below_resolution_reason) == (True, None)


def test_without_a_fitted_score_nothing_is_said_of_visibility() -> None:
    curve = ScalingCurve("task", ACCURACY, tuple(counted([0.1, 0.6], 2000)))
    report = point_reports(curve, [Interval(None, None, None, "not_computed")] * 2, 0.95)[0]
    assert (report.n_needed, report.n_needed_reason) == (None, "no_fitted_score")
    assert (report.below_resolution, report.below_resolution_reason) == (None, "no_fitted_score")


@pytest.mark.parametrize(
    ("score", "n", "residual"),
    [
        (0.337, 10042, None),  # 3384.15: three digits hold ten counts
        (0.0254, 2000, -0.2),  # 50.8: neither 50/2000 = .0250 nor 51/2000 = .0255 rounds to .0254
        (0.0255, 2000, None),
        (1 / 3, 3, None),
        (0.3333, 3, None),
        (0.33, 3, None),
        (0.3, 3, None),
        (0.25, 3, -0.25),
        (0.0, 7, None),
        (1.0, 7, None),
        (1e-5, 100_000, None),
        (1.234e-5, 1000, 0.01234),
    ],
)
def test_a_residual_is_reported_when_the_digits_do_not_explain_it(score: float, n: int, residual: float | None) -> None:
    found = count_residual(score, n)
    assert found is residual if residual is None else found == pytest.approx(residual, abs=1e-9)


@given(COUNTS, st.integers(1, 17))
def test_every_count_explains_its_own_score_however_it_is_rounded(count: tuple[int, int], digits: int) -> None:
    k, n = count
    assert count_residual(round(k / n, digits), n) is None


@given(COUNTS, st.integers(0, 12))
def test_percent_submitted_leaves_no_traces_of_the_division(count: tuple[int, int], digits: int) -> None:
    k, n = count
    assert count_residual(round(100 * k / n, digits) / 100, n, ScoreUnit.PERCENT) is None


def test_a_count_that_is_given_is_used_and_leaves_no_residual() -> None:
    points = [ScalePoint(1.0, 0.3, n_examples=10, n_correct=3), ScalePoint(2.0, 0.45, n_examples=100)]
    given_count, rounded = reports(points)
    expected = proportion_confint(3, 10, 0.05, method="jeffreys")
    assert (given_count.interval.lower, given_count.interval.upper) == pytest.approx(expected)
    assert (given_count.count_residual, given_count.count_residual_reason) == (None, "count_given")
    assert (rounded.count_residual, rounded.count_residual_reason) == (None, "explained_by_digits")


def test_a_proportion_with_a_standard_error_alone_gets_the_interval_of_its_test_set() -> None:
    stderr = math.sqrt(0.02 * 0.98 / 99)
    report = reports([ScalePoint(1.0, 0.02, stderr=stderr), ScalePoint(2.0, 0.5, n_examples=100)])[0]
    expected = proportion_confint(2, 100, 0.05, method="jeffreys")
    assert (report.interval.lower, report.interval.upper) == pytest.approx(expected)
    assert report.resolution == pytest.approx(0.01)
    assert (report.count_residual, report.count_residual_reason) == (None, "n_examples_not_given")


def test_a_mean_with_a_standard_error_gets_a_normal_interval_cut_at_the_bounds() -> None:
    points = [ScalePoint(1.0, 0.01, stderr=0.02), ScalePoint(2.0, 0.5, stderr=0.02, n_examples=30)]
    low, middle = reports(points, REGISTRY["brier"])
    assert low.interval.lower == 0
    assert low.interval.upper == pytest.approx(0.01 + 0.02 * norm.ppf(0.975))
    assert middle.interval.lower == pytest.approx(0.5 - 0.02 * norm.ppf(0.975))
    assert low.wilson == Range(None, None, "stderr_given")
    for value, reason in (
        (low.resolution, low.resolution_reason),
        (low.below_resolution, low.below_resolution_reason),
        (low.n_needed, low.n_needed_reason),
        (low.count_residual, low.count_residual_reason),
    ):
        assert (value, reason) == (None, "not_a_count")


def test_an_unbounded_score_is_cut_nowhere() -> None:
    report = reports([ScalePoint(1.0, 0.01, stderr=2.0), ScalePoint(2.0, 0.5, stderr=2.0)], REGISTRY["loss"])[0]
    assert report.interval.lower == pytest.approx(0.01 - 2 * norm.ppf(0.975))


def test_a_bounded_mean_with_n_only_is_treated_as_counts_between_its_bounds() -> None:
    metric = Metric("points", MetricKind.BOUNDED, lower=-1.0, upper=3.0)
    report = reports(counted([0.0, 1.1], 10), metric)[1]
    lower, upper = jeffreys(np.array([5.25]), np.array([10.0]), 0.95)
    assert (report.interval.lower, report.interval.upper) == pytest.approx((4 * lower[0] - 1, 4 * upper[0] - 1))


def test_clustered_examples_widen_both_intervals_as_a_smaller_test_set_would() -> None:
    clustered = reports(counted([0.2, 0.6], 400), design_effect=4.0)
    smaller = reports(counted([0.2, 0.6], 100))
    for wide, narrow in zip(clustered, smaller, strict=True):
        assert (wide.interval, wide.wilson) == (narrow.interval, narrow.wilson)
        assert (wide.design_effect, narrow.design_effect) == (4.0, 1.0)
        assert wide.n_needed is not None
        assert wide.resolution == 0.0025


def test_a_larger_standard_error_beside_n_is_a_design_effect_in_every_figure() -> None:
    shares, independent = (0.3, 0.5, 0.7), (85, 101, 85)  # p (1 - p)/se² + 1
    found = reports([ScalePoint(10.0**i, y, n_examples=1000, stderr=0.05) for i, y in enumerate(shares)])
    for report, share, n in zip(found, shares, independent, strict=True):
        assert (report.n_examples, report.resolution) == (1000, 0.001)
        assert report.design_effect == pytest.approx(1000 / n)
        assert report.n_needed == math.ceil(3 / share * 1000 / n)
        assert report.interval == reports(counted([share, 1.0], n))[0].interval
    assert [report.n_needed for report in found] == [118, 60, 51]


def test_a_test_set_that_clusters_make_too_small_is_smaller_than_what_it_needs() -> None:
    report = reports([ScalePoint(10.0**i, 0.002, n_examples=2000, stderr=0.005) for i in range(2)])[0]
    assert (report.below_resolution, report.n_needed) == (True, math.ceil(1500 * 2000 / 81))


def visibility(report: PointReport) -> tuple[object, ...]:
    """What a report says of whether its test set can show the score."""
    needed = report.n_needed, report.n_needed_reason
    return (*needed, report.below_resolution, report.below_resolution_reason, report.resolution, report.design_effect)


@pytest.mark.parametrize("design_effect", [1.0, 4.0])
def test_an_error_rate_gets_the_report_of_the_accuracy_that_it_mirrors(design_effect: float) -> None:
    seen, fitted = [0.0, 0.0, 0.3, 0.8, 1.0], [0.0, 0.001, 0.3, 0.8, 1.0]
    accuracy = reports(counted(seen, 500), ACCURACY, fitted, design_effect)
    mirrored = counted([1 - y for y in seen], 500), ERROR, [1 - y for y in fitted], design_effect
    assert [visibility(report) for report in reports(*mirrored)] == [visibility(report) for report in accuracy]
    assert [report.below_resolution for report in accuracy] == [True, True, False, False, False]


def test_scores_are_reported_as_they_were_submitted() -> None:
    assert [r.interval for r in reports(counted([0.9, 0.1], 50), ERROR)] == [
        r.interval for r in reports(counted([0.9, 0.1], 50))
    ]
