"""Bridge sampling against normalising constants that are known."""

import math
from collections.abc import Callable

import arviz
import numpy as np
import pytest
from scipy.special import gammaln

from models.arrays import Floats
from models.engines.bridge import bridge_sampling, effective_size

CHAINS, LENGTH = 4, 5000
Density = Callable[[Floats], Floats]


def correlated(count: int, memory: float, rng: np.random.Generator) -> Floats:
    """Standard normal chains (CHAINS, LENGTH, count) that remember their last value."""
    chains = rng.standard_normal((CHAINS, LENGTH, count))
    for i in range(1, LENGTH):
        chains[:, i] = memory * chains[:, i - 1] + math.sqrt(1 - memory**2) * chains[:, i]
    return chains


def normal_case(rng: np.random.Generator, memory: float) -> tuple[Density, Floats, float]:
    mixing = np.array([[2.0, 0.0, 0.0], [1.5, 0.5, 0.0], [-1.0, 0.2, 0.1]])
    inverse = np.linalg.inv(mixing)
    draws = correlated(3, memory, rng) @ mixing.T + np.array([5.0, -3.0, 0.0])

    def log_density(x: Floats) -> Floats:
        return -0.5 * np.sum(((x - np.array([5.0, -3.0, 0.0])) @ inverse.T) ** 2, axis=1) + 17.0

    return log_density, draws, 17.0 + 1.5 * math.log(2 * math.pi) + math.log(abs(np.linalg.det(mixing)))


def skewed_case(rng: np.random.Generator, memory: float) -> tuple[Density, Floats, float]:
    """The logarithm of a gamma variable of shape 1/2: a long tail on one side."""
    draws = np.log(rng.gamma(0.5, size=(CHAINS, LENGTH, 1)))
    return lambda x: 0.5 * x[:, 0] - np.exp(x[:, 0]), draws, float(gammaln(0.5))


def two_peaks_case(rng: np.random.Generator, memory: float) -> tuple[Density, Floats, float]:
    """Two well separated normal peaks of unequal weight."""
    side = np.where(rng.uniform(size=(CHAINS, LENGTH, 1)) < 0.2, -4.0, 4.0)

    def log_density(x: Floats) -> Floats:
        left, right = (-0.5 * (x[:, 0] - center) ** 2 for center in (-4.0, 4.0))
        return np.asarray(np.logaddexp(math.log(0.2) + left, math.log(0.8) + right))

    return log_density, side + rng.standard_normal((CHAINS, LENGTH, 1)), 0.5 * math.log(2 * math.pi)


@pytest.mark.parametrize("memory", [0.0, 0.9])
@pytest.mark.parametrize("case", [normal_case, skewed_case, two_peaks_case])
def test_known_evidences_are_found_within_their_stated_error(
    case: Callable[[np.random.Generator, float], tuple[Density, Floats, float]], memory: float
) -> None:
    scores = []
    for seed in range(20):
        log_density, draws, truth = case(np.random.default_rng(seed), memory)
        found = bridge_sampling(log_density, draws, np.random.default_rng(seed + 100))
        assert found.log_evidence == pytest.approx(truth, abs=0.08)
        scores.append((found.log_evidence - truth) / found.error)
    # Twenty standardised errors: their root mean square is 1, give or take.
    assert 0.5 < math.sqrt(np.mean(np.square(scores))) < 1.7


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.95])
def test_effective_size_agrees_with_arviz(memory: float) -> None:
    chains = correlated(1, memory, np.random.default_rng(1))[:, :, 0]
    expected = float(arviz.ess(chains, method="mean"))
    assert effective_size(chains) == pytest.approx(expected, rel=0.2)


def test_chains_that_disagree_have_a_small_effective_size() -> None:
    chains = np.random.default_rng(2).standard_normal((4, 1000)) + np.array([[-5.0], [5.0], [0.0], [2.0]])
    assert effective_size(chains) < 20


def test_chains_that_do_not_move_count_in_full() -> None:
    assert effective_size(np.zeros((4, 100))) == 400
