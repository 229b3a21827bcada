"""The part of the calibration report on the turn's interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.label_report import grouped
from benchmarks.markdown import number, percent, table
from benchmarks.outcomes import Outcome
from benchmarks.scoring import turn_coverage

HEADER = (
    "stratum",
    "curves",
    "covered",
    "covers a point of the bottom",
    "no interval (P(U) ≤ .01)",
    "median width / range",
)


def coverage_table(outcomes: Sequence[Outcome]) -> str:
    """Coverage of the 95 % interval of the turn, overall and by stratum."""
    strata: tuple[tuple[str, Callable[[Outcome], str]], ...] = (
        ("K ", lambda o: f"{o.n_scales}"),
        ("n ", lambda o: f"{o.n_examples}"),
        ("", lambda o: o.family),
        ("", lambda o: o.noise),
    )
    rows = [_row("all", outcomes)]
    for prefix, key in strata:
        rows += [_row(prefix + value, members) for value, members in grouped(outcomes, key).items()]
    return table(HEADER, rows)


def cells_table(outcomes: Sequence[Outcome]) -> str:
    """Coverage by number of scales and test-set size together."""
    sizes = list(grouped(outcomes, lambda o: f"{o.n_examples}"))
    rows = []
    for scales, members in grouped(outcomes, lambda o: f"{o.n_scales}").items():
        cells = grouped(members, lambda o: f"{o.n_examples}")
        rows.append((scales, *(_cell(cells.get(size, [])) for size in sizes)))
    return table(("K \\ n", *sizes), rows)


def _cell(members: Sequence[Outcome]) -> str:
    return percent(turn_coverage(members).covered, interval=False)


def _row(name: str, members: Sequence[Outcome]) -> tuple[str, ...]:
    found = turn_coverage(members)
    return (
        name,
        str(len(members)),
        percent(found.covered),
        percent(found.touched, interval=False),
        percent(found.missing, interval=False),
        number(found.width, 2),
    )
