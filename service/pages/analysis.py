"""The page of one analysis: everything that it says, in the words of people."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from models.emergence_words import emergence_words
from models.model_curves import SMALLEST_WEIGHT
from models.options import UNDETERMINED, Shape
from models.results import Analysis, Interval, PointReport, Turn
from service.number_format import NOTHING, estimate_text, interval_text, number_text, probability_text, scale_text
from service.pages.advice import advice
from service.pages.emergence import emergence_view, reason_words
from service.pages.progress import moment_words
from service.pages.suite_map import label_bar
from service.plots import AXIS_NAMES, curve_svg
from service.report.entries import change_text, in_points
from service.report.texts import change_digits, plain, signed, typeset
from service.schemas.decoding import analysis_of
from service.store.analyses import StoredAnalysis
from service.table_row import matters, setting_text
from service.table_words import LEGEND, NAMES

MODEL_NAMES: Mapping[str, str] = {
    "constant": "constant",
    "at_floor": "constant at chance",
    "at_ceiling": "constant at the ceiling",
    "near_flat": "nearly flat",
    "gentle_line": "gentle line",
    "bent_line": "bent line",
    "quadratic": "quadratic",
    "logistic": "logistic",
    "rise_from_floor": "rise from a floor",
    "two_task": "two tasks",
    "double_logistic": "two steps",
    "token_power_law": "power law of the single token",
    "power_law": "power law",
}
LONGEST_TITLE = 200
LARGEST_LOG_ODDS = 20.0  # beyond it the odds are as good as infinite, and the digits noise
WAITING_WORDS = {
    "queued": "It waits for its turn.",
    "running": "It is being analysed.",
    "failed": "It could not be analysed.",
    "cancelled": "It was cancelled before it was analysed.",
}


def analysis_view(stored: StoredAnalysis) -> dict[str, Any]:
    """The whole page."""
    document = orjson.loads(stored.document)
    analysis = analysis_of(document)
    curve, label = analysis.curve, analysis.classification
    return {
        "analysis_id": stored.id,
        "title": plain(curve.task, LONGEST_TITLE),
        "setting": plain(setting_text(curve)),
        "suite": plain(curve.suite or ""),
        "tags": [(plain(name), plain(value)) for name, value in (curve.tags or {}).items()],
        "summary": typeset(analysis.summary),
        "label": label.label,
        "shape": label.most_probable.value,
        "probability": probability_text(label.probability),
        "figure": curve_svg(analysis),
        "shapes": shapes_view(analysis),
        "models": models_view(analysis),
        "effects": effects_view(analysis),
        "turns": turns_view(analysis),
        "emergence": emergence_view(document["emergence"], curve.scale_kind, emergence_words(analysis)),
        "points": [_point(analysis, point) for point in analysis.points],
        "axis": AXIS_NAMES[curve.scale_kind],
        "warnings": warnings_view(analysis),
        "reasons": [reason_words(reason) for reason in label.reasons],
        "advice": advice(analysis),
        "provenance": provenance_view(analysis, stored),
        "level": f"{100 * analysis.options.interval:g} %",
    }


def waiting_view(document: Mapping[str, Any]) -> dict[str, Any]:
    """The page of an analysis that is not there yet, or never will be."""
    status = str(document["status"])
    error = document.get("error") or {}
    return {
        "analysis_id": document["id"],
        "title": plain(document["curve"].get("task", "") or "One curve", LONGEST_TITLE),
        "status": status,
        "words": WAITING_WORDS.get(status, status),
        "detail": plain(str(error.get("detail", "")), 1000),
        "open": status in ("queued", "running"),
    }


def shapes_view(analysis: Analysis) -> dict[str, Any]:
    """Probability of each shape: as a bar, and as rows, the most probable first."""
    found = analysis.classification
    order = sorted(found.probabilities.items(), key=lambda item: -item[1])
    prior = analysis.options.class_prior
    sensitivity = found.prior_sensitivity
    return {
        "bar": label_bar({shape.value: round(1000 * p) for shape, p in found.probabilities.items()}),
        "rows": [
            {
                "shape": shape.value,
                "name": NAMES[shape],
                "probability": probability_text(p),
                "prior": f"{prior[shape]:g}",
                "factor": _factor(analysis, shape),
            }
            for shape, p in order
        ],
        "robust": found.robust,
        "range": _range(sensitivity.lower, sensitivity.upper),
        "most_probable": NAMES[found.most_probable],
        "threshold": f"{analysis.options.decision_threshold:g}",
        "undetermined": found.label == UNDETERMINED,
    }


def models_view(analysis: Analysis) -> list[dict[str, str]]:
    """Curve models by weight."""
    order = sorted(analysis.fit.models, key=lambda model: -model.weight)
    return [
        {
            "name": model.name,
            "words": MODEL_NAMES.get(model.name, model.name.replace("_", " ")),
            "weight": probability_text(model.weight),
            "width": f"{100 * model.weight:.1f}",
            "drawn": "yes" if model.weight >= SMALLEST_WEIGHT else "",
        }
        for model in order
    ]


def effects_view(analysis: Analysis) -> list[tuple[str, str]]:
    """Changes of performance with their intervals."""
    found = analysis.effects
    rows = [
        ("From the smallest to the largest model", change_text(analysis)),
        ("Largest fall", _size(analysis, found.largest_fall)),
        ("Largest rise", _size(analysis, found.largest_rise)),
        (f"Change per tenfold {AXIS_NAMES[analysis.curve.scale_kind]}", _size(analysis, found.change_per_decade)),
    ]
    return [(name, value) for name, value in rows if value not in ("", NOTHING)]


def turns_view(analysis: Analysis) -> list[dict[str, Any]]:
    """Turns that are probable enough to be told."""
    both = ((Shape.U_SHAPED, analysis.u_turn, "dip"), (Shape.INVERTED_U, analysis.inverted_u_turn, "rise"))
    return [_turn(analysis, shape, turn, first) for shape, turn, first in both if matters(turn, analysis.curve)]


def warnings_view(analysis: Analysis) -> list[str]:
    """What limits the answer, each in a plain sentence."""
    told = [plain(warning.message, 600) for warning in analysis.diagnostics.warnings]
    codes = {warning.code for warning in analysis.diagnostics.warnings}
    label = analysis.classification
    if label.erratic and "erratic" not in codes:
        told.append(LEGEND["erratic"][1])
    if not label.robust and label.label == label.most_probable:
        told.append(LEGEND["not_robust"][1])
    return [_sentence(words) for words in told if words]


def provenance_view(analysis: Analysis, stored: StoredAnalysis) -> list[tuple[str, str]]:
    """What is needed to get the same numbers again."""
    found = analysis.provenance
    return [
        ("Analysed", moment_words(stored.created_at)),
        ("Program", f"scaleshape {found.scaleshape}, engine {analysis.options.engine.value} {found.engine_version}"),
        ("Seed", str(found.seed)),
        ("Between-model scale", f"{found.between_model_scale:.2g} ({found.between_model_scale_source})"),
        ("Smallest effect", f"{found.smallest_effect:.3g}"),
        ("Draws", f"{found.draws:,}"),
        ("Curve (sha256)", found.input_sha256),
    ]


def _sentence(words: str) -> str:
    """With a full stop, and a capital letter unless it begins with the name of a field."""
    named = "_" in words.split(maxsplit=1)[0]
    return f"{words if named else words[0].upper() + words[1:]}{'' if words.endswith('.') else '.'}"


def _turn(analysis: Analysis, shape: Shape, turn: Turn, first: str) -> dict[str, Any]:
    scale = partial(estimate_text, kind=analysis.curve.scale_kind)
    rows = [
        ("Turn", typeset(interval_text(turn.scale, scale))),
        (first.capitalize(), _size(analysis, turn.dip)),
        ("Recovery" if shape is Shape.U_SHAPED else "Fall", _size(analysis, turn.recovery)),
    ]
    for value, words in (
        (turn.probability_end_above_start, "Probability that the end is above the start"),
        (turn.probability_end_above_chance, "Probability that the end is above chance"),
        (turn.probability_no_turn_below_largest, "Probability that there is no turn below the largest model"),
    ):
        if value is not None:
            rows.append((words, probability_text(value)))
    return {"shape": shape.value, "name": NAMES[shape], "probability": probability_text(turn.probability), "rows": rows}


def _point(analysis: Analysis, point: PointReport) -> dict[str, str]:
    write = partial(score_text, analysis)
    fitted = point.fitted
    return {
        "model": plain(point.model or ""),
        "scale": scale_text(point.scale, analysis.curve.scale_kind),
        "score": write(point.score),
        "interval": _ends(write, point.interval.lower, point.interval.upper),
        "fitted": NOTHING if fitted.estimate is None else write(fitted.estimate),
        "examples": NOTHING if point.n_examples is None else f"{point.n_examples:,}",
        "resolution": NOTHING if point.resolution is None else _resolution(analysis, point.resolution),
        "below": "yes" if point.below_resolution else "",
        "needed": NOTHING if point.n_needed is None else f"{point.n_needed:,}",
    }


def score_text(analysis: Analysis, score: float) -> str:
    """A score: in percent where it is a share."""
    return f"{100 * score:.3g} %" if in_points(analysis.curve) else number_text(score, 4)


def _resolution(analysis: Analysis, value: float) -> str:
    return f"{100 * value:.2g} %" if in_points(analysis.curve) else number_text(value, 2)


def _ends(write: Any, lower: float | None, upper: float | None) -> str:
    if lower is None or upper is None:
        return NOTHING
    return f"{write(lower)} to {write(upper)}"


def _size(analysis: Analysis, found: Interval) -> str:
    if found.estimate is None:
        return NOTHING
    factor, unit = (100.0, " points") if in_points(analysis.curve) else (1.0, "")
    digits = change_digits(found, factor)
    text = f"{signed(factor * found.estimate, digits)}{unit}"
    if found.lower is None or found.upper is None:
        return text
    return f"{text} ({signed(factor * found.lower, digits)} to {signed(factor * found.upper, digits)})"


def _range(lower: float | None, upper: float | None) -> str:
    return "" if lower is None or upper is None else f"{probability_text(lower)} to {probability_text(upper)}"


def _factor(analysis: Analysis, shape: Shape) -> str:
    """Evidence against the most probable shape, as odds: `1 : 24`, or `1 : >24` where that is a bound."""
    found = analysis.classification.log_bayes_factors[shape]
    if found.estimate is None or shape is analysis.classification.most_probable:
        return NOTHING
    sign = ">" if found.upper_bound or found.estimate < -LARGEST_LOG_ODDS else ""
    return f"1 : {sign}{number_text(math.exp(min(-found.estimate, LARGEST_LOG_ODDS)), 2)}"
