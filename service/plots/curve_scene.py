"""The picture of one curve: scores, averaged curve, between-model variation, chance, and the turn's posterior."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from models.emergence_words import verdict_name
from models.metrics import MetricKind
from models.options import UNDETERMINED, Shape
from models.results import Analysis, PointReport, Turn
from models.turn_posterior import turn_outline
from service.number_format import ends_text, estimate_text, interval_text, number_text, probability_text, scale_text
from service.plots.frame import (
    AXIS_NAMES,
    LEFT,
    MARGIN,
    RIGHT,
    SMALL,
    WIDTH,
    Frame,
    chance_marks,
    frame_marks,
    grid_marks,
    model_names,
    name_marks,
    scale_axis,
    score_axis,
    spread,
    tick_marks,
)
from service.plots.legend import legend_marks
from service.plots.scene import Area, Dot, Line, Mark, Place, Scene, Text, fitted, rectangle
from service.report.texts import plain, typeset
from service.table_row import setting_text
from service.table_words import NAMES

TOP, HEIGHT = 104.0, 226.0  # of the frame
STRIP = 34.0  # height of the turn's density
BAND, SCATTER, REACH = 0.22, 0.11, 0.12  # opacities of the curve's band, of single models, of the turn's interval


def curve_scene(analysis: Analysis) -> Scene:
    """Everything laid out; the summary describes the picture to those who do not see it."""
    frame = _frame(analysis)
    colour = _colour(analysis)
    names, below = _under_the_axis(analysis, frame)
    turn, below = _strip(analysis, frame, below)
    legend, below = legend_marks(list(_keys(analysis, frame)), below)
    drawn = (
        *_header(analysis),
        *grid_marks(frame),
        *_turn_marks(analysis, frame),
        *_bands(analysis, frame, colour),
        *frame_marks(frame, analysis.curve.metric),
        *_chance(analysis, frame),
        *_line(analysis, frame, colour),
        *_points(analysis, frame),
    )
    title = f"{plain(analysis.curve.task)}: {verdict_text(analysis)}"
    return Scene(WIDTH, below + MARGIN, title, analysis.summary, (*drawn, *names, *turn, *legend))


def verdict_text(analysis: Analysis) -> str:
    """`U-shaped, probability 0.93` or `undetermined, most probably U-shaped (0.55)`, and the verdict on emergence."""
    found = analysis.classification
    name, probability = NAMES[found.most_probable], probability_text(found.probability)
    text = f"{name}, probability {probability}"
    if found.label == UNDETERMINED:
        text = f"undetermined, most probably {name} ({probability})"
    verdict = verdict_name(analysis)
    return f"{text} · emergence: {verdict}" if verdict else text


def drawn_turn(analysis: Analysis) -> Turn | None:
    """The turn that belongs to the label or, undetermined, to the most probable shape."""
    turns = {Shape.U_SHAPED: analysis.u_turn, Shape.INVERTED_U: analysis.inverted_u_turn}
    return turns.get(analysis.classification.most_probable)


def _colour(analysis: Analysis) -> str:
    return analysis.classification.label


@dataclass(frozen=True, slots=True)
class _Spread:
    """Where single models lie at one scale: the mean curve's doubt and their own scatter together."""

    scale: float
    lower: float
    upper: float


def _scatter(analysis: Analysis) -> list[_Spread]:
    """Around each grid point, at the level of the intervals; the sd is as sqrt(f (1 - f)) for bounded scores."""
    sd, metric, grid = analysis.fit.between_model_sd.estimate, analysis.curve.metric, analysis.fit.grid
    if sd is None or sd <= 0:
        return []
    z = NormalDist().inv_cdf((1 + analysis.options.interval) / 2)
    shares = [1.0] * len(grid)
    low, high = metric.lower, metric.upper
    if metric.kind is not MetricKind.UNBOUNDED and low is not None and high is not None:
        spreads = [sqrt(max((p.estimate - low) * (high - p.estimate), 0.0)) for p in grid]
        mean = sum(p.estimate for p in grid) / len(grid)
        middle = sqrt(max((mean - low) * (high - mean), 0.0))
        shares = [spread / middle if middle > 0 else 0.0 for spread in spreads]
    found = []
    for point, share in zip(grid, shares, strict=True):
        own = z * sd * share
        lower = point.estimate - sqrt((point.estimate - point.lower) ** 2 + own**2)
        upper = point.estimate + sqrt((point.upper - point.estimate) ** 2 + own**2)
        found.append(
            _Spread(point.scale, lower if low is None else max(lower, low), upper if high is None else min(upper, high))
        )
    return found


def _frame(analysis: Analysis) -> Frame:
    metric = analysis.curve.metric
    seen = [end for point in analysis.points for end in (point.score, point.interval.lower, point.interval.upper)]
    seen += [end for point in analysis.fit.grid for end in (point.lower, point.upper)]
    seen += [end for point in _scatter(analysis) for end in (point.lower, point.upper)]
    y = score_axis(metric, [*seen, metric.chance], TOP, TOP + HEIGHT)
    return Frame(scale_axis(point.scale for point in analysis.points), y, TOP + HEIGHT + 20)


def _header(analysis: Analysis) -> Iterator[Mark]:
    """Task, setting, verdict."""
    room = RIGHT - MARGIN
    task, setting = plain(analysis.curve.task), plain(setting_text(analysis.curve))
    yield Text((MARGIN, 28), fitted(task, room, 17, bold=True), "ink", 17, bold=True, hint=task)
    yield Text((MARGIN, 47), fitted(setting, room, 12), "faint", 12, hint=setting)
    yield Text((MARGIN, 69), fitted(verdict_text(analysis), room, 13, bold=True), _colour(analysis), 13, bold=True)


def _bands(analysis: Analysis, frame: Frame, colour: str) -> Iterator[Mark]:
    """Where single models lie, and in it where the mean curve lies."""
    around = [(p.scale, p.lower, p.upper) for p in _scatter(analysis)]
    inner = [(p.scale, p.lower, p.upper) for p in analysis.fit.grid]
    for band, opacity in ((around, SCATTER), (inner, BAND)):
        above = [(frame.scale(x), frame.score(high)) for x, _, high in band]
        below = [(frame.scale(x), frame.score(low)) for x, low, _ in reversed(band)]
        if band:
            yield Area((*above, *below), colour, opacity)


def _line(analysis: Analysis, frame: Frame, colour: str) -> Iterator[Mark]:
    places = tuple((frame.scale(p.scale), frame.score(p.estimate)) for p in analysis.fit.grid)
    yield Line((places,), colour, 2.2, _dash(analysis))


def _dash(analysis: Analysis) -> tuple[float, float] | None:
    return (7, 4) if analysis.classification.label == UNDETERMINED else None


def _points(analysis: Analysis, frame: Frame) -> Iterator[Mark]:
    """Scores with the intervals of their test sets; smaller where there are many."""
    radius = 4.2 if len(analysis.points) <= 20 else 3.2
    bars = [_bar(point, frame) for point in analysis.points]
    yield Line(tuple(bar for bar in bars if bar), "ink", 1.2)
    for point in analysis.points:
        place = (frame.scale(point.scale), frame.score(point.score))
        yield Dot(place, "ink", radius, _hint(analysis, point))


def _bar(point: PointReport, frame: Frame) -> tuple[Place, ...]:
    lower, upper, place = point.interval.lower, point.interval.upper, frame.scale(point.scale)
    if lower is None or upper is None:
        return ()
    # An interval may leave out a score of exactly 0 or 1 by a hair.
    ends = min(lower, point.score), max(upper, point.score)
    return tuple((place, frame.score(end)) for end in ends)


def _hint(analysis: Analysis, point: PointReport) -> str:
    """`GPT-3 13B (13B): 45.2 % (43.1 – 47.3 %), n = 2,000`."""
    percent = analysis.curve.metric.kind is MetricKind.PROPORTION

    def text(score: float) -> str:
        return f"{number_text(100 * score)} %" if percent else number_text(score)

    name = scale_text(point.scale, analysis.curve.scale_kind)
    name = f"{plain(point.model, 80)} ({name})" if point.model else name
    ends = ends_text(point.interval.lower, point.interval.upper, text)
    count = "" if point.n_examples is None else f", n = {point.n_examples:,}"
    return typeset(f"{name}: {text(point.score)} {ends}{count}")


def _chance(analysis: Analysis, frame: Frame) -> Iterator[Mark]:
    if analysis.curve.metric.chance is not None:
        yield from chance_marks(frame, analysis.curve.metric.chance)


def _under_the_axis(analysis: Analysis, frame: Frame) -> tuple[list[Mark], float]:
    """Sizes and names of the language models."""
    curve = analysis.curve
    scales = sorted({point.scale for point in curve.points})
    shown = spread(frame.x, scales, curve.scale_kind)
    names, height = name_marks(frame, model_names(curve), shown, frame.below + 11)
    below = frame.below + height + 16
    axis = Text((RIGHT, below), AXIS_NAMES[curve.scale_kind], "faint", SMALL, "end")
    return [*tick_marks(frame, scales, curve.scale_kind), *names, axis], below


def _turn_marks(analysis: Analysis, frame: Frame) -> Iterator[Mark]:
    """The turn's interval as a strip behind the curve, its median as a line."""
    turn = drawn_turn(analysis)
    if turn is None or turn.scale.lower is None or turn.scale.upper is None or turn.scale.estimate is None:
        return
    top, bottom, colour = frame.y.end, frame.y.start, analysis.classification.most_probable.value
    start, middle, end = (frame.scale(x) for x in (turn.scale.lower, turn.scale.estimate, turn.scale.upper))
    yield Area(rectangle(start, top, end, bottom), colour, REACH)
    yield Line((((middle, top), (middle, bottom)),), colour, 1.0, opacity=0.7)


def _strip(analysis: Analysis, frame: Frame, below: float) -> tuple[list[Mark], float]:
    """The turn's posterior on the same axis, with median and interval in words."""
    turn, shape = drawn_turn(analysis), analysis.classification.most_probable
    density = None if turn is None else turn_outline(analysis, shape)
    if turn is None or density is None:
        return [], below
    places, heights = density
    base, highest = below + 14 + STRIP, max(heights)
    curve = [(frame.x.at(x), base - STRIP * height / highest) for x, height in zip(places, heights, strict=True)]
    corners = ((curve[0][0], base), *curve, (curve[-1][0], base))
    kind = analysis.curve.scale_kind
    words = typeset(interval_text(turn.scale, lambda scale: estimate_text(scale, kind)))
    given = "turn" if analysis.classification.label == shape else f"turn, if {NAMES[shape]}"
    text = f"{given}: {words}"
    return [
        Area(corners, shape.value, 0.35),
        Line((tuple(curve),), shape.value, 1.4),
        Line((((LEFT, base), (RIGHT, base)),), "axis"),
        Text((LEFT, below + 1), text, shape.value, SMALL),
    ], base + 4


def _keys(analysis: Analysis, frame: Frame) -> Iterator[tuple[str, list[Mark]]]:
    """Words and samples, the latter around the origin."""
    colour, level = _colour(analysis), f"{100 * analysis.options.interval:g} %"
    line: tuple[Place, ...] = ((0, 0), (18, 0))
    yield f"score, {level} interval", [Line((((9, -6), (9, 6)),), "ink", 1.2), Dot((9, 0), "ink", 4.2)]
    yield "averaged curve", [Line((line,), colour, 2.2, _dash(analysis))]
    yield f"{level} band", [Area(rectangle(0, -5, 18, 5), colour, BAND + SCATTER)]
    if _scatter(analysis):
        yield "single models", [Area(rectangle(0, -5, 18, 5), colour, SCATTER)]
    chance = analysis.curve.metric.chance
    if chance is not None and frame.y.low <= chance <= frame.y.high:
        yield "chance", [Line((line,), "faint", 1.2, (5, 3))]
