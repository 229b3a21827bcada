"""Forecasts and backtests of whole suites: what the suite teaches, then each curve; the work of worker processes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.backtest import BacktestForecast, LeftOutCurve, Placed, Split, assumptions_of, backtest_curve, split
from models.continuation import Assumptions
from models.curve import ScalingCurve
from models.errors import EngineError, InvalidInput, InvalidOptions, Problem, ScaleshapeError
from models.forecast import Forecast, ForecastAssumptions, Wanted, forecast, horizon_decades, next_scale
from models.likelihood import observe
from models.options import DEFAULT_BETWEEN_MODEL_SCALE, EngineName, Options
from models.suite_curve import curve_name
from models.suite_learning import (
    FEWEST_CURVES,
    MOST_CURVES,
    CurveEvidence,
    Given,
    curve_evidence,
    default_assumptions,
    learnt,
)
from service.answers import Entry
from service.readers.loading import load_item
from service.sampling import sampling_key
from service.schemas.options import load_options

FIELDS = ("between_model_scale", "item_correlation", "turn_hazard_per_decade", "class_prior")
REQUEST, SUITE, DEFAULT = "request", "suite", "default"


@dataclass(frozen=True, slots=True)
class Told:
    """What is asked of all curves: options of an analysis as submitted, and a forecast's own."""

    options: Mapping[str, Any]
    item_correlation: float | None = None
    turn_hazard: float | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """A checked curve with its options and what the request fixes for it."""

    curve: ScalingCurve
    options: Options
    given: Given


@dataclass(frozen=True, slots=True)
class Failed:
    """A curve that could not be read or forecast."""

    index: int
    label: str
    names: Mapping[str, str]
    error: ScaleshapeError


type Outcome = Sequence[BacktestForecast] | LeftOutCurve | Failed


@dataclass(frozen=True, slots=True)
class Learning:
    """What one curve teaches, with the key by which curves are sampled and summed."""

    key: str
    evidence: CurveEvidence


def ready(entry: Entry, told: Told) -> Ready:
    """An entry of a file, checked; raises `InvalidInput`."""
    loaded = load_item(entry.item)
    return prepared(loaded.curve, {**entry.defaults, **loaded.options, **told.options}, told)


def prepared(curve: ScalingCurve, options: Mapping[str, Any], told: Told) -> Ready:
    """A checked curve with options as submitted; raises `InvalidOptions`."""
    loaded = load_options(options)
    if loaded.engine is not EngineName.QUADRATURE:
        message = f"{loaded.engine.value}: forecasts are made by quadrature alone; leave it out"
        raise InvalidOptions([Problem("/options/engine", message)])
    return Ready(curve, replace(loaded, between_model_scale="default"), given_of(options, told))


def given_of(options: Mapping[str, Any], told: Told) -> Given:
    """What options as submitted fix; a scale of "suite" is to be learnt, as where there is none."""
    loaded = load_options(options)
    scale = loaded.between_model_scale
    if options.get("between_model_scale") == DEFAULT:
        scale = DEFAULT_BETWEEN_MODEL_SCALE
    return Given(
        between_model_scale=None if isinstance(scale, str) else scale,
        item_correlation=told.item_correlation,
        turn_hazard=told.turn_hazard,
        class_prior=None if options.get("class_prior") is None else dict(loaded.class_prior),
    )


def assumed(given: Given, options: Options, suite: Assumptions | None) -> ForecastAssumptions:
    """What a forecast takes as known: what the request says, else the suite, else the defaults."""
    found = default_assumptions(given, options)
    asked = (given.between_model_scale, given.item_correlation, given.turn_hazard, given.class_prior)
    source = {name: DEFAULT if value is None else REQUEST for name, value in zip(FIELDS, asked, strict=True)}
    if suite is not None:
        found = _from_suite(found, suite, asked)
        source = {name: SUITE if where == DEFAULT else where for name, where in source.items()}
    return assumptions_of(found, source)


def _from_suite(found: Assumptions, suite: Assumptions, asked: tuple[Any, ...]) -> Assumptions:
    scale, correlation, hazard, prior = (value is None for value in asked)
    return Assumptions(
        between_model_scale=suite.between_model_scale if scale else found.between_model_scale,
        item_correlation=suite.item_correlation if correlation else found.item_correlation,
        turn_hazard=suite.turn_hazard if hazard else found.turn_hazard,
        class_prior=suite.class_prior if prior else found.class_prior,
    )


def learnt_from(found: Iterable[Learning | None], given: Given, options: Options) -> Assumptions | None:
    """What a suite teaches; None where it is too small. The order of its curves does not matter."""
    kept = sorted((each for each in found if each is not None), key=lambda each: each.key)
    return learnt([each.evidence for each in kept], given, options) if len(kept) >= FEWEST_CURVES else None


def sampled(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that a suite is learnt from: all of a small suite, the first by their keys of a large one."""
    keyed = []
    for entry in entries:
        try:
            keyed.append((sampling_key(load_item(entry.item).curve), entry.index, entry))
        except InvalidInput:  # told where the curve is forecast
            continue
    return [entry for _, _, entry in sorted(keyed, key=lambda each: each[:2])[:MOST_CURVES]]


@dataclass(frozen=True, slots=True)
class Forecasting:
    """Forecasts curve by curve; without scales each goes one step beyond its largest model."""

    told: Told
    scales: tuple[float, ...] = ()
    n_examples: int | None = None
    suite: Assumptions | None = None

    def learning(self, entry: Entry) -> Learning | None:
        """What a curve teaches; None where it cannot be forecast."""
        try:
            one = ready(entry, self.told)
            farthest = max(self._wanted(one).scales)
            distance = math.log10(farthest) - math.log10(one.curve.points[-1].scale)
            horizon = horizon_decades(observe(one.curve, one.options))
            evidence = curve_evidence(one.curve, min(max(distance, 0.0), horizon), one.options)
            return Learning(sampling_key(one.curve), evidence)
        except (ScaleshapeError, ArithmeticError, ValueError):
            return None

    def answer(self, entry: Entry) -> Forecast | Failed:
        """The forecast of a curve, or why there is none."""
        try:
            one = ready(entry, self.told)
            return forecast_one(one, self._wanted(one), self.suite)
        except ScaleshapeError as error:
            return Failed(entry.index, entry.item.label, entry.item.names, error)

    def died(self, entry: Entry, exit_code: int | None) -> Forecast | Failed:
        """The failure of a curve during which the worker process died."""
        message = f"the process that worked on this curve died (exit code {exit_code})"
        return Failed(entry.index, entry.item.label, entry.item.names, EngineError(message))

    def _wanted(self, one: Ready) -> Wanted:
        return Wanted(self.scales or (next_scale(one.curve),), self.n_examples)


def forecast_one(one: Ready, wanted: Wanted, suite: Assumptions | None = None) -> Forecast:
    """The forecast of a checked curve; raises `InvalidInput`, or `EngineError` for numbers that no check foresaw."""
    try:
        return forecast(one.curve, wanted, one.options, assumed(one.given, one.options, suite))
    except (ArithmeticError, ValueError) as error:
        message = f"the engine failed on {one.curve.task}: {type(error).__name__}: {error}"
        raise EngineError(message) from error


@dataclass(frozen=True, slots=True)
class Backtesting:
    """Backtests curve by curve."""

    told: Told
    hidden_scales: int = 1
    suite: Assumptions | None = None

    def learning(self, entry: Entry) -> Learning | None:
        """What a curve's visible part teaches; None where it is not backtested."""
        try:
            return self.learning_of(ready(entry, self.told))
        except ScaleshapeError:
            return None

    def learning_of(self, one: Ready) -> Learning | None:
        """The same of a checked curve."""
        try:
            parts = self._parts(one)
            if not isinstance(parts, Split):
                return None
            return Learning(sampling_key(one.curve), curve_evidence(parts.visible, parts.distance, one.options))
        except (ScaleshapeError, ArithmeticError, ValueError):  # told where the curve is backtested
            return None

    def answer(self, entry: Entry) -> Outcome:
        """A curve's forecasts and their errors, or why there are none."""
        try:
            return self.outcome_of(entry.index, ready(entry, self.told))
        except ScaleshapeError as error:
            return Failed(entry.index, entry.item.label, entry.item.names, error)

    def outcome_of(self, index: int, one: Ready) -> Outcome:
        """The same of a checked curve."""
        name = curve_name(one.curve)
        try:
            parts = self._parts(one)
            if not isinstance(parts, Split):
                return LeftOutCurve(index, name, parts)
            known = assumed(one.given, one.options, self.suite)
            return backtest_curve(Placed(index, one.curve), parts, one.options, known)
        except ScaleshapeError as error:
            return Failed(index, name, {}, error)
        except (ArithmeticError, ValueError) as error:  # numbers that no check foresaw; the suite goes on
            return Failed(index, name, {}, EngineError(f"{type(error).__name__}: {error}"))

    def died(self, entry: Entry, exit_code: int | None) -> Outcome:
        """The failure of a curve during which the worker process died."""
        message = f"the process that worked on this curve died (exit code {exit_code})"
        return Failed(entry.index, entry.item.label, entry.item.names, EngineError(message))

    def _parts(self, one: Ready) -> Split | str:
        return split(one.curve, self.hidden_scales, one.options)
