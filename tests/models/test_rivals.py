from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.optimize import lsq_linear
from scipy.special import expit, logit
from scipy.stats import t as student

from models.arrays import Floats
from models.rivals import RIVALS, Seen, broken_law, fitted, last_value, logistic_curve, logit_line

U = np.linspace(0, 1, 8)


def given(y: Floats, target: float = 1.4, n: float = 1e9) -> Seen:
    examples = np.full(len(y), n)
    return Seen(U, y, y * (1 - y) / n, examples, examples, bounded=True, target=target)


def test_the_line_on_the_logit_is_the_textbook_prediction_interval() -> None:
    y = expit(-1 + 2 * U + np.random.default_rng(3).normal(0, 0.2, len(U)))
    found = logit_line(given(y))
    fit = sm.OLS(logit(y), sm.add_constant(U)).fit()
    frame = fit.get_prediction([[1.0, 1.4]]).summary_frame(alpha=0.2)
    assert found.point == pytest.approx(float(expit(frame["mean"].iloc[0])))
    ends = np.quantile(logit(found.quantiles), [0.1, 0.9])
    assert ends == pytest.approx(frame[["obs_ci_lower", "obs_ci_upper"]].to_numpy()[0], abs=0.02)


def test_the_last_value_spreads_as_the_steps_that_were_seen() -> None:
    y = expit(np.array([0.0, 0.3, 0.1, 0.5, 0.4, 0.7, 0.6, 0.9]))
    found = last_value(given(y, target=1 + 1 / 7))
    sd = np.sqrt(np.mean(np.diff(logit(y)) ** 2))
    assert found.point == pytest.approx(y[-1])
    upper = logit(found.quantiles)[-20]
    assert upper == pytest.approx(0.9 + sd * student.ppf((201 - 19.5) / 201, 7), rel=1e-6)


def test_the_last_value_of_several_models_counts_each_by_its_test_set() -> None:
    y = expit(np.array([0.0, 0.3, 0.1, 0.5, 0.4, 0.7, 0.6, 2.0]))
    shared = replace(given(y), u=np.append(U[:-1], U[-2]), sizes=np.append(np.full(7, 2000.0), 10.0), target=1.0)
    assert logit(last_value(shared).point) == pytest.approx((2000 * 0.6 + 10 * 2.0) / 2010)


def test_a_logistic_without_noise_is_found_and_run_on() -> None:
    def curve(u: Floats) -> Floats:
        return np.asarray(0.1 + 0.7 * expit((u - 0.8) / 0.2))

    assert logistic_curve(given(curve(U))).point == pytest.approx(float(curve(np.array([1.4]))[0]), abs=1e-3)


def test_a_broken_law_without_noise_is_found_and_run_on() -> None:
    def curve(u: Floats) -> Floats:
        bend = np.logaddexp(0, (u - 0.5) / 0.15) - np.logaddexp(0, -0.5 / 0.15)
        return np.asarray(0.9 - 0.6 * np.exp(-0.3 * u - 2.0 * 0.15 * bend))

    assert broken_law(given(curve(U), target=1.2)).point == pytest.approx(float(curve(np.array([1.2]))[0]), abs=0.02)


def test_a_power_law_stands_in_where_there_are_too_few_scores_for_a_break() -> None:
    y = 0.9 - 0.6 * np.exp(-1.5 * U[:5])
    few = Seen(U[:5], y, 1e-12 + 0 * y, np.ones(5), np.full(5, 1e9), bounded=True, target=1.0)
    assert broken_law(few).point == pytest.approx(float(0.9 - 0.6 * np.exp(-1.5)), abs=1e-3)


@pytest.mark.parametrize("name", RIVALS)
@pytest.mark.parametrize("n", [20.0, 1e6])
def test_every_rival_stays_between_the_bounds_whatever_it_sees(name: str, n: float) -> None:
    rng = np.random.default_rng(5)
    for scores in (np.full(8, 0.5), np.full(8, 1 / 42), rng.uniform(0.01, 0.99, 8), np.linspace(0.01, 0.99, 8) ** 6):
        found = RIVALS[name](given(scores, n=n))
        assert np.all((found.quantiles >= 0) & (found.quantiles <= 1))
        assert 0 <= found.point <= 1
        assert np.all(np.diff(found.quantiles) >= 0)


@pytest.mark.parametrize("name", RIVALS)
def test_no_rival_is_surer_than_the_test_sets_allow(name: str) -> None:
    found = RIVALS[name](given(np.full(8, 0.5), n=100.0))
    assert np.quantile(found.quantiles, 0.84) - found.point >= 0.045


@pytest.mark.parametrize("name", RIVALS)
def test_scores_without_bounds_are_extrapolated_on_their_own_scale(name: str) -> None:
    loss = replace(given(0.5 + 0 * U), y=-3.0 + 0.5 * U, variance=0 * U + 1e-4, bounded=False)
    assert -3.1 < RIVALS[name](loss).point < -2.0


@pytest.mark.parametrize("seed", range(20))
def test_levels_within_limits_are_those_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    curve, y = expit(rng.normal(0, 2, (5, 8))), rng.uniform(-0.2, 1.2, 8)
    rows = (1 - curve, curve) if seed % 2 else (np.ones_like(curve), np.exp(curve))
    limits = np.array([[0.0, 1.0], [0.0, 1.0] if seed % 2 else [-np.inf, np.inf]])
    levels, squares = fitted(rows[0], rows[1], y, limits)
    for own in range(5):
        design = np.column_stack([row[own] for row in rows])
        reference = lsq_linear(design, y, bounds=(limits[:, 0], limits[:, 1]))
        assert squares[own] == pytest.approx(2 * reference.cost, rel=1e-7)
        assert levels[own] == pytest.approx(reference.x, abs=1e-4)


def test_rows_that_are_multiples_share_their_level() -> None:
    levels, squares = fitted(np.full(4, 0.5), np.full(4, 0.5), np.full(4, 0.3), np.array([[0.0, 1.0]] * 2))
    assert levels == pytest.approx([0.3, 0.3])
    assert squares == pytest.approx(0)


def test_a_logistic_that_rises_to_the_last_model_ends_within_the_bounds() -> None:
    y = np.append(np.full(6, 0.01), [0.3, 0.9])
    assert logistic_curve(given(y, target=1.5)).point <= 1.0
    falling = np.append(np.linspace(0.9, 0.6, 7), 0.1)
    assert logistic_curve(given(falling, target=1.5, n=1e6)).point >= 0.0


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_scores_at_a_bound_are_run_on_as_they_are(score: float) -> None:
    found = last_value(given(np.full(8, score), n=100.0))
    assert found.point == score
    assert score in np.quantile(found.quantiles, [0.1, 0.9])
