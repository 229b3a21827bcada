"""Routes by which a supervisor sees whether the server lives, and whether it can do its work."""

from __future__ import annotations

from flask import Response

from service.api.blueprint import Routes
from service.contract import paths
from service.negotiation import json_answer
from service.parts import parts
from service.store import batches

blueprint = Routes("health", __name__, url_prefix="/health", description="Whether the server is well.")


@blueprint.at("GET", "/live", paths.LIVE)
def live() -> Response:
    """Tell whether the process answers."""
    return json_answer({"status": "ok"})


@blueprint.at("GET", "/ready", paths.READY)
def ready() -> Response:
    """Tell whether the database answers too; 503 where it does not."""
    with parts().database.reading() as connection:
        waiting = batches.queued_curves(connection)
    return json_answer({"status": "ok", "queued_curves": waiting})
