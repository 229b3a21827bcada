from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import qmc

from models.continuation import Assumptions, continuation, correlated, posterior_pool, running_on, sharpened
from models.curve import ScalePoint, ScalingCurve
from models.curve_models import CURVE_MODELS, FLAT_SHARES
from models.curve_models.record import prior_draws
from models.likelihood import Observations, observe
from models.metrics import registered
from models.options import DEFAULT_CLASS_PRIOR, Options
from models.posterior import Work
from models.shapes import SHAPES, classify, landmarks
from models.turn_prior import TURNED, mass_beyond

ASSUMED = Assumptions(0.03, 0.5, 0.05, dict(DEFAULT_CLASS_PRIOR))
RISING = (0.2, 0.3, 0.42, 0.55, 0.66)


def made(scores: tuple[float, ...] = RISING, n: int = 1000) -> Observations:
    metric = registered("accuracy")
    assert metric is not None
    points = tuple(ScalePoint(10.0 ** (8 + i), score, n_examples=n) for i, score in enumerate(scores))
    return observe(ScalingCurve("task", metric, points), Options())


def turn(observations: Observations, hazard: float, distance: float = 1.0) -> float:
    known = replace(ASSUMED, turn_hazard=hazard)
    observed = running_on(observations, known, 0)
    return continuation(observations, distance, known, observed, 0).probability_turn


def test_without_a_hazard_nothing_turns_and_with_more_of_it_more_does() -> None:
    seen = made()
    found = [turn(seen, hazard) for hazard in (0.0, 0.05, 0.5, 5.0)]
    assert found[0] == 0
    assert np.all(np.diff(found) > 0)


def test_the_posterior_odds_of_a_turn_are_the_hazards_times_one_factor() -> None:
    seen = made()
    low, high = turn(seen, 0.05), turn(seen, 0.5)
    prior = [-np.expm1(-0.05), -np.expm1(-0.5)]
    odds = [p / (1 - p) for p in (low, high)]
    before = [p / (1 - p) for p in prior]
    assert odds[0] / before[0] == pytest.approx(odds[1] / before[1], rel=1e-6)


def test_the_weights_of_all_parts_sum_to_one_and_turns_have_their_share() -> None:
    seen = made()
    observed = running_on(seen, ASSUMED, 0)
    future = continuation(seen, 1.0, ASSUMED, observed, 0)
    assert sum(part.weights.sum() for part in future.parts) == pytest.approx(1)
    extended = future.parts[0]
    unseen = np.isin(extended.pool.code, TURNED) & (extended.pool.marks.position > 4 / 5)
    assert extended.weights[unseen].sum() == pytest.approx(future.probability_turn)


def test_the_prior_mass_of_unseen_turns_is_that_of_the_prior() -> None:
    pool = posterior_pool(made(), 5.0, ASSUMED, Work(256, 0))
    brute = np.zeros(len(SHAPES))
    total = np.zeros(len(SHAPES))
    for posterior in pool.posteriors:
        model = CURVE_MODELS[posterior.model.name](pool.context)
        if model is None or model.name in FLAT_SHARES:
            continue
        uniforms = qmc.Sobol(len(model.parameter_names), rng=np.random.default_rng(9)).random(2**14)
        shape, levels = prior_draws(model, np.clip(uniforms, 1e-9, 1 - 1e-9))
        marks = landmarks(model, shape, levels)
        code = classify(marks, pool.context.delta)
        total += np.bincount(code, minlength=len(SHAPES))
        brute += np.bincount(code, marks.position > 0.8, minlength=len(SHAPES))
    turned = list(TURNED)
    assert mass_beyond(pool, 0.8)[turned] == pytest.approx((brute / total)[turned], abs=0.02)
    assert mass_beyond(pool, 1.0)[turned] == pytest.approx([0, 0])


def test_a_line_without_noise_runs_on_as_a_line() -> None:
    eta = -1.5 + 0.6 * np.arange(6)
    seen = made(tuple(expit(eta)), n=10**6)
    future = continuation(seen, 1.0, ASSUMED, running_on(seen, ASSUMED, 0), 0)
    line = future.parts[2]
    assert line.weights.sum() > 0.5
    means, _ = future.draws(2000)
    assert np.median(means) == pytest.approx(expit(-1.5 + 0.6 * 6), abs=0.01)


def test_a_shared_test_set_sharpens_counts_that_are_not_small() -> None:
    seen = made((0.005, 0.3, 0.4, 0.5, 0.995))
    assert correlated(seen).tolist() == [False, True, True, True, False]
    sharper = sharpened(seen, 0.5)
    assert sharper.trials.tolist() == [1000, 2000, 2000, 2000, 1000]
    assert sharper.successes / sharper.trials == pytest.approx(seen.successes / seen.trials)


def test_test_sets_of_unequal_size_are_not_taken_to_be_one() -> None:
    seen = made()
    other = replace(seen, trials=seen.trials * np.array([1, 1, 2, 1, 1]))
    assert not correlated(other).any()
