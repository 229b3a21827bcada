"""A small picture of one curve as SVG text: what `service.plots` draws, in a few hundred microseconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import log10

from markupsafe import escape

from models.metrics import MetricKind
from models.options import UNDETERMINED
from models.results import Analysis, PointReport
from service.number_format import scale_text
from service.plots import drawn_turn
from service.report.axes import Axis, log_range, score_texts, ticks
from service.report.texts import plain

WIDTH, HEIGHT = 250, 150
LEFT, RIGHT, TOP, BOTTOM = 40.0, 240.0, 8.0, 128.0  # the frame of the data
SIDE_MARGIN = 0.03  # of the scale axis, on both sides
SMALLEST_VIEW = 0.1  # of the metric's range: closer up, noise would look like a trend
EDGE = 0.03  # of the view, beyond a metric's bound
MOST_TICKS = 4
MIDDLE_ROOM = 0.28  # of the axis on both sides of a middle label

type Pixels = Iterable[tuple[float, float]]


def curve_picture(analysis: Analysis) -> str:
    """The picture, every text in it escaped; its colours come from the page. The sentence on the curve is its title."""
    points = analysis.points
    x = Axis(*log_range(points[0].scale, points[-1].scale, SIDE_MARGIN), LEFT, RIGHT)
    y = _score_axis(analysis)
    parts = [*_turn(analysis, x), *_frame(analysis, x, y), *_fit(analysis, x, y), *_points(points, x, y)]
    words = escape(plain(analysis.summary, 600))
    body = "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><title>{words}</title>{body}</svg>'


def _score_axis(analysis: Analysis) -> Axis:
    """All intervals and the band; within a metric's bounds, and not too close up."""
    metric = analysis.curve.metric
    ends = [end for point in analysis.points for end in (point.score, point.interval.lower, point.interval.upper)]
    ends += [end for point in analysis.fit.grid for end in (point.lower, point.upper)]
    given = [end for end in ends if end is not None]
    low, high = min(given), max(given)
    if metric.kind is MetricKind.UNBOUNDED or metric.lower is None or metric.upper is None:
        margin = 0.05 * (high - low) or 0.5
        return Axis(low - margin, high + margin, BOTTOM, TOP)
    span = max(high - low, SMALLEST_VIEW * metric.width)
    middle = min(max((low + high) / 2, metric.lower + span / 2), metric.upper - span / 2)
    return Axis(middle - (0.5 + EDGE) * span, middle + (0.5 + EDGE) * span, BOTTOM, TOP)


def _turn(analysis: Analysis, x: Axis) -> Iterator[str]:
    """Where it turns: the interval as a strip, the median as a line."""
    turn = drawn_turn(analysis)
    if turn is None or turn.scale.estimate is None:
        return
    kind = "u_shaped" if turn is analysis.u_turn else "inverted_u"
    lower, upper = turn.scale.lower, turn.scale.upper
    start = x.start if lower is None else x.at(log10(lower))
    end = x.end if upper is None else x.at(log10(upper))
    size = f'width="{end - start:.1f}" height="{BOTTOM - TOP:g}"'
    yield f'<g class="tn {kind}"><rect x="{start:.1f}" y="{TOP:g}" {size}/>'
    place = f"{x.at(log10(turn.scale.estimate)):.1f}"
    yield f'<path d="M{place} {TOP:g}V{BOTTOM:g}"/></g>'


def _frame(analysis: Analysis, x: Axis, y: Axis) -> Iterator[str]:
    """Grid, labels of both axes, chance."""
    metric = analysis.curve.metric
    values = ticks(y.low, y.high, MOST_TICKS)
    lines = "".join(f"M{LEFT:g} {y.at(value):.1f}H{RIGHT:g}" for value in values)
    yield f'<path class="gr" d="{lines}"/><path class="ax" d="M{LEFT:g} {TOP:g}V{BOTTOM:g}H{RIGHT:g}"/>'
    percent = metric.kind is MetricKind.PROPORTION
    for value, text in zip(values, score_texts(values, percent=percent), strict=True):
        yield f'<text class="yt" x="{LEFT - 4:g}" y="{y.at(value) + 3.2:.1f}">{escape(text)}</text>'
    yield from _scale_labels(analysis, x)
    if metric.chance is not None and y.low <= metric.chance <= y.high:
        yield f'<path class="ch" d="M{LEFT:g} {y.at(metric.chance):.1f}H{RIGHT:g}"/>'


def _scale_labels(analysis: Analysis, x: Axis) -> Iterator[str]:
    """The smallest and the largest model and, with room, one in the middle; a small mark at each."""
    kind = analysis.curve.scale_kind
    scales = sorted({point.scale for point in analysis.points})
    marks = "".join(f"M{x.at(log10(scale)):.1f} {BOTTOM:g}v3" for scale in scales)
    yield f'<path class="ax" d="{marks}"/>'
    for scale, side in ((scales[0], "xs"), (scales[-1], "xe")):
        place = x.start - 2 if side == "xs" else x.end + 4
        yield f'<text class="{side}" x="{place:.1f}" y="{BOTTOM + 14:g}">{escape(scale_text(scale, kind))}</text>'
    middle = (x.start + x.end) / 2
    nearest = min(scales, key=lambda scale: abs(x.at(log10(scale)) - middle))
    place = x.at(log10(nearest))
    if min(place - x.start, x.end - place) > MIDDLE_ROOM * (x.end - x.start):
        yield f'<text class="xm" x="{place:.1f}" y="{BOTTOM + 14:g}">{escape(scale_text(nearest, kind))}</text>'


def _fit(analysis: Analysis, x: Axis, y: Axis) -> Iterator[str]:
    """The averaged curve and its band."""
    places = [(x.at(log10(point.scale)), point) for point in analysis.fit.grid]
    above = [(place, y.at(point.upper)) for place, point in places]
    below = [(place, y.at(point.lower)) for place, point in reversed(places)]
    yield f'<path class="bd" d="M{_path([*above, *below])}Z"/>'
    dashed = " un" if analysis.classification.label == UNDETERMINED else ""
    yield f'<path class="ln{dashed}" d="M{_path((place, y.at(point.estimate)) for place, point in places)}"/>'


def _path(pixels: Pixels) -> str:
    return "L".join(f"{x:.1f} {y:.1f}" for x, y in pixels)


def _points(points: Iterable[PointReport], x: Axis, y: Axis) -> Iterator[str]:
    """The scores with their intervals."""
    bars, dots = [], []
    for point in points:
        place, height = x.at(log10(point.scale)), y.at(point.score)
        lower, upper = point.interval.lower, point.interval.upper
        if lower is not None and upper is not None:
            bars.append(f"M{place:.1f} {y.at(lower):.1f}V{y.at(upper):.1f}")
        dots.append(f"M{place:.1f} {height:.1f}h0")
    yield f'<path class="eb" d="{"".join(bars)}"/><path class="pt" d="{"".join(dots)}"/>'
