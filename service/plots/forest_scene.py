"""Forest plots as scenes: a row for each estimate with its interval, headings, diamonds for what is pooled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from service.plots.frame import MARGIN, SMALL
from service.plots.scene import Area, Dot, Line, Mark, Place, Scene, Text, fitted, text_width
from service.report.axes import Axis
from service.report.forest import ForestRow
from service.report.texts import plain

PLOT, GAP = 300.0, 12.0  # widths of the bars, and between them and their words
ROW, HEADING, TOP, FOOT = 21.0, 28.0, 54.0, 40.0
LONGEST, SHORTEST, LONGEST_VALUE = 300.0, 60.0, 170.0
ARROW, DIAMOND = 5.0, 6.0
SIZE = 12.0


def forest_scene(
    rows: Sequence[ForestRow], ends: tuple[float, float], marks: Sequence[tuple[float, str]], title: str
) -> Scene:
    """`ends` are those of the axis, `marks` its labelled values, both in the unit of the rows."""
    axis = _axis(rows, ends)
    heights = [HEADING if row.kind == "heading" else ROW for row in rows]
    places = [TOP + sum(heights[:index]) + height / 2 for index, height in enumerate(heights)]
    bottom = TOP + sum(heights)
    values = max((text_width(row.text, SIZE, bold=row.kind == "pooled") for row in rows), default=0.0)
    width = axis.end + GAP + min(values, LONGEST_VALUE) + MARGIN
    drawn: list[Mark] = [Text((MARGIN, 28), fitted(title, width - 2 * MARGIN, 16, bold=True), "ink", 16, bold=True)]
    drawn.append(Line(tuple(((axis.at(value), TOP), (axis.at(value), bottom)) for value, _ in marks), "grid"))
    drawn.append(Line((((axis.start, bottom), (axis.end, bottom)),), "axis"))
    drawn += [Text((axis.at(value), bottom + 17), text, "faint", SMALL, "middle") for value, text in marks]
    for row, place in zip(rows, places, strict=True):
        drawn += _row(row, place, axis)
    words = "; ".join(f"{row.label}: {row.text}" for row in rows if row.text)
    return Scene(width, bottom + FOOT, title, words, tuple(drawn))


def _axis(rows: Sequence[ForestRow], ends: tuple[float, float]) -> Axis:
    widths = [text_width(plain(row.label), SIZE, bold=row.kind == "pooled") for row in rows if row.kind != "heading"]
    start = MARGIN + min(max([SHORTEST, *widths]), LONGEST) + GAP
    return Axis(*ends, start, start + PLOT)


def _row(row: ForestRow, place: float, axis: Axis) -> Iterator[Mark]:
    if row.kind == "heading":
        yield Text((MARGIN, place + 7), fitted(plain(row.label), LONGEST, SIZE, bold=True), "ink", SIZE, bold=True)
        return
    pooled, label = row.kind == "pooled", plain(row.label)
    name = fitted(label, LONGEST, SIZE, bold=pooled)
    yield Text((axis.start - GAP, place + 4), name, "ink", SIZE, "end", pooled, label if name != label else "")
    yield Text(
        (axis.end + GAP, place + 4), fitted(row.text, LONGEST_VALUE, SIZE, bold=pooled), "ink", SIZE, bold=pooled
    )
    if row.estimate is not None:
        yield from _diamond(row, place, axis) if pooled else _bar(row, place, axis)


def _ends(row: ForestRow, axis: Axis) -> tuple[float, float]:
    return (
        axis.start if row.lower is None else axis.at(row.lower),
        axis.end if row.upper is None else axis.at(row.upper),
    )


def _bar(row: ForestRow, place: float, axis: Axis) -> Iterator[Mark]:
    """A bar with a dot; arrows where it goes on beyond the axis."""
    start, end = _ends(row, axis)
    reach, colour = row.kind == "reach", row.style or "ink"
    line: tuple[Place, ...] = ((start, place), (end, place))
    yield Line((line, *_arrows(row, place, axis)), colour, 1.3 if reach else 2.0, (4, 3) if reach else None)
    if not reach:
        yield Dot((axis.at(row.estimate or 0.0), place), colour, 2.6 + 1.8 * row.strength)


def _arrows(row: ForestRow, place: float, axis: Axis) -> Iterator[tuple[Place, ...]]:
    for end, limit, tip, inward in ((row.lower, axis.low, axis.start, 1), (row.upper, axis.high, axis.end, -1)):
        if end is None or (end - limit) * inward < 0:
            side = tip + inward * ARROW
            yield (side, place - 3), (tip, place), (side, place + 3)


def _diamond(row: ForestRow, place: float, axis: Axis) -> Iterator[Mark]:
    start, end = _ends(row, axis)
    middle = axis.at(row.estimate or 0.0)
    yield Area(((start, place), (middle, place - DIAMOND), (end, place), (middle, place + DIAMOND)), row.style or "ink")
