"""Prevalence: exact cases, another way to the same number, what must not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pymc as pm
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymc.model.transform.conditioning import remove_value_transforms
from scipy.stats import dirichlet

from benchmarks.suites import simulated_suite, suite_curve_of
from models.group_prevalence import padded_groups, pymc_model, shared_data
from models.group_sampling import GroupData
from models.options import Shape
from models.prevalence import (
    CONCENTRATION,
    cluster_weights,
    log_ratio_basis,
    log_target,
    none_and_every,
    pi_posterior,
    prevalence,
    summarised,
    updated_probabilities,
)
from models.shapes import SHAPES

EVEN = np.full(5, 0.2)
counts_of_shapes = st.lists(st.integers(0, 40), min_size=5, max_size=5).filter(any)


def certain(counts: list[int]) -> np.ndarray:
    return np.repeat(np.eye(5), counts, axis=0)


@given(counts_of_shapes)
@settings(deadline=None, max_examples=25)
def test_curves_of_known_shape_give_the_dirichlet_posterior(counts: list[int]) -> None:
    draws = pi_posterior(certain(counts), np.ones(sum(counts))).draws
    exact = dirichlet(CONCENTRATION + np.array(counts))
    assert np.max(np.abs(draws.mean(axis=0) - exact.mean())) < 0.01
    assert np.max(np.abs(draws.var(axis=0) - exact.var())) < 0.003


def test_importance_sampling_agrees_with_a_gibbs_sampler() -> None:
    """Shapes of all curves given the prevalences, prevalences given the shapes, 20,000 times."""
    rng = np.random.default_rng(4)
    suite = simulated_suite(rng, np.array([0.4, 0.1, 0.2, 0.05, 0.25]), 40, 1.5)
    evidence = np.array([curve.evidence for curve in suite.curves])
    pi, kept = EVEN, []
    for _ in range(20_000):
        joint = np.cumsum(evidence * pi, axis=1)
        shapes = np.sum(rng.random((len(joint), 1)) * joint[:, -1:] > joint, axis=1)
        pi = rng.dirichlet(CONCENTRATION + np.bincount(shapes, minlength=5))
        kept.append(pi)
    slow, fast = np.array(kept[500:]), pi_posterior(evidence, np.ones(40))
    assert fast.effective_sample_size > 1000
    for level in (0.025, 0.5, 0.975):
        gap = np.abs(np.quantile(slow, level, axis=0) - np.quantile(fast.draws, level, axis=0))
        assert np.max(gap / slow.std(axis=0)) < 0.15


@given(st.integers(0, 10_000), st.permutations(range(12)))
@settings(deadline=None, max_examples=20)
def test_the_order_of_curves_and_the_size_of_evidences_change_nothing(seed: int, order: list[int]) -> None:
    rng = np.random.default_rng(seed)
    evidence = rng.random((12, 5)) ** 3
    pi = rng.dirichlet(np.ones(5), size=6)
    plain = log_target(evidence, np.ones(12), pi)
    other = log_target(evidence[order] * 7.0, np.ones(12), pi)
    np.testing.assert_allclose(other - plain, 12 * np.log(7.0), rtol=1e-9)


def test_metrics_of_the_same_outputs_count_once() -> None:
    suite = simulated_suite(np.random.default_rng(2), EVEN, 15, 2.0)
    thrice = [replace(curve, name=f"{curve.name} {i}") for curve in suite.curves for i in range(3)]
    once, clustered = prevalence(suite.curves, 0.95), prevalence(thrice, 0.95)
    assert (clustered.n_curves, clustered.n_clusters) == (45, 15)
    assert cluster_weights(thrice).sum() == pytest.approx(15)
    for shape in Shape:
        assert clustered.shapes[shape].estimate == pytest.approx(once.shapes[shape].estimate, abs=1e-6)
        assert clustered.shapes[shape].upper == pytest.approx(once.shapes[shape].upper, abs=1e-6)


def test_probabilities_under_the_suite_are_the_rule_of_bayes_at_fixed_prevalences() -> None:
    evidence = np.array([[1.0, 0.5, 0.0, 0.2, 0.1], [0.1, 0.1, 1.0, 0.1, 0.1]])
    pi = np.array([[0.1, 0.2, 0.3, 0.3, 0.1]])
    expected = evidence * pi / (evidence * pi).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(updated_probabilities(evidence, np.repeat(pi, 50, axis=0)), expected)


def test_whether_no_curve_or_every_curve_has_a_shape_is_as_simulated() -> None:
    """Shapes of all curves drawn 200,000 times at given prevalences; each curve stands for itself."""
    rng = np.random.default_rng(14)
    evidence, pi = rng.random((4, 5)) ** 4, np.array([0.3, 0.1, 0.05, 0.05, 0.5])
    joint = np.cumsum(evidence * pi, axis=1)
    drawn = np.sum(rng.random((200_000, 4, 1)) * joint[:, -1:] > joint, axis=2)
    none, every = none_and_every(evidence, np.ones(4), pi[None, :])
    for shape in range(5):
        assert none[shape] == pytest.approx(np.mean(np.all(drawn != shape, axis=1)), abs=0.005)
        assert every[shape] == pytest.approx(np.mean(np.all(drawn == shape, axis=1)), abs=0.005)


def test_intervals_begin_at_none_and_end_at_all_where_that_may_be() -> None:
    sure = [suite_curve_of(np.eye(5)[4], f"task {i}", "accuracy") for i in range(30)]
    found = prevalence(sure, 0.95).shapes
    assert [found[shape].lower == 0 for shape in SHAPES] == [True, True, True, True, False]
    assert [found[shape].upper == 1 for shape in SHAPES] == [False, False, False, False, True]
    mixed = prevalence([*sure, suite_curve_of(np.eye(5)[0], "risen", "accuracy")], 0.95).shapes
    assert (mixed[SHAPES[0]].lower or 0) > 0
    assert (mixed[SHAPES[4]].upper or 1) < 1
    doubtful = [*sure, suite_curve_of(np.array([1.0, 0, 0, 0, 0.5]), "perhaps risen", "accuracy")]
    assert prevalence(doubtful, 0.95).shapes[SHAPES[0]].lower == 0


def test_a_small_group_leans_on_the_others_whatever_may_be_of_its_own_curves() -> None:
    """It may be that none of three doubtful curves rises, and that all do; the other groups say that half of all do."""
    sides = np.random.default_rng(3).beta(20, 20, 2000)
    draws = np.column_stack([sides, *np.full((3, 2000), 1e-4), 1 - sides])
    doubtful = [suite_curve_of(np.array([1.0, 0, 0, 0, 0.9]), f"task {i}", "accuracy") for i in range(3)]
    found = summarised(doubtful, draws, 0.95, "a group").shapes
    plain = np.quantile(draws, [0.025, 0.975], axis=0)
    for place in (0, 4):
        ends = found[SHAPES[place]].lower, found[SHAPES[place]].upper
        assert ends == pytest.approx(tuple(plain[:, place]), abs=1e-3)
    assert found[SHAPES[1]].lower == 0


def test_expected_numbers_of_curves_sum_to_the_number_of_curves() -> None:
    suite = simulated_suite(np.random.default_rng(3), EVEN, 30, 1.0)
    assert sum(prevalence(suite.curves, 0.9).expected_curves.values()) == pytest.approx(30)


def test_an_evidence_that_is_only_bounded_shifts_the_prevalence_by_what_is_told() -> None:
    curves = [suite_curve_of(np.array([1.0, 0.0, 0.0, 0.0, 0.0]), f"task {i}", "accuracy") for i in range(20)]
    unsure = [replace(curve, evidence_bound=np.array([1.0, 0.9, 0.0, 0.0, 0.0])) for curve in curves]
    assert prevalence(curves, 0.95).bound_shift == 0
    shift = prevalence(unsure, 0.95).bound_shift
    assert shift is not None
    assert shift > 0.1


def test_no_curves_have_no_prevalence_and_say_so() -> None:
    found = prevalence([], 0.95)
    assert (found.n_curves, found.reason) == (0, "no_curves")


@pytest.mark.parametrize(("count", "padded"), [(2, 16), (16, 16), (17, 64), (64, 64)])
def test_groups_are_padded_to_the_sizes_that_a_model_is_compiled_for(count: int, padded: int) -> None:
    assert padded_groups(count) == padded


@pytest.mark.parametrize("size", [30, 300])
def test_the_pymc_model_has_the_density_of_the_formula(size: int) -> None:
    """Differences of the log density between random points, written out in numpy; certain curves among the others.

    Of 300 curves, groups are large enough to be sampled around m and not as deviations from it.
    """
    rng = np.random.default_rng(6)
    evidence = np.vstack([rng.random((size - 10, 5)), np.eye(5)[rng.integers(0, 5, 10)]])
    data = GroupData(evidence, rng.uniform(0.3, 1.0, size), rng.integers(0, 3, size), 3)
    basis = log_ratio_basis(5)
    large = np.array([size > 100] * 3 + [False])[:, None]
    plain = remove_value_transforms(pymc_model(shared_data(data, 4, 50.0), 4))
    density = plain.compile_logp()
    gaps = []
    for _ in range(5):
        overall, spread, deviation = rng.dirichlet(np.ones(5)), float(rng.uniform(0.2, 2)), rng.normal(size=(4, 4))
        pi = overall * np.exp(spread * deviation @ basis.T)
        pi /= pi.sum(axis=1, keepdims=True)
        z = np.where(large, np.log(overall) @ basis + spread * deviation, deviation)
        expected = float(data.weights @ np.log(np.sum(evidence * pi[data.group], axis=1)))
        expected += (CONCENTRATION - 1) * np.log(overall).sum() - spread**2 / 2 - np.sum(deviation**2) / 2
        expected -= 4 * large.sum() * np.log(spread)
        gaps.append(float(density({"overall": overall, "spread": np.array(spread), "z": z})) - expected)
    assert isinstance(plain, pm.Model)
    np.testing.assert_allclose(gaps, gaps[0], atol=1e-6)


def test_shapes_are_in_the_order_of_the_evidences() -> None:
    curves = [suite_curve_of(np.eye(5)[2], f"task {i}", "accuracy") for i in range(50)]
    found = prevalence(curves, 0.95).shapes
    assert max(found, key=lambda shape: found[shape].estimate or 0.0) is SHAPES[2]
