"""Labels to keep at a Bayesian false discovery rate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.suites import simulated_suite
from models.false_labels import LABEL_POWER, error_control, keep, label_probabilities
from models.shapes import SHAPES

rates = st.lists(st.floats(0, 1), max_size=12)


@given(rates, st.floats(0.001, 0.5))
def test_the_kept_are_the_largest_set_whose_mean_rate_is_low_enough(false: list[float], level: float) -> None:
    chosen = keep(np.array(false), level)
    kept = np.array(false)[chosen]
    assert kept.size == 0 or kept.mean() <= level + 1e-12
    in_order = np.sort(np.array(false))
    sizes = [k for k in range(1, len(false) + 1) if in_order[:k].mean() <= level]
    assert chosen.sum() == max(sizes, default=0)
    if 0 < kept.size < len(false):
        assert kept.max() <= np.array(false)[~chosen].min()


def test_expected_false_labels_are_the_sum_of_their_rates() -> None:
    suite = simulated_suite(np.random.default_rng(1), np.full(5, 0.2), 60, 2.0)
    probabilities = np.array([curve.probabilities for curve in suite.curves])
    found = error_control(suite.curves, probabilities, 0.05)
    labelled = [i for i, curve in enumerate(suite.curves) if curve.labelled]
    assert found.all_labels.n_labels == len(labelled)
    assert found.all_labels.expected_false == pytest.approx(sum(1 - probabilities[i].max() for i in labelled))
    assert [j.false_probability is not None for j in found.labels] == [curve.labelled for curve in suite.curves]
    assert [(j.name, j.label) for j in found.labels] == [(curve.name, curve.label) for curve in suite.curves]
    assert (
        found.all_labels.n_kept == sum(j.kept for j in found.labels) == sum(e.n_kept for e in found.by_shape.values())
    )
    assert found.all_labels.expected_false_kept <= 0.05 * found.all_labels.n_kept + 1e-12


def test_labels_are_judged_by_less_than_the_whole_evidence() -> None:
    evidence, pi = np.array([[1.0, 0.02, 0.0, 0.01, 0.1]]), np.array([0.1, 0.2, 0.3, 0.3, 0.1])
    joint = np.array([1.0, 0.02**LABEL_POWER, 0.0, 0.01**LABEL_POWER, 0.1**LABEL_POWER]) * pi
    np.testing.assert_allclose(label_probabilities(evidence, np.tile(pi, (9, 1))), [joint / joint.sum()])


def test_without_labels_nothing_is_kept_and_the_reason_is_given() -> None:
    suite = simulated_suite(np.random.default_rng(1), np.full(5, 0.2), 10, 0.01)
    found = error_control(suite.curves, np.full((10, 5), 0.2), 0.05)
    assert found.all_labels.n_labels == 0
    assert found.all_labels.largest_rate_reason == "no_label_kept"
    assert set(found.by_shape) == set(SHAPES)
