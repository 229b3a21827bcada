import numpy as np
import pytest
from scipy.stats import betabinom, norm

from models.curve import ScalePoint, ScalingCurve
from models.further import (
    CountLaw,
    Effort,
    ScoreLaw,
    factors,
    new_model,
    outcomes,
    same_model,
    with_outcome,
    with_place,
)
from models.likelihood import Observations, observe
from models.metrics import registered
from models.options import Options

ACCURACY = registered("accuracy")
LOSS = registered("loss")


def counted(scores: tuple[float, ...] = (0.3, 0.5, 0.4, 0.6), n: int = 200) -> Observations:
    assert ACCURACY is not None
    points = tuple(ScalePoint(10.0 ** (8 + i), score, n_examples=n) for i, score in enumerate(scores))
    return observe(ScalingCurve("t", ACCURACY, points), Options())


def measured() -> Observations:
    assert LOSS is not None
    points = tuple(ScalePoint(10.0 ** (8 + i), 3 - 0.2 * i, stderr=0.02) for i in range(4))
    return observe(ScalingCurve("t", LOSS, points), Options(smallest_effect=0.05))


def test_the_outcome_of_a_new_model_is_beta_binomial_as_scipy_has_it() -> None:
    rng = np.random.default_rng(1)
    mean, r = rng.uniform(0.01, 0.99, 50), 10 ** rng.uniform(-4, -0.5, 50)
    law = new_model(counted(), mean, r, Effort(n_examples=37))
    assert isinstance(law, CountLaw)
    found = np.arange(38.0)
    expected = betabinom.pmf(found[:, None], 37, law.a, law.b)
    likelihoods = factors(law, found)
    ratio = likelihoods / expected
    assert np.allclose(ratio, ratio[:, :1], rtol=1e-5)
    assert np.allclose(likelihoods.max(axis=1), 1.0)
    assert np.allclose(law.a / (law.a + law.b), mean)


def test_more_examples_for_a_model_update_as_bayes_rule_says() -> None:
    """p(k1, k2 | f, r) = p(k1 | f, r) p(k2 | k1, f, r), with k1 + k2 of n1 + n2 on the left."""
    data = counted()
    mean, r = np.array([0.2, 0.4, 0.6]), np.array([0.02, 0.1, 0.4])
    law = same_model(data, 1, mean, r, Effort(n_examples=50))
    first, n = float(data.successes[1]), float(data.trials[1])
    precision = 1 / r**2 - 1
    a, b = mean * precision, (1 - mean) * precision
    for more in (0, 20, 50):
        both = np.asarray(betabinom.pmf(first + more, n + 50, a, b) / betabinom.pmf(first, n, a, b))
        likelihood = factors(law, np.array([float(more)]))[0]
        assert np.allclose(likelihood / likelihood.max(), both / both.max(), rtol=1e-5)


def test_more_examples_for_a_model_with_standard_errors_update_as_bayes_rule_says() -> None:
    data = measured()
    mean, r = np.array([-0.1, 0.0, 0.2]), np.array([0.05, 0.1, 0.3])
    law = same_model(data, 2, mean, r, Effort(stderr=0.01))
    assert isinstance(law, ScoreLaw)
    new, old, first = 0.01 / data.unit, data.stderr[2], data.y[2]
    joint = 1 / (1 / new**2 + 1 / old**2)
    for y in (-0.05, 0.1):
        both = joint * (y / new**2 + first / old**2)
        expected = norm.pdf(both, mean, np.sqrt(joint + r**2)) / norm.pdf(first, mean, np.sqrt(old**2 + r**2))
        likelihood = factors(law, np.array([y]))[0]
        assert np.allclose(likelihood / likelihood.max(), expected / expected.max(), rtol=1e-6)


@pytest.mark.parametrize("scale", [5e7, 3e9, 1e10, 4e11])
def test_a_place_without_an_outcome_spans_its_scale_and_changes_no_score(scale: float) -> None:
    data = counted()
    grown, index = with_place(data, scale)
    assert grown.scale_at(grown.u[[index]])[0] == pytest.approx(scale)
    assert (grown.trials[index], grown.successes[index]) == (0, 0)
    assert np.delete(grown.trials, index).tolist() == data.trials.tolist()
    assert np.ptp(grown.u) == 1
    assert grown.u[0] == 0
    filled = with_outcome(grown, index, Effort(n_examples=10), 4.0)
    assert (filled.successes[index], filled.trials[index], filled.y[index]) == (4, 10, 0.4)


def test_outcomes_are_equal_parts_of_what_is_expected() -> None:
    law = new_model(counted(), np.full(1000, 0.4), np.full(1000, 0.05), Effort(n_examples=400))
    assert isinstance(law, CountLaw)
    found = outcomes(law, np.arange(1000), 64, 7)
    exact = betabinom(400, law.a[0], law.b[0])
    assert found.mean() == pytest.approx(exact.mean(), abs=2)
    assert found.std() == pytest.approx(exact.std(), rel=0.1)
    assert np.array_equal(found, outcomes(law, np.arange(1000), 64, 7))
