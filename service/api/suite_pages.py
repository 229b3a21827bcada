"""The page of a suite and the parts of it that come later."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from service.access import needs
from service.batch_documents import csv_results, ndjson_results
from service.negotiation import CSV, NDJSON, text_answer
from service.pages.progress import suite_progress
from service.pages.rendering import page, wants_part
from service.pages.suite import figures, find, is_summed_up, suite_view, table_view
from service.pages.suite_table import table_state
from service.parts import parts
from service.suites import found_batch, stop_batch

LOOK_AGAIN_S = 2
blueprint = Blueprint("suite_pages", __name__)


@blueprint.get("/suites/<string:batch_id>")
def suite(batch_id: str) -> Response:
    """A suite with its table; htmx gets the table alone."""
    needs("read")
    state, part = table_state(request.args), wants_part(request)
    found = find(parts().database, batch_id, state, with_map=not part)
    return page("suite_table.html.j2", table_view(found)) if part else page("suite.html.j2", suite_view(found))


@blueprint.get("/suites/<string:batch_id>/progress")
def progress(batch_id: str) -> Response:
    """How far a suite is; when it is done, the browser loads the page anew."""
    needs("read")
    told = suite_progress(found_batch(parts().database, batch_id))
    response = page("suite_progress.html.j2", {"progress": told, "suite_id": batch_id})
    if not told.open:
        response.headers["HX-Refresh"] = "true"
    return response


@blueprint.get("/suites/<string:batch_id>/figures")
def suite_figures(batch_id: str) -> Response:
    """What is drawn of the whole suite, or that it is being computed."""
    needs("read")
    found = figures(parts().database, parts().derivations, batch_id)
    template = "suite_figures.html.j2" if wants_part(request) else "suite_figures_page.html.j2"
    return page(template, {"figures": found, "suite_id": batch_id})


@blueprint.get("/suites/<string:batch_id>/report")
def suite_report(batch_id: str) -> WerkzeugResponse:
    """On to the report, or a page that waits for it."""
    needs("read")
    if is_summed_up(parts().database, parts().derivations, batch_id):
        return redirect(url_for("suites.get_report", batch_id=batch_id), HTTPStatus.SEE_OTHER)
    waiting = page("suite_report.html.j2", {"suite_id": batch_id}, HTTPStatus.ACCEPTED)
    waiting.headers["Refresh"] = str(LOOK_AGAIN_S)
    return waiting


@blueprint.get("/suites/<string:batch_id>/results.<any(csv, ndjson):form>")
def results(form: str, batch_id: str) -> Response:
    """All results that there are, as a file."""
    needs("read")
    database = parts().database
    found_batch(database, batch_id)
    rows = csv_results(database, batch_id) if form == "csv" else ndjson_results(database, batch_id)
    response = text_answer(rows, CSV if form == "csv" else NDJSON)
    response.headers["Content-Disposition"] = f'attachment; filename="suite-{batch_id[:8]}.{form}"'
    return response


@blueprint.post("/suites/<string:batch_id>/cancel")
def cancel_suite(batch_id: str) -> WerkzeugResponse:
    """Stop a suite; what is finished stays."""
    needs("write")
    stop_batch(parts().database, batch_id)
    return redirect(url_for("suite_pages.suite", batch_id=batch_id), HTTPStatus.SEE_OTHER)
