"""Backtests: the largest models of each curve are hidden, forecast from the others, and compared with what they scored.

Errors are in fractions of the metric's range. A curve's forecast sees its visible scores, and what all visible scores
of the suite teach; nothing that is hidden.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.arrays import Floats
from models.continuation import Assumptions, Continuation, continuation, running_on
from models.curve import ScalePoint, ScalingCurve
from models.forecast import (
    BEYOND_HORIZON,
    FEWEST_SCALES,
    Distribution,
    ForecastAssumptions,
    distribution,
    is_beyond_horizon,
    plain,
)
from models.likelihood import Observations, observe
from models.metrics import MetricKind
from models.new_score import NewTest, score_draws
from models.options import Options
from models.results import Interval
from models.rivals import RIVALS, Seen, seen
from models.scoring_rules import covered, crps
from models.suite_curve import curve_name
from models.suite_emergence import share_of_clusters

OURS = "scaleshape"
METHODS = (OURS, *RIVALS)
MOST_HIDDEN = 5
FEWEST_CURVES = 5  # of fewer, nothing can be said of coverage: its standard error at 80 % is more than 18 points
FEWEST_TASKS = 5  # of fewer, resampled tasks say nothing of how others would differ: one alone gives no width at all
FEW_TASKS = "few_tasks"
TOO_FEW_SCALES, NO_BOUNDS = "too_few_scales", "metric_without_bounds"
RESAMPLES = 2000
RESAMPLED_LEVEL = 0.95
RESAMPLING_STREAM = 77  # keeps these random numbers apart from others of the same seed


@dataclass(frozen=True, slots=True)
class Placed:
    """A curve and its number in the suite."""

    index: int
    curve: ScalingCurve


@dataclass(frozen=True, slots=True)
class Split:
    """A curve's visible part and its hidden points; `distance` is to the largest of them, in decades."""

    visible: ScalingCurve
    hidden: tuple[ScalePoint, ...]
    distance: float


@dataclass(frozen=True, slots=True)
class LeftOutCurve:
    """A curve that cannot be backtested, and why."""

    index: int
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class MethodError:
    """One forecast against what came."""

    method: str
    median: float
    absolute_error: float
    crps: float
    covered_50: bool
    covered_80: bool
    covered_95: bool


@dataclass(frozen=True, slots=True)
class BacktestForecast:
    """One hidden score: what was forecast, what came, and the error of every method.

    `distance_share` is the distance beyond the largest visible model over the visible range, both in log scale.
    """

    index: int
    name: str
    task: str
    scale: float
    distance_decades: float
    distance_share: float
    observed: float
    forecast: Distribution
    errors: tuple[MethodError, ...]


@dataclass(frozen=True, slots=True)
class MethodResult:
    """One method over all forecasts, with intervals over tasks: of errors by the bootstrap, of coverages Jeffreys's.

    Below `FEWEST_TASKS` tasks they are open.
    `crps_reduction` is by how much the forecast's CRPS is below this method's: 0.1 is 10 % less.
    """

    method: str
    absolute_error: Interval
    crps: Interval
    coverage_50: Interval
    coverage_80: Interval
    coverage_95: Interval
    crps_reduction: Interval


@dataclass(frozen=True, slots=True)
class Backtest:
    """A suite backtested. `best_rival` has the lowest CRPS, or absolute error where that is less, of the rivals."""

    hidden_scales: int
    n_curves: int
    n_forecasts: int
    n_tasks: int
    methods: tuple[MethodResult, ...]
    best_rival: str
    crps_reduction: Interval
    assumptions: ForecastAssumptions
    left_out: tuple[LeftOutCurve, ...]
    forecasts: tuple[BacktestForecast, ...]


def split(curve: ScalingCurve, hidden_scales: int, options: Options) -> Split | str:
    """A curve without its largest scales, or the reason why it cannot be backtested."""
    if curve.metric.kind is MetricKind.UNBOUNDED:
        return NO_BOUNDS
    scales = sorted({point.scale for point in curve.points})
    if len(scales) < FEWEST_SCALES + hidden_scales:
        return TOO_FEW_SCALES
    first = scales[-hidden_scales]
    visible = replace(curve, points=tuple(point for point in curve.points if point.scale < first))
    hidden = tuple(point for point in curve.points if point.scale >= first)
    distance = math.log10(scales[-1]) - math.log10(visible.points[-1].scale)
    if is_beyond_horizon(observe(visible, options), distance):
        return BEYOND_HORIZON
    return Split(visible, hidden, distance)


def backtest_curve(
    placed: Placed, parts: Split, options: Options, assumed: ForecastAssumptions
) -> tuple[BacktestForecast, ...]:
    """The forecasts of a curve's hidden scores, and how all methods did on them."""
    curve = placed.curve
    whole, visible, assumptions = observe(curve, options), observe(parts.visible, options), plain(assumed)
    observed = running_on(visible, assumptions, options.seed)
    found, known = [], len(parts.visible.points)
    futures: dict[float, Continuation] = {}
    for place, point in enumerate(parts.hidden, start=known):
        distance = math.log10(point.scale) - float(visible.z[-1])
        if point.scale not in futures:
            futures[point.scale] = continuation(visible, distance, assumptions, observed, options.seed)
        test = NewTest(int(whole.noise[place]), float(whole.trials[place]), float(whole.stderr[place]))
        draws = score_draws(futures[point.scale], visible, test, assumptions.item_correlation, options.seed)[0]
        target = 1.0 + distance / visible.decades
        found.append(
            BacktestForecast(
                index=placed.index,
                name=curve_name(curve),
                task=curve.task,
                scale=point.scale,
                distance_decades=distance,
                distance_share=distance / visible.decades,
                observed=float(whole.score_at(whole.y[place])),
                forecast=distribution(draws, visible),
                errors=_errors(draws, seen(visible, target), float(whole.y[place]), whole),
            )
        )
    return tuple(found)


def _errors(draws: Floats, given: Seen, came: float, whole: Observations) -> tuple[MethodError, ...]:
    ours = _error(OURS, float(np.median(draws)), draws, came, whole)
    rivals = []
    for name, rival in RIVALS.items():
        forecast = rival(given)
        rivals.append(_error(name, forecast.point, forecast.quantiles, came, whole))
    return (ours, *rivals)


def _error(method: str, point: float, draws: Floats, came: float, whole: Observations) -> MethodError:
    return MethodError(
        method=method,
        median=float(whole.score_at(np.asarray(point))),
        absolute_error=abs(point - came),
        crps=crps(draws, came),
        covered_50=covered(draws, came, 0.5),
        covered_80=covered(draws, came, 0.8),
        covered_95=covered(draws, came, 0.95),
    )


def backtest_summary(
    forecasts: Sequence[BacktestForecast],
    left_out: Sequence[LeftOutCurve],
    hidden_scales: int,
    seed: int,
    assumed: ForecastAssumptions,
) -> Backtest:
    """All forecasts of a suite side by side with the rivals'."""
    figures = np.array([[_figures(error) for error in each.errors] for each in forecasts])
    sampled = _sampled(figures, [each.task for each in forecasts], seed)
    best = 1 + int(np.argmin(sampled.totals[1:, :2].min(axis=1)))
    return Backtest(
        hidden_scales=hidden_scales,
        n_curves=len({each.index for each in forecasts}),
        n_forecasts=len(forecasts),
        n_tasks=len(sampled.tasks),
        methods=tuple(_result(place, sampled) for place in range(len(METHODS))),
        best_rival=METHODS[best],
        crps_reduction=_reduction(best, sampled),
        assumptions=assumed,
        left_out=tuple(left_out),
        forecasts=tuple(forecasts),
    )


def _figures(error: MethodError) -> list[float]:
    """In the order of `MethodResult`, the CRPS first."""
    cover = [float(error.covered_50), float(error.covered_80), float(error.covered_95)]
    return [error.crps, error.absolute_error, *cover]


@dataclass(frozen=True, slots=True)
class _Sampled:
    """Means (M, K) of all forecasts' figures, sums (T, M, K) of each task's, their counts (T,), and resampled means."""

    totals: Floats
    tasks: Floats
    counts: Floats
    means: Floats

    def ends(self, estimate: float, resampled: Floats) -> Interval:
        """Percentiles of the resampled values."""
        if len(self.tasks) < FEWEST_TASKS:
            return Interval(estimate, None, None, FEW_TASKS)
        tail = (1 - RESAMPLED_LEVEL) / 2
        lower, upper = np.quantile(resampled, [tail, 1 - tail]).tolist()
        return Interval(estimate, lower, upper)

    def share(self, place: int, k: int) -> Interval:
        """A coverage: resampled shares have no width where all forecasts are covered, or none."""
        if len(self.tasks) < FEWEST_TASKS:
            return Interval(float(self.totals[place, k]), None, None, FEW_TASKS)
        return share_of_clusters(self.counts, self.tasks[:, place, k], RESAMPLED_LEVEL)


def _sampled(figures: Floats, tasks: Sequence[str], seed: int) -> _Sampled:
    """Tasks are drawn, with all their curves."""
    names, cluster = np.unique(np.array(tasks), return_inverse=True)
    sums, counts = np.zeros((len(names), *figures.shape[1:])), np.bincount(cluster).astype(float)
    np.add.at(sums, cluster, figures)
    rng = np.random.default_rng((seed, RESAMPLING_STREAM))
    drawn = rng.multinomial(len(names), np.full(len(names), 1.0 / len(names)), size=RESAMPLES).astype(float)
    means = np.einsum("st,tmk->smk", drawn, sums) / (drawn @ counts)[:, None, None]
    return _Sampled(figures.mean(axis=0), sums, counts, means)


def _result(place: int, sampled: _Sampled) -> MethodResult:
    own, error = (sampled.ends(float(sampled.totals[place, k]), sampled.means[:, place, k]) for k in range(2))
    cover_50, cover_80, cover_95 = (sampled.share(place, k) for k in range(2, 5))
    return MethodResult(METHODS[place], error, own, cover_50, cover_80, cover_95, _reduction(place, sampled))


def _reduction(place: int, sampled: _Sampled) -> Interval:
    """One less our CRPS over a method's, which is that of its point where this is lower."""
    if place == 0:
        return Interval(None, None, None, "itself")
    totals, means = sampled.totals, sampled.means
    kind = int(np.argmin(totals[place, :2]))
    if totals[place, kind] <= 0 or np.any(means[:, place, kind] <= 0):
        return Interval(None, None, None, "no_error_to_reduce")
    return sampled.ends(float(1 - totals[0, 0] / totals[place, kind]), 1 - means[:, 0, 0] / means[:, place, kind])


def assumptions_of(found: Assumptions, source: dict[str, str]) -> ForecastAssumptions:
    """What was assumed, as it is told."""
    return ForecastAssumptions(
        between_model_scale=found.between_model_scale,
        item_correlation=found.item_correlation,
        turn_hazard_per_decade=found.turn_hazard,
        class_prior=found.class_prior,
        source=source,
    )
