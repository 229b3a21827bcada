"""Forest plots as SVG text: a row for each estimate with its interval, headings, diamonds for what is pooled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import escape

from service.report.axes import Axis
from service.report.texts import plain

PLOT_WIDTH, TEXT_WIDTH, GAP = 300.0, 132.0, 12.0  # of the bars, of the numbers beside them, between
ROW, HEADING, TOP, FOOT = 20.0, 26.0, 8.0, 34.0
LONGEST_LABEL = 50  # characters beside a row
SHORTEST_LABEL = 12
SIGN_WIDTH = 7.0  # of a character, amply
SHRUNK, STRETCHED = 0.85, 1.12  # of the natural width, between which the page may draw it
ARROW = 5.0
DIAMOND = 6.0


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One line: median and ends in the axis's own unit; an end of None is open. `style` is a class of the page."""

    label: str
    estimate: float | None
    lower: float | None
    upper: float | None
    text: str
    style: str = ""
    kind: Literal["estimate", "pooled", "reach", "heading"] = "estimate"
    strength: float = 1.0


def forest_plot(
    rows: Sequence[ForestRow], ends: tuple[float, float], marks: Sequence[tuple[float, str]], title: str
) -> str:
    """The picture, as wide as its labels need; `ends` are those of the axis, `marks` its labelled values.

    Every text in it is escaped.
    """
    axis = _fitting_axis(rows, ends)
    heights = [HEADING if row.kind == "heading" else ROW for row in rows]
    bottom = TOP + sum(heights)
    places = [TOP + sum(heights[:index]) + height / 2 for index, height in enumerate(heights)]
    parts = [*_axis(marks, bottom, axis)]
    for row, place in zip(rows, places, strict=True):
        parts += _row(row, place, axis)
    width = axis.end + GAP + TEXT_WIDTH
    size = f'style="min-width:{SHRUNK * width:.0f}px;max-width:{STRETCHED * width:.0f}px"'
    head = f'<svg viewBox="0 0 {width:.0f} {bottom + FOOT:g}" {size} role="img" class="forest">'
    return f"{head}<title>{escape(title)}</title>{''.join(parts)}</svg>"


def _fitting_axis(rows: Sequence[ForestRow], ends: tuple[float, float]) -> Axis:
    longest = max((min(len(row.label), LONGEST_LABEL) for row in rows if row.kind != "heading"), default=0)
    start = SIGN_WIDTH * max(longest, SHORTEST_LABEL) + GAP
    return Axis(*ends, start, start + PLOT_WIDTH)


def _axis(marks: Sequence[tuple[float, str]], bottom: float, axis: Axis) -> Iterator[str]:
    lines = "".join(f"M{axis.at(value):.1f} {TOP:g}V{bottom:g}" for value, _ in marks)
    yield f'<path class="gr" d="{lines}"/><path class="ax" d="M{axis.start:g} {bottom:g}H{axis.end:g}"/>'
    for value, text in marks:
        yield f'<text class="xm" x="{axis.at(value):.1f}" y="{bottom + 16:g}">{escape(text)}</text>'


def _row(row: ForestRow, place: float, axis: Axis) -> Iterator[str]:
    if row.kind == "heading":
        yield f'<text class="hd" x="4" y="{place + 7:g}">{escape(plain(row.label, 90))}</text>'
        return
    weight = " strong" if row.kind == "pooled" else ""
    name, shown = escape(plain(row.label)), escape(plain(row.label, LONGEST_LABEL))
    full = f"<title>{name}</title>" if name != shown else ""
    yield f'<g class="{row.style}{weight}">'
    yield f'<text class="lb" x="{axis.start - GAP:g}" y="{place + 4:g}">{shown}{full}</text>'
    yield f'<text class="vl" x="{axis.end + GAP:g}" y="{place + 4:g}">{escape(row.text)}</text>'
    if row.estimate is not None:
        yield from _diamond(row, place, axis) if row.kind == "pooled" else _interval(row, place, axis)
    yield "</g>"


def _ends(row: ForestRow, axis: Axis) -> tuple[float, float]:
    return (
        axis.start if row.lower is None else axis.at(row.lower),
        axis.end if row.upper is None else axis.at(row.upper),
    )


def _interval(row: ForestRow, place: float, axis: Axis) -> Iterator[str]:
    """A bar with a dot; arrows where it goes on beyond the axis."""
    start, end = _ends(row, axis)
    reach = " reach" if row.kind == "reach" else ""
    yield f'<path class="bar{reach}" d="M{start:.1f} {place:g}H{end:.1f}{_arrows(row, place, axis)}"/>'
    if row.kind == "estimate":
        radius = 2.4 + 1.8 * row.strength
        yield f'<circle cx="{axis.at(row.estimate or 0.0):.1f}" cy="{place:g}" r="{radius:.1f}"/>'


def _arrows(row: ForestRow, place: float, axis: Axis) -> str:
    left = row.lower is None or row.lower < axis.low
    right = row.upper is None or row.upper > axis.high
    tips = [(axis.start, 1)] * left + [(axis.end, -1)] * right
    return "".join(f"M{x + s * ARROW:g} {place - 3:g}L{x:g} {place:g}L{x + s * ARROW:g} {place + 3:g}" for x, s in tips)


def _diamond(row: ForestRow, place: float, axis: Axis) -> Iterator[str]:
    start, end = _ends(row, axis)
    middle = axis.at(row.estimate or 0.0)
    above, below = place - DIAMOND, place + DIAMOND
    corners = ((start, place), (middle, above), (end, place), (middle, below))
    yield f'<path class="dm" d="M{"L".join(f"{x:.1f} {y:g}" for x, y in corners)}Z"/>'
