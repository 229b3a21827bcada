"""The cross-checks against hand-written regressions, slow loops and simulation."""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import t as student

from models.analysis import analyze
from models.arrays import Floats
from models.crosschecks import crosschecks
from models.crosschecks.lind_mehlum import fieller_polynomial
from models.crosschecks.newton import inverted
from models.crosschecks.regression import (
    Fit,
    NotApplicable,
    Polynomials,
    Response,
    fit,
    polynomials,
    predicted,
    reference_fit,
)
from models.crosschecks.two_lines import natural_spline, robin_hood_share, two_lines_check
from models.curve import ScalePoint, ScalingCurve
from models.likelihood import observe
from models.metrics import REGISTRY, Metric
from models.options import Options
from models.results import Frequentist
from tests.models.parts_called import called

condition_of_inverted = called(inverted)

ACCURACY = REGISTRY["accuracy"]
U_CURVE = expit(3 * np.linspace(-1, 1, 10) ** 2 - 1)


def proportions(counts: Floats, n: int, metric: Metric = ACCURACY) -> ScalingCurve:
    scales = np.geomspace(1e8, 1e11, len(counts))
    points = (ScalePoint(float(x), float(k) / n, n_examples=n) for x, k in zip(scales, counts, strict=True))
    return ScalingCurve("task", metric, tuple(points))


def losses(scores: Floats, stderr: float = 0.05) -> ScalingCurve:
    scales = np.geomspace(1e8, 1e11, len(scores))
    points = (ScalePoint(float(x), float(y), stderr=stderr) for x, y in zip(scales, scores, strict=True))
    return ScalingCurve("task", REGISTRY["loss"], tuple(points))


def checked(curve: ScalingCurve, level: float = 0.95) -> Frequentist:
    return crosschecks(curve, observe(curve, Options(smallest_effect=0.02)), level)


def fits_of(curve: ScalingCurve) -> Polynomials:
    return polynomials(observe(curve, Options(smallest_effect=0.02)))


def simulated(seed: int, mean: Floats, n: int = 500, overdispersion: float = 0.05) -> ScalingCurve:
    rng = np.random.default_rng(seed)
    truth = expit(logit(mean) + overdispersion * rng.normal(size=len(mean)))
    return proportions(rng.binomial(n, truth).astype(float), n)


def irls(columns: Floats, k: Floats, n: Floats) -> tuple[Floats, Floats, float]:
    """Coefficients, covariance and Pearson dispersion of a quasi-binomial logit regression."""
    beta = np.zeros(columns.shape[1])
    mean = (k + 0.5) / (n + 1)
    for _ in range(100):
        weights = n * mean * (1 - mean)
        target = (columns @ beta if beta.any() else logit(mean)) + (k - n * mean) / weights
        beta = np.linalg.solve(columns.T @ (columns * weights[:, None]), columns.T @ (weights * target))
        mean = expit(columns @ beta)
    information = columns.T @ (columns * (n * mean * (1 - mean))[:, None])
    dispersion = float(np.sum((k - n * mean) ** 2 / (n * mean * (1 - mean)))) / (len(k) - columns.shape[1])
    return beta, dispersion * np.linalg.inv(information), dispersion


@pytest.mark.parametrize("seed", range(12))
def test_glm_agrees_with_a_hand_written_regression_on_raw_log_scale(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size, n = int(rng.integers(5, 15)), int(rng.integers(30, 3000))
    curve = simulated(seed, expit(rng.normal(size=size)), n)
    z = np.log10([point.scale for point in curve.points])
    k = np.rint(np.array([point.score for point in curve.points]) * n)
    if len(np.unique(z[(k > 0) & (k < n)])) < 3:
        pytest.skip("too few scores off the bounds")
    glm = checked(curve).glm
    powers = np.vander(z - z.mean(), 3, increasing=True)
    beta, covariance, _ = irls(powers[:, :2], k, np.full(size, float(n)))
    p_value = 2 * student.sf(abs(beta[1]) / math.sqrt(covariance[1, 1]), size - 2)
    assert (glm.linear_coefficient, glm.linear_p_value) == pytest.approx((beta[1], p_value), rel=1e-6)
    beta, covariance, dispersion = irls(powers, k, np.full(size, float(n)))
    p_value = 2 * student.sf(abs(beta[2]) / math.sqrt(covariance[2, 2]), size - 3)
    expected = (beta[2], p_value, dispersion)
    assert (glm.quadratic_coefficient, glm.quadratic_p_value, glm.dispersion) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("p", [1, 2, 3, 5])
def test_inverse_and_condition_number_are_those_of_numpy(p: int) -> None:
    root = np.random.default_rng(p).normal(size=(p, p + 1))
    matrix, inverse = root @ root.T, np.empty((p, p))
    size = np.sqrt(np.diag(matrix))
    assert condition_of_inverted(matrix, inverse) == pytest.approx(np.linalg.cond(matrix / np.outer(size, size), 1))
    np.testing.assert_allclose(inverse, np.linalg.inv(matrix), rtol=1e-9)


def test_a_singular_matrix_has_no_inverse() -> None:
    assert condition_of_inverted(np.ones((2, 2)), np.empty((2, 2))) == math.inf
    assert condition_of_inverted(np.zeros((3, 3)), np.empty((3, 3))) == math.inf
    assert condition_of_inverted(np.full((2, 2), np.nan), np.empty((2, 2))) == math.inf


def test_scores_that_are_no_numbers_are_never_fitted() -> None:
    x = np.linspace(-1, 1, 6)
    y = np.append(x[:5] ** 2, np.nan)
    response = Response(x, y, np.ones(6), counts=False, inside=np.ones(6, dtype=bool), z_center=0, z_half=1, unit=1)
    with pytest.raises((NotApplicable, ValueError)):
        fit(response, np.vander(x, 3, increasing=True))


def test_normal_scores_are_fitted_by_weighted_least_squares_on_performance() -> None:
    rng = np.random.default_rng(3)
    scores, errors = 3 - np.linspace(0, 1, 7) + 0.1 * rng.normal(size=7), rng.uniform(0.05, 0.2, 7)
    scales = np.geomspace(1e8, 1e11, 7)
    points = tuple(
        ScalePoint(float(x), float(y), stderr=float(e)) for x, y, e in zip(scales, scores, errors, strict=True)
    )
    glm = checked(ScalingCurve("task", REGISTRY["loss"], points)).glm
    columns, weights = np.vander(np.log10(scales), 2, increasing=True), 1 / errors**2
    information = columns.T @ (columns * weights[:, None])
    beta = np.linalg.solve(information, columns.T @ (weights * -scores))
    dispersion = np.sum(weights * (-scores - columns @ beta) ** 2) / 5
    error = math.sqrt(dispersion * np.linalg.inv(information)[1, 1])
    assert glm.linear_coefficient == pytest.approx(beta[1], rel=1e-8)
    assert glm.linear_p_value == pytest.approx(2 * student.sf(abs(beta[1] / error), 5), rel=1e-6)


def test_lower_is_better_turns_every_sign() -> None:
    curve = simulated(5, U_CURVE)
    counts = np.array([500 * (1 - point.score) for point in curve.points])
    errors = proportions(np.rint(counts), 500, dataclasses.replace(ACCURACY, name="error", higher_is_better=False))
    assert checked(errors) == checked(curve)


@pytest.mark.parametrize("seed", range(6))
def test_lind_mehlum_joint_p_value_is_the_larger_of_two_one_sided_ones(seed: int) -> None:
    curve = simulated(seed, U_CURVE)
    z = np.log10([point.scale for point in curve.points])
    k = np.rint(np.array([point.score for point in curve.points]) * 500)
    beta, covariance, _ = irls(np.vander(z - z.mean(), 3, increasing=True), k, np.full(len(z), 500.0))
    p_values = []
    for end, sign in ((z[0] - z.mean(), 1), (z[-1] - z.mean(), -1)):
        contrast = np.array([0, 1, 2 * end])
        p_values.append(student.cdf(sign * contrast @ beta / math.sqrt(contrast @ covariance @ contrast), len(z) - 3))
    check = checked(curve).lind_mehlum
    assert check.p_value == pytest.approx(max(p_values), rel=1e-5)
    assert (check.shape, check.warning) == ("u_shaped", "saturating_curves_look_alike")
    assert check.slope_at_start is not None
    assert check.slope_at_start < 0


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95, 0.99])
def test_the_ends_of_the_fieller_interval_are_where_the_slope_is_just_not_significant(level: float) -> None:
    fits = fits_of(simulated(2, U_CURVE))
    turn = checked(simulated(2, U_CURVE), level).lind_mehlum.turn
    assert turn is not None
    assert turn.lower is not None
    assert turn.upper is not None
    for end in (turn.lower, turn.upper):
        position = (math.log10(end) - fits.response.z_center) / fits.response.z_half
        slope = np.array([0.0, 1.0, 2 * position])
        assert fits.quadratic.p_value(slope) == pytest.approx(1 - level, rel=1e-6)


def test_the_level_of_the_interval_moves_no_other_figure_of_the_check() -> None:
    wide, narrow = (checked(simulated(2, U_CURVE), level) for level in (0.95, 0.5))
    lind_mehlum = dataclasses.replace(narrow.lind_mehlum, turn=wide.lind_mehlum.turn)
    assert dataclasses.replace(narrow, lind_mehlum=lind_mehlum) == wide


def test_an_analysis_gives_the_interval_of_the_turn_at_the_level_that_was_asked_for() -> None:
    curve = simulated(2, U_CURVE)
    for level in (0.5, 0.95):
        assert analyze(curve, Options(interval=level)).frequentist == checked(curve, level)


def test_the_fieller_interval_covers_the_true_turn_in_95_of_100_curves() -> None:
    turn = 0.3
    mean = expit(1.2 * (np.linspace(-1, 1, 9) - turn) ** 2 - 0.5)
    inside = []
    for seed in range(400):
        square, product, rest = fieller_polynomial(fits_of(simulated(seed, mean, 200, 0.0)).quadratic, 0.95)
        inside.append(square * turn**2 + product * turn + rest <= 0)
    # The t reference with an estimated dispersion is approximate: three binomial standard errors around 95 %.
    assert np.mean(inside) == pytest.approx(0.95, abs=0.033)


def test_without_curvature_the_fieller_interval_is_unbounded_and_its_ends_are_open() -> None:
    check = checked(simulated(4, expit(np.linspace(-1, 1, 8)))).lind_mehlum
    assert check.fieller == "unbounded"
    assert check.turn is not None
    assert (check.turn.lower, check.turn.upper, check.turn.reason) == (None, None, "unbounded")
    assert (check.shape, check.reason, check.warning) == (None, "not_significant", None)


def test_lind_mehlum_calls_a_saturating_curve_an_inverted_u_and_warns() -> None:
    check = checked(simulated(1, 0.9 - 0.5 * np.exp(-4 * np.linspace(0, 1, 10)), 20_000, 0.0)).lind_mehlum
    assert (check.shape, check.warning) == ("inverted_u", "saturating_curves_look_alike")


def slow_break(fits: Polynomials) -> float:
    """Robin Hood break on x, by loops and separate regressions with a pooled dispersion."""
    x, y, n = fits.response.x, fits.response.y, fits.response.weights
    spline = natural_spline(x)
    beta, covariance, _ = irls(spline, y * n, n)
    eta = [float(row @ beta) for row in spline]
    error = [math.sqrt(row @ covariance @ row) for row in spline]
    sign = 1 if fits.quadratic.coefficients[1] <= 2 * fits.quadratic.coefficients[2] else -1
    middle = [i for i in range(len(x)) if np.quantile(x, 0.1) < x[i] < np.quantile(x, 0.9)]
    extreme = min(sign * eta[i] for i in middle)
    flat = [float(x[i]) for i in middle if sign * eta[i] - error[i] < extreme]
    before, after = slow_lines(fits.response, float(np.median(flat)))
    return float(np.quantile(flat, abs(after[1]) / (abs(before[1]) + abs(after[1]))))


def slow_lines(response: Response, position: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """(slope, t) of the line before and after."""
    return _slow_line(response, response.x <= position), _slow_line(response, response.x >= position)


def _slow_line(response: Response, side: np.ndarray) -> tuple[float, float]:
    squares, used, found = 0.0, 0, (math.nan, math.nan)
    for part in (~side, side):
        columns = np.vander(response.x[part], min(2, int(part.sum())), increasing=True)
        k, n = response.y[part] * response.weights[part], response.weights[part]
        beta, covariance, dispersion = irls(columns, k, n) if len(k) > columns.shape[1] else exact(columns, k, n)
        squares += dispersion * (len(k) - columns.shape[1])
        used += columns.shape[1]
        if part is side:
            found = float(beta[1]), float(beta[1] / math.sqrt(covariance[1, 1] / (dispersion or 1.0)))
    return found[0], found[1] / math.sqrt(squares / (len(response.x) - used))


def exact(columns: Floats, k: Floats, n: Floats) -> tuple[Floats, Floats, float]:
    """As many coefficients as points: no dispersion; the covariance is the binomial one."""
    beta = np.linalg.solve(columns, logit(k / n))
    return beta, np.linalg.inv(columns.T @ (columns * (k * (1 - k / n))[:, None])), 0.0


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("size", [8, 9, 14])
def test_the_two_lines_break_and_slopes_agree_with_a_slow_loop(seed: int, size: int) -> None:
    x = np.linspace(-1, 1, size)
    fits = fits_of(simulated(seed, expit(2 * (x - 0.2) ** 2 - 0.7), 400))
    check = two_lines_check(fits)
    position = slow_break(fits)
    assert check.break_scale == pytest.approx(
        10 ** (fits.response.z_center + fits.response.z_half * position), rel=1e-6
    )
    before, after = slow_lines(fits.response, position)
    slopes = (before[0] / fits.response.z_half, after[0] / fits.response.z_half)
    assert (check.slope_before, check.slope_after) == pytest.approx(slopes, rel=1e-5)
    p_values = [2 * student.sf(abs(line[1]), size - 4) for line in (before, after)]
    assert (check.p_value_before, check.p_value_after) == pytest.approx(p_values, rel=1e-4)


def test_robin_hood_moves_the_break_towards_the_stronger_line() -> None:
    assert robin_hood_share(-9.0, 1.0) == pytest.approx(0.1)
    assert robin_hood_share(1.0, 9.0) == pytest.approx(0.9)
    assert robin_hood_share(0.0, 0.0) == 0.5


def test_two_lines_finds_a_clear_u_and_not_a_saturating_rise() -> None:
    assert checked(simulated(0, expit(5 * np.linspace(-1, 1, 14) ** 2 - 2))).two_lines.shape == "u_shaped"
    saturating = checked(simulated(0, 0.9 - 0.5 * np.exp(-4 * np.linspace(0, 1, 14)), 5000, 0.0)).two_lines
    assert (saturating.shape, saturating.reason) == (None, "not_significant")


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ([40, 50, 60, 70], "fewer_than_five_scales"),
        ([0] * 9, "all_scores_at_the_bounds"),
        ([100] * 9, "all_scores_at_the_bounds"),
        ([0, 0, 0, 0, 0, 100, 100, 100, 100], "all_scores_at_the_bounds"),
        ([0, 0, 0, 0, 0, 0, 0, 20, 90], "fewer_than_three_scales_off_the_bounds"),
        ([50] * 9, "no_variation"),
    ],
)
def test_data_without_finite_estimates_are_refused_with_a_reason(counts: list[int], reason: str) -> None:
    result = checked(proportions(np.array(counts, dtype=float), 100))
    assert (result.glm.status, result.glm.reason) == ("not_applicable", reason)
    assert (result.lind_mehlum.status, result.lind_mehlum.reason) == ("not_applicable", reason)
    expected = "fewer_than_eight_scales" if len(counts) < 8 else reason
    assert (result.two_lines.status, result.two_lines.reason) == ("not_applicable", expected)


def test_two_lines_needs_eight_scales_while_the_others_run() -> None:
    result = checked(simulated(0, U_CURVE[1:8]))
    assert (result.glm.status, result.lind_mehlum.status) == ("ok", "ok")
    assert (result.two_lines.status, result.two_lines.reason) == ("not_applicable", "fewer_than_eight_scales")


def test_a_perfect_fit_is_refused_and_not_called_infinitely_significant() -> None:
    # Logits -ln 9, -ln 3, 0, ln 3, ln 9: exactly a line.
    assert checked(proportions(np.array([2.0, 5.0, 10.0, 15.0, 18.0]), 20)).glm.reason == "no_residual_variation"
    assert checked(losses(np.array([5.0, 4.0, 3.0, 2.0, 1.0]))).glm.reason == "no_residual_variation"


def test_scores_with_and_without_standard_errors_are_not_mixed() -> None:
    points = [ScalePoint(10.0**i, 0.1 * i, n_examples=100) for i in range(1, 6)] + [ScalePoint(1e7, 0.7, stderr=0.01)]
    curve = ScalingCurve("task", REGISTRY["mean_probability"], tuple(points))
    assert checked(curve).glm.reason == "mixed_noise_kinds"


def test_a_line_with_scores_at_the_bounds_on_one_side_is_refused() -> None:
    counts = np.array([0, 0, 0, 0, 0, 10, 30, 50, 60, 70], dtype=float)
    two_lines = checked(proportions(counts, 100)).two_lines
    assert (two_lines.status, two_lines.reason) == ("not_applicable", "too_few_scales_off_the_bounds")


def numbers(result: Frequentist) -> Iterator[float]:
    for check in (result.glm, result.lind_mehlum, result.two_lines):
        for value in dataclasses.asdict(check).values():
            parts = value.values() if isinstance(value, dict) else [value]
            yield from (part for part in parts if isinstance(part, float))


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 10_000_000).flatmap(
        lambda n: st.tuples(
            st.just(n), st.lists(st.one_of(st.sampled_from([0, n]), st.integers(0, n)), min_size=2, max_size=12)
        )
    )
)
def test_any_counts_give_finite_numbers_or_none_with_a_reason(data: tuple[int, list[int]]) -> None:
    n, counts = data
    result = checked(proportions(np.array(counts, dtype=float), n))
    assert all(math.isfinite(number) for number in numbers(result))
    for check in (result.glm, result.lind_mehlum, result.two_lines):
        assert check.status == "ok" or (check.status == "not_applicable" and check.reason)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-100, 100, allow_nan=False, width=32), min_size=2, max_size=12),
    st.floats(1e-6, 100, allow_nan=False),
)
def test_any_normal_scores_give_finite_numbers_or_none_with_a_reason(scores: list[float], stderr: float) -> None:
    result = checked(losses(np.array(scores), stderr))
    assert all(math.isfinite(number) for number in numbers(result))


def test_a_change_of_the_scales_unit_moves_turn_and_break_with_it() -> None:
    curve = simulated(7, U_CURVE)
    moved = dataclasses.replace(
        curve, points=tuple(dataclasses.replace(point, scale=point.scale * 1000) for point in curve.points)
    )
    first, second = checked(curve), checked(moved)
    assert first.lind_mehlum.turn is not None
    assert second.lind_mehlum.turn is not None
    assert second.lind_mehlum.turn.estimate == pytest.approx(1000 * (first.lind_mehlum.turn.estimate or 0), rel=1e-6)
    assert second.two_lines.break_scale == pytest.approx(1000 * (first.two_lines.break_scale or 0), rel=1e-6)
    assert second.glm.quadratic_p_value == pytest.approx(first.glm.quadratic_p_value, rel=1e-6)


def test_replicates_count_as_points_and_not_as_scales() -> None:
    points = [ScalePoint(10.0 ** (i // 2), 0.2 + 0.05 * i, n_examples=200) for i in range(8)]
    assert checked(ScalingCurve("task", ACCURACY, tuple(points))).glm.reason == "fewer_than_five_scales"
    points = [ScalePoint(10.0 ** (i // 2), 0.2 + 0.05 * (i % 7), n_examples=200) for i in range(10)]
    fits = fits_of(ScalingCurve("task", ACCURACY, tuple(points)))
    assert (fits.linear.df, fits.quadratic.df) == (8, 7)


def test_a_design_without_a_finite_answer_is_refused() -> None:
    response = fits_of(simulated(0, U_CURVE)).response
    separated = dataclasses.replace(response, y=(response.x > 0).astype(float))
    with pytest.raises(NotApplicable):
        fit(separated, np.vander(response.x, 2, increasing=True))


def test_a_covariance_that_is_nothing_but_rounding_is_refused() -> None:
    # As of a spline whose knots lie at scales that are equal to twelve digits.
    fitted = Fit(np.array([0.1, 0.2]), np.array([[1e-9, 2e-9], [2e-9, 1e-9]]), 1.0, 5)
    with pytest.raises(NotApplicable, match="no_convergence"):
        predicted(np.array([[1.0, 0.0], [1.0, -1.0]]), fitted)


# Where plain Newton steps run away or crawl: scores that leave zero suddenly, and scores all over their range.
STEEP = (
    (50, [0, 0, 2, 7, 1, 5, 14, 15]),
    (1000, [1, 2, 3, 884, 960]),
    (100, [0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 4]),
    (2000, [0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 14, 40]),
    (2000, [0, 0, 2, 0, 545, 89, 0, 0, 0, 0, 0, 2000]),
    (5000, [21, 1, 0, 157, 0, 0, 0, 0, 0, 0, 0, 0]),
)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(response: Response, columns: Floats) -> Fit:
        raise AssertionError(f"statsmodels was asked about {response} and {columns.shape[1]} columns")

    monkeypatch.setattr("models.crosschecks.regression.reference_fit", missing)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("n", "counts"), STEEP)
def test_steep_and_scattered_scores_are_fitted_without_statsmodels_and_as_it_does(n: int, counts: list[int]) -> None:
    x, k = np.linspace(-1, 1, len(counts)), np.array(counts)
    response = Response(x, k / n, np.full(len(x), float(n)), counts=True, inside=k > 0, z_center=0, z_half=1, unit=1)
    for width in (2, 3):
        columns = np.vander(x, width, increasing=True)
        quick, slow = fit(response, columns), reference_fit(response, columns)
        assert quick.coefficients == pytest.approx(slow.coefficients, rel=1e-6)
        assert quick.covariance == pytest.approx(slow.covariance, rel=1e-4)


@pytest.mark.usefixtures("alone")
def test_curves_through_all_points_are_refused_without_statsmodels() -> None:
    points = zip(10.0 ** np.arange(8), (0, 0, 0, 1, 27, 72, 192, 299), strict=True)
    curve = ScalingCurve("task", ACCURACY, tuple(ScalePoint(x, k / 500, n_examples=500) for x, k in points))
    with pytest.raises(NotApplicable, match="no_residual_variation"):
        two_lines_check(fits_of(curve))
    x, k = np.linspace(-1, 1, 5), np.array([1, 9625, 267, 0, 0])
    response = Response(x, k / 10_000, np.full(5, 1e4), counts=True, inside=k > 0, z_center=0, z_half=1, unit=1)
    with pytest.raises(NotApplicable, match="no_residual_variation"):
        fit(response, np.vander(x, 3, increasing=True))


@pytest.mark.parametrize("seed", range(20))
def test_the_fit_is_that_of_statsmodels(seed: int) -> None:
    fits = fits_of(simulated(seed, U_CURVE))
    for width in (2, 3):
        columns = np.vander(fits.response.x, width, increasing=True)
        slow, quick = reference_fit(fits.response, columns), fit(fits.response, columns)
        assert quick.coefficients == pytest.approx(slow.coefficients, rel=1e-8, abs=1e-10)
        assert quick.covariance == pytest.approx(slow.covariance, rel=1e-7, abs=1e-12)
        assert quick.df == slow.df
