"""The route that Prometheus reads."""

from __future__ import annotations

from flask import Response

from service.access import needs
from service.api.blueprint import Routes
from service.contract import paths
from service.parts import parts
from service.store import batches
from service.telemetry import CONTENT_TYPE_LATEST

blueprint = Routes("telemetry", __name__, description="Counters of the server.")


@blueprint.at("GET", "/metrics", paths.TELEMETRY)
def telemetry() -> Response:
    """Read the counters in Prometheus' text format."""
    needs("read")
    own = parts()
    with own.database.reading() as connection:
        waiting = batches.queued_curves(connection)
    return Response(own.telemetry.text(waiting), content_type=CONTENT_TYPE_LATEST)
