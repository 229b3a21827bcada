from dataclasses import replace

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
from models.likelihood import NoiseKind, Observations, observe
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


def of_both_kinds(*stderr: float | None) -> Observations:
    """Scores with these standard errors, or of 500 examples where there is none."""
    metric = registered("mean_probability")
    assert metric is not None
    pairs = zip((0.2, 0.3, 0.41, 0.52), stderr, strict=True)
    points = (
        ScalePoint(10.0 ** (8 + i), y, n_examples=None if error else 500, stderr=error)
        for i, (y, error) in enumerate(pairs)
    )
    return observe(ScalingCurve("t", metric, tuple(points)), Options())


def test_a_test_of_the_other_kind_counts_by_the_variance_of_a_share() -> None:
    data = of_both_kinds(0.012, None, 0.012, None)
    mean, r = np.array([0.2, 0.4, 0.6]), np.array([0.02, 0.1, 0.4])
    for index, share in ((0, 0.2), (1, 150.5 / 501)):
        n, error = Effort(n_examples=800), Effort(stderr=float(np.sqrt(share * (1 - share) / 800)))
        laws = [same_model(data, index, mean, r, effort) for effort in (n, error)]
        assert [type(law) for law in laws] == 2 * [(ScoreLaw, CountLaw)[index]]
        found = np.array([0.25, 0.35]) * (1, 800)[index]
        one, other = (factors(law, found) for law in laws)
        assert np.allclose(one, other, rtol=1e-9)
        filled = [with_outcome(data, index, effort, found[0]) for effort in (n, error)]
        for name in ("successes", "trials", "stderr", "y"):
            assert np.allclose(getattr(filled[0], name), getattr(filled[1], name), rtol=1e-12)
        assert np.ptp(np.delete(filled[0].y - data.y, index)) == 0
        assert filled[0].y[index] != data.y[index]


def test_a_test_of_the_other_kind_is_possible_at_the_bounds_and_however_exact_it_is() -> None:
    data = of_both_kinds(0.012, None, 0.012, None)
    counts = data.noise == NoiseKind.BETA_BINOMIAL
    ones = replace(data, y=np.ones(4), successes=np.where(counts, data.trials, 0.0))
    for index, effort in ((0, Effort(n_examples=500)), (1, Effort(stderr=0.012)), (1, Effort(stderr=1e-200))):
        law = same_model(ones, index, np.array([0.9, 0.99]), np.array([0.01, 0.1]), effort)
        found = outcomes(law, np.arange(2).repeat(50), 8, 0)
        assert np.all(np.isfinite(factors(law, found)))
        assert np.isfinite(with_outcome(ones, index, effort, float(found[0])).y[index])


def test_a_new_place_is_tested_like_most_points_and_among_equals_like_the_largest() -> None:
    for stderr, kind in (
        ((None, 0.012, 0.012, 0.012), NoiseKind.NORMAL_BOUNDED),
        ((0.012, None, None, None), NoiseKind.BETA_BINOMIAL),
        ((0.012, 0.012, None, None), NoiseKind.BETA_BINOMIAL),
        ((None, None, 0.012, 0.012), NoiseKind.NORMAL_BOUNDED),
    ):
        grown, index = with_place(of_both_kinds(*stderr), 5e12)
        assert grown.noise[index] == kind


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
