"""JSON schema of the problem document, and the responses that errors come as."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from service.contract.curves import strict, told
from service.contract.records import Schema, reference

PROBLEM_JSON = "application/problem+json"
RETRIED = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)

STRING: Schema = {"type": "string"}
EXAMPLE: dict[str, Any] = {
    "type": "/problems/invalid-curve",
    "title": "The curve cannot be used",
    "status": 422,
    "detail": "/points/0/score: 1.2 lies outside the metric's bounds 0 to 1",
    "errors": [{"pointer": "/points/0/score", "message": "1.2 lies outside the metric's bounds 0 to 1"}],
}


def problem_schemas() -> dict[str, Schema]:
    """Components for errors."""
    place = told(STRING, 'JSON pointer into the body, "?name" of a query parameter, or a row of the file.')
    error = strict({"pointer": place, "message": STRING}, ("pointer", "message"))
    properties = {
        "type": told({**STRING, "format": "uri-reference"}, "Stable name of the kind of problem."),
        "title": told(STRING, "What kind of problem it is."),
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": told(STRING, "What happened, why, and what to do."),
        "errors": {"type": "array", "items": error},
        "request_id": told(STRING, "Name of the request in the server's log."),
    }
    needed = ("type", "title", "status", "detail")
    return {"Problem": strict(properties, needed, description="An error (RFC 9457).", examples=[EXAMPLE])}


def error_response(status: HTTPStatus | None) -> dict[str, Any]:
    """The response component of an error; None is any other error."""
    response: dict[str, Any] = {
        "description": "Any other error" if status is None else status.phrase,
        "content": {PROBLEM_JSON: {"schema": reference("Problem")}},
    }
    if status in RETRIED:
        response["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
    return response
