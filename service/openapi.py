"""The contract as OpenAPI 3.1, made from the routes, the schemas and the records; `openapi.yaml` is its text."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import yaml
from flask import Flask, Response, request
from flask_smorest import Api

from service.api import (
    analyses,
    batches,
    calculators,
    comparisons,
    forecasts,
    health,
    meta_analyses,
    metric_curves,
    metrics,
    plans,
    registries,
    suites,
)
from service.contract.analyses import SHA256, WHOLE, analysis_schemas
from service.contract.batches import batch_schemas
from service.contract.calculators import calculator_schemas, registry_schemas
from service.contract.curves import curve_schemas, strict
from service.contract.forecasts import forecast_schemas
from service.contract.metric_curves import metric_curve_schemas
from service.contract.plans import plan_schemas
from service.contract.problems import error_response, problem_schemas
from service.contract.records import Schema
from service.contract.suites import suite_schemas
from service.negotiation import conditional, json_answer

BLUEPRINTS = (
    analyses.blueprint,
    batches.blueprint,
    suites.blueprint,
    meta_analyses.blueprint,
    comparisons.blueprint,
    forecasts.blueprint,
    plans.blueprint,
    metric_curves.blueprint,
    calculators.blueprint,
    registries.blueprint,
    health.blueprint,
    metrics.blueprint,
)
DESCRIPTION = (
    "Classifies scaling curves of language models: positive, inverse, U-shaped, inverted-U or flat, with honest "
    "intervals. Every number is finite or null, and a null comes with its reason. Errors are problem documents."
)
ERRORS = (400, 401, 403, 404, 406, 408, 409, 413, 415, 422, 429, 503)
CONFIG = {
    "API_TITLE": "scaleshape",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
}
LARGEST_TEXT_LINE = 120


class Contract(Api):  # type: ignore[misc]  # flask-smorest ships no types
    """flask-smorest's, with problem documents as its errors."""

    def _register_error_handlers(self) -> None:
        """Errors are answered by `service.problems_http`."""

    def _register_responses(self) -> None:
        for status in ERRORS:
            self.spec.components.response(HTTPStatus(status).name, error_response(HTTPStatus(status)))
        self.spec.components.response(self.DEFAULT_ERROR_RESPONSE_NAME, error_response(None))

    def _register_etag_headers(self) -> None:
        """Entity tags are described where they are given."""

    def _register_pagination_header(self) -> None:
        """Pages name the next one in the body and in the Link header."""


def register_contract(app: Flask) -> Api:
    """Add all routes of the contract to an app, and the contract itself at /openapi.json."""
    app.config.update(CONFIG)
    api = Contract(app, spec_kwargs=_described())
    for name, schema in sorted(_schemas().items()):
        api.spec.components.schema(name, schema)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    answer = json_answer(api.spec.to_dict())
    app.add_url_rule("/openapi.json", "openapi", lambda: _served(answer.get_data()))
    return api


def openapi_text(api: Api) -> str:
    """The contract as YAML, in a fixed order."""
    text: str = yaml.safe_dump(
        api.spec.to_dict(), sort_keys=False, allow_unicode=True, width=LARGEST_TEXT_LINE, default_flow_style=False
    )
    return text


def _described() -> dict[str, Any]:
    bearer = {"type": "http", "scheme": "bearer", "description": "An API key; none is needed while there are none."}
    return {
        "info": {"description": DESCRIPTION, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "security": [{"key": []}, {}],
        "components": {"securitySchemes": {"key": bearer}},
    }


def _schemas() -> dict[str, Schema]:
    return {
        **problem_schemas(),
        **curve_schemas(),
        **analysis_schemas(),
        **batch_schemas(),
        **suite_schemas(),
        **forecast_schemas(),
        **plan_schemas(),
        **metric_curve_schemas(),
        **calculator_schemas(),
        **registry_schemas(),
        "AcceptedAnalysis": strict({"id": SHA256, "status": {"const": "queued"}}, ("id", "status")),
        "Health": strict({"status": {"const": "ok"}, "queued_curves": WHOLE}, ("status",)),
    }


def _served(content: bytes) -> Response:
    return conditional(json_answer(content), request)
