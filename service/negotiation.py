"""Which form of an answer a client wants, and answers in that form."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.request import parse_http_list

import orjson
from flask import Request, Response

from service.failures import NotAcceptable

JSON = "application/json"
NDJSON = "application/x-ndjson"
CSV = "text/csv"
PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

RESPOND_ASYNC = "respond-async"
_RESPOND_ASYNC = re.compile(rf'{RESPOND_ASYNC}\s*(=\s*"")?\s*(;.*)?', re.IGNORECASE | re.DOTALL)


def wanted(request: Request, offered: Sequence[str]) -> str:
    """The form that the Accept header likes best, the first one offered where it says nothing.

    Raises `NotAcceptable` where it takes none of them.
    """
    if "Accept" not in request.headers:
        return offered[0]
    best = request.accept_mimetypes.best_match(offered)
    if best is None:
        raise NotAcceptable(f"this address gives {', '.join(offered)}")
    return str(best)


def prefers_background(request: Request) -> bool:
    """Whether the Prefer header asks for an answer later (RFC 7240, section 4.1)."""
    preferences = parse_http_list(request.headers.get("Prefer", ""))
    return any(_RESPOND_ASYNC.fullmatch(preference) for preference in preferences)


def json_answer(document: Mapping[str, Any] | bytes, status: int = HTTPStatus.OK) -> Response:
    """A JSON answer, of a document or of its text."""
    content = document if isinstance(document, bytes) else orjson.dumps(document)
    return _varying(Response(content, status, mimetype=JSON))


def text_answer(content: str | bytes | Iterable[str] | Iterable[bytes], mimetype: str) -> Response:
    """A CSV or NDJSON answer; an iterator is streamed."""
    response = Response(content, mimetype=mimetype)
    if mimetype == CSV:
        response.headers["Content-Type"] = "text/csv; charset=utf-8; header=present"
    return _varying(response)


def html_answer(content: bytes) -> Response:
    """A page that stands alone: its own styles and pictures, no script, nothing from elsewhere."""
    response = Response(content, mimetype="text/html")
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def ndjson_lines(documents: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """One document a line."""
    return (orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE) for document in documents)


def conditional(response: Response, request: Request, etag: str | None = None) -> Response:
    """The response with its ETag; empty with 304 where the client has it already."""
    response.set_etag(etag or hashlib.sha256(response.get_data()).hexdigest())
    if request.if_none_match.contains_weak(response.get_etag()[0] or ""):
        unchanged = Response(status=HTTPStatus.NOT_MODIFIED)
        for name in ("ETag", "Vary", "Link"):
            if name in response.headers:
                unchanged.headers[name] = response.headers[name]
        return unchanged
    return response


def _varying(response: Response) -> Response:
    response.vary.add("Accept")
    return response
