"""The benchmark of suites: pools, settings and their figures on a small scale; the page of the benchmark of one run."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.suite_calibration import COMPOSITIONS, Setting, tried
from benchmarks.suite_pools import analysed_work, flat_work, pool_of
from benchmarks.suites import simulated_suite
from benchmarks.whole_suite import HEADING, with_section
from models.shapes import FLAT, SHAPES


def test_a_suite_from_a_pool_has_the_shapes_that_are_asked_for() -> None:
    rng = np.random.default_rng(0)
    lines = [
        {
            "evidence": np.eye(5)[code].tolist(),
            "label": SHAPES[code].value,
            "truth": SHAPES[code].value,
            "reliable": True,
        }
        for code in (0, 1, 2, 3, 4) * 4
    ]
    pool = pool_of([*lines, {**lines[0], "reliable": False}])
    assert len(pool.curves) == 20
    suite = pool.suite(rng, np.array([0.5, 0.0, 0.0, 0.0, 0.5]), 40)
    assert set(suite.truth.tolist()) == {0, 4}
    assert [curve.shape for curve in suite.curves] == suite.truth.tolist()
    assert len({curve.outputs for curve in suite.curves}) == 40


@pytest.mark.slow
def test_work_on_pools_is_the_same_again_and_knows_the_truth() -> None:
    assert analysed_work("outside", 5, range(3)) == analysed_work("outside", 5, range(3))
    flat = pool_of(flat_work("sd .1, as one suite", 5, range(12)))
    assert set(flat.truth.tolist()) == {FLAT}


def test_exact_evidences_are_covered_and_their_false_labels_are_few() -> None:
    rng = np.random.default_rng(3)
    setting = Setting("exact", "from the prior", lambda own, pi: simulated_suite(own, pi, 40, 2.0))
    found = tried(rng, setting, 20)
    assert found.covered.mean() > 0.85
    assert found.false.mean() < 0.08
    assert set(COMPOSITIONS) >= {"from the prior", "95 % flat"}


def test_a_section_takes_the_place_of_the_earlier_one() -> None:
    page = "# Benchmarks\n\nfirst\n"
    once = with_section(page, f"{HEADING}\nold\n")
    assert once == f"# Benchmarks\n\nfirst\n\n{HEADING}\nold\n"
    assert with_section(once, f"{HEADING}\nnew\n") == f"# Benchmarks\n\nfirst\n\n{HEADING}\nnew\n"
    between = with_section(f"{once}\n## Last\n\nend\n", f"{HEADING}\nnew\n")
    assert between == f"# Benchmarks\n\nfirst\n\n{HEADING}\nnew\n\n## Last\n\nend\n"
