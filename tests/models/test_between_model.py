"""The between-model scale that a suite tells, held to splines and dense grids of others."""

import math

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from models import between_model
from models.between_model import LOG_SD, NODES, resolve_suite_scale

DENSE = np.linspace(math.log(NODES[0]), math.log(NODES[-1]), 20_001)


def posterior_mean(log_evidence: np.ndarray) -> float:
    """Posterior mean of log s over a dense grid."""
    log_posterior = log_evidence - 0.5 * ((DENSE - math.log(0.03)) / LOG_SD) ** 2
    weights = np.exp(log_posterior - log_posterior.max())
    return float(weights @ DENSE / weights.sum())


def test_the_spline_is_that_of_scipy() -> None:
    values = np.random.default_rng(1).normal(size=(len(NODES), 20))
    expected = CubicSpline(np.log(NODES), values)(between_model.PLACES)
    np.testing.assert_allclose(between_model.finer() @ values, expected, atol=1e-9)


@pytest.mark.parametrize("sd", [0.1, 0.2, 0.5, 2.0])
@pytest.mark.parametrize("middle", np.log([0.0111, 0.03, 0.0337, 0.0385, 0.042, 0.091]))
def test_a_scale_between_the_nodes_is_found(middle: float, sd: float) -> None:
    # The nodes lie half a logarithm apart; a large suite knows s to a tenth.
    total = -0.5 * ((np.log(NODES) - middle) / sd) ** 2
    expected = posterior_mean(-0.5 * ((DENSE - middle) / sd) ** 2)
    assert math.log(resolve_suite_scale(total).value) == pytest.approx(expected, abs=0.01)


def test_skewed_evidence_gives_the_mean_of_a_dense_grid() -> None:
    def evidence(log_scale: np.ndarray) -> np.ndarray:
        # Fifty half-Cauchy scatters whose sizes are log-uniform from .003 to .3, as they would be if seen exactly.
        sizes = np.geomspace(0.003, 0.3, 50)[:, None]
        scale = np.exp(log_scale)
        return np.asarray(-np.log(scale * np.arctan(1 / scale) * (1 + (sizes / scale) ** 2)).sum(axis=0))

    found = resolve_suite_scale(evidence(np.log(NODES)))
    assert math.log(found.value) == pytest.approx(posterior_mean(evidence(DENSE)), abs=0.01)


def test_a_curve_is_left_out_of_its_own_scale() -> None:
    total, own = np.random.default_rng(2).normal(size=(2, len(NODES)))
    assert resolve_suite_scale(total + own, own) == resolve_suite_scale(total)
