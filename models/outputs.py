"""Outputs of several language models on the same examples, before any metric: log-probabilities or errors.

Checked once, when they are made; what is wrong is said with a pointer into `outputs`, the list of the models' outputs.
The same example has the same target in all models, so that ragged lists fit one matrix (M, T): M models, the tokens (or
options) of all n examples one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.arrays import Bools, Floats, Ints
from models.errors import Problem
from models.output_checks import (
    Nested,
    OutputModel,
    answer_problems,
    contradictions,
    count_problems,
    greedy_problems,
    layout_problems,
    log_probability_problems,
    model_problems,
    raise_any,
    sum_problems,
    threshold_problems,
    written,
)


@dataclass(frozen=True, slots=True)
class TokenOutputs:
    """Log-probabilities (M, T) of the tokens of n targets, whose `lengths` (n,) sum to T.

    `greedy` (M, T): whether each token is the most probable one after those before it; `exact` (M, n): whether greedy
    decoding gives the whole target. None where the models' choices are not known.
    """

    models: tuple[OutputModel, ...]
    lengths: Ints
    log_probabilities: Floats
    greedy: Bools | None = None
    exact: Bools | None = None


@dataclass(frozen=True, slots=True)
class OptionOutputs:
    """Log-probabilities (M, T) over the options of n examples, whose `sizes` (n,) sum to T; `answers` (n,) from 0."""

    models: tuple[OutputModel, ...]
    sizes: Ints
    answers: Ints
    log_probabilities: Floats


@dataclass(frozen=True, slots=True)
class ErrorOutputs:
    """Errors (M, n) >= 0 of n examples, such as of a reconstruction, and thresholds (C,) to score them by."""

    models: tuple[OutputModel, ...]
    errors: Floats
    thresholds: Floats


Outputs = TokenOutputs | OptionOutputs | ErrorOutputs


def token_outputs(
    models: Sequence[OutputModel], rows: Sequence[Nested], greedy: Sequence[Sequence[object]] | None = None
) -> TokenOutputs:
    """Outputs from the log-probabilities of each token of each target, by model.

    `greedy`: by model and example, either one truth value for the whole target or one for each of its tokens. Raises
    `InvalidInput`.
    """
    field = "token_log_probabilities"
    raise_any(model_problems(models))
    raise_any(layout_problems(rows, field, "a target of length 0 has no accuracy: leave the example out"))
    lengths, flat = _flat(rows)
    raise_any(log_probability_problems(flat, lengths, field))
    tokens, exact = (None, None) if greedy is None else _greedy(greedy, lengths)
    if tokens is not None:
        raise_any(contradictions(tokens, flat, lengths))
    return TokenOutputs(tuple(models), lengths, np.minimum(flat, 0.0), tokens, exact)


def option_outputs(
    models: Sequence[OutputModel], rows: Sequence[Nested], answers: Sequence[int], *, normalize: bool = False
) -> OptionOutputs:
    """Outputs from log-probabilities over the options of each example, by model, and the index of the right option.

    `normalize` divides each example's probabilities by their sum. Raises `InvalidInput`.
    """
    field = "option_log_probabilities"
    raise_any(model_problems(models))
    raise_any(layout_problems(rows, field, "an example without options: leave it out"))
    sizes, flat = _flat(rows)
    raise_any(answer_problems(answers, sizes))
    raise_any(log_probability_problems(flat, sizes, field, bounded=not normalize))
    starts = starts_of(sizes)
    totals = _log_sums(flat, starts, sizes)
    if normalize:
        return OptionOutputs(tuple(models), sizes, np.array(answers), flat - np.repeat(totals, sizes, axis=1))
    raise_any(sum_problems(totals, field))
    return OptionOutputs(tuple(models), sizes, np.array(answers), np.minimum(flat, 0.0))


def error_outputs(
    models: Sequence[OutputModel], rows: Sequence[Sequence[float]], thresholds: Sequence[float] | None = None
) -> ErrorOutputs:
    """Outputs from the error of each example, by model; thresholds are chosen where none are given.

    Raises `InvalidInput`.
    """
    raise_any(model_problems(models))
    raise_any(count_problems(rows, "errors"))
    errors = np.array(rows, dtype=np.float64)
    wrong = ~(np.isfinite(errors) & (errors >= 0))
    raise_any(
        Problem(f"/outputs/{i}/errors/{j}", f"{written(errors[i, j])} is not a finite number of at least 0")
        for i, j in np.argwhere(wrong).tolist()
    )
    if thresholds is None:
        return ErrorOutputs(tuple(models), errors, threshold_grid(errors))
    raise_any(threshold_problems(thresholds))
    return ErrorOutputs(tuple(models), errors, np.sort(np.array(thresholds, dtype=np.float64)))


def threshold_grid(errors: Floats, count: int = 5) -> Floats:
    """Thresholds from the best model's median error to the worst one's, evenly spaced on a log scale.

    Between them lies the choice of c in S section 5: at the lowest, half of the examples of the best model count and
    hardly any of the others. Evenly spaced as they are where a median is 0.
    """
    medians = np.median(errors, axis=1)
    low, high = float(medians.min()), float(medians.max())
    if low == high:
        return np.array([low]) if low > 0 else np.array([])
    spaced = np.geomspace(low, high, count) if low > 0 else np.linspace(low, high, count + 1)[1:]
    return np.unique([float(f"{threshold:.3g}") for threshold in spaced])


def starts_of(sizes: Ints) -> Ints:
    """Where each example begins among tokens or options that stand one after the other."""
    return np.concatenate([[0], np.cumsum(sizes)[:-1]])


def _flat(rows: Sequence[Nested]) -> tuple[Ints, Floats]:
    sizes = np.array([len(example) for example in rows[0]])
    return sizes, np.array([[value for example in row for value in example] for row in rows], dtype=np.float64)


def _log_sums(flat: Floats, starts: Ints, sizes: Ints) -> Floats:
    """Log of the sum of each example's probabilities (M, n)."""
    largest = np.maximum.reduceat(flat, starts, axis=1)
    shifted = np.exp(flat - np.repeat(largest, sizes, axis=1))
    return largest + np.log(np.add.reduceat(shifted, starts, axis=1))


def _greedy(rows: Sequence[Sequence[object]], lengths: Ints) -> tuple[Bools | None, Bools]:
    """Flags by token, where each token has one, and by example."""
    raise_any(greedy_problems(rows, lengths.tolist()))
    if not isinstance(rows[0][0], Sequence):
        return None, np.array(rows, dtype=bool)
    tokens = np.array([[flag for example in row if isinstance(example, Sequence) for flag in example] for row in rows])
    return tokens.astype(bool), np.logical_and.reduceat(tokens, starts_of(lengths), axis=1)
