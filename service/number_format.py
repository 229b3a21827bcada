"""Numbers as people read them: 62B parameters, 3.1e23 FLOPs, probabilities that never claim certainty."""

from __future__ import annotations

import math
from collections.abc import Callable

from models import words
from models.curve import ScaleKind
from models.results import Interval

NOTHING = "-"
_PLAIN = (1e-3, 1e5)  # numbers between these are written out


def scale_text(scale: float, kind: ScaleKind) -> str:
    """A model's size as its makers write it: 125M, 1.3B, 175B parameters or tokens; 3.1e23 FLOPs."""
    if kind in (ScaleKind.PARAMETERS, ScaleKind.TRAINING_TOKENS):
        thousands = math.floor(math.log10(scale)) % 3 == 2  # 125M: model names have three digits there
        return words.scale_text(_significant(scale, 3 if thousands else 2), kind)
    return _power(scale) if kind is ScaleKind.TRAINING_FLOPS else number_text(scale)


SUFFIXES = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


def scale_of(text: str) -> float:
    """A scale as people write it: 5e11, 500B, 1.3b; raises `ValueError`."""
    unit = SUFFIXES.get(text.strip()[-1:].upper())
    try:
        return float(text) if unit is None else float(text.strip()[:-1]) * unit
    except ValueError:
        raise ValueError(f"{text!r} is no scale: write 5e11 or 500B") from None


def estimate_text(scale: float, kind: ScaleKind) -> str:
    """An estimated scale: two digits, since no turn is known better."""
    return scale_text(_significant(scale, 2), kind)


def _significant(value: float, digits: int) -> float:
    return float(f"{value:.{digits - 1}e}")


def _power(value: float, digits: int = 2) -> str:
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def number_text(value: float, digits: int = 3) -> str:
    """A number with so many significant digits, written out unless it is very large or small."""
    rounded = _significant(value, digits)
    if rounded != 0 and not _PLAIN[0] <= abs(rounded) < _PLAIN[1]:
        return _power(rounded, digits)
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded)))) if rounded else 0
    text = f"{rounded:.{min(decimals, 6)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def probability_text(probability: float) -> str:
    """Two decimals; never 0 or 1, which no finite data can say."""
    return words.probability_text(probability)


def interval_text(interval: Interval, write: Callable[[float], str]) -> str:
    """`62B (11B - 230B)`; an open end is written as such, an absent estimate as a dash."""
    if interval.estimate is None:
        return NOTHING
    return f"{write(interval.estimate)} {ends_text(interval.lower, interval.upper, write)}".rstrip()


def ends_text(lower: float | None, upper: float | None, write: Callable[[float], str]) -> str:
    """`(11B - 230B)`, `(> 11B)`, `(< 230B)`, or nothing."""
    if lower is None or upper is None:
        ends = [f"{sign} {write(end)}" for sign, end in ((">", lower), ("<", upper)) if end is not None]
        return f"({ends[0]})" if ends else ""
    return f"({write(lower)} - {write(upper)})"
