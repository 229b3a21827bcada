"""What the marks of a picture mean: samples and words in rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from service.plots.frame import MARGIN, RIGHT, SMALL
from service.plots.scene import Area, Dot, Line, Mark, Text, fitted, rows_of, text_width

ROW, GAP, SAMPLE = 17.0, 18.0, 24.0
LONGEST = 560.0  # pixels of one entry's words


def legend_marks(
    entries: Sequence[tuple[str, Sequence[Mark]]], top: float, room: float = RIGHT - MARGIN
) -> tuple[list[Mark], float]:
    """Marks of a legend below `top`, and where it ends; samples are drawn around the origin, 18 pixels wide."""
    names = [fitted(words, LONGEST, SMALL) for words, _ in entries]
    widths = [SAMPLE + text_width(name, SMALL) for name in names]
    rows = rows_of(widths, room, GAP)
    marks: list[Mark] = []
    for number, row in enumerate(rows):
        x, y = MARGIN, top + 14 + ROW * (number + 0.5)
        for index in row:
            marks += [moved(mark, x, y) for mark in entries[index][1]]
            marks.append(Text((x + SAMPLE, y + 4), names[index], "ink", SMALL))
            x += widths[index] + GAP
    return marks, top + 10 + ROW * len(rows)


def moved(mark: Mark, x: float, y: float) -> Mark:
    """The mark so many pixels to the right and down."""
    match mark:
        case Line():
            return replace(mark, paths=tuple(tuple((px + x, py + y) for px, py in path) for path in mark.paths))
        case Area():
            return replace(mark, corners=tuple((px + x, py + y) for px, py in mark.corners))
        case Dot() | Text():
            return replace(mark, place=(mark.place[0] + x, mark.place[1] + y))
