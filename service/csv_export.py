"""One flat CSV row a curve, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from models.options import Shape
from models.results import Analysis, Interval

# OWASP, CSV injection: a cell that begins so may be run as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_CURVE = ("task", "metric", "prompting", "model_family", "suite", "scale_kind", "n_scales")
_CLASSIFICATION = ("label", "most_probable", "probability", "probability_mcse", "robust", "erratic", "reasons")
_EFFECTS = ("net_change", "largest_fall", "largest_rise", "change_per_decade")
_TURNS = ("u_turn", "inverted_u_turn")
_EMERGENCE = ("observed", "estimate", "lower", "upper")
_ENDS = ("estimate", "lower", "upper")
COLUMNS = (
    "index",
    "status",
    *_CURVE,
    *_CLASSIFICATION,
    *(f"probability_{shape}" for shape in Shape),
    *(f"{effect}_{end}" for effect in _EFFECTS for end in _ENDS),
    *(f"{turn}_{end}" for turn in _TURNS for end in ("probability", *_ENDS)),
    *(f"emergence_score_{end}" for end in _EMERGENCE),
    "flat_p_value",
    "smooth_p_value",
    "verdict",
    "verdict_reasons",
    "between_model_scale",
    "warnings",
    "summary",
    "input_sha256",
    "error",
)


def header_line() -> str:
    """The names of the columns."""
    return _line(COLUMNS)


def analysis_line(index: int, analysis: Analysis) -> str:
    """The row of an analysis; what is undefined is empty."""
    score, null = analysis.emergence.score, analysis.emergence.null
    cells: dict[str, Any] = {"index": index, "status": "succeeded", **_curve_cells(analysis)}
    cells |= _classification_cells(analysis)
    cells |= {
        f"{name}_{end}": value for name in _EFFECTS for end, value in _ends(getattr(analysis.effects, name)).items()
    }
    for name in _TURNS:
        turn = getattr(analysis, name)
        cells |= {f"{name}_{end}": value for end, value in _ends(turn.scale).items()}
        cells[f"{name}_probability"] = turn.probability
    cells |= {f"emergence_score_{end}": getattr(score, end) for end in _EMERGENCE}
    cells |= {"flat_p_value": null.flat_p_value, "smooth_p_value": null.smooth_p_value}
    cells |= {"verdict": analysis.emergence.verdict, "verdict_reasons": _joined(analysis.emergence.verdict_reasons)}
    cells |= {
        "between_model_scale": analysis.provenance.between_model_scale,
        "warnings": _joined(warning.code for warning in analysis.diagnostics.warnings),
        "summary": analysis.summary,
        "input_sha256": analysis.provenance.input_sha256,
    }
    return _row(cells)


def failure_line(index: int, names: Mapping[str, str], message: str) -> str:
    """The row of a curve that could not be analysed."""
    known = {name: names.get(name) for name in ("task", "metric", "prompting", "model_family", "suite")}
    return _row({"index": index, "status": "failed", **known, "error": message})


def table_line(cells: Iterable[object]) -> str:
    """A row of any other table."""
    return _line(map(_cell, cells))


def formula_safe(text: str) -> str:
    """Text that no spreadsheet runs."""
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA_STARTS) else text


def without_quote(cell: str) -> str:
    """The text of which `formula_safe` made a cell."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA_STARTS) else cell


def _curve_cells(analysis: Analysis) -> dict[str, Any]:
    curve = analysis.curve
    cells = {
        name: getattr(curve, name) for name in ("task", "prompting", "model_family", "suite", "scale_kind", "n_scales")
    }
    return {**cells, "metric": curve.metric.name}


def _classification_cells(analysis: Analysis) -> dict[str, Any]:
    classification = analysis.classification
    cells = {name: getattr(classification, name) for name in _CLASSIFICATION if name != "reasons"}
    cells["reasons"] = _joined(classification.reasons)
    return cells | {f"probability_{shape}": value for shape, value in classification.probabilities.items()}


def _ends(interval: Interval) -> dict[str, float | None]:
    return {end: getattr(interval, end) for end in _ENDS}


def _joined(codes: Iterable[str]) -> str:
    return ";".join(dict.fromkeys(codes))


def _row(cells: Mapping[str, Any]) -> str:
    return _line(_cell(cells.get(name)) for name in COLUMNS)


def _cell(value: object) -> str:
    """Text; floats with all their digits, booleans as JSON writes them."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    return formula_safe(value) if isinstance(value, str) else str(value)


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)  # the writer quotes the characters of its line end
    return text.getvalue().removesuffix("\r\n") + "\n"
