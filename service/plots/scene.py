"""A picture as marks in pixels with colours by token: laid out once, written as SVG or as PNG."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

type Place = tuple[float, float]
type Anchor = Literal["start", "middle", "end"]

# Widths in em of DejaVu Sans, the widest of the fonts that a page may use: labels that fit there fit everywhere.
NARROW, USUAL, WIDE, FULL = 0.38, 0.64, 0.93, 1.05
NARROW_SIGNS, WIDE_SIGNS = frozenset("iljftrI.,:;|'!()[]/- "), frozenset("mwMW@%<>=+")
BOLD = 1.12


@dataclass(frozen=True, slots=True)
class Line:
    """Polylines of one stroke; `hint` is what the pointer shows."""

    paths: tuple[tuple[Place, ...], ...]
    colour: str
    width: float = 1.0
    dash: tuple[float, float] | None = None
    opacity: float = 1.0
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Area:
    """A filled polygon."""

    corners: tuple[Place, ...]
    colour: str
    opacity: float = 1.0
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Dot:
    """A filled circle with a rim of paper, so that dots on one another stay apart."""

    place: Place
    colour: str
    radius: float = 4.0
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """Words on one line; `place` is on the baseline."""

    place: Place
    words: str
    colour: str = "ink"
    size: float = 12.0
    anchor: Anchor = "start"
    bold: bool = False
    hint: str = ""


type Mark = Line | Area | Dot | Text


@dataclass(frozen=True, slots=True)
class Scene:
    """A whole picture; `title` and `description` are for those who do not see it."""

    width: float
    height: float
    title: str
    description: str
    marks: tuple[Mark, ...]


def rectangle(left: float, top: float, right: float, bottom: float) -> tuple[Place, ...]:
    """Corners of a rectangle."""
    return (left, top), (right, top), (right, bottom), (left, bottom)


def text_width(words: str, size: float, *, bold: bool = False) -> float:
    """About as wide as the text will be, rather too wide than too narrow."""
    return sum(map(_em, words)) * size * (BOLD if bold else 1.0)


def fitted(words: str, room: float, size: float, *, bold: bool = False) -> str:
    """The text, cut with an ellipsis where it is wider than the room."""
    if text_width(words, size, bold=bold) <= room:
        return words
    kept = len(words)
    while kept > 1 and text_width(words[:kept] + "…", size, bold=bold) > room:
        kept -= 1
    return words[:kept].rstrip() + "…"


def rows_of(widths: Sequence[float], room: float, gap: float) -> list[list[int]]:
    """Indices of things of these widths, set in rows of at most `room`."""
    rows: list[list[int]] = [[]]
    used = 0.0
    for index, width in enumerate(widths):
        if rows[-1] and used + width > room:
            rows.append([])
            used = 0.0
        rows[-1].append(index)
        used += width + gap
    return rows


def _em(sign: str) -> float:
    if sign in NARROW_SIGNS:
        return NARROW
    if sign in WIDE_SIGNS:
        return WIDE
    return FULL if unicodedata.east_asian_width(sign) in "WF" else USUAL
