"""Every error as a problem document over HTTP: the program's own, the framework's, and the unforeseen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import orjson
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from models.errors import Problem, ScaleshapeError
from service.contract.problems import PROBLEM_JSON
from service.errors import problem_document
from service.logs import logger
from service.pages.error_pages import error_page, wants_page
from service.schemas.problems import UNKNOWN_FIELD, unknown

KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")
UNFORESEEN = "the server failed on this request; its log tells more under the request's id"
_DETAILS: Mapping[int, str] = {
    404: "there is nothing at this address",
    405: "this address does not take this method; the Allow header names those that it takes",
    429: "too many requests: wait as long as Retry-After says",
}


def register_error_handlers(app: Flask) -> None:
    """Answer every error of the app with a problem document."""
    app.register_error_handler(ScaleshapeError, _own)
    app.register_error_handler(HTTPException, _of_framework)
    app.register_error_handler(Exception, _unforeseen)


def problem_response(document: Mapping[str, Any]) -> Response:
    """A problem document with the status that it names, and with the id of the request; a page for a browser."""
    identifier = g.get("request_id")
    content = {**document, **({"request_id": identifier} if identifier else {})}
    if wants_page(request):
        return error_page(content, request)
    return Response(orjson.dumps(content), document["status"], mimetype=PROBLEM_JSON)


def _own(error: ScaleshapeError) -> Response:
    response = problem_response(problem_document(error))
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger("web").error("failed", error=str(error), kind=type(error).__name__, status=response.status_code)
    wait = getattr(error, "retry_after", None)
    if wait is not None:
        response.headers["Retry-After"] = str(wait)
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _of_framework(error: HTTPException) -> WerkzeugResponse:
    code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    if code < HTTPStatus.BAD_REQUEST:
        return error.get_response()
    response = problem_response(_document(error, HTTPStatus(code)))
    for name, value in error.get_headers():
        if name in KEPT_HEADERS:
            response.headers[name] = value
    return response


def _document(error: HTTPException, status: HTTPStatus) -> dict[str, Any]:
    document: dict[str, Any] = {
        "type": f"/problems/{status.name.lower().replace('_', '-')}",
        "title": status.phrase,
        "status": status.value,
        "detail": _DETAILS.get(status, error.description or status.description or status.phrase),
    }
    told = getattr(error, "data", {})  # by webargs
    messages = told.get("messages")
    if messages:
        problems = tuple(_query_problems(messages, getattr(told.get("schema"), "fields", {})))
        document["detail"] = "; ".join(map(str, problems))
        document["errors"] = [{"pointer": problem.pointer, "message": problem.message} for problem in problems]
    return document


def _query_problems(messages: Mapping[str, Mapping[str, Any]], known: Iterable[str]) -> Iterator[Problem]:
    for fields in messages.values():
        for name, told in sorted(fields.items()):
            for message in told if isinstance(told, list) else [str(told)]:
                told_better = unknown(name, known, "parameter") if message == UNKNOWN_FIELD else message
                yield Problem(f"?{name}", told_better)


def _unforeseen(error: Exception) -> Response:
    logger("web").error("crashed", exc_info=error)
    return problem_response(
        {"type": "/problems/internal-error", "title": "Internal error", "status": 500, "detail": UNFORESEEN}
    )
