"""Markdown tables and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.scoring import Mean, Share

NOTHING = "–"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A markdown table, the first column to the left, the others to the right."""
    rule = ["---", *("---:" for _ in header[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *rows)) + "\n"


def number(value: float | None, digits: int = 3) -> str:
    """A number, or a dash for none."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def with_error(mean: Mean) -> str:
    """A mean and its standard error."""
    return f"{mean.value:.3f} ± {mean.error:.3f}"


def percent(share: Share, *, interval: bool = True) -> str:
    """A share in percent with its 95 % interval and its size."""
    if share.value is None:
        return NOTHING
    low, high = share.interval
    bounds = f" ({100 * low:.1f} to {100 * high:.1f})" if interval else ""
    return f"{100 * share.value:.1f} %{bounds}"
