"""Counts on shared items: the joint density of their logits, in the kernels, the engine and the whole analysis."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import multivariate_normal

from models.analysis import analyze
from models.arrays import Floats
from models.curve import ScalePoint, ScalingCurve
from models.curve_models import menu
from models.curve_models.constant import constant
from models.curve_models.priors import HalfCauchy
from models.curve_models.record import design, levels_from_normal, mean, normal_from_levels, prior_draws
from models.engines import kernels
from models.engines.normal_coordinates import Parameters, log_likelihood
from models.engines.quadrature import quadrature
from models.engines.target import make_target, pack
from models.identity import input_sha256
from models.likelihood import Observations, observe
from models.metrics import REGISTRY
from models.options import Options
from models.outcomes import items, shrunken_correlation
from models.posterior import Work
from models.predictive import predicted_scores
from models.results import Analysis

VARIATION = HalfCauchy(0.03)
ACCURACY = REGISTRY["accuracy"]
ERRORS = dataclasses.replace(ACCURACY, name="error_rate", higher_is_better=False)
RISING = (-0.6, -0.36, -0.12, 0.12, 0.36, 0.6)
ABILITIES = (-0.4, -0.3, 0.1, 0.3, 0.2, 0.6)


def answers(seed: int, n: int, item_sd: float, abilities: tuple[float, ...] = ABILITIES) -> Floats:
    """Item responses (N, n) by a logistic model: one difficulty an item, one ability a language model."""
    rng = np.random.default_rng(seed)
    difficulty = rng.normal(size=n) * item_sd
    return (rng.random((len(abilities), n)) < expit(np.array(abilities)[:, None] - difficulty)).astype(np.uint8)


def curve(values: Floats, *, given: bool = True, clusters: list[int] | None = None) -> ScalingCurve:
    points = tuple(
        ScalePoint(
            10.0 ** (8 + 0.5 * i),
            float(row.mean()),
            n_examples=len(row),
            outcomes=row.astype(np.uint8).tobytes() if given else None,
            clusters=tuple(clusters) if clusters and given else None,
        )
        for i, row in enumerate(values)
    )
    return ScalingCurve("task", ACCURACY, points)


def observed(values: Floats, *, given: bool = True, clusters: list[int] | None = None) -> Observations:
    return observe(curve(values, given=given, clusters=clusters), Options())


def joint_density(values: Floats, means: Floats, r: float) -> float:
    """Log density of the counts by scipy, from the covariance J Sigma J + r²/(p (1 - p)) of the logits."""
    n = values.shape[1]
    share = (values.sum(axis=1) + 0.5) / (n + 1)
    variance = share * (1 - share)
    sigma = np.sqrt(np.outer(variance, variance)) * shrunken_correlation(items(values, None)) / n
    total = sigma / np.outer(variance, variance) + np.diag(r**2 / variance)
    return float(multivariate_normal.logpdf(logit(share), logit(means), total) - np.sum(np.log((n + 1) * variance)))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.001, 0.9), st.integers(2, 6))
def test_kernel_has_the_joint_normal_density_of_scipy(seed: int, r: float, rows: int) -> None:
    values = answers(seed, 200, 1.0)[:rows]
    means = np.random.default_rng(seed).uniform(0.02, 0.98, rows)
    found = kernels.log_likelihoods(means[None], 1 - means[None], np.array([r]), pack(observed(values)))
    assert found[0] == pytest.approx(joint_density(values, means, r), rel=1e-9)


@pytest.mark.parametrize("n", [100, 5000])
def test_with_unrelated_items_the_density_is_nearly_that_of_independent_counts(n: int) -> None:
    """Also says that r means the same in both, and that the constant makes a density of counts."""
    values = answers(3, n, 0.0, (0.8,) * 5)
    levels, r = np.full((30, 1), 1.0), np.repeat([0.001, 0.02, 0.1], 10)
    levels[:, 0] = expit(0.8) + np.tile(np.linspace(-2, 2, 10), 3) * np.sqrt((0.21 / n + 0.21 * r**2) / 5)
    found = []
    for given_outcomes in (True, False):
        data = observed(values, given=given_outcomes)
        target = make_target(constant(data.context), data, VARIATION)
        found.append(log_likelihood(target, Parameters(np.empty((30, 0)), levels, r)))
    paired, independent = found
    assert float(np.abs(paired - independent).max()) < (0.5 if n == 100 else 0.2)


@pytest.mark.parametrize("name", [model.name for model in menu(observed(answers(0, 50, 1.0)).context)])
def test_score_and_information_of_the_levels_are_those_of_the_joint_density(name: str) -> None:
    data = observed(answers(1, 400, 1.5))
    assert data.pairing is not None
    model, r = next(entry for entry in menu(data.context) if entry.name == name), 0.05
    target = make_target(model, data, VARIATION)
    p = len(model.levels)
    shape, levels = prior_draws(model, np.random.default_rng(0).uniform(0.3, 0.7, (1, len(model.shape) + p)))
    x = normal_from_levels(model, levels)
    offset, columns = design(model, shape, target.u)
    found_score, found_information = kernels.gradient(x, np.array([r]), (offset, columns), target.given)
    joint = (data.pairing.vectors * data.pairing.variances) @ data.pairing.vectors.T + r**2 * np.eye(len(data.y))

    def predicted(at: Floats) -> Floats:
        means = mean(model, shape, levels_from_normal(model, at), data.u)
        return np.asarray(data.pairing.weight * logit(means[0])) if data.pairing else np.zeros(0)

    def log_density(at: Floats) -> float:
        residual = data.pairing.weight * data.pairing.logit - predicted(at) if data.pairing else np.zeros(0)
        return float(-0.5 * (residual @ np.linalg.solve(joint, residual) + np.sum(at**2)))

    steps = 1e-5 * np.eye(p)
    score = [(log_density(x + step) - log_density(x - step)) / 2e-5 for step in steps]
    slopes = np.array([(predicted(x + step) - predicted(x - step)) / 2e-5 for step in steps]).T
    np.testing.assert_allclose(found_score, score, rtol=1e-5, atol=1e-5)
    expected = np.eye(p) + slopes.T @ np.linalg.solve(joint, slopes)
    np.testing.assert_allclose(np.tril(found_information), np.tril(expected), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("seed", "item_sd"), [(0, 0.0), (1, 1.5), (2, 4.0)])
def test_evidence_of_constant_agrees_with_brute_force(seed: int, item_sd: float) -> None:
    values = answers(seed, 150, item_sd, (0.1, 0.1, 0.3, 0.2))
    data = observed(values)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    level, level_weights = (nodes + 1) / 2, weights / 2
    quantile = (nodes + 1) / 2  # of the prior of r
    total = [
        [joint_density(values, np.full(4, mean), float(r)) for r in VARIATION.quantile(quantile)] for mean in level
    ]
    expected = np.log(level_weights @ np.exp(np.array(total)) @ level_weights)
    found = quadrature([constant(data.context)], data, VARIATION, Work(16_384, 0, even=True))[0].log_evidence
    assert found == pytest.approx(float(expected), abs=0.02)


def test_predicted_scores_have_the_joint_errors_and_the_between_model_variation() -> None:
    data, draws = observed(answers(5, 1000, 2.0)), 40_000
    assert data.pairing is not None
    means, r = np.tile(data.y, (draws, 1)), np.full(draws, 0.02)
    scores = predicted_scores(data, means, r, 0)
    np.testing.assert_allclose(scores * 1000, np.rint(scores * 1000), atol=1e-9)
    weighted = (logit(scores) - logit(data.y)) * data.pairing.weight
    expected = (data.pairing.vectors * data.pairing.variances) @ data.pairing.vectors.T + 0.02**2 * np.eye(6)
    np.testing.assert_allclose(np.cov(weighted.T), expected, atol=0.03 * expected.max())


def codes(analysis: Analysis) -> set[str]:
    return {warned.code for warned in analysis.diagnostics.warnings}


def width(analysis: Analysis) -> float:
    change = analysis.effects.net_change
    assert change.lower is not None
    assert change.upper is not None
    return change.upper - change.lower


def test_shared_hard_and_easy_items_narrow_what_is_known_of_the_change() -> None:
    values = [answers(seed, 200, 6.0, RISING) for seed in range(4)]
    paired = [analyze(curve(x), Options()) for x in values]
    apart = [analyze(curve(x, given=False), Options()) for x in values]
    assert sum(map(width, paired)) < 0.88 * sum(map(width, apart))
    assert not {"pairing_ignored"} & set().union(*map(codes, paired + apart))


def test_clusters_widen_what_is_known_of_a_curve() -> None:
    values = np.repeat(answers(1, 60, 1.0, RISING), 5, axis=1)
    clusters = np.repeat(np.arange(60), 5).tolist()
    wide, narrow = (analyze(curve(values, clusters=c), Options()) for c in (clusters, None))
    assert width(wide) > 1.5 * width(narrow)
    assert [point.design_effect for point in wide.points] == pytest.approx([5.0] * 6, rel=0.03)
    assert (wide.points[0].interval.upper or 0) > (narrow.points[0].interval.upper or 0)


def test_repeated_items_in_clusters_say_what_the_items_say_once() -> None:
    once = answers(8, 300, 1.0)
    clustered = curve(np.repeat(once, 3, axis=1), clusters=np.repeat(np.arange(300), 3).tolist())
    repeated, plain = analyze(clustered, Options()), analyze(curve(once), Options())
    assert repeated.classification.probability == pytest.approx(plain.classification.probability, abs=0.04)
    assert width(repeated) == pytest.approx(width(plain), rel=0.1)


def test_counts_near_a_bound_are_taken_as_independent_with_a_warning() -> None:
    values = answers(9, 300, 1.0)
    values[0, 9:] = 0
    near, plain = analyze(curve(values), Options()), analyze(curve(values, given=False), Options())
    assert codes(near) - codes(plain) == {"pairing_ignored"}
    assert near.classification == plain.classification


def test_points_without_outcomes_leave_the_others_independent_and_share_their_design_effect() -> None:
    values, clusters = np.repeat(answers(10, 50, 1.0), 4, axis=1), np.repeat(np.arange(50), 4).tolist()
    whole = curve(values, clusters=clusters)
    first = dataclasses.replace(whole.points[0], outcomes=None, clusters=None)
    data = observe(dataclasses.replace(whole, points=(first, *whole.points[1:])), Options())
    assert data.pairing is None
    assert data.design_effects is not None
    assert data.design_effects[0] == pytest.approx(data.design_effects[1:].mean())
    np.testing.assert_allclose(data.trials, 200 / data.design_effects)
    np.testing.assert_allclose(data.successes / data.trials, values.mean(axis=1))


def test_few_clusters_are_warned_of() -> None:
    values = np.repeat(answers(11, 12, 1.0), 20, axis=1)
    assert "few_clusters" in codes(analyze(curve(values, clusters=np.repeat(np.arange(12), 20).tolist()), Options()))


def test_an_error_rate_with_its_own_outcomes_is_the_accuracy_mirrored() -> None:
    values = answers(12, 400, 2.0)
    right = curve(values)
    wrong = dataclasses.replace(curve(1 - values), metric=ERRORS)
    one, other = analyze(right, Options()), analyze(wrong, Options())
    assert one.classification.label == other.classification.label
    assert one.classification.probability == pytest.approx(other.classification.probability, abs=1e-6)
    assert one.effects.net_change.estimate == pytest.approx(other.effects.net_change.estimate, abs=1e-9)


def test_items_in_another_order_give_the_same_numbers() -> None:
    values = answers(13, 300, 2.0)
    other = values[:, np.random.default_rng(0).permutation(300)]
    one, two = (observed(x) for x in (values, other))
    assert one.pairing is not None
    assert two.pairing is not None
    np.testing.assert_allclose(pack(one)[:, :7], pack(two)[:, :7], rtol=1e-9)


def test_outcomes_and_clusters_are_part_of_a_curves_identity() -> None:
    values = answers(14, 60, 1.0)
    other = values[:, ::-1]
    clusters = [i // 2 for i in range(60)]
    curves = [curve(values, given=False), curve(values), curve(other), curve(values, clusters=clusters)]
    assert len({input_sha256(entry) for entry in curves}) == 4


def test_two_models_with_the_same_answers_have_a_finite_evidence() -> None:
    values = answers(15, 100, 1.0)[[0, 0, 3]]
    analysis = analyze(curve(values), Options())
    assert np.isfinite([model.log_evidence for model in analysis.fit.models]).all()
    assert "engine_unreliable" not in codes(analysis)


@pytest.mark.slow
def test_two_hundred_models_on_a_few_items_are_analysed() -> None:
    values = answers(16, 60, 0.5, tuple(np.linspace(-1, 1, 200).tolist()))
    values = values[(values.sum(axis=1) >= 10) & (values.sum(axis=1) <= 50)]
    analysis = analyze(curve_of_many(values), Options())
    assert analysis.classification.most_probable == "positive"


def curve_of_many(values: Floats) -> ScalingCurve:
    points = tuple(
        ScalePoint(10.0 ** (8 + 0.01 * i), float(row.mean()), n_examples=len(row), outcomes=row.tobytes())
        for i, row in enumerate(values)
    )
    return ScalingCurve("task", ACCURACY, points)
