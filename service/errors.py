"""The one table from a domain error to an RFC 9457 problem document."""

from __future__ import annotations

from typing import Any

from models.errors import EngineError, InvalidCurve, InvalidInput, InvalidOptions, ScaleshapeError

# The first row whose class fits; from the special to the general.
_TABLE: tuple[tuple[type[ScaleshapeError], str, str, int], ...] = (
    (InvalidCurve, "invalid-curve", "The curve cannot be used", 422),
    (InvalidOptions, "invalid-options", "The options cannot be used", 422),
    (InvalidInput, "invalid-input", "The input cannot be used", 422),
    (EngineError, "engine-failed", "The analysis failed", 500),
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
