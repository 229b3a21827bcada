"""What is wrong with outputs is said with its place, value, reason and remedy."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from models.errors import InvalidInput
from models.output_checks import MOST_PROBLEMS, OutputModel
from models.outputs import error_outputs, option_outputs, token_outputs

THREE = [OutputModel(1e8), OutputModel(1e9), OutputModel(1e10)]
GOOD = [[-0.1, -0.2], [-0.3]]
HALF = [math.log(0.5), math.log(0.5)]


def problems_of(make: Any, *arguments: Any, **named: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        make(*arguments, **named)
    return {problem.pointer: problem.message for problem in refused.value.problems}


@pytest.mark.parametrize(
    ("third", "pointer", "told"),
    [
        ([[-0.1, -0.2, -0.3], [-0.3]], "/outputs/2/token_log_probabilities/0", "length 3, but 2 at output 0"),
        ([[-0.1, -0.2]], "/outputs/2/token_log_probabilities", "1 examples, but 2 at output 0"),
        ([[-0.1, 0.2], [-0.3]], "/outputs/2/token_log_probabilities/0/1", "0.2 is a probability above one"),
        ([[-0.1, -0.2], [math.nan]], "/outputs/2/token_log_probabilities/1/0", "NaN is not a finite number"),
        ([[-math.inf, -0.2], [-0.3]], "/outputs/2/token_log_probabilities/0/0", "-Infinity is not a finite number"),
        ([[-1e9, -0.2], [-0.3]], "/outputs/2/token_log_probabilities/0/0", "-1e+09 is below"),
    ],
)
def test_bad_log_probabilities_are_told(third: Sequence[Sequence[float]], pointer: str, told: str) -> None:
    assert told in problems_of(token_outputs, THREE, [GOOD, GOOD, third])[pointer]


def test_a_target_of_length_zero_is_told() -> None:
    found = problems_of(token_outputs, THREE, [[[-0.1], []]] * 3)
    assert "length 0" in found["/outputs/0/token_log_probabilities/1"]


def test_a_rounding_error_above_zero_is_taken_as_zero() -> None:
    outputs = token_outputs(THREE, [[[1e-7, -0.2], [-0.3]]] * 3)
    assert outputs.log_probabilities.max() == 0


@pytest.mark.parametrize(
    ("models", "pointer", "told"),
    [
        ([OutputModel(1e8), OutputModel(1e9)], "/outputs", "2 different scales"),
        ([OutputModel(1e8, "a"), OutputModel(1e8, "b"), OutputModel(1e9, "c")], "/outputs", "2 different scales"),
        ([*THREE, OutputModel(1e9)], "/outputs/3", "is there already, at 1"),
        ([OutputModel(1e8, "a"), OutputModel(1e9, "a"), OutputModel(1e10, "c")], "/outputs/1", "'a' is there already"),
        ([OutputModel(-1.0), *THREE], "/outputs/0/scale", "not a positive finite number"),
        ([OutputModel(math.nan), *THREE], "/outputs/0/scale", "not a positive finite number"),
        ([OutputModel(1e8), OutputModel(1.001e8), OutputModel(1.002e8)], "/outputs", "no range to see"),
    ],
)
def test_bad_models_are_told(models: list[OutputModel], pointer: str, told: str) -> None:
    assert told in problems_of(token_outputs, models, [GOOD] * len(models))[pointer]


@pytest.mark.parametrize(
    ("row", "answers", "pointer", "told"),
    [
        (
            [HALF, [math.log(0.5), math.log(0.4)]],
            [0, 0],
            "/outputs/0/option_log_probabilities/1",
            "sum to 0.9, not to 1",
        ),
        ([HALF, HALF], [0], "/answers", "1 answers for 2 examples"),
        ([HALF, HALF], [0, 2], "/answers/1", "2 is not between 0 and 1"),
        ([HALF, [0.0]], [0, 0], "/outputs/0/option_log_probabilities/1", "nothing to choose"),
    ],
)
def test_bad_options_are_told(row: list[list[float]], answers: list[int], pointer: str, told: str) -> None:
    assert told in problems_of(option_outputs, THREE, [row] * 3, answers)[pointer]


def test_probabilities_that_miss_one_within_the_tolerance_are_taken() -> None:
    rounded = [round(math.log(p), 3) for p in (0.31, 0.42, 0.27)]
    assert abs(sum(map(math.exp, rounded)) - 1) > 1e-5
    option_outputs(THREE, [[rounded, rounded]] * 3, [0, 1])


@pytest.mark.parametrize(
    ("greedy", "pointer", "told"),
    [
        ([[[1, 1], [1]], [[1, 1], [1]], [[1, 0], [1]]], "/outputs/2/greedy/0/1", "0 for a token of probability 0.819"),
        ([[[1, 1], [1]]] * 2 + [[[1], [1]]], "/outputs/2/greedy/0", "1 flags for 2 tokens"),
        ([[1, 1], [1, 1], [1, [1]]], "/outputs/2/greedy/1", "flags of tokens here and of whole targets"),
        ([[1, 1], [1, 1], [1]], "/outputs/2/greedy", "1 examples, but 2"),
    ],
)
def test_bad_flags_are_told(greedy: Any, pointer: str, told: str) -> None:
    assert told in problems_of(token_outputs, THREE, [GOOD] * 3, greedy)[pointer]


def test_flags_of_whole_targets_are_enough_for_exact_match() -> None:
    outputs = token_outputs(THREE, [GOOD] * 3, [[1, 0], [True, False], [1, 1]])
    assert outputs.greedy is None
    assert outputs.exact is not None
    assert outputs.exact.tolist() == [[True, False], [True, False], [True, True]]


@pytest.mark.parametrize(
    ("rows", "thresholds", "pointer"),
    [
        ([[1.0, 2.0], [1.0, -2.0], [1.0, 2.0]], None, "/outputs/1/errors/1"),
        ([[1.0, 2.0], [1.0, math.inf], [1.0, 2.0]], None, "/outputs/1/errors/1"),
        ([[1.0, 2.0], [1.0], [1.0, 2.0]], None, "/outputs/1/errors"),
        ([[1.0]] * 3, None, "/outputs/0/errors"),
        ([[1.0, 2.0]] * 3, [0.5, 0.0], "/thresholds/1"),
        ([[1.0, 2.0]] * 3, [0.5, 0.5], "/thresholds"),
    ],
)
def test_bad_errors_and_thresholds_are_told(rows: Any, thresholds: Any, pointer: str) -> None:
    assert pointer in problems_of(error_outputs, THREE, rows, thresholds)


def test_of_very_many_problems_the_first_ones_are_told() -> None:
    rows = [np.full((50, 2), 0.5).tolist()] * 3
    assert len(problems_of(token_outputs, THREE, rows)) == MOST_PROBLEMS
