"""Routes of the stateless calculators."""

from __future__ import annotations

from flask import Response, request

from service.access import needs
from service.api.blueprint import Routes
from service.bodies import checked_keys, json_body
from service.calculators import emergence_scores, resolutions
from service.contract import paths
from service.negotiation import json_answer
from service.parts import parts
from service.schemas.calculators import load_resolutions, load_scores

blueprint = Routes("calculators", __name__, url_prefix="/v1", description="Single figures; nothing is stored.")


@blueprint.at("POST", "/emergence-scores", paths.EMERGENCE_SCORES)
def create_emergence_score() -> Response:
    """Compute the emergence score of a curve's scores."""
    needs("read")
    asked = load_scores(checked_keys(json_body(request, parts().settings.max_body_bytes)))
    return json_answer(emergence_scores(asked))


@blueprint.at("POST", "/resolutions", paths.RESOLUTIONS)
def create_resolution() -> Response:
    """Compute what test sets can show of their scores."""
    needs("read")
    asked = load_resolutions(checked_keys(json_body(request, parts().settings.max_body_bytes)))
    return json_answer(resolutions(asked))
