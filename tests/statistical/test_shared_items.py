"""Curves on shared items, simulated by logistic item response models: outside of every curve model, noise and link."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import expit

from models.analysis import analyze
from models.arrays import Floats
from models.curve import ScalePoint, ScalingCurve
from models.metrics import REGISTRY
from models.options import UNDETERMINED, Options
from models.outcomes import Bytes
from models.results import Analysis

CURVES = 120
NODES, WEIGHTS = hermegauss(40)
# Binomial bounds around .95 for 120 curves, at about one in a thousand on the lower side.
LEAST_COVERAGE = 0.88


@dataclass(frozen=True, slots=True)
class Design:
    """Items, models, sd of the items' difficulties, of the models' abilities around a curve, of clusters of ten."""

    items: int
    models: int
    item_sd: float
    model_sd: float
    cluster_sd: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """Coverage of the net change, mean width of its interval, share of labels; with outcomes and without."""

    covered: Floats
    width: Floats
    labelled: Floats


def mean_score(ability: Floats, item_sd: float) -> Floats:
    """Mean (K,) over normally distributed difficulties."""
    return np.asarray(expit(ability[:, None] - item_sd * NODES) @ WEIGHTS / WEIGHTS.sum())


def simulated(design: Design, seed: int) -> tuple[Bytes, Floats, list[int] | None]:
    """Answers (K, n), true mean scores (K,), clusters."""
    rng = np.random.default_rng([seed, design.items])
    z = np.linspace(-0.5, 0.5, design.models)
    ability = 0.7 * rng.normal() + rng.normal() * z + 1.5 * rng.normal() * (z**2 - 0.08)
    truth = mean_score(ability, float(np.hypot(design.item_sd, design.cluster_sd)))
    clusters = np.arange(design.items) // 10
    difficulty = design.item_sd * rng.normal(size=design.items)
    difficulty += design.cluster_sd * rng.normal(size=clusters.max() + 1)[clusters]
    own = ability + design.model_sd * rng.normal(size=design.models)
    answers = (rng.random((design.models, design.items)) < expit(own[:, None] - difficulty)).astype(np.uint8)
    return answers, truth, clusters.tolist() if design.cluster_sd > 0 else None


def analysed(answers: Bytes, clusters: list[int] | None, *, given: bool) -> Analysis:
    points = tuple(
        ScalePoint(
            10.0 ** (8 + 0.4 * i),
            float(row.mean()),
            n_examples=len(row),
            outcomes=row.tobytes() if given else None,
            clusters=tuple(clusters) if given and clusters else None,
        )
        for i, row in enumerate(answers)
    )
    return analyze(ScalingCurve("task", REGISTRY["accuracy"], points), Options())


def result(design: Design) -> Result:
    rows = []
    for seed in range(CURVES):
        answers, truth, clusters = simulated(design, seed)
        counts = answers.sum(axis=1)
        if min(counts.min(), design.items - counts.max()) < 10:
            continue
        net, row = truth[-1] - truth[0], []
        for given in (True, False):
            analysis = analysed(answers, clusters, given=given)
            lower, upper = analysis.effects.net_change.lower, analysis.effects.net_change.upper
            assert lower is not None
            assert upper is not None
            row += [lower <= net <= upper, upper - lower, analysis.classification.label != UNDETERMINED]
        rows.append(row)
    means = np.mean(np.array(rows, dtype=float), axis=0).reshape(2, 3)
    return Result(means[:, 0], means[:, 1], means[:, 2])


@pytest.mark.slow
@pytest.mark.parametrize("design", [Design(300, 8, 1.5, 0.0), Design(200, 6, 3.0, 0.06)])
def test_paired_intervals_cover_and_are_narrower(design: Design) -> None:
    found = result(design)
    assert found.covered[0] >= LEAST_COVERAGE
    assert found.width[0] < 0.97 * found.width[1]
    assert found.labelled[0] > found.labelled[1]


@pytest.mark.slow
def test_intervals_cover_with_clustered_items() -> None:
    assert result(Design(400, 8, 1.0, 0.06, cluster_sd=1.5)).covered[0] >= LEAST_COVERAGE


@pytest.mark.slow
def test_clusters_that_help_some_models_and_hurt_others_are_covered_only_where_they_are_given() -> None:
    """Each model has its own strength in each cluster: without clusters the test set looks ten times as large."""
    hits = np.zeros(2)
    for seed in range(CURVES):
        rng = np.random.default_rng([seed, 77])
        strength = np.repeat(1.5 * rng.normal(size=(6, 40)), 10, axis=1)
        answers = (rng.random((6, 400)) < expit(0.3 + strength)).astype(np.uint8)
        clusters = (np.arange(400) // 10).tolist()
        for place, known in enumerate((clusters, None)):
            intervals = [point.interval for point in analysed(answers, known, given=True).points]
            truth = float(mean_score(np.array([0.3]), 1.5)[0])
            hits[place] += np.mean([(i.lower or 0) <= truth <= (i.upper or 0) for i in intervals])
    covered = hits / CURVES
    assert covered[0] > 0.92
    assert covered[1] < 0.85
