"""What is asked of forecasts and backtests beside curves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from marshmallow import Schema, ValidationError

from models.backtest import MOST_HIDDEN
from models.errors import InvalidInput, InvalidOptions, Problem
from models.forecast import MOST_TARGETS, Wanted
from models.options import LARGEST_BETWEEN_MODEL_SCALE, LARGEST_SEED
from models.suite_learning import LARGEST_ITEM_CORRELATION, LARGEST_TURN_HAZARD
from service.schemas.problems import given, problems_of
from service.schemas.scalars import Checked, Refused, number, positive, shown, whole


def load_wanted(scales: Any, n_examples: Any) -> Wanted:
    """Scales and the size of the test set; raises `InvalidInput`."""
    problems: list[Problem] = []
    if not isinstance(scales, list) or not 1 <= len(scales) <= MOST_TARGETS:
        found = f"{len(scales)} scales" if isinstance(scales, list) else shown(scales)
        problems.append(Problem("/scales", f"{found}: give a list of 1 to {MOST_TARGETS} scales"))
        scales = []
    read = [_read(positive, scale, f"/scales/{index}", problems) for index, scale in enumerate(scales)]
    if not problems and len(set(read)) < len(read):
        problems.append(Problem("/scales", "a scale is given more than once: keep one"))
    size = None if n_examples is None else _read(_size, n_examples, "/n_examples", problems)
    if problems:
        raise InvalidInput(problems)
    return Wanted(tuple(read), size)


def load_forecast_options(asked: Any) -> dict[str, Any]:
    """Options of a forecast: what is known of shared items and of turns. Raises `InvalidOptions`."""
    return _loaded(_forecast_schema(), asked)


def load_backtest_options(asked: Any) -> dict[str, Any]:
    """Options of a backtest. Raises `InvalidOptions`."""
    return _loaded(_backtest_schema(), asked)


def _loaded(schema: Schema, asked: Any) -> dict[str, Any]:
    if not isinstance(asked, Mapping):
        raise InvalidOptions([Problem("/options", f"{shown(asked)} is not an object of options")])
    try:
        loaded: dict[str, Any] = schema.load(given(asked))
    except ValidationError as error:
        raise InvalidOptions(problems_of(error.messages, {"/options": schema.fields}, "/options")) from None
    return loaded


def _read(check: Any, value: Any, pointer: str, problems: list[Problem]) -> Any:
    try:
        return check(value)
    except Refused as refused:
        problems.append(Problem(pointer, str(refused)))
        return None


def _size(value: Any) -> int:
    read = whole(value)
    if read < 1:
        raise Refused(f"{shown(value)} is less than 1")
    return read


def item_correlation(value: Any) -> float:
    """Correlation of two models' sampling errors on the same items."""
    read = number(value)
    if not 0 <= read <= LARGEST_ITEM_CORRELATION:
        raise Refused(f"{shown(value)} is not in [0, {LARGEST_ITEM_CORRELATION}]")
    return read


def turn_hazard(value: Any) -> float:
    """Turns per decade of scale."""
    read = number(value)
    if not 0 <= read <= LARGEST_TURN_HAZARD:
        raise Refused(f"{shown(value)} is not in [0, {LARGEST_TURN_HAZARD:g}] turns per decade")
    return read


def hidden_scales(value: Any) -> int:
    """How many of the largest scales are hidden."""
    read = whole(value)
    if not 1 <= read <= MOST_HIDDEN:
        raise Refused(f"{shown(value)} is not between 1 and {MOST_HIDDEN}")
    return read


def _between_model_scale(value: Any) -> float:
    read = number(value)
    if not 0 < read <= LARGEST_BETWEEN_MODEL_SCALE:
        raise Refused(f"{shown(value)} is not in (0, {LARGEST_BETWEEN_MODEL_SCALE:g}]")
    return read


def _seed(value: Any) -> int:
    read = whole(value)
    if not 0 <= read <= LARGEST_SEED:
        raise Refused(f"{shown(value)} is not between 0 and {LARGEST_SEED}")
    return read


@cache
def _forecast_schema() -> Schema:
    fields = {"item_correlation": Checked(item_correlation), "turn_hazard_per_decade": Checked(turn_hazard)}
    return Schema.from_dict({**fields}, name="ForecastOptionsSchema")()


@cache
def _backtest_schema() -> Schema:
    fields = {
        "hidden_scales": Checked(hidden_scales),
        "item_correlation": Checked(item_correlation),
        "turn_hazard_per_decade": Checked(turn_hazard),
        "between_model_scale": Checked(_between_model_scale),
        "seed": Checked(_seed),
    }
    return Schema.from_dict({**fields}, name="BacktestOptionsSchema")()
