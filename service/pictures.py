"""Pictures of stored analyses."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from flask import Request, Response

from service.negotiation import wanted
from service.palette import ThemeName
from service.plots import plot_bytes
from service.schemas.decoding import analysis_of
from service.store.analyses import StoredAnalysis

TYPES = {"svg": "image/svg+xml", "png": "image/png"}


def picture(stored: StoredAnalysis, asked: Mapping[str, str], request: Request) -> Response:
    """The picture in the format and theme that are named; without a format, the one that is accepted.

    Raises `NotAcceptable`.
    """
    accepted = {mimetype: name for name, mimetype in TYPES.items()}
    form = asked.get("format") or accepted[wanted(request, tuple(accepted))]
    analysis = analysis_of(orjson.loads(stored.document))
    theme: ThemeName = "dark" if asked["theme"] == "dark" else "light"
    response = Response(plot_bytes(analysis, "svg" if form == "svg" else "png", theme), mimetype=TYPES[form])
    response.vary.add("Accept")
    return response
