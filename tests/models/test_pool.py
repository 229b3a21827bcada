"""Class evidence: the sums written out in a slow loop, and the power by which it counts."""

import numpy as np
import pytest

import models.pool
from models.analysis import averaged_posterior
from models.curve import ScalePoint, ScalingCurve
from models.curve_models import SMALL_CHANGES_SHARE, flat_shares
from models.metrics import Metric, MetricKind
from models.options import DEFAULT_CLASS_PRIOR, Options
from models.pool import EVIDENCE_POWER, Pool, class_evidence, pooled
from models.shapes import FLAT, SHAPES

ACCURACY = Metric("accuracy", MetricKind.PROPORTION)


def pool_of(counts: tuple[int, ...], n: int = 400) -> Pool:
    points = tuple(ScalePoint(10.0 ** (8 + i), k / n, n, n_correct=k) for i, k in enumerate(counts))
    return averaged_posterior(ScalingCurve("task", ACCURACY, points), Options()).pool


CURVES = [(120, 130, 118, 125), (40, 90, 200, 330), (300, 180, 120, 260, 340), (90, 95, 60, 130, 160)]


def slow_evidence(pool: Pool) -> np.ndarray:
    """p(y|c) = sum_j q_j Z_j post_j(c) / sum_j q_j pi_j(c) draw by draw, without the power."""
    value, masses = np.zeros(len(SHAPES)), pool.masses.sum(axis=0)
    shares = flat_shares([posterior.model.name for posterior in pool.posteriors])
    first = 0
    for posterior in pool.posteriors:
        own = shares.get(posterior.model.name)
        for s, log_weight in enumerate(posterior.log_weights):
            code = FLAT if own is not None else int(pool.code[first + s])
            part = np.exp(log_weight - pool.log_unit) / len(posterior.log_weights)
            scale = own if own is not None else (SMALL_CHANGES_SHARE if code == FLAT else 1.0) / masses[code]
            value[code] += part * scale
        first += len(posterior.log_weights)
    return value


@pytest.mark.parametrize("counts", CURVES)
def test_class_evidence_is_the_power_of_the_sum_over_models_and_draws(counts: tuple[int, ...]) -> None:
    pool = pool_of(counts)
    slow = slow_evidence(pool)
    seen = slow > 0
    expected = slow.max() * (slow[seen] / slow.max()) ** EVIDENCE_POWER
    assert class_evidence(pool).value[seen] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("counts", CURVES)
def test_the_power_makes_no_other_shape_the_most_probable_and_none_more_certain(
    counts: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = pool_of(counts)
    even = dict.fromkeys(SHAPES, 1 / len(SHAPES))
    ours = class_evidence(pool).probabilities(even)
    monkeypatch.setattr(models.pool, "EVIDENCE_POWER", 1.0)
    plain = class_evidence(pooled(pool.posteriors, pool.context)).probabilities(even)
    assert int(np.argmax(ours)) == int(np.argmax(plain))
    assert ours.max() <= plain.max() + 1e-12


@pytest.mark.parametrize("counts", CURVES)
def test_what_is_said_given_the_class_does_not_depend_on_the_power(
    counts: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = pool_of(counts)
    monkeypatch.setattr(models.pool, "EVIDENCE_POWER", 1.0)
    plain = pooled(pool.posteriors, pool.context)
    for code in np.unique(pool.code):
        own = pool.code == code
        assert pool.share[own] / pool.share[own].sum() == pytest.approx(plain.share[own] / plain.share[own].sum())


def test_the_default_prior_and_the_evidence_give_the_probabilities() -> None:
    pool = pool_of(CURVES[2])
    evidence = class_evidence(pool)
    prior = np.array([DEFAULT_CLASS_PRIOR[shape] for shape in SHAPES])
    assert evidence.probabilities(DEFAULT_CLASS_PRIOR) == pytest.approx(
        prior * evidence.value / np.sum(prior * evidence.value)
    )
