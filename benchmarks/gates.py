"""The targets that the figures are held against, and what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.markdown import percent, table
from benchmarks.outcomes import Outcome
from benchmarks.scoring import calibration_error, confident, probabilities, right_of, truth_codes, turn_coverage

# Targets of the design's section on how the statistics are known to be right.
LARGEST_CALIBRATION_ERROR = 0.03
LEAST_CONFIDENT_LOWER_BOUND = 0.93
LEAST_CONFIDENT_SHARE = 0.95
TURN_COVERAGE_IN_MENU = (0.93, 0.97)
LEAST_TURN_COVERAGE_OUTSIDE = 0.90
LARGEST_LOSS_OVER_RIVAL = 0.10
LEAST_SBC_P = 0.01


@dataclass(frozen=True, slots=True)
class Gate:
    """One target: met or not."""

    name: str
    target: str
    found: str
    met: bool


def label_gates(title: str, outcomes: Sequence[Outcome], *, in_menu: bool) -> list[Gate]:
    """Gates on probabilities and labels of one data set."""
    p, truth = probabilities(outcomes), truth_codes(outcomes)
    error = calibration_error(p.max(axis=1), right_of(p, truth))
    sure = confident(outcomes)
    lower = sure.interval[0]
    gates = [
        Gate(
            f"labels with probability ≥ .9, {title}: right",
            f"lower bound ≥ {LEAST_CONFIDENT_LOWER_BOUND}",
            percent(sure),
            lower >= LEAST_CONFIDENT_LOWER_BOUND,
        ),
        Gate(
            f"labels with probability ≥ .9, {title}: right",
            f"≥ {100 * LEAST_CONFIDENT_SHARE:.0f} %",
            percent(sure, interval=False),
            (sure.value or 0.0) >= LEAST_CONFIDENT_SHARE,
        ),
    ]
    if in_menu:
        target = f"≤ {LARGEST_CALIBRATION_ERROR}"
        met = error <= LARGEST_CALIBRATION_ERROR
        gates.append(Gate(f"expected calibration error, {title}", target, f"{error:.3f}", met))
    return gates


def turn_gates(title: str, outcomes: Sequence[Outcome], *, in_menu: bool) -> list[Gate]:
    """Gate on the coverage of the turn."""
    covered = turn_coverage(outcomes).covered
    low, high = TURN_COVERAGE_IN_MENU if in_menu else (LEAST_TURN_COVERAGE_OUTSIDE, 1.0)
    target = f"{100 * low:.0f} to {100 * high:.0f} %" if in_menu else f"≥ {100 * low:.0f} %"
    met = covered.value is not None and low <= covered.value <= high
    return [Gate(f"turn coverage, {title}", target, percent(covered), met)]


def gate_table(gates: Sequence[Gate]) -> str:
    """All gates with what was found."""
    rows = [(gate.name, gate.target, gate.found, "yes" if gate.met else "**no**") for gate in gates]
    return table(("figure", "target", "found", "met"), rows)
