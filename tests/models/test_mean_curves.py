"""Compiled mean curves against the curve models' own records, and systematic resampling against numpy."""

import numpy as np
import pytest

from models.arrays import Floats, Ints
from models.curve_models import menu
from models.curve_models.logit_linear import logit_linear
from models.curve_models.record import Context, CurveModel, mean, prior_draws
from models.mean_curves import Formulas
from models.resampling import resampled
from models.shapes import landmarks

CONTEXTS = (
    Context(bounded=True, delta=0.02),
    Context(bounded=True, delta=0.02, chance=0.25, target_length=3, decades=2.5, u_mean=0.4, near_ceiling=True),
    Context(bounded=False, delta=0.02),
)
MODELS = [model for context in CONTEXTS for model in (*menu(context), logit_linear(context))]
DRAWS = 300


def drawn(model: CurveModel) -> tuple[Floats, Floats]:
    return prior_draws(model, np.random.default_rng(3).random((DRAWS, len(model.parameter_names))))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_compiled_curves_are_those_of_the_record(model: CurveModel) -> None:
    shape, levels = drawn(model)
    u = np.linspace(0.0, 1.5, 31)  # forecasts go beyond the range
    chosen = np.sort(np.random.default_rng(4).integers(0, DRAWS, 500))
    found = Formulas.of(model, shape, levels).curves(chosen, u)
    assert found == pytest.approx(mean(model, shape, levels, u)[chosen], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_ends_and_a_position_of_its_own_of_every_draw(model: CurveModel) -> None:
    shape, levels = drawn(model)
    places = np.tile([0.0, 1.0, 0.0], (DRAWS, 1))
    places[::2, 2] = np.random.default_rng(5).random(len(places[::2]))
    found = np.column_stack(Formulas.of(model, shape, levels).ends_and(places[:, 2]))
    assert found == pytest.approx(mean(model, shape, levels, places), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("tolerance", [0.01, -0.01])
def test_the_region_around_an_extreme_is_that_of_a_dense_grid(model: CurveModel, tolerance: float) -> None:
    shape, levels = drawn(model)
    formulas, marks, u = Formulas.of(model, shape, levels), landmarks(model, shape, levels), np.linspace(0.0, 1.0, 201)
    sign = np.sign(tolerance)
    turned = sign * marks.extreme < np.minimum(sign * marks.start, sign * marks.end)
    chosen = np.flatnonzero(turned & (marks.position > 0))
    first, last = formulas.nearly_extreme(chosen, marks.position[chosen], tolerance, u)
    curves = sign * mean(model, shape, levels, u)[chosen]
    for k in range(len(chosen)):
        inside = np.flatnonzero(curves[k] <= curves[k].min() + abs(tolerance))
        assert (first[k], last[k]) == (inside[0], inside[-1])


def slow_resampled(weights: Floats, count: int) -> Ints:
    cumulative = np.cumsum(weights)
    places = (np.arange(count) + 0.5) / count * cumulative[-1]
    return np.asarray(np.minimum(np.searchsorted(cumulative, places), len(weights) - 1))


@pytest.mark.parametrize("count", [1, 7, 1000])
def test_resampling_takes_draws_in_proportion_to_their_weights(count: int) -> None:
    weights = np.random.default_rng(6).random(200) ** 8
    assert np.array_equal(resampled(weights, count), slow_resampled(weights, count))
    kept = np.random.default_rng(7).random(200) < 0.3
    assert np.array_equal(resampled(weights, count, kept), slow_resampled(np.where(kept, weights, 0.0), count))
