"""Suites whose composition is known: coverage of the prevalence, false discoveries, turns of simulated curves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from benchmarks.simulators import DEVELOPMENT_SEED, DataSet, simulate
from benchmarks.suites import SimulatedSuite, simulated_suite
from models.analysis import analyze
from models.arrays import Floats
from models.curve import ScalePoint, ScalingCurve
from models.false_labels import error_control, label_probabilities
from models.group_sampling import GroupData, sample_groups
from models.metrics import Metric, MetricKind
from models.options import DEFAULT_CLASS_PRIOR, Options, Shape
from models.pooling import pooled_turn
from models.prevalence import Prevalence, cluster_weights, pi_posterior, prevalence, summarised
from models.shapes import FLAT, SHAPES
from models.suite_curve import SuiteCurve, suite_curve
from models.suite_summary import SuiteOptions, summary_of_curves

ACCURACY = Metric("accuracy", MetricKind.PROPORTION)
LEVEL = 0.05
SUITES = 200
ALL_FLAT = np.eye(5)[FLAT]
NEARLY_FLAT = np.where(np.arange(5) == FLAT, 0.95, 0.0125)

pytestmark = pytest.mark.slow


def covered(suite: SimulatedSuite, pi: Floats) -> list[bool]:
    return held(prevalence(suite.curves, 0.95), pi)


def held(found: Prevalence, pi: Floats) -> list[bool]:
    """Whether the interval of each shape holds its true prevalence."""
    intervals = [(found.shapes[shape].lower or 0.0, found.shapes[shape].upper or 0.0) for shape in SHAPES]
    return [lower <= p <= upper for (lower, upper), p in zip(intervals, pi.tolist(), strict=True)]


def false_discovery_proportions(suite: SimulatedSuite) -> tuple[float, float]:
    """Share of false labels among the kept, and among the kept that claim a change."""
    evidence = np.array([curve.evidence for curve in suite.curves])
    draws = pi_posterior(evidence, cluster_weights(suite.curves)).draws
    judged = error_control(suite.curves, label_probabilities(evidence, draws), LEVEL).labels
    kept = np.array([label.kept for label in judged])
    shapes = np.array([curve.shape for curve in suite.curves])
    false = kept & (shapes != suite.truth)
    changes = kept & (shapes != FLAT)
    return false.sum() / max(kept.sum(), 1), (false & changes).sum() / max(changes.sum(), 1)


@pytest.mark.parametrize(("size", "separation", "metrics"), [(60, 2.0, 1), (20, 3.0, 1), (60, 1.0, 1), (40, 2.0, 3)])
def test_intervals_of_the_prevalence_cover_it(size: int, separation: float, metrics: int) -> None:
    """Compositions from the prior; with three metrics of the same outputs a cluster counts once."""
    rng = np.random.default_rng(7)
    hits = []
    for _ in range(SUITES):
        pi = rng.dirichlet(np.full(5, 0.5))
        hits += covered(simulated_suite(rng, pi, size, separation, metrics), pi)
    assert 0.93 <= np.mean(hits) <= 0.975


def test_intervals_of_the_prevalence_by_group_cover_it() -> None:
    """Four groups of 10 to 60 curves, compositions and spread from the prior of the hierarchical model."""
    rng = np.random.default_rng(13)
    group = np.repeat(np.arange(4), [10, 20, 30, 60])
    hits = []
    for _ in range(40):
        pi = rng.dirichlet(np.full(5, 0.5)) * np.exp(abs(rng.normal()) * rng.normal(size=(4, 5)))
        pi /= pi.sum(axis=1, keepdims=True)
        parts = [simulated_suite(rng, pi[g], int(np.sum(group == g)), 2.0).curves for g in range(4)]
        evidence = np.array([curve.evidence for part in parts for curve in part])
        draws = sample_groups(GroupData(evidence, np.ones(len(group)), group, 4))
        assert draws.reliable
        hits += [
            hit for g, part in enumerate(parts) for hit in held(summarised(part, draws.pi[:, g], 0.95, "g"), pi[g])
        ]
    assert 0.92 <= np.mean(hits) <= 0.98


def test_metrics_of_the_same_outputs_counted_apart_would_not_cover() -> None:
    rng = np.random.default_rng(8)
    hits = []
    for _ in range(60):
        pi = rng.dirichlet(np.full(5, 0.5))
        suite = simulated_suite(rng, pi, 40, 2.0, metrics=4)
        draws = pi_posterior(np.array([curve.evidence for curve in suite.curves]), np.ones(160)).draws
        lower, upper = np.quantile(draws, [0.025, 0.975], axis=0)
        hits += ((lower <= pi) & (pi <= upper)).tolist()
    assert np.mean(hits) < 0.85


@pytest.mark.parametrize("pi", [np.array([0.5, 0.2, 0.1, 0.05, 0.15]), NEARLY_FLAT], ids=["mixed", "nearly flat"])
def test_intervals_cover_fixed_compositions_too(pi: Floats) -> None:
    rng = np.random.default_rng(9)
    hits = [hit for _ in range(SUITES) for hit in covered(simulated_suite(rng, pi, 100, 2.0), pi)]
    assert np.mean(hits) >= 0.93


@pytest.mark.parametrize("separation", [1.5, 2.0, 3.0])
@pytest.mark.parametrize("pi", [None, NEARLY_FLAT, ALL_FLAT], ids=["any", "nearly flat", "all flat"])
def test_the_false_discovery_rate_stays_below_its_level(pi: Floats | None, separation: float) -> None:
    rng = np.random.default_rng(10)
    shares = []
    for _ in range(100):
        own = rng.dirichlet(np.full(5, 0.5)) if pi is None else pi
        shares.append(false_discovery_proportions(simulated_suite(rng, own, 60, separation)))
    error = 2 * np.std(shares, axis=0) / 10
    assert np.all(np.mean(shares, axis=0) <= LEVEL + error)


def flat_suite(rng: np.random.Generator, between_model_sd: float, size: int) -> Iterator[SuiteCurve]:
    """Curves of six models of 2 000 examples around one level, analysed under the default between-model scale."""
    for index in range(size):
        level, m = rng.uniform(0.2, 0.8), 1 / between_model_sd**2 - 1
        counts = rng.binomial(2000, rng.beta(level * m, (1 - level) * m, 6)).tolist()
        points = (ScalePoint(10 ** (8 + i / 2), k / 2000, n_examples=2000, n_correct=k) for i, k in enumerate(counts))
        yield suite_curve(analyze(ScalingCurve(f"task {index}", ACCURACY, tuple(points)), Options()))


@pytest.mark.parametrize("between_model_sd", [0.03, 0.1])
def test_flat_suites_with_real_between_model_variation_yield_hardly_a_discovery(between_model_sd: float) -> None:
    """Also where the variation is three times what the analysis expects."""
    rng = np.random.default_rng(11)
    discoveries = []
    for _ in range(5):
        found = summary_of_curves(list(flat_suite(rng, between_model_sd, 25)), SuiteOptions(group_by=()))
        changes = [errors.n_kept for shape, errors in found.error_control.by_shape.items() if shape is not Shape.FLAT]
        discoveries.append(sum(changes))
        upper = found.prevalence.shapes[Shape.FLAT].upper
        assert upper is not None
        assert upper > 0.85
    assert sum(discoveries) <= 1


def test_a_suite_of_analysed_curves_has_its_composition_and_few_false_labels_kept() -> None:
    """Curves from the menu's priors, shapes from the default prior on classes."""
    simulated = [simulate(DataSet.MENU, DEVELOPMENT_SEED, 20_000 + index) for index in range(160)]
    found = summary_of_curves(
        [suite_curve(analyze(s.curve, Options())) for s in simulated], SuiteOptions(group_by=(), fdr_level=LEVEL)
    )
    truth = [s.truth.shape for s in simulated]
    intervals = found.prevalence.shapes
    hits = [(intervals[s].lower or 0) <= DEFAULT_CLASS_PRIOR[s] <= (intervals[s].upper or 0) for s in SHAPES]
    assert sum(hits) >= 4
    assert all(abs(found.prevalence.expected_curves[s] - truth.count(s)) < 12 for s in SHAPES)
    kept = [(j.label, t) for j, t in zip(found.error_control.labels, truth, strict=True) if j.kept]
    assert len(kept) > 30
    assert sum(label != shape for label, shape in kept) <= LEVEL * len(kept) + 2 * (LEVEL * len(kept)) ** 0.5


def turned_suite(rng: np.random.Generator, mu: float, tau: float, size: int) -> Iterator[SuiteCurve]:
    """Parabolas on the logit with turns ~ N(mu, tau²), eight models between 10^8 and 10^12, some turns outside."""
    z = np.linspace(8, 12, 8)
    for index in range(size):
        eta = rng.normal(-0.5, 0.5) + rng.uniform(0.15, 0.9) * (z - rng.normal(mu, tau)) ** 2
        n = int(rng.choice([200, 1000]))
        counts = rng.binomial(n, 1 / (1 + np.exp(-eta))).tolist()
        points = (ScalePoint(10**x, k / n, n_examples=n, n_correct=k) for x, k in zip(z.tolist(), counts, strict=True))
        yield suite_curve(analyze(ScalingCurve(f"task {index}", ACCURACY, tuple(points)), Options()))


def test_the_typical_turn_of_analysed_curves_is_covered() -> None:
    rng = np.random.default_rng(12)
    errors, hits = [], []
    for _ in range(10):
        mu, tau = float(rng.uniform(9.3, 10.7)), float(rng.uniform(0.1, 0.8))
        scale = pooled_turn(list(turned_suite(rng, mu, tau, 15)), Shape.U_SHAPED, 0.95, censored=True).scale
        lower, middle, upper = np.log10([scale.lower or 1.0, scale.estimate or 1.0, scale.upper or 1.0])
        errors.append(middle - mu)
        hits.append(lower <= mu <= upper)
    assert sum(hits) >= 8
    assert abs(np.mean(errors)) < 0.12
