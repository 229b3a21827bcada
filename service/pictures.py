"""Pictures of stored analyses."""

from __future__ import annotations

import orjson
from flask import Request, Response

from service.negotiation import wanted
from service.schemas.decoding import analysis_of
from service.store.analyses import StoredAnalysis

TYPES = {"svg": "image/svg+xml", "png": "image/png"}


def picture(stored: StoredAnalysis, asked: str | None, request: Request) -> Response:
    """The picture in the form that is named, or else the one that is accepted; raises `NotAcceptable`."""
    from service.plots import plot_bytes  # matplotlib is not loaded before a picture is wanted

    accepted = {mimetype: name for name, mimetype in TYPES.items()}
    form = asked or accepted[wanted(request, tuple(accepted))]
    analysis = analysis_of(orjson.loads(stored.document))
    response = Response(plot_bytes(analysis, "svg" if form == "svg" else "png"), mimetype=TYPES[form])
    response.vary.add("Accept")
    return response
