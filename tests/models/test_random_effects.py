"""Random effects and meta-regression against published examples and statsmodels.

The trials of the BCG vaccine against tuberculosis: Colditz et al. 1994, JAMA 271, 698. The numbers that they give as
log risk ratios: Viechtbauer 2010, Journal of Statistical Software 36(3), sections 3.1 and 3.2; with Knapp and Hartung's
method: the README of the R package metafor; DerSimonian and Laird's and the Q-profile interval: its documentation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statsmodels.stats.meta_analysis import combine_effects

from models.meta_regression import meta_regression
from models.random_effects import Effect, Pooling, Tau2Method, leave_one_out, mean_design, random_effects
from models.weighted_regression import generalised_q, restricted_log_likelihood

# Trial: vaccinated with and without tuberculosis, controls with and without, absolute latitude, year.
BCG = (
    ("Aronson", 4, 119, 11, 128, 44, 1948),
    ("Ferguson & Simes", 6, 300, 29, 274, 55, 1949),
    ("Rosenthal 1960", 3, 228, 11, 209, 42, 1960),
    ("Hart & Sutherland", 62, 13536, 248, 12619, 52, 1977),
    ("Frimodt-Moller", 33, 5036, 47, 5761, 13, 1973),
    ("Stein & Aronson", 180, 1361, 372, 1079, 44, 1953),
    ("Vandiviere", 8, 2537, 10, 619, 19, 1973),
    ("TPT Madras", 505, 87886, 499, 87892, 13, 1980),
    ("Coetzee & Berjak", 29, 7470, 45, 7232, 27, 1968),
    ("Rosenthal 1961", 17, 1699, 65, 1600, 42, 1961),
    ("Comstock 1974", 186, 50448, 141, 27197, 18, 1974),
    ("Comstock & Webster", 5, 2493, 3, 2338, 33, 1969),
    ("Comstock 1976", 27, 16886, 29, 17825, 33, 1976),
)
LATITUDE = np.array([float(row[5]) for row in BCG])
YEAR = np.array([float(row[6]) for row in BCG])
FOUR_DIGITS = 6e-5
METHODS = list(Tau2Method)

effect_lists = st.lists(st.tuples(st.floats(-5, 5), st.floats(0.001, 4)), min_size=3, max_size=12)


def bcg() -> list[Effect]:
    found = []
    for name, a, b, c, d, *_ in BCG:
        ratio = math.log((a / (a + b)) / (c / (c + d)))
        found.append(Effect(name, ratio, 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)))
    return found


def effects_of(pairs: list[tuple[float, float]]) -> list[Effect]:
    return [Effect(str(i), y, v) for i, (y, v) in enumerate(pairs)]


def numbers(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, float):
        yield value


def test_reml_on_the_bcg_trials_is_the_published_result() -> None:
    found = random_effects(bcg(), Pooling(knapp_hartung=False))
    assert found.tau2.estimate == pytest.approx(0.3132, abs=FOUR_DIGITS)
    assert found.i2 == pytest.approx(0.9222, abs=FOUR_DIGITS)
    assert found.q == pytest.approx(152.2330, abs=FOUR_DIGITS)
    assert found.q_p_value is not None
    assert found.q_p_value < 1e-4
    assert found.standard_error == pytest.approx(0.1798, abs=FOUR_DIGITS)
    interval = found.estimate
    assert (interval.estimate, interval.lower, interval.upper) == pytest.approx(
        (-0.7145, -1.0669, -0.3622), abs=FOUR_DIGITS
    )
    prediction = (found.prediction.lower, found.prediction.upper)
    assert prediction == pytest.approx((-1.8667, 0.4376), abs=FOUR_DIGITS)
    assert (found.tau2.lower, found.tau2.upper) == pytest.approx((0.1197, 1.1115), abs=FOUR_DIGITS)


def test_knapp_and_hartung_on_the_bcg_trials_is_the_published_result() -> None:
    found = random_effects(bcg())
    assert found.standard_error == pytest.approx(0.1808, abs=FOUR_DIGITS)
    assert (found.estimate.lower, found.estimate.upper) == pytest.approx((-1.1084, -0.3206), abs=FOUR_DIGITS)
    assert found.prediction.lower is not None
    assert found.prediction.upper is not None
    ratios = (math.exp(found.prediction.lower), math.exp(found.prediction.upper))
    assert ratios == pytest.approx((0.14, 1.76), abs=6e-3)


def test_dersimonian_and_laird_on_the_bcg_trials_is_the_published_result() -> None:
    found = random_effects(bcg(), Pooling(Tau2Method.DERSIMONIAN_LAIRD, knapp_hartung=False))
    assert found.tau2.estimate == pytest.approx(0.3088, abs=FOUR_DIGITS)
    interval = found.estimate
    assert (interval.estimate, interval.lower, interval.upper) == pytest.approx(
        (-0.7141, -1.0644, -0.3638), abs=FOUR_DIGITS
    )


def test_latitude_explains_three_quarters_of_the_variance_as_published() -> None:
    found = meta_regression(bcg(), {"latitude": LATITUDE})
    assert found.tau2.estimate == pytest.approx(0.0764, abs=FOUR_DIGITS)
    assert found.i2 == pytest.approx(0.6839, abs=FOUR_DIGITS)
    assert found.r2 == pytest.approx(0.7562, abs=1e-4)
    assert (found.q_residual, found.q_residual_p_value) == pytest.approx((30.7331, 0.0012), abs=6e-5)
    assert found.moderators_p_value == pytest.approx(0.0046, abs=FOUR_DIGITS)
    rows = [(c.value.estimate, c.standard_error, c.p_value, c.value.lower, c.value.upper) for c in found.coefficients]
    assert rows[0] == pytest.approx((0.2515, 0.2839, 0.3948, -0.3735, 0.8764), abs=1e-4)
    assert rows[1] == pytest.approx((-0.0291, 0.0082, 0.0046, -0.0472, -0.0111), abs=FOUR_DIGITS)


def test_latitude_and_year_on_the_bcg_trials_are_the_published_result() -> None:
    found = meta_regression(bcg(), {"latitude": LATITUDE, "year": YEAR}, Pooling(knapp_hartung=False))
    rows = [(c.value.estimate, c.standard_error) for c in found.coefficients]
    assert rows[0] == pytest.approx((-3.5455, 29.0956), abs=3e-4)
    assert rows[1:] == [
        pytest.approx((-0.0280, 0.0102), abs=FOUR_DIGITS),
        pytest.approx((0.0019, 0.0147), abs=FOUR_DIGITS),
    ]
    assert found.tau2.estimate == pytest.approx(0.1108, abs=FOUR_DIGITS)
    assert found.q_residual == pytest.approx(28.3251, abs=FOUR_DIGITS)


@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(0.1, 1)), min_size=3, max_size=12))
@settings(deadline=None, max_examples=40)
def test_dersimonian_laird_and_paule_mandel_agree_with_statsmodels(pairs: list[tuple[float, float]]) -> None:
    y, v = np.array(pairs).T
    # Where Q stays below its degrees of freedom statsmodels keeps a negative tau².
    assume(generalised_q(mean_design(effects_of(pairs)), 0.0) > 1.01 * (len(pairs) - 1))
    for method, name in ((Tau2Method.DERSIMONIAN_LAIRD, "dl"), (Tau2Method.PAULE_MANDEL, "pm")):
        found = random_effects(effects_of(pairs), Pooling(method, knapp_hartung=False))
        other = combine_effects(y, v, method_re=name, atol=1e-10, maxiter=5000)
        # statsmodels' Newton steps for Paule and Mandel stop at 0 where they once fall below it.
        assume(float(other.tau2) > 0)
        assert found.tau2.estimate == pytest.approx(float(other.tau2), rel=1e-3, abs=1e-4)
        assert found.q == pytest.approx(float(other.q), rel=1e-9)
        assert found.estimate.estimate == pytest.approx(float(other.mean_effect_re), rel=1e-3, abs=1e-4)


@given(effect_lists)
@settings(deadline=None)
def test_paule_and_mandel_solve_their_equation_or_leave_no_variance(pairs: list[tuple[float, float]]) -> None:
    tau2 = random_effects(effects_of(pairs), Pooling(Tau2Method.PAULE_MANDEL)).tau2.estimate
    assert tau2 is not None
    y, v = np.array(pairs).T
    weights = 1 / (v + tau2)
    q = float(np.sum(weights * (y - np.average(y, weights=weights)) ** 2))
    assert q == pytest.approx(len(pairs) - 1, rel=1e-6) if tau2 > 0 else q <= len(pairs) - 1 + 1e-9


@given(effect_lists)
@settings(deadline=None, max_examples=40)
def test_no_tau2_on_a_fine_grid_has_a_larger_restricted_likelihood(pairs: list[tuple[float, float]]) -> None:
    design = mean_design(effects_of(pairs))
    best = random_effects(effects_of(pairs)).tau2.estimate
    assert best is not None
    top = restricted_log_likelihood(design, best)
    grid = [0.0, *np.geomspace(1e-6, 1e3, 300).tolist()]
    assert max(restricted_log_likelihood(design, tau2) for tau2 in grid) <= top + 1e-6


@pytest.mark.parametrize("method", METHODS)
@given(effect_lists, st.floats(-3, 3), st.floats(0.1, 10))
@settings(deadline=None, max_examples=25)
def test_pooling_follows_a_change_of_origin_and_unit(
    method: Tau2Method, pairs: list[tuple[float, float]], origin: float, unit: float
) -> None:
    plain = random_effects(effects_of(pairs), Pooling(method))
    moved = random_effects(effects_of([(origin + unit * y, unit**2 * v) for y, v in pairs]), Pooling(method))
    assert plain.estimate.estimate is not None
    assert plain.tau2.estimate is not None
    assert moved.estimate.estimate == pytest.approx(origin + unit * plain.estimate.estimate, rel=1e-4, abs=1e-4)
    assert moved.tau2.estimate == pytest.approx(unit**2 * plain.tau2.estimate, rel=1e-3, abs=1e-5)


def test_effects_that_agree_by_chance_leave_the_width_that_their_variances_give() -> None:
    equal = effects_of([(0.0, 0.01)] * 6)
    found = random_effects(equal)
    assert found.standard_error == pytest.approx(math.sqrt(0.01 / 6))
    assert found.estimate.upper == pytest.approx(2.570582 * math.sqrt(0.01 / 6), rel=1e-6)
    slope = meta_regression(equal, {"half": np.arange(6.0) % 2}).coefficients[1]
    assert slope.standard_error == pytest.approx(math.sqrt(0.01 * 2 / 3))
    assert slope.p_value == 1


def test_what_arithmetic_leaves_of_zero_is_no_coefficient() -> None:
    effects = effects_of([(0.1, 0.01), (0.2, 0.02), (0.3, 0.01)] * 2)
    group = np.repeat([0.0, 1.0], 3)
    slope = meta_regression(effects, {"group": group}).coefficients[1]
    assert (slope.value.estimate, slope.p_value) == (0.0, 1.0)


@given(effect_lists)
@settings(deadline=None, max_examples=40)
def test_no_interval_of_knapp_and_hartung_is_narrower_than_the_normal_one(pairs: list[tuple[float, float]]) -> None:
    effects, columns = effects_of(pairs), {"half": np.arange(float(len(pairs))) % 2}
    wide, narrow = (random_effects(effects, Pooling(knapp_hartung=own)).standard_error for own in (True, False))
    assert wide is not None
    assert narrow is not None
    assert wide >= narrow
    regressions = [meta_regression(effects, columns, Pooling(knapp_hartung=own)) for own in (True, False)]
    for one, other in zip(*(found.coefficients for found in regressions), strict=True):
        assert one.standard_error is not None
        assert other.standard_error is not None
        assert one.standard_error >= other.standard_error


@pytest.mark.parametrize("method", Tau2Method)
@pytest.mark.parametrize("unit", [1e-3, 1e-6, 1e-9, 1e5])
def test_the_unit_of_the_effects_changes_nothing_but_the_unit(unit: float, method: Tau2Method) -> None:
    values = (0.0, 1.0, 3.0, -1.0, 2.5)
    plain, scaled = (
        random_effects(
            [Effect(str(value), factor * value, (factor * 0.5) ** 2) for value in values], Pooling(method=method)
        )
        for factor in (1.0, unit)
    )
    assert scaled.tau2.estimate == pytest.approx(unit**2 * (plain.tau2.estimate or 0), rel=1e-6)
    assert scaled.tau2.lower == pytest.approx(unit**2 * (plain.tau2.lower or 0), rel=1e-6)
    assert scaled.tau2.upper == pytest.approx(unit**2 * (plain.tau2.upper or 0), rel=1e-6)
    assert scaled.i2 == pytest.approx(plain.i2, rel=1e-6)


def test_effects_that_agree_better_than_chance_lets_them_do_not_show_that_none_differ() -> None:
    found = random_effects([Effect(name, 0.1, 0.01) for name in "ab"]).tau2
    assert (found.estimate, found.lower, found.upper) == (0.0, 0.0, None)
    assert found.reason == "effects_agree_more_than_chance"


def test_leaving_one_out_is_pooling_the_others() -> None:
    for index, left_out in enumerate(leave_one_out(bcg())):
        rest = random_effects([*bcg()[:index], *bcg()[index + 1 :]])
        assert left_out.name == BCG[index][0]
        assert (left_out.estimate, left_out.tau2) == (rest.estimate, rest.tau2.estimate)


def test_a_meta_regression_without_columns_is_the_mean() -> None:
    found, plain = meta_regression(bcg(), {}), random_effects(bcg())
    assert found.coefficients[0].value.estimate == pytest.approx(plain.estimate.estimate, rel=1e-12)
    assert found.coefficients[0].value.lower == pytest.approx(plain.estimate.lower, rel=1e-12)
    assert found.moderators_p_value is None


@given(
    pairs=st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-9, 3)), min_size=2, max_size=10),
    knapp_hartung=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_every_number_is_finite_whatever_the_effects(pairs: list[tuple[float, float]], *, knapp_hartung: bool) -> None:
    effects = effects_of([(y, 10.0**log_v) for y, log_v in pairs])
    halves = np.arange(len(effects), dtype=np.float64) % 2
    for method in METHODS:
        how = Pooling(method, knapp_hartung)
        for found in (random_effects(effects, how), meta_regression(effects, {"half": halves}, how)):
            assert all(math.isfinite(x) for x in numbers(asdict(found)))


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_effects_have_no_mean_and_say_so(count: int) -> None:
    found = random_effects(bcg()[:count])
    assert found.reason == "fewer_than_two_effects"
    assert found.estimate.estimate is None


def test_columns_that_cannot_be_told_apart_are_refused_by_name() -> None:
    assert meta_regression(bcg(), {"a": LATITUDE, "b": 2 * LATITUDE}).reason == "columns_cannot_be_told_apart"
    assert meta_regression(bcg(), {"one": np.ones(13)}).reason == "columns_cannot_be_told_apart"
    assert meta_regression(bcg()[:2], {"latitude": LATITUDE[:2]}).reason == "too_few_effects_for_the_columns"


@pytest.mark.parametrize("method", METHODS)
def test_intervals_of_the_mean_cover_it(method: Tau2Method) -> None:
    """Ten effects, tau = 0.3, sampling sd 0.2 to 0.6: 95 % intervals in 800 simulations."""
    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(800):
        v = rng.uniform(0.2, 0.6, 10) ** 2
        y = rng.normal(1.0, np.sqrt(v + 0.09))
        found = random_effects(effects_of(list(zip(y.tolist(), v.tolist(), strict=True))), Pooling(method)).estimate
        assert found.lower is not None
        assert found.upper is not None
        hits += found.lower <= 1.0 <= found.upper
    assert 0.93 <= hits / 800 <= 0.97
