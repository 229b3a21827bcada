"""Forecasts: the score of the next language model of a family at a larger scale, averaged over the curve models."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.arrays import Floats
from models.continuation import Assumptions, Continuation, Observed, continuation, running_on
from models.curve import ScaleKind, ScalingCurve
from models.errors import InvalidInput, Problem
from models.likelihood import NoiseKind, Observations, observe
from models.new_score import score_draws, usual_test
from models.options import Options, Shape
from models.results import Range, Warned
from models.scale_means import means_per_scale, sizes_of_tests

LEVELS = (0.5, 0.8, 0.95)  # of the intervals
# How far a forecast goes: docs/forecast.md, section "How far", has coverage and error by distance on simulated suites.
FARTHEST_DECADES = 1.5
FARTHEST_SHARE = 1.0  # of the observed range of log scale
FEWEST_SCALES = 3  # from two models no curve can be told from the scatter of models
MOST_TARGETS = 8
SAME_DISTANCE = 1e-9  # relative difference of a distance and the horizon that are one, whatever logarithms round
TOLD_DIGITS = 3  # of the farthest scale in a refusal
SMALLEST_DISTANCE = 0.01  # decades; closer is no larger model
NEXT_DECADE = 1.0
CHANCE_UNKNOWN = "chance_unknown"
BEYOND_HORIZON = "beyond_horizon"
STDERR_GIVEN = "standard_errors_given"
ENGINE_UNRELIABLE = Warned("engine_unreliable", "the engine did not reach its accuracy; the ends may be off")
PRIOR_DOMINATED = Warned("prior_dominated", "few models: the priors on curves decide much of this forecast")
FEW_SCALES = 4


@dataclass(frozen=True, slots=True)
class Distribution:
    """A predictive distribution by its median and equal-tailed intervals, in the submitted orientation."""

    median: float
    interval_50: Range
    interval_80: Range
    interval_95: Range


@dataclass(frozen=True, slots=True)
class ScaleForecast:
    """What a language model at one scale will score; `mean_curve` is the curve that models scatter around.

    `probability_turn` is that the curve turns between the largest model and this scale; `prior_probability_turn` is
    what the hazard alone says.
    """

    scale: float
    distance_decades: float
    n_examples: int | None
    score: Distribution
    mean_curve: Distribution
    probability_above_chance: float | None
    probability_better_than_largest: float
    probability_turn: float
    prior_probability_turn: float
    probability_above_chance_reason: str | None = None
    n_examples_reason: str | None = None


@dataclass(frozen=True, slots=True)
class ForecastAssumptions:
    """What a forecast took as known, and where from: `request`, `suite` or `default`."""

    between_model_scale: float
    item_correlation: float
    turn_hazard_per_decade: float
    class_prior: Mapping[Shape, float]
    source: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Forecast:
    """Forecasts of one curve. `probability_turn_next_decade` is null where a decade is beyond the horizon."""

    task: str
    metric: str
    prompting: str | None
    model_family: str | None
    scale_kind: ScaleKind
    largest_scale: float
    largest_score: float
    horizon_scale: float
    forecasts: tuple[ScaleForecast, ...]
    probability_turn_next_decade: float | None
    assumptions: ForecastAssumptions
    warnings: tuple[Warned, ...] = ()
    prompting_reason: str | None = "not_given"
    model_family_reason: str | None = "not_given"
    probability_turn_next_decade_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Scales to forecast, and the size of the test set (None: that of the curve)."""

    scales: tuple[float, ...]
    n_examples: int | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """The curve at a target, so many decades beyond the largest model."""

    distance: float
    future: Continuation


@dataclass(frozen=True, slots=True)
class _Setting:
    """What the forecasts of one curve have in common."""

    observations: Observations
    assumptions: Assumptions
    n_examples: int | None
    seed: int


def horizon_decades(observations: Observations) -> float:
    """How many decades beyond its largest model a curve can be forecast."""
    return min(FARTHEST_DECADES, FARTHEST_SHARE * observations.decades)


def is_beyond_horizon(observations: Observations, distance: float) -> bool:
    """Whether so many decades beyond the largest model are too many."""
    return distance > horizon_decades(observations) * (1 + SAME_DISTANCE)


def next_scale(curve: ScalingCurve) -> float:
    """A scale one typical step (the median one, in log scale) beyond the largest model, within the horizon."""
    observations = observe_scales(curve)
    step = float(np.median(np.diff(np.unique(observations))))
    reach = float(observations[-1] - observations[0])
    return float(curve.points[-1].scale * 10.0 ** min(step, FARTHEST_DECADES, FARTHEST_SHARE * reach))


def observe_scales(curve: ScalingCurve) -> Floats:
    """log10 of all scales, sorted."""
    return np.log10([point.scale for point in curve.points])


def forecast(curve: ScalingCurve, wanted: Wanted, options: Options, assumed: ForecastAssumptions) -> Forecast:
    """The scores of language models at larger scales; raises `InvalidInput` beyond the horizon."""
    observations, assumptions = observe(curve, options), plain(assumed)
    distances = distances_to(curve, observations, wanted)
    observed = running_on(observations, assumptions, options.seed)
    setting = _Setting(observations, assumptions, wanted.n_examples, options.seed)
    places = [
        _Place(distance, continuation(observations, distance, assumptions, observed, options.seed))
        for distance in distances
    ]
    turn = _next_decade(setting, observed)
    reliable = all(place.future.reliable for place in places)
    few = curve.n_scales <= FEW_SCALES
    return Forecast(
        task=curve.task,
        metric=curve.metric.name,
        prompting=curve.prompting,
        model_family=curve.model_family,
        scale_kind=curve.scale_kind,
        largest_scale=curve.points[-1].scale,
        largest_score=float(observations.score_at(largest_performance(observations))),
        horizon_scale=float(10.0 ** (observations.z[-1] + horizon_decades(observations))),
        forecasts=tuple(
            _scale_forecast(scale, place, setting) for scale, place in zip(wanted.scales, places, strict=True)
        ),
        probability_turn_next_decade=turn,
        assumptions=assumed,
        warnings=(*(() if reliable else (ENGINE_UNRELIABLE,)), *((PRIOR_DOMINATED,) if few else ())),
        probability_turn_next_decade_reason=BEYOND_HORIZON if turn is None else None,
    )


def distances_to(curve: ScalingCurve, observations: Observations, wanted: Wanted) -> tuple[float, ...]:
    """Decades beyond the largest model of each wanted scale; raises `InvalidInput` for what cannot be forecast."""
    problems = [] if curve.n_scales >= FEWEST_SCALES else [_too_few(curve)]
    if wanted.n_examples is not None and observations.usual_noise is not NoiseKind.BETA_BINOMIAL:
        message = "the curve's scores have standard errors and no test-set sizes: leave n_examples out"
        problems.append(Problem("/n_examples", message))
    horizon, largest = horizon_decades(observations), curve.points[-1].scale
    found = []
    for index, scale in enumerate(wanted.scales):
        distance = math.log10(scale) - math.log10(largest)
        found.append(distance)
        if distance < SMALLEST_DISTANCE:
            message = f"{scale:g} is not larger than the largest model ({largest:g}): a forecast looks beyond it"
            problems.append(Problem(f"/scales/{index}", message))
        elif is_beyond_horizon(observations, distance):
            problems.append(Problem(f"/scales/{index}", _too_far(scale, distance, horizon, largest)))
    if problems:
        raise InvalidInput(problems)
    return tuple(found)


def plain(assumed: ForecastAssumptions) -> Assumptions:
    """The numbers without their sources."""
    return Assumptions(
        assumed.between_model_scale, assumed.item_correlation, assumed.turn_hazard_per_decade, dict(assumed.class_prior)
    )


def largest_performance(observations: Observations) -> Floats:
    """Mean performance () at the largest scale, weighted by test-set size."""
    means = means_per_scale(observations.u, sizes_of_tests(observations), observations.y[None, :])
    return np.asarray(means[0, -1])


def _scale_forecast(scale: float, place: _Place, setting: _Setting) -> ScaleForecast:
    observations, assumptions = setting.observations, setting.assumptions
    noise = usual_test(observations, setting.n_examples)
    scores, means = score_draws(place.future, observations, noise, assumptions.item_correlation, setting.seed)
    chance = observations.chance
    counted = noise.kind == NoiseKind.BETA_BINOMIAL
    return ScaleForecast(
        scale=scale,
        distance_decades=place.distance,
        n_examples=max(1, round(noise.trials)) if counted else None,
        score=distribution(scores, observations),
        mean_curve=distribution(means, observations),
        probability_above_chance=None if chance is None else float(np.mean(scores > chance)),
        probability_better_than_largest=float(np.mean(scores > largest_performance(observations))),
        probability_turn=place.future.probability_turn,
        prior_probability_turn=assumptions.turn_probability(place.distance),
        probability_above_chance_reason=CHANCE_UNKNOWN if chance is None else None,
        n_examples_reason=None if counted else STDERR_GIVEN,
    )


def distribution(draws: Floats, observations: Observations) -> Distribution:
    """Median and intervals of draws of a performance, as scores."""
    scores = observations.score_at(draws)
    ends = [Range(*np.quantile(scores, [(1 - level) / 2, (1 + level) / 2]).tolist()) for level in LEVELS]
    return Distribution(float(np.median(scores)), *ends)


def _next_decade(setting: _Setting, observed: Observed) -> float | None:
    observations = setting.observations
    if horizon_decades(observations) < NEXT_DECADE:
        return None
    return continuation(observations, NEXT_DECADE, setting.assumptions, observed, setting.seed).probability_turn


def _too_few(curve: ScalingCurve) -> Problem:
    message = f"{curve.n_scales} different scales: a forecast needs {FEWEST_SCALES}, for two show no course"
    return Problem("/curve/points", message)


def _too_far(scale: float, distance: float, horizon: float, largest: float) -> str:
    farthest = _rounded_down(largest * 10.0 ** (horizon * (1 + SAME_DISTANCE)))
    return (
        f"{scale:g} is {distance:.2f} decades beyond the largest model ({largest:g}): this curve can be forecast up to "
        f"{horizon:.2f} decades ({farthest:g}), at most {FARTHEST_DECADES:g} and at most its own range"
    )


def _rounded_down(scale: float) -> float:
    """To digits that are told and can be asked for."""
    unit = 10.0 ** (math.floor(math.log10(scale)) - TOLD_DIGITS + 1)
    return float(f"{math.floor(scale / unit) * unit:.{TOLD_DIGITS}g}")
