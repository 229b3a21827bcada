"""Modes as narrow as the gaps around one model that stands out: found from every seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from models.analysis import analyze
from models.curve import ScalePoint, ScalingCurve
from models.curve_models.double_logistic import double_logistic
from models.curve_models.priors import Exponential, HalfCauchy, LogNormal, Normal, Uniform
from models.curve_models.record import Context, CurveModel
from models.curve_models.two_task import two_task
from models.engines.dents import Dent, dent_draws, dent_of
from models.engines.quadrature import quadrature
from models.engines.target import make_target, weigh
from models.further import with_place
from models.likelihood import observe
from models.metrics import REGISTRY
from models.options import Options
from models.posterior import Work

SCALES = np.logspace(8, 11, 8)
LEVEL = (0.5,) * 8
type Make = Callable[[Context], CurveModel | None]


def curve(scores: tuple[float, ...], n: int = 2000) -> ScalingCurve:
    points = (
        ScalePoint(float(scale), round(score * n) / n, n_examples=n, n_correct=round(score * n))
        for scale, score in zip(SCALES, scores, strict=True)
    )
    return ScalingCurve("task", REGISTRY["accuracy"], tuple(points))


def with_one(place: int, score: float) -> ScalingCurve:
    return curve((*LEVEL[:place], score, *LEVEL[place + 1 :]))


@pytest.mark.parametrize("score", [0.3, 0.7])
@pytest.mark.parametrize("place", [1, 4, 6])
def test_a_model_far_from_both_neighbours_is_a_dent(place: int, score: float) -> None:
    u = (np.log10(SCALES) - 8) / 3
    found = dent_of(observe(with_one(place, score), Options()))
    assert found is not None
    assert found == pytest.approx(Dent(*u[place - 1 : place + 2]))


@pytest.mark.parametrize(
    "scores",
    [
        LEVEL,
        (0.5, 0.51, 0.49, 0.5, 0.48, 0.51, 0.5, 0.49),
        (0.1, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9),
        tuple(np.linspace(0.2, 0.9, 8)),
        (0.3, *LEVEL[1:]),
    ],
)
def test_noise_steps_and_the_ends_are_none(scores: tuple[float, ...]) -> None:
    assert dent_of(observe(curve(scores), Options())) is None


def test_a_place_that_is_only_planned_for_is_no_neighbour() -> None:
    observations = observe(with_one(4, 0.3), Options())
    planned, _ = with_place(observations, 1.6e9)
    assert dent_of(planned) == pytest.approx(dent_of(observations))
    means = (ScalePoint(float(scale), 0.3 if i == 4 else 0.5, stderr=0.01) for i, scale in enumerate(SCALES))
    observations = observe(ScalingCurve("task", REGISTRY["mean_probability"], tuple(means)), Options())
    planned, _ = with_place(observations, 1.6e9)
    assert dent_of(observations) is not None
    assert dent_of(planned) == pytest.approx(dent_of(observations))


# The second and third of seven models are almost of one size: no prior of the gap between two steps reaches so low.
CROWDED = ((1e8, 0.464), (1.2197e8, 0.4799), (1.2732e8, 0.4996), (1.2838e8, 0.4674), (2.98e8, 0.4653), (1.26e9, 0.5))


@pytest.mark.parametrize("nearness", [1.0, 1e-3, 1e-9])
def test_models_of_nearly_one_size_are_analysed(nearness: float) -> None:
    middle = CROWDED[2][0]
    scales = [middle * (scale / middle) ** (nearness if 1e8 < scale < 2e8 else 1.0) for scale, _ in CROWDED]
    points = (ScalePoint(scale, score, n_examples=50_000) for scale, (_, score) in zip(scales, CROWDED, strict=True))
    crowded = ScalingCurve("task", REGISTRY["accuracy"], tuple(points))
    assert dent_of(observe(crowded, Options())) is not None
    found = analyze(crowded, Options()).classification
    assert sum(found.probabilities.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(("score", "make"), [(0.3, two_task), (0.3, double_logistic), (0.72, double_logistic)])
def test_every_seed_finds_the_evidence_around_one_model(score: float, make: Make) -> None:
    """The reference: plain importance weights of many draws around the dent, which has nearly all of the evidence."""
    observations = observe(with_one(4, score), Options())
    variation, dent, model = HalfCauchy(0.02), dent_of(observations), make(observations.context)
    assert dent is not None
    assert model is not None
    target = make_target(model, observations, variation)
    reference = weigh(target, dent_draws(target, dent, Work(1 << 16, 99))).estimate
    assert reference.effective_sample_size > 300
    for seed in range(5):
        found = quadrature([model], observations, variation, Work(1024, seed))[0]
        assert found.log_evidence == pytest.approx(reference.log_evidence, abs=0.15), seed


def test_the_label_is_that_of_every_seed() -> None:
    found = [analyze(with_one(4, 0.3), Options(seed=seed)).classification for seed in range(4)]
    assert len({one.label for one in found}) == 1
    assert np.ptp([one.probability for one in found]) < 0.02
    assert all("engine_unreliable" not in one.reasons for one in found)


@pytest.mark.parametrize(
    "prior", [Uniform(-0.5, 1.0), Exponential(0.4), LogNormal(-2.5, 0.6), Normal(0.3, 2.0), HalfCauchy(0.02)]
)
def test_distribution_functions_are_those_of_the_quantiles(
    prior: Uniform | Exponential | LogNormal | Normal | HalfCauchy,
) -> None:
    v = np.linspace(0.001, 0.999, 41)
    assert prior.cdf(prior.quantile(v)) == pytest.approx(v, abs=1e-12)
