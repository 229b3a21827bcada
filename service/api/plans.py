"""Routes of plans."""

from __future__ import annotations

from flask import Response, request

from service.access import needs
from service.api.blueprint import Routes
from service.bodies import checked_keys, json_body
from service.contract import plans as contract
from service.negotiation import json_answer
from service.parts import parts
from service.plans import plan_asked, plan_document

blueprint = Routes("plans", __name__, url_prefix="/v1", description="What to measure next, and how exactly.")


@blueprint.at("POST", "/plans", contract.CREATE_PLAN)
def create_plan() -> Response:
    """Plan measurements.

    For a stored analysis or a curve: what a model at another scale, another model at a known scale, or more examples
    for a model are expected to do for the label and the turn. Or for a study: how many examples each model needs so
    that a change of a given size is found. Nothing is stored; a study takes seconds.
    """
    needs("read")
    own = parts()
    asked = plan_asked(checked_keys(json_body(request, own.settings.max_body_bytes)), own.settings)
    return json_answer(plan_document(asked, own.database, own.inline))
