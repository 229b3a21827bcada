"""Errors for people in front of a browser; everyone else gets the problem document."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Request, Response

from service.incoming import READING
from service.pages.rendering import TEXT_HTML, page, wants_part

NO_PAGES = ("/v1/", "/health/", "/metrics", "/openapi.json", "/static/", "/docs/")
# Of a refused upload that is still read: a browser sees the page only after it has sent everything.
DRAINED_BYTES = 1 << 30
BLOCK_BYTES = 1 << 18
MOST_ERRORS = 20
HEADINGS: Mapping[int, str] = {
    400: "This request could not be read",
    401: "Please sign in",
    403: "This is not allowed",
    404: "There is nothing here",
    405: "This address takes no such request",
    409: "Not now",
    413: "This is too large",
    415: "This kind of file is not read",
    422: "This could not be used",
    429: "Too many requests",
    503: "The server cannot answer now",
}
REMEDIES: Mapping[int, str] = {
    404: "It may have been removed, or the address may be incomplete. The start page lists what is stored.",
    413: "Split the file, or submit it with the command: scaleshape submit FILE.",
    415: "Send a CSV, NDJSON, JSON or Parquet file, results of an evaluation harness, or a zip of them.",
    422: "Correct the places named above and send it again. Nothing was stored.",
    500: "This is a fault of the program. The server's log tells more under the id below.",
    503: "Nothing that was acknowledged is lost. Wait a moment, then load the page again.",
}


def wants_page(request: Request) -> bool:
    """Whether a browser asks for a page, rather than a program for data."""
    if request.path.startswith(NO_PAGES):
        return False
    return any(kind.lower() == TEXT_HTML for kind, _ in request.accept_mimetypes)


def error_page(problem: Mapping[str, Any], request: Request) -> Response:
    """The problem as a page, or as a part of one where htmx asks."""
    status = int(problem["status"])
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        _drain(request)
    if status == HTTPStatus.UNAUTHORIZED and not wants_part(request):
        again = request.method in READING
        view = {"wanted": request.full_path.rstrip("?") if again else "/", "refused": "", "sent": not again}
        return page("sign_in.html.j2", view, status)
    template = "error_part.html.j2" if wants_part(request) else "error.html.j2"
    response = page(template, error_view(problem), status)
    if status == HTTPStatus.NOT_FOUND and wants_part(request):
        response.headers["HX-Refresh"] = "true"  # the page around it is gone as well
    return response


def error_view(problem: Mapping[str, Any]) -> dict[str, Any]:
    """What is told of a problem: what happened, every place that is wrong, what to do."""
    status, errors = int(problem["status"]), problem.get("errors", ())
    return {
        "status": status,
        "heading": HEADINGS.get(status, problem["title"]),
        "detail": problem["detail"],
        "errors": [{"place": place_words(one["pointer"]), "message": one["message"]} for one in errors[:MOST_ERRORS]],
        "more": max(0, len(errors) - MOST_ERRORS),
        "remedy": REMEDIES.get(status, ""),
        "request_id": problem.get("request_id", ""),
    }


def place_words(pointer: str) -> str:
    """Where a problem is, as people say it: /points/0/score is points 1, score."""
    if not pointer.startswith("/"):
        return pointer.removeprefix("?")
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]
    words: list[str] = []
    for part in parts:
        if part.isdecimal() and words:
            words[-1] = f"{words[-1]} {int(part) + 1}"
        else:
            words.append(part)
    return ", ".join(words)


def _drain(request: Request) -> None:
    """Read what the browser still sends, which looks at the answer only after it has sent everything."""
    left = DRAINED_BYTES
    stream = request.environ["wsgi.input"]
    while left > 0 and (block := stream.read(min(BLOCK_BYTES, left))):
        left -= len(block)
