from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, softmax

from benchmarks.forecast_suites import shared_item_counts
from models.between_model import NODES
from models.curve import ScalePoint, ScalingCurve
from models.metrics import registered
from models.options import DEFAULT_CLASS_PRIOR, Options, Shape
from models.pool import prior_vector
from models.suite_learning import (
    CORRELATION_NODES,
    DEFAULT_ITEM_CORRELATION,
    CurveEvidence,
    Given,
    curve_evidence,
    default_assumptions,
    learnt,
)

BASE = prior_vector(DEFAULT_CLASS_PRIOR)
SHAPE = (len(CORRELATION_NODES), len(NODES), len(Shape))


def evidence(count: int = 30, seed: int = 1) -> list[CurveEvidence]:
    rng = np.random.default_rng(seed)
    return [CurveEvidence(np.broadcast_to(rng.normal(0, 2, 5), SHAPE), 3.0) for _ in range(count)]


def test_the_prevalence_is_the_mode_that_a_general_optimiser_finds() -> None:
    found = evidence()
    values = np.array([each.values[0, 0] for each in found])

    def loss(x: np.ndarray) -> float:
        shapes = softmax(x)
        return -float(np.log(np.exp(values) @ shapes).sum() + 10 * BASE @ np.log(shapes))

    best = softmax(minimize(loss, np.zeros(5), method="BFGS").x)
    told = learnt(found, Given(), Options()).class_prior
    assert list(told.values()) == pytest.approx(best, abs=1e-3)


def test_the_evidence_moves_the_item_correlation_and_the_scale() -> None:
    favoured = [replace(each, values=each.values + 0.0) for each in evidence()]
    for each in favoured:
        each.values[3, 6] += 1.0
    found = learnt(favoured, Given(), Options())
    assert found.item_correlation == pytest.approx(CORRELATION_NODES[3], abs=0.02)
    assert found.between_model_scale == pytest.approx(NODES[6], rel=0.02)


def test_what_is_given_is_not_learnt() -> None:
    prior = dict.fromkeys(Shape, 0.2)
    given = Given(between_model_scale=0.05, item_correlation=0.1, turn_hazard=0.2, class_prior=prior)
    found = learnt(evidence(), given, Options())
    assert (found.between_model_scale, found.item_correlation, found.turn_hazard) == (0.05, 0.1, 0.2)
    assert list(found.class_prior.values()) == pytest.approx([0.2] * 5)


def test_expected_turns_count_against_the_decades_that_were_looked_at() -> None:
    turned, flat = (np.full(5, -50.0) for _ in range(2))
    turned[[2, 3]], flat[4] = 0.0, 0.0
    rates = [
        learnt([CurveEvidence(np.broadcast_to(one, SHAPE), 2.0)] * 100, Given(), Options()).turn_hazard
        for one in (turned, flat)
    ]
    assert rates[0] == pytest.approx(0.45, abs=0.03)
    assert rates[1] == pytest.approx(0.013, abs=0.005)


def test_without_a_suite_the_defaults_hold() -> None:
    found = default_assumptions(Given(turn_hazard=0.4), Options())
    assert (found.item_correlation, found.turn_hazard) == (DEFAULT_ITEM_CORRELATION, 0.4)


@pytest.mark.slow
def test_items_that_are_hard_for_all_models_are_noticed() -> None:
    metric = registered("accuracy")
    assert metric is not None
    found = []
    for correlation in (0.0, 0.8):
        rng, taught = np.random.default_rng(5), []
        for i in range(24):
            share = expit(rng.normal() + rng.uniform(-0.3, 0.6) * np.arange(8))
            counts = shared_item_counts(rng, share, 1000, correlation)
            points = tuple(ScalePoint(10.0 ** (7 + j), k / 1000, n_examples=1000) for j, k in enumerate(counts))
            taught.append(curve_evidence(ScalingCurve(f"task {i}", metric, points), 0.0, Options()))
        found.append(learnt(taught, Given(), Options()).item_correlation)
    # Tetrachoric .8 is a correlation of 2/pi arcsin(.8) = .59 of the outcomes at scores of one half.
    assert found[0] < 0.2
    assert found[1] > 0.4
