"""The check of gradual curves against integration, another optimiser, and curves whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logit
from scipy.stats import binom, norm

from models.arrays import Floats
from models.curve import ScalePoint, ScalingCurve
from models.gradual import (
    STEEPEST_LINE,
    GradualFamily,
    _best,
    _curve,
    _deviance,
    _log_probability,
    gradual_check,
)
from models.likelihood import Observations, observe
from models.metrics import REGISTRY
from models.options import Options
from tests.models.parts_called import called

log_probability, deviance_of = called(_log_probability), called(_deviance)

EXACT_MATCH = replace(REGISTRY["exact_match"], target_length=5)
Z = np.linspace(8, 11, 8)
X = Z - 9.5


def observed(counts: Floats, n: int, z: Floats = Z) -> Observations:
    points = tuple(
        ScalePoint(float(10**place), float(k) / n, n, n_correct=int(k)) for place, k in zip(z, counts, strict=True)
    )
    return observe(ScalingCurve("task", EXACT_MATCH, points), Options())


@settings(deadline=None, max_examples=300)
@given(st.integers(1, 5000), st.floats(0, 1), st.floats(-12, 8), st.floats(0.005, 0.8))
def test_the_probability_of_a_count_agrees_with_integration(n: int, share: float, center: float, sd: float) -> None:
    k = round(share * float(expit(center)) * n) if share < 0.9 else 0
    empirical = float(logit((k + 0.5) / (n + 1)))

    def log_density(eta: float) -> float:
        return float(binom.logpmf(k, n, expit(eta)) + norm.logpdf(eta, center, sd))

    # The integrand's logarithm bends by 1/sd² at least: nine sd around its peak hold all of it, wherever the peak is.
    between = min(center, empirical) - 1, max(center, empirical) + 1
    peak = float(minimize_scalar(lambda eta: -log_density(eta), bounds=between, method="bounded").x)
    height = log_density(peak)
    share_of_height, _ = quad(
        lambda eta: np.exp(log_density(eta) - height), peak - 9 * sd, peak + 9 * sd, points=[peak], limit=400
    )
    total = height + np.log(share_of_height)
    assert log_probability(k, n, center, sd) == pytest.approx(total, abs=0.015, rel=1e-6)


@pytest.mark.parametrize("family", list(GradualFamily))
def test_the_best_curve_is_as_good_as_another_optimiser_finds(family: GradualFamily) -> None:
    rng = np.random.default_rng(3)
    for _ in range(12):
        trials = np.full(8, float(rng.choice([30, 400, 5000])))
        shares = expit(rng.normal(-2, 2) + rng.uniform(0, 4) * X)
        counts = rng.binomial(trials.astype(int), shares).astype(float)
        sd = float(rng.uniform(0.01, 0.3))
        steepest = STEEPEST_LINE if family is GradualFamily.LINE else np.log(10)

        def deviance(point: Floats, counts: Floats = counts, trials: Floats = trials, sd: float = sd) -> float:
            return float(deviance_of(_curve(int(family), point[0], point[1], X), counts, trials, sd))

        ours = deviance(np.array(_best(int(family), X, counts, trials, sd)))
        starts = [(level, slope) for level in (-8.0, -3.0, 0.0, 3.0) for slope in (0.2, 1.0, steepest - 0.1)]
        box = [(-20, 20), (0, steepest)]
        theirs = min(minimize(deviance, start, bounds=box, method="Nelder-Mead").fun for start in starts)
        assert ours <= theirs + 0.05


@pytest.mark.parametrize("family", list(GradualFamily))
def test_a_gradual_curve_is_seldom_ruled_out(family: GradualFamily) -> None:
    rng = np.random.default_rng(11)
    rejected = 0
    for _ in range(150):
        slope = rng.uniform(0.5, STEEPEST_LINE) if family is GradualFamily.LINE else rng.uniform(0.4, 2.3)
        curve = _curve(int(family), rng.uniform(-2, 2), slope, Z - 9.5)
        shares = expit(logit(curve) + 2 * 0.03 * rng.standard_normal(8))
        counts = rng.binomial(2000, shares).astype(float)
        rejected += not gradual_check(family, observed(counts, 2000), 0.03, 0).adequate
    assert rejected <= 0.05 * 150 + 3 * np.sqrt(0.05 * 0.95 * 150)


@pytest.mark.parametrize("family", list(GradualFamily))
def test_a_jump_is_ruled_out_by_a_large_test_set_and_not_by_a_small_one(family: GradualFamily) -> None:
    jump = 0.3 * expit((Z - 10.2) * 25)
    assert not gradual_check(family, observed(np.rint(jump * 5000), 5000), 0.02, 0).adequate
    assert gradual_check(family, observed(np.rint(jump * 12), 12), 0.02, 0).adequate


def test_the_seed_alone_decides_the_simulations() -> None:
    data = observed(np.array([0, 0, 0, 1, 4, 30, 200, 700.0]), 2000)
    first, again, other = (gradual_check(GradualFamily.LINE, data, 0.03, seed) for seed in (0, 0, 1))
    assert first.p_value == again.p_value
    assert other.p_value == pytest.approx(first.p_value, abs=0.12)
