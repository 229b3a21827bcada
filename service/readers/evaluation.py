"""What the files of evaluation harnesses hold, whichever wrote them: runs of language models, and their scores."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
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


class Scores(NamedTuple):
    """Numbers of a run about tasks that have the same metrics, in columns: an entry a task, or an entry a number.

    Numbers stand task after task, each in the order of the metrics. NaN or None where a file says nothing. Numbers of
    other runs make a curve with these where task, prompting, version and metric are the same; `versions` are those of
    the tasks: other ones ask other questions. `groups` is what each task is a part of.
    """

    metrics: tuple[str, ...]
    tasks: Sequence[str]
    promptings: Sequence[str | None]
    versions: Sequence[str | None]
    n_examples: Sequence[float]
    groups: Sequence[str | None]
    scores: Sequence[float]
    stderrs: Sequence[float]
    facts: Sequence[MetricFacts | None] | None = None
    outcomes: Sequence[Outcomes | None] | None = None

    def apart(self) -> Iterator[Scores]:
        """The same numbers, each on its own."""
        for place, (score, stderr) in enumerate(zip(self.scores, self.stderrs, strict=True)):
            task, metric = divmod(place, len(self.metrics))
            yield Scores(
                (self.metrics[metric],),
                (self.tasks[task],),
                (self.promptings[task],),
                (self.versions[task],),
                (self.n_examples[task],),
                (self.groups[task],),
                (score,),
                (stderr,),
                None if self.facts is None else (self.facts[place],),
                None if self.outcomes is None else (self.outcomes[place],),
            )


class Score(NamedTuple):
    """One number about a run, for harnesses that do not write those of a task beside one another; as in `Scores`."""

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

    def alone(self) -> Scores:
        """The same in columns of one entry."""
        return Scores(
            (self.metric,),
            (self.task,),
            (self.prompting,),
            (self.version,),
            (math.nan if self.n_examples is None else self.n_examples,),
            (self.group,),
            (self.score,),
            (math.nan if self.stderr is None else self.stderr,),
            None if self.facts is None else (self.facts,),
            None if self.outcomes is None else (self.outcomes,),
        )


class MetricFacts(NamedTuple):
    """What a file says about a metric; None where it says nothing."""

    higher_is_better: bool | None = None
    kind: str | None = None
    lower: float | None = None
    upper: float | None = None
    chance: float | None = None
    target_length: int | None = None


type Evaluation = tuple[Run, Iterable[Scores]]


def number_of(value: Any) -> float | None:
    """A finite number; None for anything else: truth values, strings such as "N/A", NaN."""
    return None if math.isnan(number := finite(value)) else number


def finite(value: Any) -> float:
    """A finite number; NaN for anything else."""
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else math.nan
    try:
        return float(value) if kind is int else math.nan
    except OverflowError:
        return math.nan


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
