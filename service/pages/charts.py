"""Curves as the chart in the browser wants them: plain numbers, made once and kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import orjson

from models.curve import ScaleKind
from models.metrics import MetricKind
from models.model_curves import Behind, ModelCurve, behind
from models.options import UNDETERMINED
from models.results import Analysis, GridPoint
from service.number_format import NOTHING, probability_text, scale_text
from service.plots import AXIS_NAMES
from service.report.texts import plain
from service.table_row import setting_text

KEPT = 256  # charts whose draws were made again; some tens of kilobytes each
DIGITS = 6  # significant, of what is drawn


def chart_document(analyses: Sequence[Analysis], behind_first: Behind | None = None) -> dict[str, Any]:
    """Points, intervals and averaged curves; for one curve also the models and turns behind it."""
    first = analyses[0].curve
    kind = first.scale_kind
    document: dict[str, Any] = {
        "axis": AXIS_NAMES[kind],
        "metric": plain(first.metric.name),
        "percent": in_percent(analyses),
        "chance": None if len({a.curve.metric.chance for a in analyses}) > 1 else first.metric.chance,
        "marks": [[scale, scale_text(scale, kind)] for scale in sorted({p.scale for a in analyses for p in a.points})],
        "curves": [_curve(analysis, kind) for analysis in analyses],
    }
    if behind_first is not None:
        document["models"] = [_model(one) for one in behind_first.models]
        document["turns"] = [
            {"shape": turn.shape.value, "scales": _all(turn.scales), "density": _all(turn.density)}
            for turn in behind_first.turns
        ]
    return document


def in_percent(analyses: Sequence[Analysis]) -> bool:
    """Whether scores are written in percent."""
    return all(analysis.curve.metric.kind is MetricKind.PROPORTION for analysis in analyses)


class Charts:
    """Charts of single analyses. Making one takes tens of milliseconds, since the draws are made again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def of(self, identifier: str, analysis: Analysis) -> bytes:
        """The chart of an analysis as JSON; an id stands for the same analysis for ever."""
        with self._lock:
            if identifier in self._kept:
                self._kept.move_to_end(identifier)
                return self._kept[identifier]
        made = orjson.dumps(chart_document([analysis], behind(analysis)))
        with self._lock:
            self._kept[identifier] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made


def _curve(analysis: Analysis, kind: ScaleKind) -> dict[str, Any]:
    label = analysis.classification
    return {
        "name": plain(", ".join(part for part in (analysis.curve.task, setting_text(analysis.curve)) if part)),
        "shape": label.most_probable.value,
        "dashed": label.label == UNDETERMINED,
        "grid": _grid(analysis.fit.grid),
        "points": [
            {
                "scale": point.scale,
                "score": _short(point.score),
                "lower": None if point.interval.lower is None else _short(point.interval.lower),
                "upper": None if point.interval.upper is None else _short(point.interval.upper),
                "name": plain(point.model or scale_text(point.scale, kind)),
                "examples": NOTHING if point.n_examples is None else f"{point.n_examples:,}",
            }
            for point in analysis.points
        ],
    }


def _model(one: ModelCurve) -> dict[str, Any]:
    words = probability_text(one.weight)
    return {"name": one.name, "weight": _short(one.weight), "words": words, "grid": _grid(one.grid)}


def _grid(grid: Sequence[GridPoint]) -> dict[str, list[float]]:
    return {
        "scales": _all([point.scale for point in grid]),
        "estimate": _all([point.estimate for point in grid]),
        "lower": _all([point.lower for point in grid]),
        "upper": _all([point.upper for point in grid]),
    }


def _all(values: Sequence[float]) -> list[float]:
    return [_short(value) for value in values]


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
