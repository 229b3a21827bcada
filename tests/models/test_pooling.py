"""Pooled turns: against integrals done by hand, on simulated turns, and the histogram that stands for a posterior."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from benchmarks.suites import suite_curve_of
from models.curve import ScaleKind
from models.curve_models.record import Context
from models.options import Shape
from models.pooling import TurnEvidence, log_likelihood, pooled_turn
from models.results import Interval
from models.shapes import SHAPES
from models.suite_curve import SuiteCurve
from models.turn_posterior import CELLS, PRIOR_BINS, TurnPosterior, quantile_edges, turn_prior

RANGE = (8.0, 12.0)
EVEN_PRIOR = np.full(CELLS, 1 / (RANGE[1] - RANGE[0]))
U_SHAPED, INVERSE = SHAPES.index(Shape.U_SHAPED), SHAPES.index(Shape.INVERSE)


def turned(name: str, middle: float, sd: float) -> SuiteCurve:
    """A curve that is U-shaped for certain, its turn known with the given sd."""
    curve = suite_curve_of(np.eye(5)[U_SHAPED], name, "accuracy")
    edges = quantile_edges(middle + sd * np.array([-1.959964, 0.0, 1.959964]), RANGE, 0.95)
    return replace(curve, u_turn=TurnPosterior(edges, EVEN_PRIOR), log_range=RANGE)


def falling(name: str) -> SuiteCurve:
    """A curve that falls for certain."""
    return replace(suite_curve_of(np.eye(5)[INVERSE], name, "accuracy"), log_range=RANGE)


def log10(interval: Interval) -> tuple[float, float, float]:
    assert interval.lower is not None
    assert interval.estimate is not None
    assert interval.upper is not None
    lower, middle, upper = np.log10([interval.lower, interval.estimate, interval.upper]).tolist()
    return lower, middle, upper


@given(st.floats(9.0, 11.0), st.floats(0.01, 0.25))
def test_edges_of_a_sharp_turn_are_those_of_a_normal_distribution(middle: float, sd: float) -> None:
    edges = quantile_edges(norm(middle, sd).ppf([0.025, 0.5, 0.975]), RANGE, 0.95)
    inner = np.arange(2, CELLS - 1) / CELLS
    assert np.max(np.abs(edges[2:-2] - norm(middle, sd).ppf(inner))) < 0.06 * sd + 0.3 * sd**2


def test_edges_of_a_turn_of_which_nothing_is_known_are_evenly_spaced() -> None:
    edges = quantile_edges(np.array([8.1, 10.0, 11.9]), RANGE, 0.95)
    assert np.max(np.abs(edges - np.linspace(8.0, 12.0, CELLS + 1))) < 0.03 * 4.0


@given(st.lists(st.floats(8.0, 12.0), min_size=3, max_size=3))
def test_edges_always_rise_and_stay_inside_the_range(places: list[float]) -> None:
    edges = quantile_edges(np.sort(np.array(places)), RANGE, 0.95)
    assert np.all(np.diff(edges) > 0)
    assert edges[0] >= RANGE[0] - 1e-5
    assert edges[-1] <= RANGE[1] + 1e-5


@pytest.mark.parametrize("shape", [Shape.U_SHAPED, Shape.INVERTED_U])
def test_the_prior_of_the_turn_is_a_density_that_falls_towards_the_ends(shape: Shape) -> None:
    density = turn_prior(Context(bounded=True, delta=0.02, chance=0.25), shape)
    assert density.mean() == pytest.approx(1)
    assert density[0] < density[PRIOR_BINS // 2]
    assert density[-1] < density[PRIOR_BINS // 2]


def test_the_likelihood_is_the_integral_over_the_turn_and_what_lies_beyond() -> None:
    edges = np.linspace(9.0, 11.0, CELLS + 1)
    evidence = TurnEvidence("", TurnPosterior(edges, EVEN_PRIOR), inside=0.7, beyond=0.3, end=12.0, weight=0.5)
    found = log_likelihood(evidence, np.array([9.5, 12.5]), np.array([0.3, 1.5]))
    for i, mu in enumerate((9.5, 12.5)):
        for j, tau in enumerate((0.3, 1.5)):
            inside = quad(lambda z, mu=mu, tau=tau: norm(mu, tau).pdf(z) * 0.5 / 0.25, 9.0, 11.0)[0]
            expected = 0.5 * np.log(0.7 * inside + 0.3 * norm(mu, tau).sf(12.0))
            assert found[i, j] == pytest.approx(expected, rel=1e-6)


def test_the_likelihood_of_a_turn_far_beyond_keeps_its_digits() -> None:
    turn = TurnPosterior(np.array([9.0, 11.0]), np.ones(1))
    evidence = TurnEvidence("", turn, inside=0.0, beyond=1.0, end=12.0, weight=1.0)
    found = log_likelihood(evidence, np.array([9.0, 12.0, 15.0]), np.array([0.15, 1.0]))
    expected = norm.logcdf((np.array([9.0, 12.0, 15.0])[:, None] - 12.0) / np.array([0.15, 1.0]))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)


def test_the_typical_turn_of_sharp_turns_is_their_mean_and_the_spread_their_sd() -> None:
    places = np.random.default_rng(1).normal(10.0, 0.4, 60)
    curves = [turned(str(i), z, 0.02) for i, z in enumerate(places.tolist())]
    found = pooled_turn(curves, Shape.U_SHAPED, 0.95, censored=False)
    lower, middle, upper = log10(found.scale)
    assert middle == pytest.approx(places.mean(), abs=0.01)
    assert upper - lower == pytest.approx(2 * 1.96 * places.std() / np.sqrt(60), rel=0.1)
    assert found.spread_decades.estimate == pytest.approx(places.std(ddof=1), rel=0.05)
    new = log10(found.new_scale)
    assert new[2] - new[0] == pytest.approx(2 * 1.96 * places.std() * np.sqrt(1 + 1 / 60), rel=0.1)


@pytest.mark.slow
def test_intervals_of_the_typical_turn_and_of_the_spread_cover_them() -> None:
    rng = np.random.default_rng(2)
    hits = []
    for _ in range(120):
        mu, tau = rng.uniform(9.5, 10.5), abs(rng.normal(0, 0.5)) + 0.05
        places = [z for z in rng.normal(mu, tau, 15).tolist() if 8.6 < z < 11.4]
        curves = [turned(str(i), z + rng.normal(0, 0.15), 0.15) for i, z in enumerate(places)]
        found = pooled_turn(curves, Shape.U_SHAPED, 0.95, censored=False)
        lower, _, upper = log10(found.scale)
        spread = found.spread_decades
        assert spread.lower is not None
        assert spread.upper is not None
        hits.append((lower <= mu <= upper, spread.lower <= tau <= spread.upper))
    assert np.mean([first for first, _ in hits]) > 0.90
    assert np.mean([second for _, second in hits]) > 0.88


def test_curves_that_will_turn_later_move_the_typical_turn_upwards_when_they_count() -> None:
    """Turns around 11.5 with ranges that end at 12: a fifth of them is still to come."""
    places = np.random.default_rng(3).normal(11.5, 0.6, 80).tolist()
    curves = [turned(str(i), z, 0.05) if z < 12 else falling(str(i)) for i, z in enumerate(places)]
    censored = pooled_turn(curves, Shape.U_SHAPED, 0.95, censored=True)
    blind = pooled_turn(curves, Shape.U_SHAPED, 0.95, censored=False)
    lower, middle, upper = log10(censored.scale)
    assert lower <= 11.5 <= upper
    assert log10(blind.scale)[1] < middle - 0.1
    assert log10(blind.scale)[2] < 11.5
    assert censored.n_beyond == pytest.approx(sum(z >= 12 for z in places), abs=0.5)


def test_the_typical_turn_moves_with_the_unit_of_scale() -> None:
    rng = np.random.default_rng(4)
    places = rng.normal(10.0, 0.3, 10).tolist()
    curves = [turned(str(i), z, 0.1) for i, z in enumerate(places)]
    moved = [
        replace(c, u_turn=TurnPosterior(c.u_turn.edges + 3, c.u_turn.prior), log_range=(11.0, 15.0))
        for c in curves
        if c.u_turn is not None
    ]
    here = log10(pooled_turn(curves, Shape.U_SHAPED, 0.9, censored=True).scale)
    there = log10(pooled_turn(moved, Shape.U_SHAPED, 0.9, censored=True).scale)
    assert [z - 3 for z in there] == pytest.approx(list(here), abs=1e-6)


def test_leaving_a_curve_out_is_pooling_the_others() -> None:
    curves = [turned(str(i), z, 0.1) for i, z in enumerate((9.5, 9.8, 10.0, 10.1, 10.9))]
    without = pooled_turn(curves, Shape.U_SHAPED, 0.95, censored=False).leave_one_out[4]
    others = pooled_turn(curves[:4], Shape.U_SHAPED, 0.95, censored=False)
    assert without.name == curves[4].name
    assert log10(without.scale) == pytest.approx(log10(others.scale), abs=0.03)


def test_fewer_than_two_turns_are_not_pooled_and_other_kinds_of_scale_stand_apart() -> None:
    tokens = [replace(turned(str(i), 10.0, 0.1), scale_kind=ScaleKind.TRAINING_TOKENS) for i in range(3)]
    found = pooled_turn([turned("a", 9.0, 0.1), *tokens], Shape.U_SHAPED, 0.95, censored=True)
    assert (found.scale_kind, found.n_curves, found.n_left_out) == (ScaleKind.TRAINING_TOKENS, 3, 1)
    alone = pooled_turn([turned("a", 9.0, 0.1)], Shape.U_SHAPED, 0.95, censored=True)
    assert (alone.reason, alone.n_left_out) == ("fewer_than_two_turns", 0)
    assert pooled_turn([], Shape.U_SHAPED, 0.95, censored=True).scale_kind is None
