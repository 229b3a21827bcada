"""The quadrature engine against NUTS: quantiles and evidence over a grid of curves and curve models."""

import math
from dataclasses import dataclass, replace

import arviz
import numpy as np
import pytest

from models.arrays import Floats
from models.curve import ScalePoint, ScalingCurve
from models.curve_models import CURVE_MODELS
from models.curve_models.constant import constant
from models.curve_models.priors import HalfCauchy
from models.curve_models.record import CurveModel, mean
from models.engines.nuts import CHAINS, compile_model, nuts
from models.engines.quadrature import quadrature
from models.likelihood import Observations, observe
from models.metrics import REGISTRY
from models.options import Options
from models.posterior import ModelPosterior, Work

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]  # NUTS, for which it stands back while services are tested

VARIATION = HalfCauchy(0.03)
MEDIAN_LIMIT, TAIL_LIMIT = 0.05, 0.15  # posterior standard deviations
EVIDENCE_LIMIT = 0.1  # nats
STANDARD_ERRORS = 3.5  # of the difference of two estimates that may come on top: some 1,500 comparisons are made
QUANTILES = (0.025, 0.5, 0.975)
FIRST_TIMES, MOST_TIMES = 2, 45  # draws of NUTS over the effective size asked for, at first and at most
SPARE = 1.4  # on the draws that the effective size so far asks for: a small sample tells it to a fifth or so
POSITIONS = np.linspace(0, 1, 5)
ACCURACY = REGISTRY["accuracy"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Scores at log10 scales, with numbers of examples or standard errors."""

    metric: str
    z: tuple[float, ...]
    scores: tuple[float, ...]
    n: int | None = None
    stderr: float | None = None
    chance: float | None = None

    def observations(self) -> Observations:
        points = tuple(
            ScalePoint(10.0**z, score, n_examples=self.n, stderr=self.stderr)
            for z, score in zip(self.z, self.scores, strict=True)
        )
        metric = replace(REGISTRY[self.metric], chance=self.chance)
        return observe(ScalingCurve("task", metric, points), Options(smallest_effect=0.02))


CURVES = {
    "rise": Rows("accuracy", (8, 9, 10, 11), (0.22, 0.31, 0.52, 0.66), n=100),
    "u": Rows("accuracy", (8, 8.5, 9, 9.5, 10, 10.5, 11, 11.5), (0.5, 0.46, 0.38, 0.3, 0.27, 0.33, 0.47, 0.64), n=1000),
    "jump": Rows("accuracy", (8, 8.5, 9, 9.5, 10, 11), (0.0, 0.0, 0.01, 0.02, 0.55, 0.9), n=200),
    "flat": Rows("accuracy", (8, 8.6, 9.2, 9.9, 10.7), (0.501, 0.494, 0.503, 0.497, 0.506), n=10_000),
    "fall": Rows("accuracy", tuple(8 + i / 3 for i in range(12)), tuple(0.8 - 0.05 * i for i in range(12)), n=500),
    "three": Rows("accuracy", (9.9, 10.8, 11.7), (0.86, 0.81, 1.0), n=300),
    "noisy": Rows("accuracy", (8, 8.4, 9, 9.3, 10, 10.4, 11), (0.4, 0.1, 0.6, 0.35, 0.8, 0.5, 0.9), n=50),
    "zeros": Rows("accuracy", tuple(8 + i / 2 for i in range(8)), (0, 0, 0, 0, 0.2, 0.8, 0.81, 0.79), n=2000),
    "late": Rows("accuracy", (8, 8.7, 9.5, 10.3, 11), (0.001, 0.002, 0.008, 0.021, 0.063), n=1000),
    "slow": Rows("accuracy", (8, 8.6, 9, 9.7, 10.3, 11), (0.255, 0.26, 0.28, 0.345, 0.43, 0.47), n=500, chance=0.25),
    "chance": Rows("accuracy", (8, 9, 10, 10.5, 11, 11.7), (0.26, 0.24, 0.15, 0.1, 0.3, 0.62), n=400, chance=0.25),
    "bounded": Rows("mean_probability", (8, 9, 10, 11, 12), (0.1, 0.14, 0.13, 0.3, 0.36), stderr=0.02),
    "easy": Rows("accuracy", (8, 8.7, 9.5, 10.3, 11), (0.985, 0.995, 1.0, 0.99, 1.0), n=400),
    "loss": Rows("loss", (7, 8, 9, 10, 11), (3.9, 3.52, 3.3, 3.17, 3.11), stderr=0.01),
}

# Pairs on which NUTS itself mixes: it does not where a step may stand in any gap between models.
PAIRS = [
    *(("rise", name) for name in ("constant", "near_flat", "gentle_line", "bent_line", "logistic", "token_power_law")),
    *(("u", name) for name in ("bent_line", "quadratic", "logistic", "two_task", "double_logistic")),
    *(("jump", name) for name in ("quadratic", "logistic", "token_power_law")),
    *(("flat", name) for name in ("constant", "near_flat", "gentle_line", "bent_line", "quadratic")),
    *(("fall", name) for name in ("near_flat", "bent_line", "logistic")),
    *(("three", name) for name in ("constant", "bent_line", "quadratic")),
    *(("noisy", name) for name in ("constant", "quadratic", "logistic")),
    *(("chance", name) for name in ("two_task", "bent_line")),
    *((curve, "at_floor") for curve in ("slow", "chance")),
    ("easy", "at_ceiling"),
    *((curve, "rise_from_floor") for curve in ("zeros", "late", "slow", "chance", "bounded")),
    *(("bounded", name) for name in ("bent_line", "logistic")),
    *(("loss", name) for name in ("power_law", "bent_line")),
]
PRECISE = [("u", "bent_line"), ("rise", "logistic"), ("three", "quadratic")]


def sampled(model: CurveModel, observations: Observations, size: int, draws: int) -> ModelPosterior:
    """NUTS with at least this effective size: as much longer as it takes, or until it gives up."""
    (posterior,) = nuts([model], observations, VARIATION, Work(draws, 1))
    assert posterior.checks is not None
    reached = min(posterior.effective_sample_size, 2 * posterior.checks.ess_tail)
    if reached >= size or draws >= MOST_TIMES * size:
        return posterior
    wanted = math.ceil(SPARE * draws * size / reached)
    return sampled(model, observations, size, min(max(wanted, math.ceil(SPARE * draws)), MOST_TIMES * size))


def quantities(posterior: ModelPosterior) -> Floats:
    """Draws (S, .) of the parameters, of r and of the mean at five positions."""
    curve = mean(posterior.model, posterior.shape, posterior.levels, POSITIONS)
    return np.column_stack([posterior.shape, posterior.levels, posterior.r, curve])


def weighted_quantiles(draws: Floats, weights: Floats, at: Floats) -> Floats:
    order = np.argsort(draws)
    share = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    return np.interp(at, share, draws[order])


def with_error(draws: Floats, weights: Floats, probability: float, size: float) -> tuple[float, float]:
    """A quantile and its standard error: half the distance between quantiles one standard error of the share away."""
    step = np.sqrt(probability * (1 - probability) / size)
    at = np.clip([probability - step, probability, probability + step], 1e-4, 1 - 1e-4)
    low, middle, high = weighted_quantiles(draws, weights, at)
    return float(middle), float(high - low) / 2


def differences(exact: ModelPosterior, chains: ModelPosterior) -> list[tuple[int, float, float, float]]:
    """(quantity, probability, difference in posterior sd, its standard error) of every comparison."""
    weights = np.exp(exact.log_weights - exact.log_weights.max())
    equal = np.ones(chains.draws)
    result = []
    for j, (first, second) in enumerate(zip(quantities(exact).T, quantities(chains).T, strict=True)):
        sd = float(np.sqrt(np.cov(first, aweights=weights)))
        for probability in QUANTILES:
            a, a_error = with_error(first, weights, probability, exact.effective_sample_size)
            below = (second <= np.quantile(second, probability)).astype(float).reshape(CHAINS, -1)
            b, b_error = with_error(second, equal, probability, float(arviz.ess(below, method="mean")))
            result.append((j, probability, abs(a - b) / sd, float(np.hypot(a_error, b_error)) / sd))
    return result


def both(curve: str, name: str, size: int) -> tuple[ModelPosterior, ModelPosterior]:
    observations = CURVES[curve].observations()
    model = CURVE_MODELS[name](observations.context)
    assert model is not None
    (exact,) = quadrature([model], observations, VARIATION, Work(65_536, 0, even=True))
    return exact, sampled(model, observations, size, FIRST_TIMES * size)


def check(curve: str, name: str, size: int) -> None:
    exact, chains = both(curve, name, size)
    assert chains.checks is not None
    assert chains.checks.r_hat < 1.01
    assert chains.effective_sample_size >= size
    for _, probability, difference, error in differences(exact, chains):
        limit = MEDIAN_LIMIT if probability == 0.5 else TAIL_LIMIT
        assert difference < limit + STANDARD_ERRORS * error
    assert exact.log_evidence == pytest.approx(chains.log_evidence, abs=EVIDENCE_LIMIT)


@pytest.mark.parametrize(("curve", "name"), PAIRS)
def test_quadrature_and_nuts_agree_on_quantiles_and_evidence(curve: str, name: str) -> None:
    check(curve, name, 4000)


@pytest.mark.parametrize(("curve", "name"), PRECISE)
def test_quadrature_and_nuts_agree_at_an_effective_size_of_twenty_thousand(curve: str, name: str) -> None:
    check(curve, name, 20_000)


def test_nuts_has_the_engines_contract_and_compiles_a_model_once_for_curves_of_any_length() -> None:
    model = constant(CURVES["rise"].observations().context)
    nuts([model], CURVES["rise"].observations(), VARIATION, Work(2000, 0))
    before = compile_model.cache_info().misses
    first, second = (nuts([model], CURVES["flat"].observations(), VARIATION, Work(4000, 3))[0] for _ in range(2))
    assert compile_model.cache_info().misses == before
    assert first.draws == len(first.r) == len(first.levels) == len(first.shape) == 4000
    assert (first.log_weights == first.log_evidence).all()
    assert (first.pareto_k, first.shape.shape[1], first.levels.shape[1]) == (None, 0, 1)
    assert (first.r == second.r).all()
    assert first.checks == second.checks
    assert first.checks is not None
    assert (first.checks.divergences, first.checks.bfmi > 0.3, first.checks.r_hat < 1.02) == (0, True, True)
