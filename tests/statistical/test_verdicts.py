"""Verdicts on emergence against simulated curves whose cause is known, most of them outside the engine's models."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.emergence_curves import SMOOTH, Cause, known_cause
from models.analysis import analyze
from models.options import Options
from models.results import Verdict

SEED, CURVES = 3, 40  # a cause
RIGHT = 0.9  # of the verdicts that say something
FALSE_EMERGENT = 0.05


@pytest.fixture(scope="module")
def verdicts() -> Counter[tuple[bool, str]]:
    """Verdicts at eight models and 2,000 examples, by whether the truth is smooth."""
    found: Counter[tuple[bool, str]] = Counter()
    for cause in Cause:
        for index in range(CURVES):
            verdict = analyze(known_cause(cause, SEED, index, 8, 2000).curve, Options()).emergence.verdict
            found[cause in SMOOTH, str(verdict)] += 1
    return found


@pytest.mark.parametrize(("verdict", "smooth"), [(Verdict.EXPLAINED_BY_METRIC, True), (Verdict.EMERGENT, False)])
def test_what_is_said_of_the_cause_is_right(
    verdicts: Counter[tuple[bool, str]], verdict: Verdict, *, smooth: bool
) -> None:
    said = verdicts[True, verdict] + verdicts[False, verdict]
    assert said >= 10  # it is said at all
    assert verdicts[smooth, verdict] / said >= RIGHT


def test_smooth_per_token_curves_are_seldom_called_emergent(verdicts: Counter[tuple[bool, str]]) -> None:
    assert verdicts[True, Verdict.EMERGENT] <= FALSE_EMERGENT * CURVES * len(SMOOTH)
