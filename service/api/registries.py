"""Routes of what is known beforehand: metrics and curve models."""

from __future__ import annotations

from flask import Response, request

from service.access import needs
from service.api.blueprint import Routes
from service.calculators import curve_models, registered_metrics
from service.contract import paths
from service.negotiation import conditional, json_answer

blueprint = Routes("registries", __name__, url_prefix="/v1", description="Metrics and curve models.")


@blueprint.at("GET", "/metrics", paths.LIST_METRICS)
def list_metrics() -> Response:
    """List the metrics that are known by name."""
    needs("read")
    return conditional(json_answer(registered_metrics()), request)


@blueprint.at("GET", "/curve-models", paths.LIST_CURVE_MODELS)
def list_curve_models() -> Response:
    """List the curve models with their priors."""
    needs("read")
    return conditional(json_answer(curve_models()), request)
