"""The one table from a domain error to an RFC 9457 problem document."""

from __future__ import annotations

from typing import Any

from models.errors import EngineError, InvalidCurve, InvalidInput, InvalidOptions, ScaleshapeError
from service import failures

# The first row whose class fits; from the special to the general.
_TABLE: tuple[tuple[type[ScaleshapeError], str, str, int], ...] = (
    (InvalidCurve, "invalid-curve", "The curve cannot be used", 422),
    (InvalidOptions, "invalid-options", "The options cannot be used", 422),
    (InvalidInput, "invalid-input", "The input cannot be used", 422),
    (EngineError, "engine-failed", "The analysis failed", 500),
    (failures.NotFound, "not-found", "There is no such thing", 404),
    (failures.Conflict, "conflict", "The state does not allow it", 409),
    (failures.MalformedInput, "malformed-input", "The request cannot be read", 400),
    (failures.StaleCursor, "stale-cursor", "The cursor belongs to another query", 422),
    (failures.KeyReused, "key-reused", "The idempotency key was used with another body", 422),
    (failures.TooLarge, "too-large", "The request is above a limit", 413),
    (failures.Unsupported, "unsupported-media-type", "The form of the body is not read", 415),
    (failures.NotAcceptable, "not-acceptable", "No form of the answer is accepted", 406),
    (failures.NotAuthenticated, "not-authenticated", "An API key is needed", 401),
    (failures.NotAllowed, "not-allowed", "The API key may not do this", 403),
    (failures.RateLimited, "rate-limited", "Too many requests", 429),
    (failures.QueueFull, "queue-full", "Too much work waits", 503),
    (failures.DatabaseUnavailable, "database-unavailable", "The database cannot be used now", 503),
    (failures.SchemaOutdated, "schema-outdated", "The database is of another version", 503),
    (failures.Busy, "busy", "Not now", 503),
    (ScaleshapeError, "failed", "The request failed", 500),
)


def problem_document(error: ScaleshapeError) -> dict[str, Any]:
    """The problem document of an error; `errors` names each place that is wrong."""
    _, name, title, status = next(row for row in _TABLE if isinstance(error, row[0]))
    document: dict[str, Any] = {
        "type": f"/problems/{name}",
        "title": title,
        "status": status,
        "detail": str(error),
    }
    if isinstance(error, InvalidInput):
        document["errors"] = [{"pointer": problem.pointer, "message": problem.message} for problem in error.problems]
    return document
