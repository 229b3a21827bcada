"""Routes of comparisons."""

from __future__ import annotations

from flask import Response, request

from service.access import needs
from service.api.blueprint import Routes
from service.bodies import checked_keys, json_body
from service.comparisons import comparison, comparison_asked
from service.contract import paths
from service.negotiation import json_answer
from service.parts import parts

blueprint = Routes("comparisons", __name__, url_prefix="/v1", description="Curves against each other.")


@blueprint.at("POST", "/comparisons", paths.CREATE_COMPARISON)
def create_comparison() -> Response:
    """Compare curves.

    Stored analyses (by their ids, or all that fit a filter), curves, or both: the labels, the probability that the
    shapes differ, differences of changes and turns, where the curves cross; item by item where both have outcomes of
    the same task. Nothing is stored.
    """
    needs("read")
    own = parts()
    document = checked_keys(json_body(request, own.settings.max_body_bytes))
    asked = comparison_asked(document, own.database, own.settings)
    return json_answer(comparison(asked, own.database, own.inline))
