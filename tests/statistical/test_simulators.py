"""The simulators do what their docstrings say: shapes, turns, noise, reproducibility."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.families import OUTSIDE_FAMILIES
from benchmarks.noise import Noise, draw_between_model_sd, draw_successes
from benchmarks.simulators import DEVELOPMENT_SEED, GATE_SEED, DataSet, Stream, simulate
from benchmarks.truth import dense_grid, true_shape, true_turn
from models.options import DEFAULT_BETWEEN_MODEL_SCALE, DEFAULT_CLASS_PRIOR, DEFAULT_SMALLEST_EFFECT, Shape

MANY = 600
STANDARD_ERRORS = 4.5


@pytest.mark.parametrize(
    ("levels", "shape"),
    [
        ((0.2, 0.5, 0.8), Shape.POSITIVE),
        ((0.8, 0.5, 0.2), Shape.INVERSE),
        ((0.5, 0.2, 0.6), Shape.U_SHAPED),
        ((0.5, 0.9, 0.6), Shape.INVERTED_U),
        ((0.5, 0.51, 0.515), Shape.FLAT),
        ((0.5, 0.485, 0.6), Shape.POSITIVE),  # a dip below the smallest effect is no U
        ((0.5, 0.4, 0.7, 0.5), Shape.INVERTED_U),  # a dip of .1 and a bump of .2
    ],
)
def test_the_shape_of_a_known_curve_follows_the_partition(levels: tuple[float, ...], shape: Shape) -> None:
    assert true_shape(np.array(levels), 0.02) is shape


def test_the_turn_of_a_flat_bottom_is_its_middle() -> None:
    u = np.linspace(0, 1, 5)
    turn = true_turn(u, np.array([0.5, 0.2, 0.2, 0.2, 0.9]), Shape.U_SHAPED)
    assert turn is not None
    assert (turn.first, turn.middle, turn.last) == (0.25, 0.5, 0.75)


@settings(deadline=None)  # a rare class takes many proposals
@given(index=st.integers(0, 10_000), data_set=st.sampled_from(DataSet))
def test_a_curve_depends_on_seed_data_set_and_index_alone(index: int, data_set: DataSet) -> None:
    once, again = (simulate(data_set, DEVELOPMENT_SEED, index) for _ in range(2))
    assert once.curve == again.curve
    assert once.truth == again.truth


def test_seeds_and_streams_give_other_curves() -> None:
    curves = [
        simulate(DataSet.OUTSIDE, seed, 0, stream).curve for seed in (DEVELOPMENT_SEED, GATE_SEED) for stream in Stream
    ]
    assert len({curve.points for curve in curves}) == len(curves)


def test_curves_of_the_menu_have_the_shares_of_the_class_prior() -> None:
    shapes = [simulate(DataSet.MENU, DEVELOPMENT_SEED, index).truth.shape for index in range(MANY)]
    for shape, share in DEFAULT_CLASS_PRIOR.items():
        error = np.sqrt(share * (1 - share) / MANY)
        assert abs(shapes.count(shape) / MANY - share) < STANDARD_ERRORS * error, shape


def test_families_outside_the_menu_together_have_every_shape() -> None:
    shapes = [simulate(DataSet.OUTSIDE, DEVELOPMENT_SEED, index).truth.shape for index in range(MANY)]
    assert all(shapes.count(shape) > 0.05 * MANY for shape in Shape)


def test_curves_for_turns_are_u_shaped_with_the_turn_inside() -> None:
    for data_set in (DataSet.MENU_TURN, DataSet.OUTSIDE_TURN):
        for index in range(50):
            simulated = simulate(data_set, DEVELOPMENT_SEED, index)
            assert simulated.truth.shape is Shape.U_SHAPED
            assert simulated.truth.turn is not None
            assert simulated.design.scales[0] < simulated.truth.turn < simulated.design.scales[-1]


def test_the_rise_is_positive_by_twice_the_smallest_effect() -> None:
    u = dense_grid()
    assert true_shape(0.5 + 2 * DEFAULT_SMALLEST_EFFECT * (u - 0.5), DEFAULT_SMALLEST_EFFECT) is Shape.POSITIVE


@pytest.mark.parametrize("family", OUTSIDE_FAMILIES)
def test_mean_curves_stay_between_zero_and_one(family: str) -> None:
    rng = np.random.default_rng(3)
    for _ in range(100):
        f = OUTSIDE_FAMILIES[family](rng)(dense_grid(101))
        assert f.min() >= 0
        assert f.max() <= 1


def test_between_model_sd_is_a_half_cauchy_truncated_at_one() -> None:
    rng = np.random.default_rng(0)
    draws = np.array([draw_between_model_sd(rng) for _ in range(4000)])
    median = DEFAULT_BETWEEN_MODEL_SCALE * np.tan(np.arctan(1 / DEFAULT_BETWEEN_MODEL_SCALE) / 2)
    assert abs((draws < median).mean() - 0.5) < STANDARD_ERRORS * 0.5 / np.sqrt(draws.size)
    assert draws.max() < 1


@pytest.mark.parametrize("noise", Noise)
def test_every_noise_has_the_sd_of_the_beta_binomial_at_one_half(noise: Noise) -> None:
    rng, r, n = np.random.default_rng(1), 0.05, 10**6
    scores = draw_successes(rng, np.full(20_000, 0.5), n, r, noise) / n
    expected = np.sqrt(r**2 / 4 + (1 - r**2) / (4 * n))
    assert abs(scores.mean() - 0.5) < STANDARD_ERRORS * expected / np.sqrt(scores.size)
    assert scores.std() == pytest.approx(expected, rel=0.05)
