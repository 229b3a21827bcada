from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import beta

from models.backtest import (
    METHODS,
    OURS,
    Backtest,
    BacktestForecast,
    Placed,
    Split,
    assumptions_of,
    backtest_curve,
    backtest_summary,
    split,
)
from models.curve import ScalePoint, ScalingCurve
from models.forecast import ForecastAssumptions
from models.metrics import registered
from models.options import Options
from models.results import Interval
from models.suite_learning import Given, default_assumptions
from service.forecast_table import backtest_sections

RISING = (0.2, 0.3, 0.42, 0.55, 0.66, 0.72)
ASSUMED: ForecastAssumptions = assumptions_of(default_assumptions(Given(), Options()), {})


def made(scores: tuple[float, ...] = RISING, task: str = "task") -> ScalingCurve:
    metric = registered("accuracy")
    assert metric is not None
    points = tuple(ScalePoint(10.0 ** (8 + i), score, n_examples=500) for i, score in enumerate(scores))
    return ScalingCurve(task, metric, points)


def backtested(scores: tuple[float, ...] = RISING, hidden: int = 1, task: str = "task") -> tuple[BacktestForecast, ...]:
    curve = made(scores, task)
    parts = split(curve, hidden, Options())
    assert isinstance(parts, Split)
    return backtest_curve(Placed(0, curve), parts, Options(), ASSUMED)


def test_the_forecast_knows_nothing_of_what_is_hidden() -> None:
    (first,), (second,) = backtested(), backtested((*RISING[:-1], 0.01))
    assert first.forecast == second.forecast
    assert [error.median for error in first.errors] == [error.median for error in second.errors]
    assert second.errors[0].absolute_error > 0.5
    assert not second.errors[0].covered_95


@pytest.mark.parametrize("factor", [2.0, 3.0, 5.0])
def test_models_as_far_beyond_the_visible_ones_as_these_reach_can_be_backtested(factor: float) -> None:
    points = tuple(ScalePoint(1e8 * factor**i, y, n_examples=500) for i, y in enumerate(RISING))
    assert isinstance(split(replace(made(), points=points), 2, Options()), Split)


def test_every_hidden_score_is_forecast_at_its_own_distance() -> None:
    points = tuple(ScalePoint(10.0 ** (8 + 0.5 * i), y, n_examples=500) for i, y in enumerate(RISING))
    curve = replace(made(), points=points)
    parts = split(curve, 2, Options())
    assert isinstance(parts, Split)
    found = backtest_curve(Placed(3, curve), parts, Options(), ASSUMED)
    assert [one.distance_decades for one in found] == pytest.approx([0.5, 1.0])
    assert [one.distance_share for one in found] == pytest.approx([1 / 3, 2 / 3])
    assert [one.observed for one in found] == pytest.approx(RISING[-2:])
    assert {one.index for one in found} == {3}


def test_curves_that_cannot_be_backtested_say_why() -> None:
    metric = registered("loss")
    assert metric is not None
    loss = ScalingCurve("text", metric, tuple(ScalePoint(10.0**i, 3 - 0.1 * i, stderr=0.01) for i in range(5)))
    assert split(loss, 1, Options()) == "metric_without_bounds"
    assert split(made(RISING[:3]), 1, Options()) == "too_few_scales"
    assert split(made(), 4, Options()) == "too_few_scales"
    assert split(made(), 3, Options()) == "beyond_horizon"


def test_the_summary_is_the_mean_over_all_forecasts_with_the_best_rival_named() -> None:
    found = [one for task in "abcdef" for one in backtested(task=task)]
    found = [replace(one, index=index) for index, one in enumerate(found)]
    summary = backtest_summary(found, [], 1, 0, ASSUMED)
    assert (summary.n_curves, summary.n_forecasts, summary.n_tasks) == (6, 6, 6)
    assert [method.method for method in summary.methods] == list(METHODS)
    for place, method in enumerate(summary.methods):
        assert method.crps.estimate == pytest.approx(np.mean([one.errors[place].crps for one in found]))
    scored = {error.method: min(error.crps, error.absolute_error) for error in found[0].errors}
    best = min((name for name in METHODS if name != OURS), key=scored.__getitem__)
    assert summary.best_rival == best
    assert summary.crps_reduction.estimate == pytest.approx(1 - found[0].errors[0].crps / scored[best])
    # All curves are the same one: there is nothing between the samples.
    assert summary.methods[0].crps.lower == pytest.approx(summary.methods[0].crps.upper)


def test_bootstrap_intervals_widen_where_the_curves_of_a_task_agree() -> None:
    one, other = backtested()[0], backtested((*RISING[:-1], 0.3))[0]
    alone = [replace(each, index=i, task=str(i)) for i, each in enumerate([one, other] * 16)]
    grouped = [replace(each, task=str(i % 8)) for i, each in enumerate(alone)]
    widths = []
    for sample in (alone, grouped):
        crps = backtest_summary(sample, [], 1, 0, ASSUMED).methods[0].crps
        assert crps.lower is not None
        assert crps.upper is not None
        widths.append(crps.upper - crps.lower)
    assert widths[1] > 1.5 * widths[0]


def test_fewer_than_five_tasks_give_figures_without_intervals() -> None:
    one, other = backtested()[0], backtested((*RISING[:-1], 0.3))[0]
    for n_tasks in (1, 4):
        sample = [replace(each, index=i, task=str(i % n_tasks)) for i, each in enumerate([one, other] * 4)]
        summary = backtest_summary(sample, [], 1, 0, ASSUMED)
        ours = summary.methods[0]
        figures = (ours.crps, ours.absolute_error, ours.coverage_50, ours.coverage_80, ours.coverage_95)
        for found in (*figures, summary.crps_reduction):
            assert found.estimate is not None
            assert (found.lower, found.upper, found.reason) == (None, None, "few_tasks")


def test_coverage_of_all_forecasts_of_a_few_tasks_is_not_known_without_error() -> None:
    found = [replace(backtested(task=task)[0], index=i) for i, task in enumerate("abcdef")]
    for share in (True, False):
        errors = tuple(replace(error, covered_80=share) for error in found[0].errors)
        summary = backtest_summary([replace(one, errors=errors) for one in found], [], 1, 0, ASSUMED)
        cover = summary.methods[0].coverage_80
        end = float(beta.ppf(0.975, 0.5, 6.5))  # Jeffreys's, of no success in six
        expected = (1 - end, 1.0) if share else (0.0, end)
        assert (cover.lower, cover.upper) == pytest.approx(expected)
        assert cover.estimate == share


def test_a_table_says_how_far_the_error_is_above_that_of_a_better_rival() -> None:
    found = [replace(backtested(task=task)[0], index=i) for i, task in enumerate("abcdef")]
    summary = backtest_summary(found, [], 1, 0, ASSUMED)
    worse = replace(summary, crps_reduction=Interval(-0.38, -1.31, 0.02))
    better = replace(summary, crps_reduction=Interval(0.38, -0.02, 0.5))
    assert "CRPS 38 (-2 to 131) % above that of the best rival" in notes(worse)
    assert "CRPS 38 (-2 to 50) % below that of the best rival" in notes(better)


def test_a_table_of_one_task_shows_figures_without_intervals() -> None:
    found = [replace(backtested()[0], index=i) for i in range(6)]
    summary = backtest_summary(found, [], 1, 0, ASSUMED)
    assert "fewer than 5 tasks give no intervals" in notes(summary)
    ours = next(iter(backtest_sections(summary))).rows[1]
    assert ours[1:3] == tuple(
        f"{100 * found[0].errors[0].absolute_error:.2f} {100 * found[0].errors[0].crps:.2f}".split()
    )
    assert ours[4] in ("0", "100")


def notes(summary: Backtest) -> str:
    return " ".join(next(iter(backtest_sections(summary))).notes)
