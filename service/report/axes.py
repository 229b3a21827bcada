"""Axes of the report's pictures: from data to pixels, and ticks at round numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from models.curve import ScaleKind
from service.number_format import scale_text

STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
SHORTEST = 0.45  # decades of a log axis: it holds a 1, a 2 or a 5


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from `low` to `high` on pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The pixel of a value; values beyond the axis stay at its end."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def log_range(low: float, high: float, margin: float) -> tuple[float, float]:
    """Ends of an axis of log10 values, widened by a share on both sides."""
    first, last = math.log10(low), math.log10(high)
    if last - first < SHORTEST:
        middle = (first + last) / 2
        first, last = middle - SHORTEST / 2, middle + SHORTEST / 2
    extra = margin * (last - first)
    return first - extra, last + extra


def ticks(low: float, high: float, most: int) -> list[float]:
    """At most so many round numbers from `low` to `high`."""
    if not high > low:
        return [low]
    rough = (high - low) / most
    size = 10.0 ** math.floor(math.log10(rough))
    for step in (size * factor for factor in STEPS):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= most:
            return [number * step for number in range(first, last + 1)]
    return [low, high]


def score_texts(values: Sequence[float], *, percent: bool) -> list[str]:
    """Scores at ticks, with just the decimals that tell them apart."""
    if percent:
        return [f"{float(f'{100 * value:.6g}'):g} %" for value in values]
    return [f"{value:.5g}" for value in values]


def decades(low: float, high: float, kind: ScaleKind, most: int) -> list[tuple[float, str]]:
    """Place on log10 scale and text of powers of ten, thinned out; with 2 and 5 where there is a decade or so."""
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    marks = [float(power) for power in range(first, last + 1)]
    if len(marks) < 3:
        fine = [power + math.log10(digit) for power in range(first - 1, last + 1) for digit in (1, 2, 5)]
        marks = [mark for mark in fine if low <= mark <= high]
    every = max(1, math.ceil(len(marks) / most))
    return [(mark, scale_text(float(f"{10.0**mark:.2g}"), kind)) for mark in marks[::every]]
