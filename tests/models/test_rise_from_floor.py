"""A step from a known floor: its prior, and the jumps from nothing that it is in the menu for."""

from dataclasses import replace

import numpy as np
import pytest

from models.analysis import analyze
from models.curve import ScalePoint, ScalingCurve
from models.curve_models.at_floor import at_floor
from models.curve_models.priors import Normal
from models.curve_models.record import Context
from models.curve_models.rise_from_floor import floor_prior, rise_from_floor
from models.metrics import REGISTRY
from models.options import Options, Shape

BOUNDED = Context(bounded=True, delta=0.02)
ZERO = Normal(-7.0, 2.0)
JUMP = (0.0, 0.0, 0.0, 0.0, 0.2, 0.8, 0.81, 0.79)


def test_a_known_chance_is_the_floor() -> None:
    prior = floor_prior(replace(BOUNDED, chance=0.2))
    assert prior.mean == pytest.approx(np.log(0.25))
    assert prior.sd == pytest.approx(0.2)


@pytest.mark.parametrize("context", [replace(BOUNDED, chance=0.0), replace(BOUNDED, target_length=2)])
def test_free_answers_have_a_floor_near_zero(context: Context) -> None:
    assert floor_prior(context) == ZERO


def test_an_unknown_floor_is_that_of_free_answers_or_of_a_choice_among_two_to_ten() -> None:
    rng = np.random.default_rng(0)
    chosen = -np.log(rng.integers(2, 11, size=200_000) - 1.0)
    floors = np.concatenate([chosen, rng.normal(ZERO.mean, ZERO.sd, size=200_000)])
    prior = floor_prior(BOUNDED)
    assert prior.mean == pytest.approx(floors.mean(), abs=0.05)
    assert prior.sd == pytest.approx(floors.std(), abs=0.05)


def test_unbounded_scores_have_no_floor() -> None:
    assert rise_from_floor(Context(bounded=False, delta=0.02)) is None
    assert at_floor(Context(bounded=False, delta=0.02, chance=0.5)) is None


def test_models_may_all_be_at_a_floor_that_is_known() -> None:
    assert at_floor(BOUNDED) is None
    for known in (replace(BOUNDED, chance=0.2), replace(BOUNDED, chance=0.0), replace(BOUNDED, target_length=2)):
        model = at_floor(known)
        assert model is not None
        assert model.levels[0].prior == floor_prior(known)


@pytest.mark.parametrize("chance", [0.25, 0.5])
def test_models_that_all_guess_are_flat_more_surely_on_average_where_chance_is_known(chance: float) -> None:
    rng = np.random.default_rng(4)
    surer = []
    for _ in range(12):
        points = tuple(ScalePoint(10 ** (8 + i / 2), rng.binomial(300, chance) / 300, n_examples=300) for i in range(8))
        flat = [
            analyze(ScalingCurve("task", metric, points), Options()).classification.probabilities[Shape.FLAT]
            for metric in (replace(REGISTRY["accuracy"], chance=chance), REGISTRY["accuracy"])
        ]
        surer.append(flat[0] - flat[1])
    assert np.mean(surer) > 0


@pytest.mark.parametrize("n", [50, 500, 2000])
@pytest.mark.parametrize("metric", ["accuracy", "exact_match"])
def test_a_jump_from_zero_is_a_sharp_rise_whatever_the_size_of_the_test(metric: str, n: int) -> None:
    points = tuple(ScalePoint(10 ** (8 + i / 2), round(n * y) / n, n_examples=n) for i, y in enumerate(JUMP))
    found = analyze(ScalingCurve("task", REGISTRY[metric], points), Options())
    assert found.classification.label == "positive"
    assert not found.classification.erratic
    assert found.emergence.sharpness.probability_below_one_decade is not None
    assert found.emergence.sharpness.probability_below_one_decade > 0.8
    assert max(found.fit.models, key=lambda model: model.weight).name == "rise_from_floor"
