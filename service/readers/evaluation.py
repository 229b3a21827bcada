"""What the files of evaluation harnesses hold, whichever wrote them: runs of language models, and their scores."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from service.readers.outcomes import Outcomes


@dataclass(frozen=True, slots=True)
class Run:
    """One language model in one file, as the file names it.

    `checkpoint` is the state of training as the file names it ("step1000"), None for the usual one. `variant` tells its
    weights from the usual ones ("4bit"). All else is
    what the file says apart from the name; None where it says nothing.
    """

    model: str
    file: str
    harness: str
    checkpoint: str | None = None
    family: str | None = None
    parameters: float | None = None
    training_tokens: float | None = None
    training_flops: float | None = None
    scale: float | None = None
    variant: str | None = None


class Score(NamedTuple):
    """One number about a run. The first four fields say with which numbers of other runs it makes a curve.

    `version` is that of the task: other versions ask other questions. `group` is what the task is a part of.
    """

    task: str
    metric: str
    prompting: str | None
    version: str | None
    score: float
    stderr: float | None = None
    n_examples: int | None = None
    group: str | None = None
    facts: MetricFacts | None = None
    outcomes: Outcomes | None = None


class MetricFacts(NamedTuple):
    """What a file says about a metric; None where it says nothing."""

    higher_is_better: bool | None = None
    kind: str | None = None
    lower: float | None = None
    upper: float | None = None
    chance: float | None = None
    target_length: int | None = None


type Evaluation = tuple[Run, Iterable[Score]]


def number_of(value: Any) -> float | None:
    """A finite number; None for anything else: truth values, strings such as "N/A", NaN."""
    if type(value) is float or type(value) is int:
        try:
            return float(value) if math.isfinite(value) else None
        except OverflowError:
            return None
    return None


def count_of(value: Any) -> int | None:
    """A whole number of at least 1; None for anything else."""
    number = number_of(value)
    return (
        int(number) if number is not None and number >= 1 and number.is_integer() and number < LARGEST_COUNT else None
    )


LARGEST_COUNT = 1e12  # test examples; the same limit as in a curve's points


def text_of(value: Any) -> str | None:
    """A string that is not blank; None for anything else."""
    return value.strip() if isinstance(value, str) and value.strip() else None


def version_of(value: Any) -> str | None:
    """The version of a task; 1 and 1.0 are one."""
    if value is None or value == "N/A":
        return None
    return str(int(value) if type(value) is float and value.is_integer() else value)


def object_of(value: Any) -> Mapping[str, Any]:
    """An object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """A list; an empty one for anything else."""
    return value if isinstance(value, list) else []


def digest(text: str) -> str:
    """What tells a long text from others in a name."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_LENGTH]


DIGEST_LENGTH = 8


def shots(count: Any) -> str | None:
    """Prompting with so many examples, as the field writes it."""
    number = number_of(count)
    return f"{int(number)}-shot" if number is not None and number.is_integer() and 0 <= number < 1000 else None
