"""One picture of several metrics of the same outputs: small multiples, up is better in all of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from math import log10
from typing import Any

from models.curve import ScaleKind
from service.metric_documents import RESCORED
from service.number_format import number_text
from service.plots.frame import AXIS_NAMES
from service.plots.scene import Area, Dot, Line, Mark, Place, Scene, Text, fitted, text_width
from service.report.axes import Axis, decades, log_range, score_texts, ticks
from service.report.texts import plain

WIDTH, HEIGHT, COLUMNS = 286.0, 226.0, 3  # of a panel, in pixels
LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 66.0, 30.0  # margins inside a panel
HEAD, LINE, MOST_LINES, FOOT = 44.0, 15.0, 4, 34.0  # of the whole picture, and of the lines of its sentence
EDGE = 0.06  # of the range of scores, beyond it
SIDE_MARGIN = 0.05
MOST_SCORES, MOST_SCALES = 4, 4
EVEN, UNEVEN = "u_shaped", "inverse"  # blue and vermillion: the pair that all readers tell apart
SMALL, TINY = 11.0, 10.0


def metric_scene(answer: Mapping[str, Any]) -> Scene:
    """The picture of an answer of metric curves, predicted or rescored."""
    metrics = answer["metrics"]
    columns = min(COLUMNS, len(metrics))
    width = columns * WIDTH + 24
    kind = ScaleKind(answer.get("scale_kind", ScaleKind.PARAMETERS))
    told = _lines(answer["summary"], width - 36)
    marks: list[Mark] = list(_head(answer, told, width))
    head = HEAD + LINE * len(told)
    for index, metric in enumerate(metrics):
        left, top = 12 + WIDTH * (index % columns), head + HEIGHT * (index // columns)
        marks += _Panel(metric, kind, left, top).marks()
    height = head + HEIGHT * -(-len(metrics) // columns) + FOOT
    marks += _foot(kind, width, height)
    return Scene(width, height, _title(answer), answer["summary"], tuple(marks))


def scene_name(answer: Mapping[str, Any], suffix: str) -> str:
    """A file name that says what is drawn: `metrics-3-digit-addition.svg`."""
    words = unicodedata.normalize("NFKD", answer.get("task") or answer.get("source") or "").encode("ascii", "ignore")
    slug = re.sub(r"[^a-z0-9]+", "-", words.decode().lower()).strip("-")[:80].rstrip("-")
    return f"metrics-{slug}.{suffix}" if slug else f"metrics.{suffix}"


def _title(answer: Mapping[str, Any]) -> str:
    count = f"{len(answer['metrics'])} metrics"
    if answer["kind"] == RESCORED:
        return f"{plain(answer['task'])}: the same outputs under {count}"
    task = answer.get("task")
    return f"{plain(task)}: {count} implied by its per-token curve" if task else f"One per-token curve under {count}"


def _head(answer: Mapping[str, Any], told: Sequence[str], width: float) -> Iterator[Mark]:
    yield Text((18, 26), fitted(_title(answer), width - 36, 16, bold=True), "ink", 16, bold=True)
    for number, line in enumerate(told):
        yield Text((18, 46 + LINE * number), line, "faint", SMALL, hint=answer["summary"])


def _lines(words: str, room: float) -> list[str]:
    """A sentence on a few lines."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if text_width(longer, SMALL) <= room or not lines[-1]:
            lines[-1] = longer
        elif len(lines) < MOST_LINES:
            lines.append(word)
        else:
            lines[-1] = fitted(longer + " …", room, SMALL)
            break
    return [fitted(line, room, SMALL) for line in lines]


def _foot(kind: ScaleKind, width: float, height: float) -> Iterator[Mark]:
    base = height - 14
    for place, colour, words in ((18, EVEN, "linear and continuous"), (190, UNEVEN, "nonlinear or discontinuous")):
        yield Line((((place, base - 4), (place + 18, base - 4)),), colour, 2.4)
        yield Text((place + 24, base), words, "ink", SMALL)
    note = f"E: emergence score; up is better; {AXIS_NAMES[kind]} on a log scale"
    yield Text((width - 18, base), note, "faint", SMALL, "end")


class _Panel:
    """One metric: its name, what it is like, its scores with the curve through them."""

    def __init__(self, metric: Mapping[str, Any], kind: ScaleKind, left: float, top: float) -> None:
        self._metric, self._kind, self._left, self._top = metric, kind, left, top
        self._curve = _curve(metric)
        points = metric["points"]
        scales = [point["scale"] for point in points]
        values = [value for row in self._curve for value in row[1:]]
        values += [end for point in points for end in _ends(point)]
        self._x = Axis(*log_range(min(scales), max(scales), SIDE_MARGIN), left + LEFT, left + WIDTH - RIGHT)
        low, high = min(values), max(values)
        extra = EDGE * (high - low) or 0.5
        ends = top + HEIGHT - BOTTOM, top + TOP
        self._y = Axis(low - extra, high + extra, *(ends if metric["higher_is_better"] else ends[::-1]))
        self._colour = EVEN if metric["linear"] and metric["continuous"] else UNEVEN

    def marks(self) -> Iterator[Mark]:
        """Everything in the panel."""
        yield from self._words()
        yield from self._axes()
        band = [row for row in self._curve if row[2] < row[3]]
        if len(band) > 1:
            above = [self._at(row[0], row[3]) for row in band]
            below = [self._at(row[0], row[2]) for row in reversed(band)]
            yield Area((*above, *below), self._colour, 0.18)
        yield Line((tuple(self._at(row[0], row[1]) for row in self._curve),), self._colour, 2.2)
        for point in self._metric["points"]:
            yield from self._point(point)

    def _words(self) -> Iterator[Mark]:
        metric, room = self._metric, WIDTH - 18
        place = self._left + 6
        name = metric["name"].replace("_", " ")
        yield Text((place, self._top + 20), fitted(name, room, 13, bold=True), "ink", 13, bold=True, hint=name)
        yield Text((place, self._top + 37), fitted(_figures(metric), room, TINY), "faint", TINY)
        yield Text((place, self._top + 51), fitted(_verdict(metric), room, TINY), "ink", TINY)

    def _axes(self) -> Iterator[Mark]:
        x, y = self._x, self._y
        bottom = self._top + HEIGHT - BOTTOM
        values = ticks(y.low, y.high, MOST_SCORES)
        yield Line(tuple(((x.start, y.at(value)), (x.end, y.at(value))) for value in values), "grid")
        texts = score_texts(values, percent=self._metric.get("kind") == "proportion")
        for value, text in zip(values, texts, strict=True):
            yield Text((x.start - 6, y.at(value) + 4), text, "faint", TINY, "end")
        yield Line((((x.start, bottom), (x.end, bottom)),), "axis")
        for place, text in decades(x.low, x.high, self._kind, MOST_SCALES):
            yield Line((((x.at(place), bottom), (x.at(place), bottom + 4)),), "axis")
            yield Text((x.at(place), bottom + 16), text, "ink", TINY, "middle")

    def _point(self, point: Mapping[str, Any]) -> Iterator[Mark]:
        low, high = _ends(point)
        if low < high and "score" in point:
            yield Line(((self._at(point["scale"], low), self._at(point["scale"], high)),), "ink", 1.2)
        value = _value(point)
        hint = f"{point.get('model') or ''} {number_text(value)}".strip()
        yield Dot(self._at(point["scale"], value), "ink", 3.2, hint)

    def _at(self, scale: float, value: float) -> Place:
        return self._x.at(log10(scale)), self._y.at(value)


def _curve(metric: Mapping[str, Any]) -> Sequence[tuple[float, float, float, float]]:
    """Scale, estimate, lower and upper end: of the averaged curve, or of the predicted points themselves."""
    rows = metric.get("grid") or metric["points"]
    return [(row["scale"], _value(row), *_band(row)) for row in rows]


def _band(row: Mapping[str, Any]) -> tuple[float, float]:
    if row.get("lower") is None or row.get("upper") is None:
        return _value(row), _value(row)
    return row["lower"], row["upper"]


def _value(row: Mapping[str, Any]) -> float:
    return float(row["score"] if "score" in row else row["estimate"])


def _ends(point: Mapping[str, Any]) -> tuple[float, float]:
    """A score with its standard error on both sides."""
    error = point.get("stderr") or 0.0
    return _value(point) - error, _value(point) + error


def _figures(metric: Mapping[str, Any]) -> str:
    """`E = 8.3; rises over 1.3 decades`."""
    emergence = metric.get("emergence") or {}
    sharpness, score = emergence.get("sharpness") or {}, emergence.get("score") or {}
    width = (metric.get("width_decades") or sharpness.get("width_decades") or {}).get("estimate")
    seen = score.get("observed") if score else (metric.get("emergence_score") or {}).get("estimate")
    parts = [
        "" if seen is None else f"E = {number_text(seen, 2)}",
        "" if width is None else f"rises over {number_text(width, 2)} decades",
    ]
    return "; ".join(part for part in parts if part)


def _verdict(metric: Mapping[str, Any]) -> str:
    """`explained by metric: see mean error`."""
    verdict = (metric.get("verdict") or "").replace("_", " ")
    other = metric.get("explained_by")
    return f"{verdict}: see {other.replace('_', ' ')}" if other else verdict
