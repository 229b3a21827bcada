"""Posterior predictive draws against scipy's distributions, over the corners of n, mean and variation."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import beta, betabinom, chisquare, kstest, norm

from models.arrays import Floats
from models.likelihood import NoiseKind, Observations
from models.predictive import predicted_scores

DRAWS, COPIES = 4000, 25
CRITICAL_DISTANCE = 0.0062  # Kolmogorov's, at 100,000 draws and .001
SIZES = (1, 2, 50, 250, 2000, 10**7)
MEANS = (1e-5, 0.001, 0.02, 0.1, 0.3, 0.5, 0.97, 0.9999)
VARIATIONS = (1e-4, 0.01, 0.05, 0.2, 0.5, 0.9)


def has_reference(n: int, f: float, r: float) -> bool:
    """scipy's sum is too long for ten million examples: there the beta must be close to the beta-binomial."""
    return n <= 2000 or (n * r * r >= 1000 and min(f, 1 - f) >= r * r)


CASES = [case for case in product(SIZES, MEANS, VARIATIONS) if has_reference(*case)]


def observations(noise: NoiseKind, trials: float, stderr: float, count: int = COPIES) -> Observations:
    u = np.linspace(0, 1, count)
    return Observations(
        u=u,
        z=8 + u,
        y=np.full(count, 0.5),
        successes=np.full(count, 0.5 * trials),
        trials=np.full(count, trials),
        stderr=np.full(count, stderr),
        noise=np.full(count, int(noise), dtype=np.int64),
        chance=None,
        sign=1,
        location=0.0,
        unit=1.0,
        delta=0.02,
    )


def counts(n: int, f: float, r: float, seed: int = 0) -> Floats:
    data = observations(NoiseKind.BETA_BINOMIAL, n, 0.0)
    scores = predicted_scores(data, np.full((DRAWS, COPIES), f), np.full(DRAWS, r), seed)
    whole = np.rint(scores * n)
    assert np.allclose(scores * n, whole, atol=1e-6)
    return np.asarray(whole.ravel())


def distribution(k: Floats, n: int, f: float, r: float) -> Floats:
    """Distribution function of the beta-binomial; by its beta where n is too large for scipy's sum."""
    precision = 1 / r**2 - 1
    if n <= 2000:
        return np.asarray(betabinom.cdf(k, n, f * precision, (1 - f) * precision))
    return np.asarray(beta.cdf((k + 0.5) / n, f * precision, (1 - f) * precision))


@pytest.mark.parametrize(("n", "f", "r"), CASES)
def test_draws_follow_the_beta_binomial(n: int, f: float, r: float) -> None:
    drawn = np.sort(counts(n, f, r))
    places = np.unique(drawn)
    empirical = np.searchsorted(drawn, places, side="right") / len(drawn)
    assert np.max(np.abs(empirical - distribution(places, n, f, r))) < CRITICAL_DISTANCE


@pytest.mark.parametrize(
    ("n", "f", "r"),
    [(5, 0.3, 0.05), (50, 0.02, 0.03), (50, 0.98, 0.2), (250, 0.01, 0.1), (2000, 0.002, 0.03), (20, 0.5, 0.5)],
)
def test_small_counts_come_as_often_as_their_exact_probabilities_say(n: int, f: float, r: float) -> None:
    precision = 1 / r**2 - 1
    mass = betabinom.pmf(np.arange(n + 1), n, f * precision, (1 - f) * precision)
    seen = np.bincount(counts(n, f, r).astype(np.int64), minlength=n + 1)
    often = mass * seen.sum() >= 20
    expected = np.append(mass[often], mass[~often].sum()) * seen.sum()
    observed = np.append(seen[often], seen[~often].sum())
    kept = expected > 0
    assert chisquare(observed[kept], expected[kept] * observed[kept].sum() / expected[kept].sum()).pvalue > 1e-4


@pytest.mark.parametrize(("n", "f", "r"), [(10**7, 0.3, 1e-4), (10**7, 1e-6, 1e-5), (10**7, 0.001, 1e-3)])
def test_ten_million_examples_keep_mean_and_variance(n: int, f: float, r: float) -> None:
    drawn = counts(n, f, r)
    variance = n * f * (1 - f) * (1 + (n - 1) * r * r)
    assert abs(drawn.mean() - n * f) < 4 * np.sqrt(variance / len(drawn))
    assert drawn.var() / variance == pytest.approx(1.0, abs=0.04)


def test_means_at_the_bounds_give_only_zeros_and_ones() -> None:
    data = observations(NoiseKind.BETA_BINOMIAL, 100, 0.0, count=2)
    means = np.column_stack([np.zeros(DRAWS), np.ones(DRAWS)])
    scores = predicted_scores(data, means, np.full(DRAWS, 0.3), 0)
    assert np.array_equal(scores, means)


@pytest.mark.parametrize("r", [1e-7, 1 - 1e-9])
def test_extreme_variations_give_finite_scores_with_the_right_mean(r: float) -> None:
    for n, f in ((1, 0.3), (50, 0.01), (2000, 0.5), (10**7, 0.9)):
        drawn = counts(n, f, r) / n
        sd = np.sqrt(f * (1 - f) * (1 / n + r * r))
        assert np.all((drawn >= 0) & (drawn <= 1))
        assert abs(drawn.mean() - f) < 4 * sd / np.sqrt(len(drawn))


@pytest.mark.parametrize(
    ("noise", "spread"), [(NoiseKind.NORMAL_BOUNDED, 0.3 * 0.7), (NoiseKind.NORMAL_UNBOUNDED, 1.0)]
)
def test_scores_with_a_standard_error_are_normal_with_the_variation_added(noise: NoiseKind, spread: float) -> None:
    means = np.full((DRAWS, COPIES), 0.3)
    scores = predicted_scores(observations(noise, 0.0, 0.02), means, np.full(DRAWS, 0.05), 1)
    sd = np.sqrt(0.02**2 + 0.05**2 * spread)
    assert kstest(scores.ravel(), norm(0.3, sd).cdf).statistic < CRITICAL_DISTANCE


def test_points_vary_independently_also_across_blocks_of_random_numbers() -> None:
    data = observations(NoiseKind.BETA_BINOMIAL, 200, 0.0, count=70)
    scores = predicted_scores(data, np.full((DRAWS, 70), 0.3), np.full(DRAWS, 0.02), 0)
    correlation = np.corrcoef(scores.T) - np.eye(70)
    assert np.max(np.abs(correlation)) < 5.5 / np.sqrt(DRAWS)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert counts(50, 0.2, 0.1, seed=7).tobytes() == counts(50, 0.2, 0.1, seed=7).tobytes()
    assert counts(50, 0.2, 0.1, seed=7).tobytes() != counts(50, 0.2, 0.1, seed=8).tobytes()


def test_a_point_does_not_depend_on_the_points_beside_it() -> None:
    many, one = (observations(NoiseKind.BETA_BINOMIAL, 40, 0.0, count=count) for count in (5, 1))
    means, r = np.full((DRAWS, 5), 0.1), np.full(DRAWS, 0.2)
    assert np.array_equal(predicted_scores(many, means, r, 0)[:, :1], predicted_scores(one, means[:, :1], r, 0))
