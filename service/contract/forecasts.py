"""Forecasts and backtests in the contract: operations, JSON schemas, examples."""

from __future__ import annotations

from typing import Any

from models.backtest import FEWEST_CURVES, MOST_HIDDEN, Backtest
from models.forecast import FARTHEST_DECADES, MOST_TARGETS, Forecast
from models.options import LARGEST_BETWEEN_MODEL_SCALE, LARGEST_SEED
from models.suite_learning import LARGEST_ITEM_CORRELATION, LARGEST_TURN_HAZARD
from service.backtests import MOST_CURVES, MOST_STORED
from service.contract.analyses import SHA256
from service.contract.curves import POSITIVE, optional, strict, told
from service.contract.examples import CURVE
from service.contract.operations import IF_NONE_MATCH, JSON, answer, body, operation
from service.contract.records import Schema, record_schemas, reference
from service.schemas.scalars import LARGEST_WHOLE

ROOTS = (Forecast, Backtest)
NULL: Schema = {"type": "null"}
_BAD_BODY = (400, 408, 413, 415, 422)
_PENDING = answer("It is being computed", "PendingDerivation", ("Location", "Retry-After"))

SCALES = (1e8, 1e9, 1e10, 1e11, 1e12)
_SUITE = {
    "rising": (0.1, 0.22, 0.41, 0.63, 0.8),
    "falling": (0.55, 0.5, 0.42, 0.36, 0.29),
    "flat": (0.25, 0.26, 0.24, 0.25, 0.26),
    "late": (0.02, 0.03, 0.05, 0.2, 0.5),
    "turned": (0.5, 0.4, 0.3, 0.45, 0.6),
}


def _curve(task: str, scores: tuple[float, ...]) -> dict[str, Any]:
    points = [{"scale": scale, "score": score, "n_examples": 500} for scale, score in zip(SCALES, scores, strict=True)]
    return {"task": task, "metric": "accuracy", "points": points}


FORECASTS: dict[str, Any] = {
    "two larger models": {
        "curve": CURVE,
        "scales": [5e11, 1e12],
        "options": {"turn_hazard_per_decade": 0.05, "item_correlation": 0.4},
    }
}
BACKTESTS: dict[str, Any] = {
    "a small suite": {
        "curves": [_curve(task, scores) for task, scores in _SUITE.items()],
        "options": {"hidden_scales": 1},
    },
    "stored curves": {"from": {"suite": "gpt3-table-h1"}},
}

BACKTEST_ID: dict[str, Any] = {
    "in": "path",
    "name": "backtest_id",
    "required": True,
    "description": "Id of the backtest.",
    "schema": SHA256,
}
CREATE_FORECAST = operation(
    "createForecast",
    {200: answer("The forecast", "Forecast")},
    (409, *_BAD_BODY),
    requestBody=body({JSON: "ForecastRequest"}, {JSON: FORECASTS}),
)
CREATE_BACKTEST = operation(
    "createBacktest",
    {200: answer("The backtest", "Backtest", ("Location", "ETag")), 202: _PENDING},
    _BAD_BODY,
    requestBody=body({JSON: "BacktestRequest"}, {JSON: BACKTESTS}),
)
GET_BACKTEST = operation(
    "getBacktest",
    {
        200: answer("The backtest", "Backtest", ("Location", "ETag")),
        202: _PENDING,
        304: answer("The client has it already", headers=("ETag",)),
    },
    (404, 409, 422),
    parameters=[IF_NONE_MATCH],
)


def forecast_schemas() -> dict[str, Schema]:
    """Components for forecasts and backtests; ranges and intervals are those of an analysis."""
    return {
        **record_schemas(ROOTS),
        "ForecastOptions": strict(
            _known(), description="What a forecast takes as known; null is the same as not given."
        ),
        "ForecastRequest": _forecast_request(),
        "BacktestOptions": _backtest_options(),
        "BacktestRequest": _backtest_request(),
    }


def _known() -> dict[str, Schema]:
    correlation = {"type": "number", "minimum": 0, "maximum": LARGEST_ITEM_CORRELATION}
    hazard = {"type": "number", "minimum": 0, "maximum": LARGEST_TURN_HAZARD}
    return {
        "item_correlation": optional(correlation, "Of two models' sampling errors on the same items."),
        "turn_hazard_per_decade": optional(hazard, "Turns of a curve per decade of scale, before the data."),
    }


def _forecast_request() -> Schema:
    scales = {"type": "array", "items": POSITIVE, "minItems": 1, "maxItems": MOST_TARGETS}
    size = {"type": "integer", "minimum": 1, "maximum": LARGEST_WHOLE}
    shared = {
        "scales": told(scales, f"Larger than the largest model, by at most {FARTHEST_DECADES:g} decades."),
        "n_examples": optional(size, "Size of the test set of the new models; that of the curve unless said."),
        "options": {"anyOf": [reference("ForecastOptions"), NULL]},
    }
    stored, given = told(SHA256, "A stored analysis."), reference("Curve")
    return {
        "description": "A stored analysis or a curve, and the scales of the language models to come.",
        "anyOf": [
            strict({"id": stored, "curve": NULL, **shared}, ("id", "scales")),
            strict({"curve": given, "id": NULL, **shared}, ("curve", "scales")),
        ],
    }


def _backtest_options() -> Schema:
    hidden = {"type": "integer", "minimum": 1, "maximum": MOST_HIDDEN}
    scale = {"type": "number", "exclusiveMinimum": 0, "maximum": LARGEST_BETWEEN_MODEL_SCALE}
    properties = {
        "hidden_scales": optional(hidden, "How many of the largest scales of each curve are hidden; 1."),
        **_known(),
        "between_model_scale": optional(scale, "Scatter of models around the curve; learnt from large suites."),
        "seed": optional({"type": "integer", "minimum": 0, "maximum": LARGEST_SEED}, "Seed of the bootstrap; 0."),
    }
    return strict(properties, description="Options of a backtest; null is the same as not given.")


def _backtest_request() -> Schema:
    options = {"anyOf": [reference("BacktestOptions"), NULL]}
    sources = {
        "ids": told(_list(SHA256, MOST_STORED), "Stored analyses."),
        "from": {**reference("AnalysisFilter"), "description": "All stored analyses that fit."},
        "curves": told(_list(reference("Curve"), MOST_CURVES), "Curves that are sent for this; not stored."),
    }
    return {
        "description": "Stored analyses or curves.",
        "anyOf": [
            strict({**dict.fromkeys(sources, NULL), name: schema, "options": options}, (name,))
            for name, schema in sources.items()
        ],
    }


def _list(items: Schema, most: int) -> Schema:
    return {"type": "array", "items": items, "minItems": FEWEST_CURVES, "maxItems": most}
