"""Differences on shared items: published figures, coverage, gain, and what is refused."""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm, t

from models.arrays import Floats
from models.curve import ITEMS_TAG, ScalePoint, ScalingCurve
from models.metrics import REGISTRY
from models.outcomes import covariance, items
from models.paired import (
    NotPaired,
    PairedComparison,
    PairedDifference,
    model_difference,
    paired_comparison,
    paired_difference,
)

LEVEL = 0.95
ACCURACY = REGISTRY["accuracy"]


def table(both: int, first_only: int, second_only: int, neither: int) -> tuple[Floats, Floats]:
    first = np.repeat([1.0, 1.0, 0.0, 0.0], [both, first_only, second_only, neither])
    second = np.repeat([1.0, 0.0, 1.0, 0.0], [both, first_only, second_only, neither])
    return first, second


def answers(rng: np.random.Generator, abilities: list[float], n: int, item_sd: float) -> Floats:
    difficulty = rng.normal(size=n) * item_sd
    return (rng.random((len(abilities), n)) < expit(np.array(abilities)[:, None] - difficulty)).astype(np.uint8)


def curve(values: Floats, first_scale: float = 8.0, clusters: list[int] | None = None) -> ScalingCurve:
    points = tuple(
        ScalePoint(
            10.0 ** (first_scale + i),
            float(row.mean()),
            n_examples=len(row),
            outcomes=row.astype(np.uint8).tobytes(),
            clusters=None if clusters is None else tuple(clusters),
        )
        for i, row in enumerate(values)
    )
    return ScalingCurve("task", ACCURACY, points)


def compared(first: ScalingCurve, second: ScalingCurve) -> PairedComparison:
    found = paired_comparison(first, second, LEVEL)
    assert isinstance(found, PairedComparison)
    return found


def test_interval_is_that_of_another_programme_but_for_students_t() -> None:
    """R package PropCIs 0.3-0, example of diffpropci.mp (Agresti and Min's "Wald+2"): 40 and 20 discordant of 160."""
    found = paired_difference(*table(60, 40, 20, 40), None, LEVEL)
    center, half = (found.lower + found.upper) / 2, (found.upper - found.lower) / 2
    assert center == pytest.approx(-0.1234568, abs=1e-7)
    assert half * norm.ppf(0.975) / t.ppf(0.975, 159) == pytest.approx((0.21601726 - 0.03089632) / 2, abs=1e-7)


def test_interval_is_by_the_formula_of_agresti_and_min_but_for_students_t() -> None:
    both, b, c, neither = 30, 9, 3, 158
    n = both + b + c + neither
    found = paired_difference(*table(both, b, c, neither), None, LEVEL)
    center = (c - b) / (n + 2)
    half = float(norm.ppf(0.975)) * np.sqrt((b + c + 1) - (c - b) ** 2 / (n + 2)) / (n + 2)
    assert (found.lower, found.upper) == pytest.approx((center - half, center + half), abs=0.01 * half)


def test_models_that_agree_on_every_item_still_have_an_interval() -> None:
    row = table(40, 0, 0, 60)[0]
    found = paired_difference(row, row, None, LEVEL)
    assert (found.estimate, found.gain, found.gain_reason) == (0.0, None, "no_discordant_items")
    assert -0.05 < found.lower < -0.01
    assert 0.01 < found.upper < 0.05


def test_models_that_differ_on_every_item_alike_are_said_to() -> None:
    found = paired_difference(np.zeros(50), np.ones(50), None, LEVEL)
    assert (found.estimate, found.gain, found.gain_reason) == (1.0, None, "all_items_differ_alike")


@pytest.mark.parametrize(("n", "item_sd"), [(30, 3.0), (200, 1.5), (1000, 3.0)])
def test_interval_of_a_difference_covers_at_its_level(n: int, item_sd: float) -> None:
    """Item responses from a logistic model, truth from a large population of items."""
    abilities, hits, simulated = [0.0, 0.4], 0, 2000
    population = np.random.default_rng(1).normal(size=400_000) * item_sd
    truth = float(np.mean(expit(0.4 - population)) - np.mean(expit(-population)))
    for seed in range(simulated):
        first, second = answers(np.random.default_rng([n, seed]), abilities, n, item_sd).astype(float)
        found = paired_difference(first, second, None, LEVEL)
        hits += found.lower <= truth <= found.upper
    assert 0.935 < hits / simulated < 0.98


def test_clustered_interval_covers_where_the_plain_one_does_not() -> None:
    covered, plain, simulated = 0, 0, 1000
    clusters = np.repeat(np.arange(40), 10)
    for seed in range(simulated):
        rng = np.random.default_rng([2, seed])
        # What the second model gains differs between clusters, with a mean of zero.
        shift = np.repeat(rng.normal(size=40), 10)
        first, second = ((rng.random(400) < expit(sign * shift)).astype(float) for sign in (-1, 1))
        wide, narrow = (paired_difference(first, second, c, LEVEL) for c in (clusters.tolist(), None))
        covered += wide.lower <= 0 <= wide.upper
        plain += narrow.lower <= 0 <= narrow.upper
    assert 0.93 < covered / simulated < 0.98
    assert plain / simulated < 0.85


def test_gain_is_the_ratio_of_variances_over_repeated_test_sets() -> None:
    """What pairing promises from one test set is what it does over many."""
    abilities, n = [0.0, 0.1], 400
    paired, apart, gains = [], [], []
    for seed in range(1500):
        one = answers(np.random.default_rng([3, seed]), abilities, n, 2.5).astype(float)
        two = answers(np.random.default_rng([4, seed]), abilities, n, 2.5).astype(float)
        paired.append(one[1].mean() - one[0].mean())
        apart.append(two[1].mean() - one[0].mean())
        gains.append(paired_difference(one[0], one[1], None, LEVEL).gain or 0.0)
    assert float(np.mean(gains)) == pytest.approx(float(np.var(apart) / np.var(paired)), rel=0.15)
    assert float(np.mean(gains)) > 1.5


def test_comparison_of_two_promptings_at_every_scale_and_over_all() -> None:
    rng = np.random.default_rng(5)
    values = answers(rng, [-1.0, 0.0, 1.0, -0.5, 0.8, 1.5], 500, 2.0)
    found = compared(curve(values[:3]), curve(values[3:]))
    shares = values.mean(axis=1)
    assert [entry.scale for entry in found.by_scale] == [1e8, 1e9, 1e10]
    assert [entry.difference.estimate for entry in found.by_scale] == pytest.approx((shares[3:] - shares[:3]).tolist())
    assert found.mean_difference is not None
    assert found.mean_difference.estimate == pytest.approx(float(shares[3:].mean() - shares[:3].mean()))
    # Both by the whole covariance matrix of the six scores.
    joint = covariance(items(values, None))
    mean = np.array([-1, -1, -1, 1, 1, 1]) / 3
    net = np.array([1, 0, -1, -1, 0, 1])
    assert found.mean_difference.stderr == pytest.approx(float(np.sqrt(mean @ joint @ mean)))
    assert found.net_change_difference.stderr == pytest.approx(float(np.sqrt(net @ joint @ net)))
    assert found.net_change_difference.estimate == pytest.approx(float(net @ shares))
    assert (found.mean_difference.gain or 0) > 1.5


def test_families_of_other_sizes_have_no_mean_difference_but_one_of_their_changes() -> None:
    values = answers(np.random.default_rng(6), [-1.0, 1.0, -0.5, 0.5], 300, 2.0)
    found = compared(curve(values[:2]), curve(values[2:], first_scale=8.3))
    assert (found.by_scale, found.mean_difference, found.mean_difference_reason) == ((), None, "no_common_scales")
    assert found.net_change_difference.estimate < 0


def test_replicates_at_one_scale_count_by_their_mean() -> None:
    values = answers(np.random.default_rng(7), [0.0, 0.1, 1.0, 0.5, 1.2], 300, 1.0)
    whole = curve(values[:3])
    points = (whole.points[0], dataclasses.replace(whole.points[1], scale=1e8), whole.points[2])
    found = compared(dataclasses.replace(whole, points=points), curve(values[[3, 4, 4]]))
    at_first = found.by_scale[0].difference
    assert at_first.estimate == pytest.approx(float(values[3].mean() - values[:2].mean()))


def test_exchanging_the_sides_changes_the_sign_alone() -> None:
    values = answers(np.random.default_rng(8), [-1.0, 1.0, -0.5, 0.5], 200, 2.0)
    there, back = compared(curve(values[:2]), curve(values[2:])), compared(curve(values[2:]), curve(values[:2]))
    one, other = there.net_change_difference, back.net_change_difference
    assert (one.estimate, one.lower, one.upper) == pytest.approx((-other.estimate, -other.upper, -other.lower))
    assert (one.stderr, one.gain) == pytest.approx((other.stderr, other.gain))


def test_error_rates_are_compared_as_performance() -> None:
    values = answers(np.random.default_rng(9), [-1.0, 1.0, -0.5, 0.5], 200, 2.0)
    errors = dataclasses.replace(ACCURACY, name="error_rate", higher_is_better=False)
    wrong = [dataclasses.replace(curve(1 - half), metric=errors) for half in (values[:2], values[2:])]
    assert compared(*wrong) == compared(curve(values[:2]), curve(values[2:]))


def test_two_models_of_a_curve_are_compared_by_their_indices() -> None:
    values = answers(np.random.default_rng(10), [-1.0, 0.0, 1.0], 200, 2.0)
    found = model_difference(curve(values), 0, 2, LEVEL)
    assert isinstance(found, PairedDifference)
    assert found.estimate == pytest.approx(float(values[2].mean() - values[0].mean()))


def test_clusters_are_those_of_the_curves() -> None:
    values = np.repeat(answers(np.random.default_rng(11), [0.0, 0.5, 0.2, 0.9], 50, 2.0), 6, axis=1)
    clusters = np.repeat(np.arange(50), 6).tolist()
    wide = compared(curve(values[:2], clusters=clusters), curve(values[2:], clusters=clusters))
    narrow = compared(curve(values[:2]), curve(values[2:]))
    assert (wide.n_examples, wide.n_clusters, narrow.n_clusters) == (300, 50, None)
    assert wide.net_change_difference.stderr == pytest.approx(narrow.net_change_difference.stderr * 6**0.5, rel=0.02)


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (ScalingCurve("task", ACCURACY, (ScalePoint(1e8, 0.5, 100), ScalePoint(1e9, 0.6, 100))), "no_outcomes"),
        (curve(answers(np.random.default_rng(12), [0.0, 1.0], 80, 1.0)), "different_items"),
        (curve(answers(np.random.default_rng(12), [0.0, 1.0], 100, 1.0), clusters=[0, 1] * 50), "different_clusters"),
    ],
)
def test_curves_without_the_same_items_are_not_paired(second: ScalingCurve, reason: str) -> None:
    first = curve(answers(np.random.default_rng(13), [0.0, 1.0], 100, 1.0))
    assert paired_comparison(first, second, LEVEL) == NotPaired(reason)


def test_curves_whose_items_have_other_digests_are_not_paired() -> None:
    values = answers(np.random.default_rng(13), [0.0, 1.0], 100, 1.0)
    one, other = (replace(curve(values), tags={ITEMS_TAG: digest}) for digest in ("a", "b"))
    assert paired_comparison(one, other, LEVEL) == NotPaired("different_items")
    for same in (one, curve(values)):
        assert not isinstance(paired_comparison(one, same, LEVEL), NotPaired)


def test_one_item_says_nothing_about_a_difference() -> None:
    single = curve(np.array([[0], [1]]))
    assert paired_comparison(single, single, LEVEL) == NotPaired("one_item")
    assert model_difference(single, 0, 1, LEVEL) == NotPaired("one_item")
