"""Text and numbers as the report writes them. Names from files are data: short, of one line, never a formula."""

from __future__ import annotations

import re
from math import floor, log10

from models.results import Interval
from service.csv_export import formula_safe

LONGEST_NAME = 200  # characters of a name
LONGEST_MESSAGE = 1000
SHAREABLE = 0.005  # a share below it, or as close to one, is not written as 0 or 100 %
DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
_NEGATIVE = re.compile(r"(?<!\w)-(?=\d)")


def plain(text: str, longest: int = LONGEST_NAME) -> str:
    """Text on one line without control characters, cut where it is very long."""
    words = " ".join("".join(sign if sign.isprintable() else " " for sign in text[: 4 * longest]).split())
    return words if len(words) <= longest else f"{words[: longest - 1]}…"


def cell(text: str, longest: int = LONGEST_NAME) -> str:
    """The same for a cell of a table, which may be copied into a spreadsheet."""
    return formula_safe(plain(text, longest))


def count_text(count: int, noun: str) -> str:
    """`1 curve`, `10,000 curves`."""
    return f"{count:,} {noun if count == 1 else f'{noun}s'}"


def share_text(share: float) -> str:
    """`88 %`; never 0 or 100 for what is only close to it."""
    if 0 < share < SHAREABLE:
        return "<1 %"
    return ">99 %" if 1 - SHAREABLE < share < 1 else f"{100 * share:.0f} %"


def share_ends(interval: Interval) -> str:
    """`80 – 94 %`."""
    if interval.lower is None or interval.upper is None:
        return ""
    lower, upper = share_text(interval.lower), share_text(interval.upper)
    return f"{lower.removesuffix(' %')} {DASH} {upper}"


def share_with_ends(interval: Interval) -> str:
    """`88 % (80 – 94 %)`; the share alone where it has no interval, and a share of nothing as 0 %."""
    share, ends = share_text(interval.estimate or 0.0), share_ends(interval)
    return f"{share} ({ends})" if ends else share


def number(value: float, digits: int) -> str:
    """A number with a sign that lines up."""
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", MINUS)


def signed(value: float, digits: int) -> str:
    """A change: with its sign where it is not zero."""
    text = number(value, digits)
    return f"+{text}" if value > 0 and text.strip("0.") else text


def digits_of(width: float) -> int:
    """Digits after the point that show two figures of the width of an interval, six at most."""
    return min(6, max(0, 1 - floor(log10(max(width, 1e-12)))))


def change_digits(interval: Interval, factor: float) -> int:
    """Digits of a change that is written times `factor`: one of points of 100, else what the interval's width needs."""
    if factor != 1.0 or interval.lower is None or interval.upper is None:
        return 1
    return digits_of(interval.upper - interval.lower)


def typeset(text: str) -> str:
    """Numbers of the plain table with the signs of print."""
    return _NEGATIVE.sub(MINUS, text.strip().replace(" - ", f" {DASH} "))


def listed(words: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)
