"""Backtests of suites: stored analyses or given curves; the work is done by a process of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from models.backtest import FEWEST_CURVES, Backtest, BacktestForecast, LeftOutCurve, backtest_summary
from models.errors import InvalidInput, Problem
from models.options import Options
from models.suite_learning import MOST_CURVES as MOST_LEARNT
from service.database import Database
from service.derivations import BACKTEST
from service.forecasting import (
    Backtesting,
    Failed,
    Learning,
    Outcome,
    Ready,
    Told,
    assumed,
    given_of,
    learnt_from,
)
from service.meta_analyses import check_stored
from service.sampling import sampling_key
from service.schemas.curve_lists import load_curves, load_ids, load_object
from service.schemas.forecasts import load_backtest_options
from service.schemas.queries import load_filter
from service.settings import Settings
from service.store.filters import Filter
from service.suites import stored_ids
from service.summaries import Derived, derived

SOURCES = ("ids", "from", "curves")
FIELDS = (*SOURCES, "options")
MOST_CURVES = 200  # given ones, which are sent for this alone
MOST_STORED = 1000  # more take longer than one request's computation may
FAILED = "failed"


def backtest_derived(asked: Any, database: Database, settings: Settings) -> Derived:
    """Take in a request; raises `InvalidInput`."""
    fields = load_object(asked, FIELDS)
    source = [name for name in SOURCES if name in fields]
    if len(source) != 1:
        raise InvalidInput([Problem("", f"{len(source)} of {', '.join(SOURCES)} are given: give one of them")])
    options = load_backtest_options(fields.get("options", {}))
    if "curves" in fields:
        curves = load_curves(fields["curves"], FEWEST_CURVES, MOST_CURVES, settings)
        return derived(BACKTEST, {"curves": [each.item.document or {} for each in curves], "options": options})
    if "from" in fields:
        ids: Sequence[str] = stored_ids(database, Filter(**load_filter(fields["from"])), settings)
        _check_count(ids)
    else:
        ids = load_ids(fields["ids"], FEWEST_CURVES, MOST_STORED)
        check_stored(database, ids)
    return derived(BACKTEST, {"places": list(range(len(ids))), "ids": list(ids), "options": options}, database)


def _check_count(ids: Sequence[str]) -> None:
    if not FEWEST_CURVES <= len(ids) <= MOST_STORED:
        message = f"{len(ids):,} stored analyses, where {FEWEST_CURVES} to {MOST_STORED:,} are taken: change the filter"
        raise InvalidInput([Problem("/from", message)])


def told_backtest(options: Mapping[str, Any]) -> tuple[Told, int]:
    """What is asked of all curves, and how many scales are hidden, from checked options."""
    own = {name: options[name] for name in ("between_model_scale", "seed") if name in options}
    told = Told(own, options.get("item_correlation"), options.get("turn_hazard_per_decade"))
    return told, int(options.get("hidden_scales", 1))


def backtest_of(curves: Sequence[Ready], testing: Backtesting) -> Backtest:
    """A suite of checked curves backtested in this process; raises `InvalidInput` where it is too small."""
    ordered = sorted(curves, key=lambda one: sampling_key(one.curve))[:MOST_LEARNT]
    learning: list[Learning | None] = [testing.learning_of(one) for one in ordered]
    taught = learnt_from(learning, given_of(testing.told.options, testing.told), Options())
    testing = replace(testing, suite=taught)
    return gathered((testing.outcome_of(index, one) for index, one in enumerate(curves)), testing)


def gathered(outcomes: Iterable[Outcome], testing: Backtesting) -> Backtest:
    """All outcomes summed up; raises `InvalidInput` where too few curves could be backtested."""
    forecasts: list[BacktestForecast] = []
    left_out: list[LeftOutCurve] = []
    for outcome in outcomes:
        if isinstance(outcome, LeftOutCurve):
            left_out.append(outcome)
        elif isinstance(outcome, Failed):
            left_out.append(LeftOutCurve(outcome.index, outcome.label, FAILED))
        else:
            forecasts += outcome
    count = len({each.index for each in forecasts})
    if count < FEWEST_CURVES:
        raise InvalidInput([Problem("", _too_small(count, left_out))])
    given = given_of(testing.told.options, testing.told)
    told = assumed(given, Options(), testing.suite)
    seed = int(testing.told.options.get("seed", 0))
    return backtest_summary(forecasts, left_out, testing.hidden_scales, seed, told)


def _too_small(count: int, left_out: Sequence[LeftOutCurve]) -> str:
    reasons = {each.reason for each in left_out}
    told = [
        f"{sum(each.reason == reason for each in left_out)} {reason.replace('_', ' ')}" for reason in sorted(reasons)
    ]
    because = f" ({', '.join(told)})" if told else ""
    return (
        f"{count} of {count + len(left_out)} curves can be backtested{because}: coverage says nothing below "
        f"{FEWEST_CURVES}; add curves, or hide fewer scales"
    )
