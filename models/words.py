"""The words for shapes, verdicts and numbers that all sentences share."""

from __future__ import annotations

import math
from collections.abc import Sequence

from models.curve import ScaleKind, ScalingCurve
from models.metrics import MetricKind
from models.options import UNDETERMINED, Shape
from models.results import Interval

WORDS = {
    Shape.POSITIVE: "rising",
    Shape.INVERSE: "falling so far (inverse scaling)",
    Shape.U_SHAPED: "U-shaped",
    Shape.INVERTED_U: "inverted-U-shaped",
    Shape.FLAT: "flat",
}
SHORT = {**WORDS, Shape.INVERSE: "falling so far"}
# What a rival would be, where it cannot be ruled out.
RIVALS = {
    Shape.POSITIVE: "a plain rise",
    Shape.INVERSE: "a fall all the way",
    Shape.U_SHAPED: "a U shape",
    Shape.INVERTED_U: "an inverted U",
    Shape.FLAT: "no change at all",
}
VERDICTS = {
    "not_emergent": "not emergent",
    "explained_by_resolution": "explained by the test set",
    "explained_by_metric": "explained by the metric",
    "explained_by_scale_gap": "explained by a gap between models",
    "emergent": "emergent",
    UNDETERMINED: "undetermined",
}
CONSISTENT = "consistent with the metric"  # where only the target length speaks for it
TARGET_LENGTH = "target_length"  # that route; `models.explanations` stands above this module
SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
MOST_DECIMALS, LEAST_WIDTH = 6, 1e-9


def scale_text(scale: float, kind: ScaleKind, digits: int = 3) -> str:
    """A scale as people write it: 125M, 1.3B, 175B parameters or tokens; 3.1e23 FLOPs."""
    scale = float(f"{scale:.{digits - 1}e}")
    if kind in (ScaleKind.PARAMETERS, ScaleKind.TRAINING_TOKENS):
        for size, suffix in SUFFIXES:
            # From 999.5 of the smaller unit on, three digits round up into the larger one.
            if 0.9995 * size <= scale < 999.5e12:
                return f"{float(f'{scale / size:.3g}'):g}{suffix}"
    return f"{scale:.3g}".replace("e+", "e")


def probability_text(probability: float) -> str:
    """Two decimals; never 0 or 1, which no finite data can say."""
    if probability > 0.995:
        return ">0.99"
    return "<0.01" if probability < 0.005 else f"{probability:.2f}"


def p_text(p_value: float) -> str:
    """`p = 0.03`, `p < 0.001`."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"


def score_text(curve: ScalingCurve, score: float) -> str:
    """A score in percent where it is a share of examples; never 100 % for what is only close to it."""
    if curve.metric.kind is not MetricKind.PROPORTION:
        return f"{score:.4g}".replace("e+", "e")
    text = f"{100 * score:.3g}"
    return ">99.9 %" if text == "100" and score < 1 else f"{text} %"


def size_text(curve: ScalingCurve, size: float) -> str:
    """A change of the score without its sign: `4 points` of 100, or in units of the score."""
    if curve.metric.kind is not MetricKind.PROPORTION:
        return f"{size:.2g}".replace("e+", "e")
    text = f"{100 * size:.2g}" if 100 * size < 10 else f"{100 * size:.0f}"
    return f"{text} point{'' if text == '1' else 's'}"


def change_texts(curve: ScalingCurve, interval: Interval, *, signed: bool) -> tuple[str, str] | None:
    """Estimate and ends of a change, with as many digits as its interval bears; None where an end is open.

    `79.9 points` and `75.7 to 82.9`.
    """
    if interval.estimate is None or interval.lower is None or interval.upper is None:
        return None
    percent = curve.metric.kind is MetricKind.PROPORTION
    factor, unit = (100.0, " points") if percent else (1.0, "")
    width = factor * max(interval.upper - interval.lower, 1e-3 * abs(interval.estimate))
    digits = min(max(0, 1 - math.floor(math.log10(width))), MOST_DECIMALS) if width > LEAST_WIDTH else 0
    ends = (interval.estimate, interval.lower, interval.upper)
    middle, lower, upper = (_fixed(factor * end, digits, signed=signed) for end in ends)
    unit = " point" if percent and middle.strip("+-") == "1" else unit
    return f"{middle}{unit}", f"{lower} to {upper}"


def listed(words: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return f" {last} ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def counted(count: int, noun: str) -> str:
    """`three models`, `40 models`."""
    number = NUMBERS[count] if count < len(NUMBERS) else f"{count:,}"
    return f"{number} {noun if count == 1 else f'{noun}s'}"


def started(text: str) -> str:
    """With a capital, but for what is never written with one."""
    return text[:1].upper() + text[1:]


def _fixed(value: float, digits: int, *, signed: bool) -> str:
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    return text.lstrip("+-") if float(text) == 0 else text
