"""Items shared by all points: covariance, design effects, shrinkage, and when counts are paired."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from models.arrays import Floats
from models.outcomes import covariance, design_effects, items, pairing, shrunken_correlation


def answers(seed: int, rows: int, n: int, item_sd: float = 1.5) -> Floats:
    """Right and wrong answers (rows, n) of models of equal ability to items of unequal difficulty."""
    rng = np.random.default_rng(seed)
    return (rng.random((rows, n)) < expit(rng.normal(size=n) * item_sd)).astype(float)


def test_covariance_without_clusters_is_the_sample_covariance_over_n() -> None:
    values = answers(0, 4, 300)
    np.testing.assert_allclose(covariance(items(values, None)), np.cov(values) / 300, rtol=1e-12)


def test_clustered_variance_is_that_of_statsmodels() -> None:
    values, clusters = answers(1, 3, 400), np.random.default_rng(1).integers(0, 50, 400)
    found = np.diag(covariance(items(values, clusters.tolist())))
    for row, variance in zip(values, found, strict=True):
        fitted = sm.OLS(row, np.ones(400)).fit(cov_type="cluster", cov_kwds={"groups": clusters})
        assert variance == pytest.approx(float(fitted.bse[0]) ** 2, rel=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 8), st.integers(2, 60))
def test_items_repeated_within_clusters_count_once(seed: int, repeats: int, groups: int) -> None:
    values = np.repeat(answers(seed, 3, groups), repeats, axis=1)
    known = items(values, np.repeat(np.arange(groups), repeats).tolist())
    # (n - 1)/n of n/deff examples are the groups but one, as for a sample variance
    expected = repeats * groups / (groups - 1) * (known.n_examples - 1) / known.n_examples
    np.testing.assert_allclose(design_effects(known)[known.spread > 0], max(expected, 1.0), rtol=1e-9)


def test_clusters_of_one_and_unrelated_clusters_have_no_design_effect() -> None:
    values = answers(2, 3, 5000)
    assert design_effects(items(values, list(range(5000)))).tolist() == [1.0, 1.0, 1.0]
    by_chance = design_effects(items(values, np.random.default_rng(2).integers(0, 1000, 5000).tolist()))
    assert (by_chance < 1.2).all()


def test_a_point_that_never_varies_has_the_mean_design_effect_of_the_others() -> None:
    values = np.vstack([np.repeat(answers(3, 2, 40), 5, axis=1), np.ones(200)])
    effects = design_effects(items(values, np.repeat(np.arange(40), 5).tolist()))
    assert effects[2] == pytest.approx(effects[:2].mean())
    # Nothing varies: clusters of 1 and 3 could be worth (1 + 9)/4 times fewer examples.
    assert design_effects(items(np.zeros((2, 4)), [0, 1, 1, 1])).tolist() == [2.5, 2.5]


def slow_shrinkage(values: Floats) -> Floats:
    """Schäfer and Strimmer's correlation, with loops and in their own standardisation."""
    rows, n = values.shape
    x = (values - values.mean(axis=1, keepdims=True)) / values.std(axis=1, ddof=1, keepdims=True)
    correlation, noise, signal = np.eye(rows), 0.0, 0.0
    for i in range(rows):
        for j in range(rows):
            if i != j:
                w = x[i] * x[j]
                correlation[i, j] = n / (n - 1) * w.mean()
                noise += n / (n - 1) ** 3 * float(np.sum((w - w.mean()) ** 2))
                signal += correlation[i, j] ** 2
    intensity = min(max(noise / signal, 1 / n), 1.0)
    return np.where(np.eye(rows) > 0, 1.0, (1 - intensity) * correlation)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 7), st.integers(40, 300))
def test_shrunken_correlation_agrees_with_the_formula_in_loops(seed: int, rows: int, n: int) -> None:
    values = answers(seed, rows, n)
    np.testing.assert_allclose(shrunken_correlation(items(values, None)), slow_shrinkage(values), atol=1e-12)


def test_correlation_of_many_models_on_few_items_is_positive_definite() -> None:
    values = answers(4, 60, 40)
    values = values[(values.mean(axis=1) > 0) & (values.mean(axis=1) < 1)]
    assert np.linalg.eigvalsh(shrunken_correlation(items(values, None))).min() > 1e-3


def test_models_that_agree_on_every_item_are_not_taken_to_be_one() -> None:
    row = answers(5, 1, 100)
    assert shrunken_correlation(items(np.vstack([row, row]), None))[0, 1] == pytest.approx(1 - 1 / 100)


def test_shrinkage_recovers_the_correlation_of_the_item_population() -> None:
    big = shrunken_correlation(items(answers(6, 4, 200_000), None))
    found = [shrunken_correlation(items(answers(seed, 4, 500), None)) for seed in range(100, 200)]
    assert float(np.abs(np.mean(found, axis=0) - big).max()) < 0.03


@pytest.mark.parametrize("right", [9, 191, 0, 200])
def test_counts_near_a_bound_are_not_paired(right: int) -> None:
    values = np.zeros((2, 200))
    values[0, :100], values[1, :right] = 1, 1
    assert pairing(items(values, None), values.sum(axis=1)) is None


def test_pairing_holds_logits_and_their_joint_errors() -> None:
    values = answers(7, 3, 400)
    paired = pairing(items(values, None), values.sum(axis=1))
    assert paired is not None
    share = (values.sum(axis=1) + 0.5) / 401
    np.testing.assert_allclose(paired.logit, [math.log(p / (1 - p)) for p in share], rtol=1e-12)
    joint = (paired.vectors * paired.variances) @ paired.vectors.T
    np.testing.assert_allclose(joint, shrunken_correlation(items(values, None)) / 400, atol=1e-15)


def test_clusters_widen_paired_errors_by_their_design_effects() -> None:
    values, clusters = np.repeat(answers(8, 3, 100), 4, axis=1), np.repeat(np.arange(100), 4).tolist()
    whole, single = items(values, clusters), items(values[:, ::4], None)
    paired, plain = pairing(whole, values.sum(axis=1)), pairing(single, values[:, ::4].sum(axis=1))
    assert paired is not None
    assert plain is not None
    np.testing.assert_allclose(paired.variances, plain.variances, rtol=0.02)
