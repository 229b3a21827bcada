import numpy as np
import pytest
from scipy.integrate import trapezoid

from models.scoring_rules import covered, crps


@pytest.mark.parametrize("observed", [-1.0, 0.1, 0.4, 0.9, 3.0])
def test_the_crps_is_the_integral_of_the_squared_distance_of_the_distribution_functions(observed: float) -> None:
    draws = np.random.default_rng(1).beta(2, 3, size=200)
    x = np.linspace(-2, 4, 400_001)
    distance = np.searchsorted(np.sort(draws), x, side="right") / len(draws) - (x >= observed)
    assert crps(draws, observed) == pytest.approx(float(trapezoid(distance**2, x)), abs=1e-5)


def test_the_crps_of_a_point_is_its_absolute_error() -> None:
    assert crps(np.full(50, 0.3), 0.8) == pytest.approx(0.5)
    assert crps(np.full(50, 0.3), 0.3) == pytest.approx(0.0, abs=1e-12)


def test_an_interval_covers_its_ends_and_nothing_beyond() -> None:
    draws = np.linspace(0, 1, 101)
    assert covered(draws, 0.1, 0.8)
    assert covered(draws, 0.5, 0.5)
    assert not covered(draws, 0.09, 0.8)
