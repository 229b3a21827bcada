"""Elementary functions of the kernels, against those of the C library, scipy, and plain sums."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr
from scipy.stats import norm
from scipy.stats import t as student_t

from models.engines import lanes, level_kernels, rising_factorials, vector_math
from models.engines.lanes import LEVELS, MOST_LEVELS, SLOPES, X
from tests.models.parts_called import called

EPSILON = float(np.finfo(float).eps)

exp, expm1, log, log1p = map(called, (vector_math.exp, vector_math.expm1, vector_math.log, vector_math.log1p))
normal_tail = called(vector_math.normal_tail)
log_rising, log_rising_row = called(rising_factorials.log_rising), called(rising_factorials.log_rising_row)
make_lanes, levels = called(lanes.make_lanes), called(level_kernels.levels)


@settings(max_examples=500, deadline=None)
@given(st.floats(-700, 700))
def test_exponential(x: float) -> None:
    assert exp(x) == pytest.approx(math.exp(x), rel=4 * EPSILON, abs=0)
    assert expm1(x) == pytest.approx(math.expm1(x), rel=8 * EPSILON, abs=0)


@pytest.mark.parametrize("x", [0.0, -1e-300, 1e-17, -1e-9, 0.34657359, -0.34657359, 1e-3])
def test_exponential_less_one_of_small_numbers(x: float) -> None:
    assert expm1(x) == pytest.approx(math.expm1(x), rel=4 * EPSILON, abs=0)


def test_exponential_stays_finite() -> None:
    assert 0 < exp(-1e9) < 1e-300
    assert 1e300 < exp(1e9) < math.inf


@settings(max_examples=500, deadline=None)
@given(st.floats(1e-300, 1e300) | st.floats(0.5, 2.0))
def test_logarithm(x: float) -> None:
    assert log(x) == pytest.approx(math.log(x), rel=4 * EPSILON, abs=0)


@settings(max_examples=500, deadline=None)
@given(st.floats(-0.999, 1e12) | st.floats(-1e-3, 1e-3))
def test_logarithm_of_one_and_more(x: float) -> None:
    assert log1p(x) == pytest.approx(math.log1p(x), rel=8 * EPSILON, abs=0)


@settings(max_examples=500, deadline=None)
@given(st.floats(0, 37))
def test_tail_of_the_normal_distribution(z: float) -> None:
    """The square of z, rounded, is what costs digits far out; scipy's has the same error."""
    found = normal_tail(z, math.exp(-0.5 * z * z))
    assert found == pytest.approx(float(ndtr(-z)), rel=2e-14 + z * z * EPSILON, abs=0)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 3000), st.floats(-45, 12))
def test_rising_factorial_is_a_product(k: int, log10_a: float) -> None:
    a = 10.0**log10_a
    expected = math.fsum(math.log1p(i / a) for i in range(1, k))
    row, spare, arguments = np.empty(3), np.empty(3), np.array([a, 1.0, 100.0])
    log_rising_row(float(k), arguments, row, spare)
    tolerance = 1e-10 + 1e-13 * abs(expected) + 4 * EPSILON * k * abs(math.log(a))
    assert row[0] == pytest.approx(expected, abs=tolerance)
    assert log_rising(float(k), a) == pytest.approx(expected, abs=tolerance)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.05, 8.0), st.floats(1e-3, 50.0))
def test_rising_factorial_of_few_and_fractional_successes(k: float, a: float) -> None:
    row, spare = np.empty(2), np.empty(2)
    log_rising_row(k, np.array([a, 3.0]), row, spare)
    expected = math.lgamma(k + a) - math.lgamma(a) - k * math.log(a)
    assert row[0] == pytest.approx(expected, abs=1e-9)


def test_levels_are_quantiles_of_their_priors() -> None:
    """Student t with 4 degrees of freedom, a falling triangle, and a uniform one that the triangle bounds."""
    x = np.random.default_rng(1).normal(0, 2, (3, 50))
    priors = np.array([[1.0, 0.0, 0.3, -1, -1], [4.0, 0.0, 0.75, -1, -1], [2.0, 0.0, 1.0, 1, -1]])
    drawn = make_lanes(50, 3, np.zeros((1, 6)))
    drawn.rows[X : X + 3] = x
    levels(drawn, priors)
    step = 1e-6
    found = drawn.rows[LEVELS : LEVELS + 3].copy()
    np.testing.assert_allclose(found[0], 0.3 * student_t.ppf(norm.cdf(x[0]), 4), rtol=1e-9)
    np.testing.assert_allclose(found[1], 0.75 * (1 - np.sqrt(norm.sf(x[1]))), rtol=1e-10)
    np.testing.assert_allclose(found[2], found[1] + (1 - found[1]) * norm.cdf(x[2]), rtol=1e-12)
    slopes = drawn.rows[SLOPES : SLOPES + MOST_LEVELS * 3].reshape(3, MOST_LEVELS, 50)[:, :3].copy()
    for j in range(3):
        drawn.rows[X : X + 3] = x
        drawn.rows[X + j] += step
        levels(drawn, priors)
        expected = (drawn.rows[LEVELS : LEVELS + 3] - found) / step
        for row in range(j, 3):
            if row in (j, 2):
                np.testing.assert_allclose(slopes[row, j], expected[row], rtol=1e-3, atol=1e-6)
