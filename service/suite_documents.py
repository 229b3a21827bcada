"""The summary of a suite as it is returned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.suite_curve import SuiteCurve
from models.suite_summary import SuiteOptions, SuiteSummary
from service.schemas.records import encoded
from service.schemas.suite_options import suite_options_document


@dataclass(frozen=True, slots=True)
class PlacedCurve:
    """A curve of a suite with its place in the input and the id of its analysis."""

    index: int
    identifier: str
    curve: SuiteCurve


def summary_document(summary: SuiteSummary, curves: Sequence[PlacedCurve], options: SuiteOptions) -> dict[str, Any]:
    """A summary; each label says which of the curves, given in their order, it belongs to."""
    found: dict[str, Any] = encoded(summary)
    control = found["error_control"]
    control["labels"] = [
        {"index": placed.index, "id": placed.identifier, **label}
        for placed, label in zip(curves, control["labels"], strict=True)
    ]
    return {"kind": "suite", "options": suite_options_document(options), **found}
