"""Answers that several routes give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from flask import Response, request, url_for

from service.analyses import LISTED, Answered
from service.csv_export import table_line
from service.derivations import RETRY_AFTER
from service.negotiation import (
    CSV,
    JSON,
    RESPOND_ASYNC,
    conditional,
    json_answer,
    ndjson_lines,
    prefers_background,
    text_answer,
)
from service.store.analyses import StoredAnalysis

POLL_SECONDS = 1  # until a waiting analysis is worth another look
WAITING = ("queued", "running")


def whole(stored: StoredAnalysis, *, new: bool) -> Response:
    """An analysis with its address and entity tag."""
    response = json_answer(stored.document, HTTPStatus.CREATED if new else HTTPStatus.OK)
    response.headers["Location"] = address(stored.id)
    response.set_etag(stored.etag)
    return response


def pending(waiting: Answered | Mapping[str, Any]) -> Response:
    """An analysis that is not there yet: taken in just now, or as it stands."""
    if isinstance(waiting, Mapping):
        response = json_answer(waiting)
        if waiting["status"] in WAITING:
            response.headers["Retry-After"] = str(POLL_SECONDS)
        return response
    response = json_answer({"id": waiting.identifier, "status": "queued"}, HTTPStatus.ACCEPTED)
    response.headers["Location"] = address(waiting.identifier)
    response.headers["Retry-After"] = str(POLL_SECONDS)
    if prefers_background(request):
        response.headers["Preference-Applied"] = RESPOND_ASYNC
    return response


def awaited(location: str) -> Response:
    """What is being computed, and when and where to look for it."""
    response = json_answer({"status": "running"}, HTTPStatus.ACCEPTED)
    response.headers["Location"] = location.rstrip("?")
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def listed(items: Sequence[Mapping[str, Any]], following: str | None, form: str = JSON) -> Response:
    """A page of a list in the form that is wanted; CSV is for analyses alone."""
    if form == JSON:
        response = json_answer({"items": items, "next": following})
    elif form == CSV:
        rows = [table_line(LISTED), *(table_line([item[name] for name in LISTED]) for item in items)]
        response = text_answer("".join(rows), CSV)
    else:
        response = text_answer(b"".join(ndjson_lines(items)), form)
    return conditional(linked(response, following), request)


def linked(response: Response, following: str | None) -> Response:
    """The response with the address of the next page."""
    if following is not None:
        arguments: dict[str, Any] = {**(request.view_args or {}), **request.args.to_dict(), "cursor": following}
        response.headers["Link"] = f'<{url_for(request.endpoint or "", **arguments)}>; rel="next"'
    return response


def address(identifier: str) -> str:
    """Where an analysis is."""
    return url_for("analyses.get_analysis", analysis_id=identifier)
