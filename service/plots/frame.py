"""The frame of a picture of curves: both axes with their labels, the grid, chance, the language models by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import log10

from models.curve import ScaleKind, ScalingCurve
from models.metrics import Metric, MetricKind
from service.number_format import scale_text
from service.plots.scene import Line, Mark, Text, fitted, text_width
from service.report.axes import Axis, log_range, score_texts, ticks
from service.report.texts import plain

WIDTH = 640.0
LEFT, RIGHT = 62.0, 622.0
MARGIN = 18.0  # of words, from the picture's edge
SIDE_MARGIN = 0.035  # of the scale axis, on both sides
SMALLEST_VIEW = 0.1  # of the metric's range: closer up, noise would look like a trend
EDGE = 0.03  # of the view, beyond a metric's bound
MOST_SCORES = 6
SMALL, TINY = 11.0, 9.5
TICK_GAP = 10.0  # between labels of neighbouring scales
NAME_GAP = 8.0  # between names of neighbouring models
LEAST_SHOWN = 0.6  # of a name's width; names cut shorter than this are left to the pointer
SIGNS = " -_/"  # between the words of a model's name
JOINTS = re.compile(r"(?<=[ \-_/])|(?=[ \-_/])")
AXIS_NAMES = {
    ScaleKind.PARAMETERS: "parameters",
    ScaleKind.TRAINING_FLOPS: "training FLOPs",
    ScaleKind.TRAINING_TOKENS: "training tokens",
    ScaleKind.OTHER: "scale",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """Where log10 scales and scores are drawn. `below` is the first pixel under everything that belongs to the axes."""

    x: Axis
    y: Axis
    below: float

    def scale(self, scale: float) -> float:
        """The pixel of a scale."""
        return self.x.at(log10(scale))

    def score(self, score: float) -> float:
        """The pixel of a score."""
        return self.y.at(score)


def scale_axis(scales: Iterable[float]) -> Axis:
    """From the smallest to the largest scale, with a margin."""
    given = list(scales)
    return Axis(*log_range(min(given), max(given), SIDE_MARGIN), LEFT, RIGHT)


def score_axis(metric: Metric, scores: Iterable[float | None], top: float, bottom: float) -> Axis:
    """All that is to be seen; within a metric's bounds, and not too close up."""
    given = [score for score in scores if score is not None]
    low, high = min(given), max(given)
    if metric.kind is MetricKind.UNBOUNDED or metric.lower is None or metric.upper is None:
        margin = 0.05 * (high - low) or 0.5
        return Axis(low - margin, high + margin, bottom, top)
    span = max(high - low, SMALLEST_VIEW * metric.width)
    middle = min(max((low + high) / 2, metric.lower + span / 2), metric.upper - span / 2)
    return Axis(middle - (0.5 + EDGE) * span, middle + (0.5 + EDGE) * span, bottom, top)


def grid_marks(frame: Frame) -> Iterator[Mark]:
    """Lines at round scores, to be drawn first."""
    x, y = frame.x, frame.y
    values = ticks(y.low, y.high, MOST_SCORES)
    yield Line(tuple(((x.start, y.at(value)), (x.end, y.at(value))) for value in values), "grid")


def frame_marks(frame: Frame, metric: Metric) -> Iterator[Mark]:
    """Scores beside the grid, the metric's name above, and both axes."""
    x, y = frame.x, frame.y
    values = ticks(y.low, y.high, MOST_SCORES)
    texts = score_texts(values, percent=metric.kind is MetricKind.PROPORTION)
    for value, text in zip(values, texts, strict=True):
        yield Text((x.start - 7, y.at(value) + 4), text, "faint", SMALL, "end")
    direction = "" if metric.higher_is_better else " (lower is better)"
    yield Text((MARGIN, y.end - 12), fitted(plain(metric.name) + direction, 420, SMALL), "faint", SMALL)
    yield Line((((x.start, y.end), (x.start, y.start), (x.end, y.start)),), "axis")


def chance_marks(frame: Frame, chance: float) -> Iterator[Mark]:
    """A dashed line where guessing would be."""
    if frame.y.low <= chance <= frame.y.high:
        height = frame.score(chance)
        yield Line((((frame.x.start, height), (frame.x.end, height)),), "faint", 1.2, (5, 3))


def tick_marks(frame: Frame, scales: Sequence[float], kind: ScaleKind) -> Iterator[Mark]:
    """A tick at every scale, with its size where there is room; the name of the axis at its right end, below."""
    bottom = frame.y.start
    yield Line(tuple(((frame.scale(x), bottom), (frame.scale(x), bottom + 4)) for x in scales), "axis")
    for scale in spread(frame.x, scales, kind):
        yield Text((frame.scale(scale), bottom + 17), scale_text(scale, kind), "ink", SMALL, "middle")


def spread(x: Axis, scales: Sequence[float], kind: ScaleKind) -> list[float]:
    """Scales, in order, whose labels keep clear of one another; the first and the last always."""
    places = [x.at(log10(scale)) for scale in scales]
    halves = [text_width(scale_text(scale, kind), SMALL) / 2 for scale in scales]
    kept, last = [0], len(scales) - 1
    for index in range(1, last):
        free = places[index] - halves[index] - TICK_GAP
        before = places[index] + halves[index] + TICK_GAP <= places[last] - halves[last]
        if free >= places[kept[-1]] + halves[kept[-1]] and before:
            kept.append(index)
    return [scales[index] for index in dict.fromkeys((*kept, last))]


def model_names(curve: ScalingCurve) -> dict[float, str]:
    """Names of the language models by scale, without what all share and without names that only repeat the size."""
    family = (curve.model_family or "").casefold()
    found: dict[float, str] = {}
    for point in curve.points:
        name = plain(point.language_model or "", 80)
        if family and name.casefold().startswith(family):
            name = name[len(family) :].strip(SIGNS)
        if name:
            found.setdefault(point.scale, name)
    own = dict(zip(found, _distinct(list(found.values())), strict=True))
    sizes = {scale: scale_text(scale, curve.scale_kind).casefold() for scale in own}
    return {scale: name for scale, name in own.items() if name and name.casefold() != sizes[scale]}


def _distinct(names: list[str]) -> list[str]:
    """Names without the words that all begin or end with."""
    words = [re.split(JOINTS, name) for name in names]
    if len(set(names)) < 2:
        return names
    start = sum(1 for _ in takewhile(_one, zip(*words, strict=False)))
    words = [own[start:] for own in words]
    end = sum(1 for _ in takewhile(_one, zip(*(own[::-1] for own in words), strict=False)))
    return ["".join(own[: len(own) - end]).strip(SIGNS) for own in words]


def _one(words: tuple[str, ...]) -> bool:
    return len(set(words)) == 1


def name_marks(frame: Frame, names: dict[float, str], shown: Sequence[float], top: float) -> tuple[list[Mark], float]:
    """Names below their ticks, on two lines in turn where one is too narrow; the marks and the height they take."""
    scales = [scale for scale in shown if scale in names]
    if not scales:
        return [], 0.0
    wide = [text_width(names[scale], TINY) for scale in scales]
    rows, rooms = next((n, own) for n in (1, 2) if _fits(wide, own := _rooms(frame, scales, n)) or n > 1)
    if any(room < LEAST_SHOWN * width for width, room in zip(wide, rooms, strict=True)):
        return [], 0.0
    marks: list[Mark] = []
    for index, (scale, room) in enumerate(zip(scales, rooms, strict=True)):
        place = (frame.scale(scale), top + 12.0 * (index % rows))
        marks.append(Text(place, fitted(names[scale], room, TINY), "faint", TINY, "middle", hint=names[scale]))
    return marks, 12.0 * rows


def _fits(widths: Sequence[float], rooms: Sequence[float]) -> bool:
    return all(width <= room for width, room in zip(widths, rooms, strict=True))


def _rooms(frame: Frame, scales: Sequence[float], rows: int) -> list[float]:
    """Widest centred names that touch neither a neighbour on their line nor the edge of the picture."""
    places = [frame.scale(scale) for scale in scales]
    rooms = []
    for index, place in enumerate(places):
        others = [places[i] for i in (index - rows, index + rows) if 0 <= i < len(places)]
        edges = 2 * min(place - 4, WIDTH - 4 - place)
        rooms.append(min([edges, *(abs(place - other) - NAME_GAP for other in others)]))
    return rooms
