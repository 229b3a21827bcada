from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.readers.counts import counts_elsewhere, exact_counts


@given(st.integers(2, 1_000_000), st.data())
def test_n_is_recovered_exactly_from_the_sample_standard_error(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, n - 1))
    p = k / n
    stderr = math.sqrt(p * (1 - p) / (n - 1))
    assume(not _short(stderr))
    assert exact_counts(np.array([p]), np.array([stderr]))[0] == n


@given(st.integers(3, 1_000_000), st.data())
def test_n_is_recovered_exactly_from_the_population_standard_error(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, n - 1))
    p = k / n
    stderr = math.sqrt(p * (1 - p) / n)
    assume(not _short(stderr))
    assert exact_counts(np.array([p]), np.array([stderr]))[0] == n


def _short(stderr: float) -> bool:
    return abs(stderr * 1e6 - round(stderr * 1e6)) < 1e-6


def test_means_of_other_numbers_almost_never_have_an_n() -> None:
    rng = np.random.default_rng(0)
    n = rng.integers(50, 20_000, 20_000)
    p = rng.random(20_000)
    stderrs = np.sqrt(p * (1 - p) * rng.uniform(0.1, 0.99, 20_000) / n)
    assert np.isnan(exact_counts(p, stderrs)).mean() > 0.9999


@pytest.mark.parametrize(("score", "stderr"), [(0.2565, 0.01767), (0.4, 0.1), (0.5, 0.05)])
def test_rounded_numbers_have_no_exact_n(score: float, stderr: float) -> None:
    assert np.isnan(exact_counts(np.array([score]), np.array([stderr]))).all()


def test_zero_one_and_a_standard_error_of_zero_say_nothing() -> None:
    scores = np.array([0.0, 1.0, 0.5, 0.5, 1e-300])
    stderrs = np.array([0.0, 0.0, 0.0, np.nan, 1e-300])
    assert np.isnan(exact_counts(scores, stderrs)).all()


def test_a_group_lends_its_n_only_where_all_agree() -> None:
    n = np.array([100.0, np.nan, 100.0, 50.0, 60.0, np.nan, np.nan])
    groups = np.array([0, 0, 0, 1, 1, 1, 2])
    assert np.array_equal(counts_elsewhere(n, groups)[[1, 5, 6]], [100.0, np.nan, np.nan], equal_nan=True)
