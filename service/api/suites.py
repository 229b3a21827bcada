"""Routes of what is said of a whole batch."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Response, request

from service.access import needs
from service.api.answers import awaited
from service.api.blueprint import Routes
from service.contract import paths
from service.derivations import parted
from service.negotiation import conditional, html_answer, json_answer
from service.parts import parts
from service.schemas.queries import SuiteQuery
from service.schemas.suite_options import load_suite_options
from service.summaries import of_batch

blueprint = Routes("suites", __name__, url_prefix="/v1", description="What is said of a batch as a whole.")


@blueprint.at("GET", "/batches/<string:batch_id>/summary", paths.GET_SUMMARY, paths.BATCH_ID)
@blueprint.asks(SuiteQuery)
def get_summary(query: dict[str, Any], batch_id: str) -> Response:
    """Sum up a batch.

    Prevalence of the shapes, false labels and which labels to keep, turns and changes pooled, what explains them. It
    is computed when it is first asked for, which takes seconds; poll as Retry-After says.
    """
    needs("read")
    return _answered(batch_id, query, lambda found: json_answer(parted(found)[0]), "summary")


@blueprint.at("GET", "/batches/<string:batch_id>/report", paths.GET_REPORT, paths.BATCH_ID)
@blueprint.asks(SuiteQuery)
def get_report(query: dict[str, Any], batch_id: str) -> Response:
    """Read a batch as a report, one page that needs nothing else.

    It is made together with the summary when either is first asked for, which takes seconds; poll as Retry-After says.
    """
    needs("read")
    return _answered(batch_id, query, lambda found: html_answer(parted(found)[1]), "report")


def _answered(batch_id: str, query: dict[str, Any], write: Callable[[bytes], Response], part: str) -> Response:
    """The part that is asked for with its ETag; nothing is computed for a client that has it."""
    wanted = of_batch(parts().database, batch_id, load_suite_options(query))
    etag = f"{wanted.key}-{part}"
    if request.if_none_match.contains_weak(etag):
        return Response(status=HTTPStatus.NOT_MODIFIED, headers={"ETag": f'"{etag}"'})
    found = wanted.ask(parts().derivations)
    return awaited(request.full_path) if found is None else conditional(write(found), request, etag)
