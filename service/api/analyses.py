"""Routes of single analyses."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, request

from service.access import needs
from service.analyses import analyse_later, analyse_now, asked_curve, find, remove, summary_document
from service.analyses import etag as stored_etag
from service.api.answers import listed, pending, whole
from service.api.blueprint import Routes
from service.bodies import json_body
from service.contract import paths
from service.failures import Conflict
from service.negotiation import CSV, JSON, NDJSON, conditional, prefers_background, wanted
from service.parts import parts
from service.pictures import picture
from service.schemas.queries import AnalysesQuery, PlotQuery
from service.store import analyses as store
from service.store.filters import Filter

blueprint = Routes("analyses", __name__, url_prefix="/v1", description="Curves and what was found out about them.")


@blueprint.at("POST", "/analyses", paths.CREATE_ANALYSIS)
def create_analysis() -> Response:
    """Analyse one curve.

    The same curve, options and engine version are one analysis: sent again, the stored one comes back. With
    `Prefer: respond-async` or the engine `nuts` it waits in the queue, and its address tells when it is there.
    """
    needs("write")
    own = parts()
    asked = asked_curve(json_body(request, own.settings.max_body_bytes), own.settings)
    later = asked.slow or prefers_background(request)
    answered = (
        analyse_later(own.database, own.settings, asked) if later else analyse_now(own.database, own.inline, asked)
    )
    own.telemetry.answered(answered.how)
    return pending(answered) if answered.stored is None else whole(answered.stored, new=answered.how == "computed")


@blueprint.at("GET", "/analyses", paths.LIST_ANALYSES)
@blueprint.asks(AnalysesQuery)
def list_analyses(query: dict[str, Any]) -> Response:
    """List stored analyses.

    In pages, as JSON, NDJSON or CSV by Accept; the Link header names the next page in every form.
    """
    needs("read")
    form = wanted(request, (JSON, NDJSON, CSV))
    limit, cursor, sort = query.pop("limit"), query.pop("cursor", None), query.pop("sort")
    with parts().database.reading() as connection:
        page = store.page(connection, Filter(**query), sort, limit, cursor)
    return listed([summary_document(item) for item in page.items], page.next, form)


@blueprint.at("GET", "/analyses/<string:analysis_id>", paths.GET_ANALYSIS, paths.ANALYSIS_ID)
def get_analysis(analysis_id: str) -> Response:
    """Read one analysis, or how far it is."""
    needs("read")
    database = parts().database
    etag = stored_etag(database, analysis_id) if request.if_none_match else None
    if etag is not None and request.if_none_match.contains_weak(etag):
        return Response(status=HTTPStatus.NOT_MODIFIED, headers={"ETag": f'"{etag}"'})
    found = find(database, analysis_id)
    return pending(found) if isinstance(found, dict) else whole(found, new=False)


@blueprint.at("DELETE", "/analyses/<string:analysis_id>", paths.DELETE_ANALYSIS, paths.ANALYSIS_ID)
def delete_analysis(analysis_id: str) -> Response:
    """Remove one analysis, or take one back that waits."""
    needs("admin")
    remove(parts().database, analysis_id)
    return Response(status=HTTPStatus.NO_CONTENT)


@blueprint.at("GET", "/analyses/<string:analysis_id>/plot", paths.PLOT_ANALYSIS, paths.ANALYSIS_ID)
@blueprint.asks(PlotQuery)
def plot_analysis(query: dict[str, Any], analysis_id: str) -> Response:
    """Draw one analysis, as SVG or PNG, light or dark."""
    needs("read")
    found = find(parts().database, analysis_id)
    if isinstance(found, dict):
        raise Conflict(f"the analysis is {found['status']}: there is nothing to draw yet")
    return conditional(picture(found, query, request), request)
