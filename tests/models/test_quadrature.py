"""The quadrature engine: exact likelihood, evidence by brute force, weights, determinism, extreme curves."""

import math
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import arviz_stats.base.array as arviz_arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln, expit, gammaln
from scipy.stats import betabinom, binom, norm, qmc
from scipy.stats import t as student_t

from models.arrays import Floats
from models.curve import ScalePoint, ScalingCurve
from models.curve_models import menu
from models.curve_models.at_ceiling import CEILING, at_ceiling
from models.curve_models.at_floor import at_floor
from models.curve_models.constant import constant
from models.curve_models.gentle_line import MOST_CHANGE, gentle_line
from models.curve_models.near_flat import near_flat
from models.curve_models.priors import HalfCauchy
from models.curve_models.rise_from_floor import floor_prior, rise_from_floor
from models.engines import kernels
from models.engines.quadrature import quadrature
from models.engines.target import pack
from models.likelihood import NoiseKind, Observations, observe
from models.metrics import REGISTRY, Metric
from models.options import Options
from models.posterior import ModelPosterior, Work, effective_sample_size, pareto_k

VARIATION = HalfCauchy(0.03)
EVIDENCE_DRAWS = 65_536
ACCURACY = REGISTRY["accuracy"]


def counted(counts: list[int], n: int, decades: float = 3.0, metric: Metric = ACCURACY) -> Observations:
    scales = np.logspace(0, decades, len(counts))
    points = tuple(ScalePoint(float(x), k / n, n_examples=n) for x, k in zip(scales, counts, strict=True))
    return observe(ScalingCurve("task", metric, points), Options())


def packed(kind: NoiseKind, row: tuple[float, float, float, float]) -> Floats:
    """One point: k, n, se, y."""
    k, n, error, y = row
    coefficient = float(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
    return np.array([[float(kind), k, n, error, coefficient, y]])


def kernel(mean: float, r: float, data: Floats) -> float:
    f = np.array([[mean]])
    return float(kernels.log_likelihoods(f, 1 - f, np.array([r]), data)[0])


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 20_000), st.floats(0, 1), st.floats(0.001, 0.999), st.floats(0.003, 0.99))
def test_counts_have_the_beta_binomial_likelihood(n: int, share: float, mean: float, r: float) -> None:
    k, m = round(share * n), 1 / r**2 - 1
    data = packed(NoiseKind.BETA_BINOMIAL, (k, n, 0.0, k / n))
    assert kernel(mean, r, data) == pytest.approx(betabinom.logpmf(k, n, mean * m, (1 - mean) * m), rel=1e-6, abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 10_000_000), st.floats(0, 1), st.floats(0.01, 0.99))
def test_counts_become_binomial_as_the_between_model_variation_vanishes(n: int, share: float, mean: float) -> None:
    k = round(share * n)
    data = packed(NoiseKind.BETA_BINOMIAL, (k, n, 0.0, k / n))
    assert kernel(mean, 1e-7, data) == pytest.approx(binom.logpmf(k, n, mean), rel=1e-4, abs=1e-3)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 1000), st.floats(0, 1), st.floats(0.01, 0.99), st.floats(0.05, 0.9))
def test_fractional_counts_have_the_same_likelihood_by_gamma_functions(
    n: int, share: float, mean: float, r: float
) -> None:
    k, m = share * n, 1 / r**2 - 1
    expected = betaln(k + mean * m, n - k + (1 - mean) * m) - betaln(mean * m, (1 - mean) * m)
    expected += gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    assert kernel(mean, r, packed(NoiseKind.BETA_BINOMIAL, (k, n, 0.0, share))) == pytest.approx(expected, abs=1e-7)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.01, 0.99), st.floats(0, 1), st.floats(1e-4, 1), st.floats(1e-4, 0.9))
def test_normal_scores_vary_by_their_error_and_between_models(mean: float, y: float, error: float, r: float) -> None:
    bounded = norm.logpdf(y, mean, math.sqrt(error**2 + r**2 * mean * (1 - mean)))
    assert kernel(mean, r, packed(NoiseKind.NORMAL_BOUNDED, (0, 0, error, y))) == pytest.approx(bounded, rel=1e-9)
    unbounded = norm.logpdf(y, mean, math.sqrt(error**2 + r**2))
    assert kernel(mean, r, packed(NoiseKind.NORMAL_UNBOUNDED, (0, 0, error, y))) == pytest.approx(unbounded, rel=1e-9)


def nodes(low: float, high: float, count: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights on an interval."""
    x, weights = np.polynomial.legendre.leggauss(count)
    return (high - low) / 2 * x + (high + low) / 2, (high - low) / 2 * weights


R_BREAKS = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)


def r_nodes() -> tuple[Floats, Floats]:
    """Nodes of r with weights that hold the half-Cauchy density, written out here once more."""
    parts = [nodes(low, high, 16) for low, high in pairwise(R_BREAKS)]
    r, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    s = VARIATION.scale
    return r, weights / (s * math.atan(1 / s) * (1 + (r / s) ** 2))


def brute_force(observations: Observations, mean: Floats, weights: Floats) -> float:
    """Log evidence for mean curves (G, N) with weights (G,), summed over them and over r."""
    r, r_weights = r_nodes()
    m = 1 / r**2 - 1
    total = np.zeros((len(mean), len(r)))
    for i in range(mean.shape[1]):
        f = mean[:, i : i + 1]
        total += betabinom.logpmf(observations.successes[i], observations.trials[i], f * m, (1 - f) * m)
    top = total.max()
    return float(top + np.log(weights @ np.exp(total - top) @ r_weights))


def evidence(observations: Observations, name: str) -> float:
    factories = {
        "constant": constant,
        "at_floor": at_floor,
        "at_ceiling": at_ceiling,
        "near_flat": near_flat,
        "gentle_line": gentle_line,
        "rise_from_floor": rise_from_floor,
    }
    model = factories[name](replace(observations.context, near_ceiling=True))
    assert model is not None
    return quadrature([model], observations, VARIATION, Work(EVIDENCE_DRAWS, 0, even=True))[0].log_evidence


CURVES = [
    ([40, 60, 55, 41], 200),
    ([0, 0, 0, 1], 100),
    ([200, 200, 200], 200),
    ([3, 90, 10, 60, 4], 100),
    ([490, 520], 1000),
]


@pytest.mark.parametrize(("counts", "n"), CURVES)
def test_evidence_of_constant_agrees_with_brute_force(counts: list[int], n: int) -> None:
    observations = counted(counts, n)
    level, weights = nodes(0, 1, 400)
    expected = brute_force(observations, np.repeat(level[:, None], len(counts), axis=1), weights)
    assert evidence(observations, "constant") == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("counts", "n"), CURVES)
@pytest.mark.parametrize("chance", [0.0, 0.25])
def test_evidence_of_at_floor_agrees_with_brute_force(counts: list[int], n: int, chance: float) -> None:
    observations = replace(counted(counts, n), chance=chance)
    x, weights = nodes(-8, 8, 1000)  # standard normal: scores far from the floor lie in the tail of its prior
    prior = floor_prior(observations.context)
    level = expit(prior.mean + prior.sd * x)
    weights = weights * norm.pdf(x)
    expected = brute_force(observations, np.repeat(level[:, None], len(counts), axis=1), weights)
    assert evidence(observations, "at_floor") == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(("counts", "n"), [*CURVES, ([500, 500, 499, 500], 500)])
def test_evidence_of_at_ceiling_agrees_with_brute_force(counts: list[int], n: int) -> None:
    observations = counted(counts, n)
    x, weights = nodes(-8, 8, 1000)
    level = expit(CEILING.mean + CEILING.sd * x)
    weights = weights * norm.pdf(x)
    expected = brute_force(observations, np.repeat(level[:, None], len(counts), axis=1), weights)
    assert evidence(observations, "at_ceiling") == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(("counts", "n"), CURVES)
@pytest.mark.parametrize(("name", "most"), [("near_flat", 0.06), ("gentle_line", MOST_CHANGE)])
def test_evidence_of_a_small_change_agrees_with_brute_force(counts: list[int], n: int, name: str, most: float) -> None:
    observations = replace(counted(counts, n), delta=0.06)
    # A line by its values at both ends: the mean is uniform between the bounds that the change d leaves it.
    rise, rise_weights = nodes(0, most, 8)
    change, change_weights = np.concatenate([-rise, rise]), np.concatenate([rise_weights, rise_weights])
    share, share_weights = nodes(0, 1, 200)
    d, v = (grid.ravel()[:, None] for grid in np.meshgrid(change, share, indexing="ij"))
    level = np.abs(d) / 2 + (1 - np.abs(d)) * v
    weights = np.outer(change_weights / (2 * most), share_weights).ravel()
    expected = brute_force(observations, level + d * (observations.u - 0.5), weights)
    assert evidence(observations, name) == pytest.approx(expected, abs=0.01)


CHOICE, FREE = replace(ACCURACY, chance=0.25), REGISTRY["exact_match"]


@pytest.mark.parametrize(
    ("counts", "n", "metric", "floor", "floor_sd"),
    [
        ([0, 0, 3, 31], 40, FREE, -7.0, 2.0),
        ([0, 0, 0, 0], 200, FREE, -7.0, 2.0),
        ([12, 9, 19, 24], 40, CHOICE, math.log(1 / 3), 0.2),
        ([8, 10, 14, 21], 40, ACCURACY, -4.2, 3.2),
    ],
)
def test_evidence_of_a_rise_from_a_floor_is_the_mean_likelihood_of_prior_curves(
    counts: list[int], n: int, metric: Metric, floor: float, floor_sd: float
) -> None:
    observations = counted(counts, n, metric=metric)
    v = np.clip(qmc.Sobol(5, rng=np.random.default_rng(0)).random(2**19), 1e-9, 1 - 1e-9)
    middle, width = 1.5 * v[:, :1] - 0.25, 0.12 * np.exp(0.8 * norm.ppf(v[:, 1:2]))
    low, high = floor + floor_sd * norm.ppf(v[:, 2:3]), 2.0 * student_t.ppf(v[:, 3:4], 4)
    f = np.clip(expit(low + (high - low) * expit((observations.u - middle) / width)), 1e-12, 1 - 1e-12)
    s = VARIATION.scale
    m = 1 / (s * np.tan(v[:, 4:] * math.atan(1 / s))) ** 2 - 1
    log_likelihood = np.sum(betabinom.logpmf(counts, n, f * m, (1 - f) * m), axis=1)
    expected = float(np.log(np.mean(np.exp(log_likelihood))))
    assert evidence(observations, "rise_from_floor") == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
def test_pareto_k_agrees_with_arviz(seed: int, scale: float) -> None:
    log_weights = scale * np.random.default_rng(seed).standard_t(4, size=4096)
    stats: Any = arviz_arrays.array_stats
    # It asks for log likelihoods, whose inverses are the weights of leave-one-out.
    _, expected = stats.psislw(-log_weights)
    assert pareto_k(log_weights) == pytest.approx(float(expected), rel=0.01, abs=0.01)


def test_equal_weights_have_full_size_and_no_tail() -> None:
    assert effective_sample_size(np.full(100, 0.3)) == pytest.approx(100)
    assert effective_sample_size(np.zeros(5)) == 0
    assert pareto_k(np.zeros(1000)) == 0


def content(posterior: ModelPosterior) -> list[bytes | object]:
    values = [getattr(posterior, entry.name) for entry in fields(posterior) if entry.name != "model"]
    return [value.tobytes() if isinstance(value, np.ndarray) else value for value in values]


def test_the_same_curve_and_seed_give_the_same_bytes() -> None:
    observations = counted([30, 10, 5, 20, 60], 100)
    first, second = (quadrature(menu(observations.context), observations, VARIATION, Work(2048, 5)) for _ in range(2))
    assert [content(posterior) for posterior in first] == [content(posterior) for posterior in second]
    other = quadrature(menu(observations.context), observations, VARIATION, Work(2048, 6))
    assert content(first[0]) != content(other[0])


EXTREME = {
    "two hundred scales": counted([500 + 2 * i for i in range(200)], 1000),
    "ten million examples": counted([1_000_000, 999_000, 2_000_000, 5_000_000], 10_000_000),
    "fifteen decades": counted([20, 30, 25, 60, 90], 100, decades=15.0),
    "all wrong": counted([0, 0, 0, 0, 0], 10_000_000),
    "all right": counted([1000] * 6, 1000),
    "from none to all": counted([0, 0, 1000, 1000], 1000),
    "two scales": counted([5, 95], 100),
    "one example": counted([0, 1, 0], 1),
}


@pytest.mark.parametrize("name", EXTREME)
def test_extreme_curves_have_finite_posteriors_with_useful_weights(name: str) -> None:
    observations = EXTREME[name]
    posteriors = quadrature(menu(observations.context), observations, VARIATION, Work(4096, 0))
    for posterior in posteriors:
        assert np.isfinite(posterior.shape).all()
        assert np.isfinite(posterior.levels).all()
        assert np.isfinite(posterior.log_weights).all()
        assert ((posterior.r > 0) & (posterior.r < 1)).all()
        mean_weight = posterior.log_weights.max() + np.log(
            np.mean(np.exp(posterior.log_weights - posterior.log_weights.max()))
        )
        assert posterior.log_evidence == pytest.approx(float(mean_weight), abs=1e-9)
    best = max(posteriors, key=lambda posterior: posterior.log_evidence)
    assert best.effective_sample_size > 50


def test_evidence_hardly_depends_on_the_seed() -> None:
    observations = counted([30, 10, 5, 20, 60, 70], 300)
    runs = [
        quadrature(menu(observations.context), observations, VARIATION, Work(8192, seed, even=True))
        for seed in range(3)
    ]
    evidences = np.array([[posterior.log_evidence for posterior in run] for run in runs])
    assert np.ptp(evidences, axis=0).max() < 0.15


def test_packed_data_hold_the_binomial_coefficient() -> None:
    data = pack(counted([1, 2], 4))
    np.testing.assert_allclose(np.exp(data[:, 4]), [4, 6])
