from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.arrays import Floats
from models.backtest import assumptions_of
from models.continuation import Continuation
from models.curve import ScalePoint, ScalingCurve
from models.errors import InvalidInput
from models.forecast import (
    FARTHEST_DECADES,
    Distribution,
    Forecast,
    Wanted,
    distances_to,
    forecast,
    horizon_decades,
    next_scale,
)
from models.likelihood import observe
from models.metrics import Metric, MetricKind, registered
from models.new_score import score_draws, usual_test
from models.options import Options
from models.results import Range
from models.suite_learning import Given, default_assumptions

RISING = (0.2, 0.3, 0.42, 0.55, 0.66)
SOURCE = {"between_model_scale": "default"}


def made(scores: tuple[float, ...] = RISING, n: int = 1000, unit: float = 1e8, **more: Any) -> ScalingCurve:
    metric = registered("accuracy")
    assert metric is not None
    points = tuple(ScalePoint(unit * 10.0**i, score, n_examples=n) for i, score in enumerate(scores))
    return ScalingCurve(**{"task": "task", "metric": metric, "points": points, **more})


def told(curve: ScalingCurve, *scales: float, n_examples: int | None = None, **given: Any) -> Forecast:
    options = Options()
    assumed = assumptions_of(default_assumptions(Given(**given), options), SOURCE)
    return forecast(curve, Wanted(scales, n_examples), options, assumed)


def ends(found: Range) -> tuple[float, float]:
    assert found.lower is not None
    assert found.upper is not None
    return found.lower, found.upper


def width(found: Distribution) -> float:
    lower, upper = ends(found.interval_80)
    return upper - lower


class Certain(Continuation):
    """A curve that is known to be at one half on its own items, without scatter."""

    def __init__(self) -> None:
        super().__init__((), 0.0, reliable=True)

    def draws(self, count: int) -> tuple[Floats, Floats]:
        return np.full(count, 0.5), np.full(count, 1e-4)


@pytest.mark.parametrize(
    ("old", "new", "variance"),
    [
        (400, 400, (1 - 0.6) / 400),
        (400, 100, 1 / 100 + 0.6 / 400),
        (400, 40_000, 1 / 40_000 + 0.6 / 400),
        (8, 100, 1 / 100),
    ],
    ids=["the same items", "fewer others", "many others", "too few to be taken as the same"],
)
def test_a_score_on_other_items_has_its_own_error_and_the_one_that_the_curves_items_share(
    old: int, new: int, variance: float
) -> None:
    observations = observe(made(scores=(0.5,) * 5, n=old), Options())
    scores, _ = score_draws(Certain(), observations, usual_test(observations, new), 0.6, 0)
    assert np.var(scores) == pytest.approx(0.25 * variance, rel=0.1)


def test_a_rising_curve_is_expected_to_rise_with_less_certainty_farther_away() -> None:
    near, far = told(made(), 3e12, 3e13).forecasts
    assert 0.66 < near.score.median < far.score.median < 1
    assert width(far.score) > width(near.score)
    assert near.probability_better_than_largest > 0.7
    assert near.probability_turn < far.probability_turn < 0.1
    assert near.prior_probability_turn == pytest.approx(1 - np.exp(-0.03 * near.distance_decades))


def test_intervals_are_nested_around_the_median() -> None:
    (found,) = told(made(), 1e13).forecasts
    for one in (found.score, found.mean_curve):
        found_ends = [ends(each) for each in (one.interval_95, one.interval_80, one.interval_50)]
        lower, upper = [each[0] for each in found_ends], [each[1] for each in found_ends]
        assert lower == sorted(lower)
        assert upper == sorted(upper, reverse=True)
        assert lower[-1] <= one.median <= upper[-1]


def test_a_score_is_less_certain_than_the_curve_and_the_less_so_the_smaller_the_test() -> None:
    (small,) = told(made(), 3e12, n_examples=50).forecasts
    (large,) = told(made(), 3e12, n_examples=100_000).forecasts
    assert small.n_examples == 50
    assert width(small.score) > width(large.score) > 0.99 * width(large.mean_curve)


def test_more_scatter_between_models_makes_a_score_less_certain() -> None:
    found = [told(made(), 3e12, between_model_scale=scale).forecasts[0].score for scale in (0.005, 0.3)]
    assert width(found[1]) > width(found[0])


def test_neither_the_unit_of_the_scale_nor_the_order_of_the_points_changes_anything() -> None:
    curve = made()
    turned = replace(curve, points=curve.points[::-1])
    other = replace(made(unit=1e2), task="task")
    first, second, third = told(curve, 3e12), told(turned, 3e12), told(other, 3e6)
    assert first == second
    assert third.forecasts[0].score == first.forecasts[0].score


def test_a_loss_is_the_accuracy_turned_around() -> None:
    error = Metric("error_rate", MetricKind.PROPORTION, higher_is_better=False, lower=0.0, upper=1.0, chance=0.75)
    (found,) = told(made(tuple(1 - y for y in RISING), metric=error), 3e12).forecasts
    metric = registered("accuracy")
    assert metric is not None
    (mirror,) = told(made(metric=replace(metric, chance=0.25)), 3e12).forecasts
    assert found.score.median == pytest.approx(1 - mirror.score.median, abs=5e-3)
    lower, upper = ends(mirror.score.interval_80)
    assert ends(found.score.interval_80) == pytest.approx((1 - upper, 1 - lower), abs=5e-3)
    assert found.probability_better_than_largest == mirror.probability_better_than_largest
    assert found.probability_above_chance is not None
    assert found.probability_above_chance > 0.99


def test_a_loss_without_bounds_is_forecast_in_its_own_unit() -> None:
    metric = registered("loss")
    assert metric is not None
    points = tuple(ScalePoint(10.0 ** (18 + i), 3.4 - 0.3 * i, stderr=0.01) for i in range(4))
    options = Options(smallest_effect=0.05)
    assumed = assumptions_of(default_assumptions(Given(), options), SOURCE)
    found = forecast(ScalingCurve("text", metric, points), Wanted((1e22,)), options, assumed)
    assert 2.0 < found.forecasts[0].score.median < 2.45
    assert (found.forecasts[0].n_examples, found.forecasts[0].n_examples_reason) == (None, "standard_errors_given")


def test_a_score_is_forecast_for_the_kind_of_test_that_most_models_had() -> None:
    metric = registered("mean_probability")
    assert metric is not None

    def mixed(*stderr: float | None) -> ScalingCurve:
        pairs = enumerate(zip(RISING, stderr, strict=True))
        points = (
            ScalePoint(10.0 ** (8 + i), y, n_examples=None if error else 500, stderr=error) for i, (y, error) in pairs
        )
        return made(points=tuple(points), metric=metric)

    (measured,) = told(mixed(None, 0.012, 0.012, 0.012, 0.012), 3e12).forecasts
    (counted,) = told(mixed(0.012, None, None, None, None), 3e12).forecasts
    assert (measured.n_examples, counted.n_examples) == (None, 500)
    for found in (measured, counted):
        assert found.score.median == pytest.approx(found.mean_curve.median, abs=0.01)
        assert width(found.mean_curve) < width(found.score) < width(found.mean_curve) + 0.1
    with pytest.raises(InvalidInput, match="standard errors"):
        told(mixed(None, 0.012, 0.012, 0.012, 0.012), 3e12, n_examples=50)


@pytest.mark.parametrize("name", ["mean_probability", "brier"])
def test_a_forecast_stays_within_the_bounds_of_its_metric(name: str) -> None:
    metric = registered(name)
    assert metric is not None
    scores = (0.9, 0.95, 0.97, 0.985, 0.99)
    points = tuple(
        ScalePoint(10.0 ** (8 + 0.5 * i), y if metric.higher_is_better else 1 - y, stderr=0.01)
        for i, y in enumerate(scores)
    )
    (found,) = told(made(points=points, metric=metric), 10**11.4).forecasts
    lower, upper = ends(found.score.interval_95)
    assert (0 < lower < upper == 1) if metric.higher_is_better else (0 == lower < upper < 1)


def test_what_cannot_be_forecast_is_refused_with_its_place_and_the_remedy() -> None:
    with pytest.raises(InvalidInput) as refused:
        told(made(), 1e12, 1e15, 2e12)
    assert [problem.pointer for problem in refused.value.problems] == ["/scales/0", "/scales/1"]
    assert "is not larger than the largest model" in refused.value.problems[0].message
    assert "can be forecast up to 1.50 decades (3.16e+13)" in refused.value.problems[1].message
    with pytest.raises(InvalidInput, match="a forecast needs 3"):
        told(made((0.2, 0.3)), 2e9)


def test_the_score_of_several_largest_models_counts_each_by_its_test_set() -> None:
    points = (*made(n=2000).points, ScalePoint(1e12, 0.9, n_examples=10))
    found = told(made(points=points), 3e12)
    assert found.largest_score == pytest.approx((2000 * 0.66 + 10 * 0.9) / 2010)
    assert found.forecasts[0].probability_better_than_largest > 0.7


def test_the_horizon_is_the_observed_range_where_that_is_short() -> None:
    points = tuple(ScalePoint(1e9 * 10.0 ** (0.3 * i), 0.2 + 0.1 * i, n_examples=500) for i in range(4))
    curve = replace(made(), points=points)
    found = told(curve, 1.5e10)
    assert found.horizon_scale == pytest.approx(1e9 * 10**1.8)
    assert (found.probability_turn_next_decade, found.probability_turn_next_decade_reason) == (None, "beyond_horizon")
    assert [warning.code for warning in found.warnings] == ["prior_dominated"]
    with pytest.raises(InvalidInput, match="at most its own range"):
        told(curve, 1e11)


@pytest.mark.parametrize(
    "scales", [(1.4e7, 7e7, 1.6e8, 4.1e8, 1.4e9), (1e8, 3e8, 9e8), (1e8, 1e9, 1e10), (3e5, 7e5, 9e6)]
)
def test_the_farthest_scale_that_a_refusal_tells_can_be_forecast(scales: tuple[float, ...]) -> None:
    curve = made(points=tuple(ScalePoint(x, 0.3 + 0.1 * i, n_examples=500) for i, x in enumerate(scales)))
    observations = observe(curve, Options())
    with pytest.raises(InvalidInput) as refused:
        distances_to(curve, observations, Wanted((scales[-1] * 100,)))
    farthest = float(refused.value.problems[0].message.split("decades (")[1].split(")")[0])
    (distance,) = distances_to(curve, observations, Wanted((farthest,)))
    assert distance == pytest.approx(horizon_decades(observations), abs=0.005)


def test_the_next_scale_is_one_typical_step_away_and_within_the_horizon() -> None:
    assert next_scale(made()) == pytest.approx(1e13)
    far = made(unit=1.0, points=tuple(ScalePoint(10.0 ** (3 * i), 0.1 + 0.2 * i, n_examples=99) for i in range(3)))
    assert next_scale(far) == pytest.approx(10 ** (6 + FARTHEST_DECADES))


def test_the_same_question_has_the_same_answer() -> None:
    assert told(made(), 3e12) == told(made(), 3e12)
