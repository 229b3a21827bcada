"""The pages of single analyses, and of several side by side."""

from __future__ import annotations

import orjson
from flask import Blueprint, Response, request

from models.options import DEFAULT_INTERVAL
from models.results import Analysis
from service.access import needs
from service.analyses import find
from service.comparisons import ComparisonAsked, comparison, stored_analyses
from service.csv_export import analysis_line, header_line
from service.failures import Conflict
from service.negotiation import CSV, JSON, text_answer
from service.pages.analysis import analysis_view, waiting_view
from service.pages.compare import FEWEST, asked_ids, compare_view, difference_view
from service.pages.rendering import page, wants_part
from service.parts import parts
from service.schemas.decoding import analysis_of

blueprint = Blueprint("analysis_pages", __name__)


@blueprint.get("/analyses/<string:analysis_id>")
def analysis(analysis_id: str) -> Response:
    """One analysis, or how far it is."""
    needs("read")
    found = find(parts().database, analysis_id)
    if isinstance(found, dict):
        return page("analysis_waiting.html.j2", waiting_view(found))
    return page("analysis.html.j2", analysis_view(found))


@blueprint.get("/analyses/<string:analysis_id>/chart.json")
def chart(analysis_id: str) -> Response:
    """The numbers of the picture, with the curve of each curve model."""
    needs("read")
    response = Response(parts().charts.of(analysis_id, _stored(analysis_id)), mimetype=JSON)
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


@blueprint.get("/analyses/<string:analysis_id>.csv")
def table(analysis_id: str) -> Response:
    """The analysis as a table of one row."""
    needs("read")
    response = text_answer([header_line(), analysis_line(0, _stored(analysis_id))], CSV)
    response.headers["Content-Disposition"] = f'attachment; filename="{analysis_id[:12]}.csv"'
    return response


@blueprint.get("/compare")
def compare() -> Response:
    """Curves side by side."""
    needs("read")
    ids = asked_ids(request.args.getlist("ids"))
    if len(ids) < FEWEST:
        return page("compare_none.html.j2", {"count": len(ids)})
    view = compare_view(stored_analyses(parts().database, ids))
    return page("compare.html.j2", {**view, "differences": None})


@blueprint.get("/compare/differences")
def differences() -> Response:
    """How probably every two of the curves differ, and in what."""
    needs("read")
    own, ids = parts(), asked_ids(request.args.getlist("ids"))
    stored = stored_analyses(own.database, ids)
    found = comparison(ComparisonAsked(ids, (), DEFAULT_INTERVAL), own.database, own.inline)
    view = {**compare_view(stored), "differences": difference_view(found, stored[0].analysis.curve.scale_kind)}
    return page("compare_differences.html.j2" if wants_part(request) else "compare.html.j2", view)


def _stored(analysis_id: str) -> Analysis:
    found = find(parts().database, analysis_id)
    if isinstance(found, dict):
        raise Conflict(f"the analysis is {found['status']}: there is nothing to draw yet")
    return analysis_of(orjson.loads(found.document))
