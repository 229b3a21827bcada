"""What can be wrong with the outputs of several language models, each with a pointer into `outputs`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from models.arrays import Bools, Floats, Ints
from models.curve import MINIMUM_RATIO
from models.emergence import FEWEST_SCALES
from models.errors import InvalidInput, Problem

FEWEST_EXAMPLES = 2  # one example has no standard error
FEWEST_OPTIONS = 2
MOST_PROBLEMS = 20  # that are told of one input; the rest is of their kind
ROUNDING = 1e-6  # above 0, up to which a log-probability is a rounding error of single precision
LOWEST = -1e6  # log-probability: guessing blindly among 10^6 tokens gives -14
SUM_TOLERANCE = 1e-3  # of the options' probabilities from one: logarithms written with four digits come to that
SURELY_GREEDY = 0.51  # a token of probability above one half is the most probable one; the rest is rounding

type Nested = Sequence[Sequence[float]]
"""Numbers of each token or option of each example."""


@dataclass(frozen=True, slots=True)
class OutputModel:
    """One language model, a row of the outputs."""

    scale: float
    name: str | None = None


def raise_any(problems: Iterator[Problem]) -> None:
    """Raises `InvalidInput` with the first of the problems, if there are any."""
    found = tuple(islice(problems, MOST_PROBLEMS))
    if found:
        raise InvalidInput(found)


def model_problems(models: Sequence[OutputModel]) -> Iterator[Problem]:
    """Models are different, and of three scales or more."""
    seen: dict[OutputModel | str, int] = {}
    for index, model in enumerate(models):
        if not (math.isfinite(model.scale) and model.scale > 0):
            yield Problem(f"/outputs/{index}/scale", f"{model.scale!r} is not a positive finite number")
        key = model.name or model
        if key in seen:
            name = f"the model {model.name!r}" if model.name else f"a model of scale {model.scale:g} without a name"
            message = f"{name} is there already, at {seen[key]}: give each model once, with names where scales repeat"
            yield Problem(f"/outputs/{index}", message)
        seen.setdefault(key, index)
    scales = {model.scale for model in models}
    if len(scales) < FEWEST_SCALES:
        message = f"{len(scales)} different scales: an emergence score needs at least {FEWEST_SCALES}; add models"
        yield Problem("/outputs", message)
    elif min(scales) > 0 and max(scales) / min(scales) < MINIMUM_RATIO:
        ratio = max(scales) / min(scales)
        yield Problem("/outputs", f"the largest scale is {ratio:.6g} times the smallest: no range to see")


def count_problems(rows: Sequence[Sequence[object]], field: str) -> Iterator[Problem]:
    """All models have the same number of examples."""
    expected = len(rows[0])
    if expected < FEWEST_EXAMPLES:
        message = f"{expected} examples: a standard error needs at least {FEWEST_EXAMPLES}"
        yield Problem(f"/outputs/0/{field}", message)
    for index, row in enumerate(rows):
        if len(row) != expected:
            message = f"{len(row):,} examples, but {expected:,} at output 0: give all models the same, in one order"
            yield Problem(f"/outputs/{index}/{field}", message)


def layout_problems(rows: Sequence[Nested], field: str, empty: str) -> Iterator[Problem]:
    """All models have the same examples, and each of these the same tokens or options, at least one."""
    counts = tuple(count_problems(rows, field))
    yield from counts
    if counts:
        return
    expected = [len(example) for example in rows[0]]
    for j, size in enumerate(expected):
        if size == 0:
            yield Problem(f"/outputs/0/{field}/{j}", empty)
    for i, row in enumerate(rows):
        for j, example in enumerate(row):
            if len(example) != expected[j]:
                message = f"length {len(example)}, but {expected[j]} at output 0: all models have the same target"
                yield Problem(f"/outputs/{i}/{field}/{j}", message)


def log_probability_problems(flat: Floats, sizes: Ints, field: str, *, bounded: bool = True) -> Iterator[Problem]:
    """Log-probabilities (M, T) are finite, not absurdly low and, where `bounded`, not above 0."""
    wrong = ~np.isfinite(flat) | (np.abs(flat) > -LOWEST) | (bounded & (flat > ROUNDING))
    for i, place in np.argwhere(wrong).tolist():
        value = float(flat[i, place])
        reason = "is not a finite number"
        if math.isfinite(value):
            reason = "is a probability above one: send natural logarithms" if value > 0 else f"is below {LOWEST:g}"
        yield Problem(f"/outputs/{i}/{field}/{place_of(sizes, place)}", f"{written(value)} {reason}")


def answer_problems(answers: Sequence[int], sizes: Ints) -> Iterator[Problem]:
    """Every example has one right option among at least two."""
    if len(answers) != len(sizes):
        message = f"{len(answers):,} answers for {len(sizes):,} examples: give the index of the right option of each"
        yield Problem("/answers", message)
        return
    for j, (answer, size) in enumerate(zip(answers, sizes.tolist(), strict=True)):
        if size < FEWEST_OPTIONS:
            yield Problem(f"/outputs/0/option_log_probabilities/{j}", "one option leaves nothing to choose")
        elif not 0 <= answer < size:
            yield Problem(f"/answers/{j}", f"{answer} is not between 0 and {size - 1}, the options of this example")


def sum_problems(totals: Floats, field: str) -> Iterator[Problem]:
    """The options' probabilities, given as the log of their sum (M, n), make one."""
    with np.errstate(over="ignore"):
        sums = np.exp(totals)
    for i, j in np.argwhere(np.abs(sums - 1) > SUM_TOLERANCE).tolist():
        message = (
            f"the probabilities sum to {sums[i, j]:.6g}, not to 1 within {SUM_TOLERANCE:g}: give all options, or say "
            "normalize: true"
        )
        yield Problem(f"/outputs/{i}/{field}/{j}", message)


def greedy_problems(rows: Sequence[Sequence[object]], lengths: Sequence[int]) -> Iterator[Problem]:
    """Flags are given for every token of every target, or for every target."""
    by_token = bool(rows[0]) and isinstance(rows[0][0], Sequence)
    for i, row in enumerate(rows):
        if len(row) != len(lengths):
            yield Problem(f"/outputs/{i}/greedy", f"{len(row):,} examples, but {len(lengths):,} log-probabilities")
            continue
        for j, (example, length) in enumerate(zip(row, lengths, strict=True)):
            if isinstance(example, Sequence) != by_token:
                message = "flags of tokens here and of whole targets elsewhere: give the one or the other"
                yield Problem(f"/outputs/{i}/greedy/{j}", message)
            elif isinstance(example, Sequence) and len(example) != length:
                yield Problem(f"/outputs/{i}/greedy/{j}", f"{len(example)} flags for {length} tokens: give one each")


def contradictions(tokens: Bools, flat: Floats, lengths: Ints) -> Iterator[Problem]:
    """A token that is not the most probable one has a probability of at most one half."""
    for i, place in np.argwhere(~tokens & (flat > math.log(SURELY_GREEDY))).tolist():
        message = f"0 for a token of probability {math.exp(flat[i, place]):.3g}, which no other token can exceed"
        yield Problem(f"/outputs/{i}/greedy/{place_of(lengths, place)}", message)


def threshold_problems(thresholds: Sequence[float]) -> Iterator[Problem]:
    """Thresholds are positive and different."""
    for index, threshold in enumerate(thresholds):
        if not (math.isfinite(threshold) and threshold > 0):
            yield Problem(f"/thresholds/{index}", f"{written(threshold)} is not a positive finite number")
    if len(set(thresholds)) < len(thresholds):
        yield Problem("/thresholds", "a threshold is given more than once: keep one")


def place_of(sizes: Ints, place: int) -> str:
    """`example/token` of a column."""
    ends = np.cumsum(sizes)
    example = int(np.searchsorted(ends, place, side="right"))
    return f"{example}/{place - int(ends[example] - sizes[example])}"


def written(value: float) -> str:
    """A number as its sender wrote it."""
    if math.isfinite(value):
        return f"{value:g}"
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
