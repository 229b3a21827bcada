"""An analysis as it is returned: the contract's field names and order, plain values only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from models.curve import ScalingCurve
from models.identity import canonical_curve
from models.options import Options
from models.results import Analysis, Diagnostics, Warned
from service.schemas.curve import curve_document
from service.schemas.records import encoded, finite

SUCCEEDED = "succeeded"
NUTS_ONLY = ("r_hat", "ess_bulk", "ess_tail", "divergences", "bfmi")
_PARTS = ("classification", "effects", "u_turn", "inverted_u_turn", "emergence", "points", "fit", "frequentist")


def analysis_document(
    analysis: Analysis, *, identifier: str, created_at: str, elapsed_s: float, warnings: Sequence[Warned] = ()
) -> dict[str, Any]:
    """The response for one analysis; `created_at` as RFC 3339, `warnings` from reading the curve come first.

    All scores are fractions, also those of a curve submitted in percent, and `curve.metric.unit` says so.
    """
    return {
        "id": identifier,
        "status": SUCCEEDED,
        "created_at": created_at,
        "curve": curve_document(analysis.curve),
        "options": options_of(analysis),
        "summary": analysis.summary,
        **{name: encoded(getattr(analysis, name)) for name in _PARTS},
        **_decomposition(analysis),
        "diagnostics": _diagnostics(analysis.diagnostics, warnings),
        "provenance": encoded(analysis.provenance) | {"elapsed_s": finite(elapsed_s)},
    }


def options_of(analysis: Analysis) -> dict[str, Any]:
    """The options block of an analysis."""
    found = analysis.provenance
    return resolved_options(
        analysis.options, smallest_effect=found.smallest_effect, between_model_scale=found.between_model_scale
    )


def resolved_options(options: Options, *, smallest_effect: float, between_model_scale: float) -> dict[str, Any]:
    """Options with the numbers that "not given", "default" and "suite" came to; sent again, they give the same."""
    return {
        "engine": options.engine.value,
        "smallest_effect": finite(smallest_effect),
        "decision_threshold": finite(options.decision_threshold),
        "class_prior": {shape.value: finite(probability) for shape, probability in options.class_prior.items()},
        "interval": finite(options.interval),
        "seed": options.seed,
        "between_model_scale": finite(between_model_scale),
    }


def analysis_identity(curve: ScalingCurve, resolved: Mapping[str, Any], engine_version: int) -> str:
    """Identity of an analysis: hexadecimal sha256 of the canonical curve, the resolved options, the engine version."""
    content = {"curve": canonical_curve(curve), "options": dict(resolved), "engine_version": engine_version}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _decomposition(analysis: Analysis) -> dict[str, Any]:
    if analysis.decomposition is None:
        return {"decomposition": None, "decomposition_reason": analysis.decomposition_reason}
    return {"decomposition": encoded(analysis.decomposition)}


def _diagnostics(diagnostics: Diagnostics, warnings: Sequence[Warned]) -> dict[str, Any]:
    """Figures that only the other engine has are left out; reading's warnings stand before the statistical ones."""
    document: dict[str, Any] = encoded(diagnostics)
    for name in NUTS_ONLY:
        if document[name] is None:
            del document[name], document[f"{name}_reason"]
    document["warnings"] = [*(encoded(warned) for warned in warnings), *document["warnings"]]
    return document
