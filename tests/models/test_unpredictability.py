"""The tail probability of hidden models against its definition, and its size where smooth curves are true."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from models.analysis import averaged_posterior
from models.arrays import Floats
from models.curve import ScalePoint, ScalingCurve
from models.curve_models.priors import HalfCauchy
from models.likelihood import observe
from models.metrics import REGISTRY, Metric
from models.options import Options
from models.results import Unpredictability
from models.transition import Transition, transition
from models.unpredictability import TOO_FEW_BEFORE, _surprise, unpredictability

EXACT_MATCH = replace(REGISTRY["exact_match"], target_length=5)
VARIATION = HalfCauchy(0.03)
Z = np.linspace(8, 11, 8)


def found(shares: Floats, n: int = 2000, metric: Metric = EXACT_MATCH, z: Floats = Z) -> Unpredictability:
    points = tuple(ScalePoint(float(10**place), round(y * n) / n, n) for place, y in zip(z, shares, strict=True))
    curve = ScalingCurve("task", metric, points)
    rise = transition(averaged_posterior(curve, Options()))
    assert rise is not None
    return unpredictability(observe(curve, Options()), sizes(curve), rise, VARIATION, 0)


def sizes(curve: ScalingCurve) -> tuple[float, ...]:
    return tuple(point.scale for point in curve.points)


def by_definition(observed: Floats, drawn: Floats) -> float:
    """The same with loops."""

    def least(row: Floats) -> float:
        return min(float(np.mean(drawn[:, h] >= row[h])) for h in range(len(row)))

    seen = least(observed)
    return (1 + sum(least(row) <= seen + 1e-12 for row in drawn)) / (len(drawn) + 1)


@pytest.mark.parametrize("seed", range(5))
def test_the_most_surprising_hidden_score_is_judged_by_all_of_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = np.round(rng.beta(0.5, 2, size=(120, 3)) + rng.normal(0, 0.2, size=(120, 1)), 2)
    observed = np.round(rng.uniform(0, 1, size=3), 2)
    assert _surprise(observed, drawn) == pytest.approx(by_definition(observed, drawn))


def test_it_is_uniform_or_conservative_where_the_hidden_scores_come_from_the_same_draws() -> None:
    rng = np.random.default_rng(8)
    tails = []
    for _ in range(300):
        drawn = np.round(rng.normal(0, 1, size=(200, 2)) + rng.normal(0, 1, size=(200, 1)), 1)
        tails.append(_surprise(drawn[0], drawn[1:]))
    for limit in (0.05, 0.2, 0.5):
        assert np.mean(np.array(tails) <= limit) <= limit + 3 * np.sqrt(limit * (1 - limit) / 300)


def test_a_jump_after_flat_models_is_unforeseen_and_counts_the_hidden_models() -> None:
    jump = found(np.array([0.002, 0.001, 0.002, 0.003, 0.002, 0.3, 0.8, 0.82]))
    assert jump.p_value is not None
    assert jump.p_value < 0.05
    assert jump.hidden_scales == 3
    assert jump.first_hidden_scale == float(10 ** Z[5])


def test_a_smooth_acceleration_is_foreseen() -> None:
    power_law = np.exp(-np.exp(-0.6 * np.log(10) * (Z - 10.2)))
    foreseen = found(power_law)
    assert foreseen.p_value is not None
    assert foreseen.p_value > 0.05


def test_a_rise_at_the_smallest_models_leaves_too_few_to_learn_from() -> None:
    early = found(np.array([0.0, 0.3, 0.8, 0.82, 0.81, 0.8, 0.82, 0.81]))
    assert (early.p_value, early.reason) == (None, TOO_FEW_BEFORE)


def test_smooth_per_token_curves_surprise_in_no_more_than_one_case_in_twenty() -> None:
    rng = np.random.default_rng(19)
    tails: list[float] = []
    while len(tails) < 60:
        exponent, middle = rng.uniform(0.3, 1.0), rng.uniform(9.5, 11)
        shares = np.exp(-np.exp(-exponent * np.log(10) * (Z - middle)))
        shares = expit(np.log(shares / (1 - shares)) + 2 * 0.03 * rng.standard_normal(8))
        tail = found(rng.binomial(2000, shares) / 2000).p_value
        if tail is not None:
            tails.append(tail)
    assert np.mean(np.array(tails) < 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)


def test_an_unbounded_metric_is_judged_by_lines_and_power_laws() -> None:
    losses = (3.2, 3.19, 3.2, 3.18, 3.2, 2.2, 2.1, 2.1)
    points = tuple(ScalePoint(float(10**z), y, stderr=0.01) for z, y in zip(Z, losses, strict=True))
    curve = ScalingCurve("task", REGISTRY["loss"], points)
    options = Options(smallest_effect=0.05)
    rise: Transition | None = transition(averaged_posterior(curve, options))
    assert rise is not None
    tail = unpredictability(observe(curve, options), sizes(curve), rise, VARIATION, 0).p_value
    assert tail is not None
    assert tail < 0.05
