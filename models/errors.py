"""The one error tree.

ScaleshapeError
├── InvalidInput       what the caller sent cannot be used; carries the problems, each with its place
│   ├── InvalidCurve
│   └── InvalidOptions
└── EngineError        an engine could not do its work on valid input
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `pointer` is a JSON pointer below the curve ("" for the whole of it)."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer}: {self.message}" if self.pointer else self.message


class ScaleshapeError(Exception):
    """Root of every error that scaleshape raises on purpose."""


MOST_PROBLEMS = 100  # that are told of one input: nobody reads more at once


class InvalidInput(ScaleshapeError):
    """Input that cannot be used; `problems` says what, where, why and what to do."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        found = iter(problems)
        first = tuple(islice(found, MOST_PROBLEMS))
        more = next(found, None) is not None
        self.problems = (*first, Problem("", "and more problems: mend these first")) if more else first
        super().__init__("; ".join(str(problem) for problem in self.problems))


class InvalidCurve(InvalidInput):
    """A curve that breaks a rule of the observation model."""


class InvalidOptions(InvalidInput):
    """Analysis options outside their range or in contradiction."""


class EngineError(ScaleshapeError):
    """An engine failed on valid input."""
