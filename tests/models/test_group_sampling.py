"""Prevalence by group: the compiled sampler against its formula, against PyMC, and against what is known exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.arrays import Floats
from models.group_kernels import group_height
from models.group_sampling import GroupData, _packed, sample_groups, split_r_hat
from models.prevalence import log_ratio_basis, pi_posterior
from tests.models.parts_called import called

height = called(group_height)


def certain(counts: list[int]) -> Floats:
    return np.repeat(np.eye(5), counts, axis=0)


def simulated(seed: int, sizes: list[int], spread: float, separation: float = 2.0) -> GroupData:
    """Groups whose compositions differ by `spread` in log odds; some curves share their outputs with others."""
    rng = np.random.default_rng(seed)
    base, group = rng.dirichlet(np.ones(5)), np.repeat(np.arange(len(sizes)), sizes)
    pi = base * np.exp(spread * rng.normal(size=(len(sizes), 5)))
    pi /= pi.sum(axis=1, keepdims=True)
    place = rng.normal(size=(len(group), 5))
    place[np.arange(len(group)), [rng.choice(5, p=pi[g]) for g in group]] += separation
    log_evidence = separation * place
    evidence = np.exp(log_evidence - log_evidence.max(axis=1, keepdims=True))
    return GroupData(evidence, np.where(rng.random(len(group)) < 0.5, 1.0, 0.5), group, len(sizes))


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=20)
def test_the_compiled_likelihood_is_that_of_the_formula(seed: int) -> None:
    data = simulated(seed, [7, 1, 30, 12], 1.0, separation=6.0)
    model, _, _ = _packed(data)
    for g, eta in enumerate(np.random.default_rng(seed).normal(size=(4, 4))):
        pi = np.exp(log_ratio_basis(5) @ eta)
        own = data.group == g
        expected = data.weights[own] @ np.log(data.evidence[own] @ (pi / pi.sum()))
        assert height(model, g, eta) == pytest.approx(expected, abs=1e-4)


def test_a_large_group_has_the_posterior_that_it_has_alone() -> None:
    data = simulated(3, [3000, 5], 0.5)
    alone = pi_posterior(data.evidence[:3000], data.weights[:3000]).draws
    found = sample_groups(data).pi[:, 0]
    np.testing.assert_allclose(found.mean(axis=0), alone.mean(axis=0), atol=0.2 * alone.std(axis=0).max())
    np.testing.assert_allclose(found.std(axis=0), alone.std(axis=0), rtol=0.15)


def test_groups_with_few_curves_lean_on_the_others() -> None:
    rising = certain([60, 20, 10, 5, 5])
    evidence = np.concatenate([rising, rising, rising, np.eye(5)[[4, 4]]])
    draws = sample_groups(GroupData(evidence, np.ones(302), np.repeat([0, 1, 2, 3], [100, 100, 100, 2]), 4))
    alone = pi_posterior(np.eye(5)[[4, 4]], np.ones(2)).draws.mean(axis=0)
    pooled = draws.pi.mean(axis=0)
    assert draws.reliable
    assert pooled[3, 4] < alone[4]
    assert pooled[3, 0] > alone[0]
    np.testing.assert_allclose(pooled[0], (0.6, 0.2, 0.1, 0.05, 0.05), atol=0.03)


def test_the_same_groups_give_the_same_bytes_and_their_order_matters_little() -> None:
    data = simulated(5, [10, 40, 25], 0.5)
    turned = GroupData(data.evidence, data.weights, 2 - data.group, 3)
    first, again, other = sample_groups(data), sample_groups(data), sample_groups(turned)
    assert first.pi.tobytes() == again.pi.tobytes()
    np.testing.assert_allclose(first.pi.mean(axis=0), other.pi.mean(axis=0)[::-1], atol=0.01)
    assert np.median(first.spread) == pytest.approx(np.median(other.spread), abs=0.06)


@pytest.mark.parametrize("sizes", [[2] * 20, [3] * 30 + [2000], [1] * 40, [60] * 20], ids=str)
def test_chains_agree_whether_groups_are_small_or_large(sizes: list[int]) -> None:
    assert sample_groups(simulated(8, sizes, 0.4)).reliable


@pytest.mark.slow
def test_ten_thousand_uncertain_curves_are_sampled_well() -> None:
    assert sample_groups(simulated(9, [2500] * 4, 0.3, separation=1.0)).reliable


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "sizes", "spread"), [(1, [20, 30, 50, 100], 0.5), (2, [10] * 20, 1.0)])
def test_quantiles_are_those_of_the_pymc_model(seed: int, sizes: list[int], spread: float) -> None:
    """200 curves; the reference with eight times its usual draws, since the usual ones leave more error than ours."""
    from models.group_prevalence import Effort, sample_by_nuts

    data = simulated(seed, sizes, spread)
    own, reference = sample_groups(data), sample_by_nuts(data, [Effort(1000, 4000, 0.95, np.inf)])
    assert own.reliable
    assert reference.reliable
    scale = reference.pi.std(axis=0)
    for level, limit in ((0.025, 0.25), (0.5, 0.1), (0.975, 0.4)):
        gap = np.abs(np.quantile(own.pi, level, axis=0) - np.quantile(reference.pi, level, axis=0)) / scale
        assert gap.max() < limit, level
        assert np.median(gap) < 0.06
    gap = np.abs(np.quantile(own.spread, (0.05, 0.5, 0.95)) - np.quantile(reference.spread, (0.05, 0.5, 0.95)))
    assert np.all(gap < 0.2 * reference.spread.std())


def test_r_hat_sees_chains_that_differ_and_chains_that_drift() -> None:
    draws = np.random.default_rng(0).normal(size=(4, 1000))
    assert split_r_hat(draws) < 1.01
    assert split_r_hat(draws + np.arange(4)[:, None]) > 1.2
    assert split_r_hat(draws + np.linspace(0, 3, 1000)) > 1.2
