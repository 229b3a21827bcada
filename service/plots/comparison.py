"""Several curves on one pair of axes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from models.metrics import Metric, MetricKind
from models.results import Analysis
from service.number_format import probability_text
from service.palette import SERIES
from service.plots.frame import (
    AXIS_NAMES,
    MARGIN,
    RIGHT,
    SMALL,
    WIDTH,
    Frame,
    chance_marks,
    frame_marks,
    grid_marks,
    scale_axis,
    score_axis,
    tick_marks,
)
from service.plots.legend import legend_marks
from service.plots.scene import Area, Dot, Line, Mark, Place, Scene, Text, fitted
from service.report.texts import plain
from service.table_words import NAMES

TOP, HEIGHT = 84.0, 260.0
BAND = 0.13
DODGE = 4.0  # pixels between scores of two curves at one scale
DASHES: tuple[tuple[float, float] | None, ...] = (None, (8, 3), (3, 3), (12, 4), (2, 5), (6, 6))
MOST = len(SERIES)  # curves that can be told apart in one picture


def comparison_scene(analyses: Sequence[Analysis]) -> Scene:
    """The first curves of one metric and one kind of scale as the first; the others have no common axis with it."""
    first = analyses[0].curve
    drawn = [one for one in analyses if _comparable(one, analyses[0])][:MOST]
    frame = _frame(drawn)
    scales = sorted({point.scale for one in drawn for point in one.points})
    marks: list[Mark] = [*_header(drawn), *grid_marks(frame), *frame_marks(frame, first.metric)]
    for index, one in enumerate(drawn):
        marks += _curve(one, index, frame, DODGE * (index - (len(drawn) - 1) / 2))
    marks += [mark for chance in _chances(drawn) for mark in chance_marks(frame, chance)]
    marks += tick_marks(frame, scales, first.scale_kind)
    marks.append(Text((RIGHT, frame.below + 16), AXIS_NAMES[first.scale_kind], "faint", SMALL, "end"))
    legend, below = legend_marks(list(_keys(drawn)), frame.below + 16)
    below = _left_out(marks, len(analyses) - len(drawn), below)
    words = " ".join(f"{name}: {one.summary}" for name, one in zip(_names(drawn), drawn, strict=True))
    return Scene(WIDTH, below + MARGIN, "Curves compared", words, (*marks, *legend))


def _comparable(one: Analysis, other: Analysis) -> bool:
    return one.curve.scale_kind is other.curve.scale_kind and _axis(one.curve.metric) == _axis(other.curve.metric)


def _axis(metric: Metric) -> tuple[object, ...]:
    """Bounded metrics share an axis where they share bounds and direction, others where they have one name."""
    name = metric.name if metric.kind is MetricKind.UNBOUNDED else ""
    percent = metric.kind is MetricKind.PROPORTION
    return (name, percent, metric.lower, metric.upper, metric.higher_is_better)


def _frame(drawn: Sequence[Analysis]) -> Frame:
    seen = [end for one in drawn for p in one.points for end in (p.score, p.interval.lower, p.interval.upper)]
    seen += [end for one in drawn for p in one.fit.grid for end in (p.lower, p.upper)]
    y = score_axis(drawn[0].curve.metric, [*seen, *_chances(drawn)], TOP, TOP + HEIGHT)
    return Frame(scale_axis(point.scale for one in drawn for point in one.points), y, TOP + HEIGHT + 20)


def _chances(drawn: Sequence[Analysis]) -> list[float]:
    return sorted({one.curve.metric.chance for one in drawn if one.curve.metric.chance is not None})


def _header(drawn: Sequence[Analysis]) -> Iterator[Mark]:
    tasks = list(dict.fromkeys(plain(one.curve.task, 80) for one in drawn))
    title = tasks[0] if len(tasks) == 1 else f"{len(drawn)} curves"
    yield Text((MARGIN, 28), fitted(title, RIGHT - MARGIN, 17, bold=True), "ink", 17, bold=True)
    shared = [next(iter(parts)) for parts in map(set, zip(*map(_parts, drawn), strict=True)) if len(parts) == 1]
    common = ", ".join(part for part in shared if part and part != title)
    yield Text((MARGIN, 47), fitted(common, RIGHT - MARGIN, 12), "faint", 12)


def _curve(one: Analysis, index: int, frame: Frame, aside: float) -> Iterator[Mark]:
    """Band, averaged curve, and a little aside the scores with their intervals, so that none hides another."""
    colour, grid = SERIES[index], one.fit.grid
    above = [(frame.scale(p.scale), frame.score(p.upper)) for p in grid]
    below = [(frame.scale(p.scale), frame.score(p.lower)) for p in reversed(grid)]
    yield Area((*above, *below), colour, BAND)
    line = tuple((frame.scale(p.scale), frame.score(p.estimate)) for p in grid)
    yield Line((line,), colour, 2.0, DASHES[index])
    bars = [
        tuple((frame.scale(p.scale) + aside, frame.score(end)) for end in (p.interval.lower, p.interval.upper))
        for p in one.points
        if p.interval.lower is not None and p.interval.upper is not None
    ]
    yield Line(tuple(bars), colour, 1.1)
    for point in one.points:
        yield Dot((frame.scale(point.scale) + aside, frame.score(point.score)), colour, 3.6)


def _keys(drawn: Sequence[Analysis]) -> Iterator[tuple[str, list[Mark]]]:
    line: tuple[Place, ...] = ((0, 0), (18, 0))
    for index, (name, one) in enumerate(zip(_names(drawn), drawn, strict=True)):
        found = one.classification
        shape = f"{NAMES[found.most_probable]} {probability_text(found.probability)}"
        words = f"{name}: {shape}" if found.label == found.most_probable else f"{name}: undetermined ({shape})"
        yield words, [Line((line,), SERIES[index], 2.0, DASHES[index]), Dot((9, 0), SERIES[index], 3.8)]
    if _chances(drawn):
        yield "chance", [Line((line,), "faint", 1.2, (5, 3))]


def _names(drawn: Sequence[Analysis]) -> list[str]:
    """What tells the curves apart, without what all have in common; numbered where that is nothing."""
    parts = [_parts(one) for one in drawn]
    shared = {index for index in range(len(parts[0])) if len({own[index] for own in parts}) == 1}
    names = [", ".join(part for index, part in enumerate(own) if part and index not in shared) for own in parts]
    counts = Counter(names)
    return [
        name if name and counts[name] == 1 else f"{name or 'curve'} ({number})"
        for number, name in enumerate(names, start=1)
    ]


def _parts(one: Analysis) -> tuple[str, ...]:
    curve = one.curve
    return tuple(plain(part or "", 40) for part in (curve.task, curve.metric.name, curve.prompting, curve.model_family))


def _left_out(marks: list[Mark], count: int, below: float) -> float:
    if count <= 0:
        return below
    curves = "1 curve is" if count == 1 else f"{count} curves are"
    words = f"{curves} not drawn: another metric or kind of scale, or beyond {MOST} curves"
    marks.append(Text((MARGIN, below + 16), words, "faint", SMALL))
    return below + 16
