"""Routes of metric curves."""

from __future__ import annotations

from flask import Response, request

from service.access import needs
from service.api.blueprint import Routes
from service.bodies import checked_keys, json_body
from service.contract import paths
from service.metric_curves import answered
from service.negotiation import json_answer
from service.parts import parts

blueprint = Routes("metric curves", __name__, url_prefix="/v1", description="The same outputs under several metrics.")


@blueprint.at("POST", "/metric-curves", paths.CREATE_METRIC_CURVES)
def create_metric_curves() -> Response:
    """Score one set of outputs by several metrics.

    From a per-token power law, from log-probabilities of tokens, or from an accuracy curve with a target length: what
    each metric would show. From the outputs of several models: every metric that they allow, each analysed as a
    curve, and whether a jump under one is explained by another. Nothing is stored.
    """
    needs("read")
    own = parts()
    document = checked_keys(json_body(request, own.settings.max_body_bytes))
    return json_answer(answered(document, own.settings, own.database, own.inline))
