"""The arithmetic tasks of GPT-3: few-shot curves of Table H.1 of Brown et al. (arXiv 2005.14165)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from models.curve import ScalingCurve
from models.options import Options
from reproductions.emergence import Drawn, drawn, few_shot, read_curves
from reproductions.page import DATA

LENGTHS = (2, 3, 4, 5)
OPERATIONS = {"+": "addition", "-": "subtraction"}


@dataclass(frozen=True, slots=True)
class Task:
    """One arithmetic task: operation, number of digits, and its few-shot curve with the target length known."""

    operation: str
    length: int
    found: Drawn

    @property
    def name(self) -> str:
        """`3-digit addition`."""
        return f"{self.length}-digit {OPERATIONS[self.operation]}"


@lru_cache(maxsize=1)
def tasks() -> tuple[Task, ...]:
    """All tasks, addition first."""
    curves = read_curves(DATA / "gpt3_table_h1.csv")
    return tuple(
        Task(sign, length, drawn(_with_length(few_shot(curves, f"{length}D{sign}"), length), Options()))
        for sign in OPERATIONS
        for length in LENGTHS
    )


def _with_length(curve: ScalingCurve, length: int) -> ScalingCurve:
    return replace(curve, metric=replace(curve.metric, target_length=length))
