import re

import numpy as np
import pytest
from scipy.stats import qmc

from models.sobol import MOST_DIMENSIONS, sobol


@pytest.mark.parametrize("dimensions", [1, 2, 5, 11, MOST_DIMENSIONS])
@pytest.mark.parametrize("count", [1, 2, 64, 4096])
def test_points_are_those_of_scipy(dimensions: int, count: int) -> None:
    for seed in range(3):
        expected = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng([seed, dimensions])).random(count)
        assert np.array_equal(sobol(dimensions, count, np.random.default_rng([seed, dimensions])), expected)


def test_one_generator_gives_other_points_each_time_and_keeps_its_own_numbers() -> None:
    ours, theirs = np.random.default_rng(1), np.random.default_rng(1)
    for _ in range(3):
        assert np.array_equal(sobol(3, 16, ours), qmc.Sobol(3, rng=theirs).random(16))
    assert ours.random() == theirs.random()


def test_a_count_between_powers_of_two_gives_the_first_points() -> None:
    few, many = (sobol(4, count, np.random.default_rng(5)) for count in (100, 128))
    assert np.array_equal(few, many[:100])


@pytest.mark.parametrize("dimensions", [0, MOST_DIMENSIONS + 1])
def test_unknown_dimensions_are_refused(dimensions: int) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{dimensions} dimensions: 1 to {MOST_DIMENSIONS} are known")):
        sobol(dimensions, 8, np.random.default_rng(0))
