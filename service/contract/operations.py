"""What is said of an operation beside its schemas: answers, errors, links and bodies."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from service.contract.records import Schema, reference

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"
ALWAYS = (401, 403, 429, 503)  # of everything that needs a key
TEXT: Schema = {"type": "string"}
HEADERS: Mapping[str, dict[str, Any]] = {
    "Location": {"schema": {"type": "string", "format": "uri-reference"}, "description": "Where it is."},
    "ETag": {"schema": TEXT, "description": "Send it back as If-None-Match."},
    "Link": {"schema": TEXT, "description": "rel=next: the next page (RFC 8288)."},
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds after which to look again."},
    "Preference-Applied": {"schema": TEXT, "description": "respond-async, where it was asked for (RFC 7240)."},
}
IF_NONE_MATCH: dict[str, Any] = {
    "in": "header",
    "name": "If-None-Match",
    "schema": TEXT,
    "description": "ETag of what the client has; 304 where that is still it.",
}
PREFER: dict[str, Any] = {
    "in": "header",
    "name": "Prefer",
    "schema": TEXT,
    "description": "respond-async: in the background (RFC 7240).",
    "examples": {"async": {"value": "respond-async"}},
}
IDEMPOTENCY_KEY: dict[str, Any] = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "The same key with the same body is one batch, however often it is sent.",
}

type Content = Mapping[str, Schema | str]


def answer(
    description: str, content: Content | str | None = None, headers: tuple[str, ...] = (), **more: Any
) -> dict[str, Any]:
    """A response; `content` names a JSON component, or gives a schema or component for each media type."""
    response: dict[str, Any] = {"description": description, **more}
    if content is not None:
        response["content"] = media({JSON: content} if isinstance(content, str) else content)
    if headers:
        response["headers"] = {name: HEADERS[name] for name in headers}
    return response


def media(content: Content) -> dict[str, Any]:
    """Media types with their schemas."""
    return {
        name: {"schema": reference(schema) if isinstance(schema, str) else dict(schema)}
        for name, schema in content.items()
    }


def body(content: Content, examples: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """A request body; `examples` by media type and name."""
    described = media(content)
    for name, values in (examples or {}).items():
        described[name]["examples"] = {key: {"value": value} for key, value in values.items()}
    return {"required": True, "content": described}


def operation(
    identifier: str, answers: Mapping[int, dict[str, Any]], errors: tuple[int, ...] = (), **more: Any
) -> dict[str, Any]:
    """The description of an operation; every error refers to the response component of its status."""
    responses: dict[str, Any] = {str(status): answer for status, answer in answers.items()}
    for status in sorted({*errors, *ALWAYS}):
        responses[str(status)] = {"$ref": f"#/components/responses/{HTTPStatus(status).name}"}
    return {"operationId": identifier, "responses": responses, **more}
