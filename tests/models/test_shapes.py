"""Shapes: the partition, landmarks in closed form, prior masses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.curve_models import menu
from models.curve_models.record import Context, CurveModel, mean, prior_draws
from models.options import Shape
from models.shapes import SHAPES, Landmarks, classify, landmarks, shape_masses

DENSE = np.linspace(0.0, 1.0, 2001)
CONTEXTS = (
    Context(bounded=True, delta=0.02),
    Context(bounded=True, delta=0.02, chance=0.25, target_length=3, decades=2.5, u_mean=0.4, near_ceiling=True),
    Context(bounded=False, delta=0.02),
)
MODELS = [(context, model) for context in CONTEXTS for model in menu(context)]


def _slow_shape(values: np.ndarray, delta: float) -> Shape:
    """The rule of the five shapes, read off a list of values."""
    a, b = values[0] - values.min(), values[-1] - values.min()
    c, d = values.max() - values[0], values.max() - values[-1]
    u, n = min(a, b), min(c, d)
    if max(u, n) > delta:
        return Shape.U_SHAPED if u >= n else Shape.INVERTED_U
    net = values[-1] - values[0]
    if net > delta:
        return Shape.POSITIVE
    return Shape.INVERSE if net < -delta else Shape.FLAT


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.floats(0.001, 0.2))
def test_the_shape_of_three_landmarks_follows_the_rule(values: list[float], delta: float) -> None:
    start, extreme, end = (np.array([value]) for value in values)
    code = classify(Landmarks(start, end, extreme, np.array([0.5])), delta)[0]
    assert SHAPES[code] is _slow_shape(np.array(values), delta)


@pytest.mark.parametrize(("context", "model"), MODELS, ids=lambda item: getattr(item, "name", ""))
def test_landmarks_in_closed_form_are_those_of_the_curve_on_a_dense_grid(context: Context, model: CurveModel) -> None:
    shape, levels = prior_draws(model, np.random.default_rng(1).random((400, len(model.parameter_names))))
    marks, curves = landmarks(model, shape, levels), mean(model, shape, levels, DENSE)
    span = np.ptp(curves, axis=1) + 1e-9
    assert np.max(np.abs(marks.lowest - curves.min(axis=1)) / span) < 5e-3
    assert np.max(np.abs(marks.highest - curves.max(axis=1)) / span) < 5e-3


@pytest.mark.parametrize(("context", "model"), MODELS, ids=lambda item: getattr(item, "name", ""))
def test_prior_masses_of_shapes_are_those_of_random_prior_curves(context: Context, model: CurveModel) -> None:
    shape, levels = prior_draws(model, np.random.default_rng(2).random((4000, len(model.parameter_names))))
    slow = [_slow_shape(curve, context.delta) for curve in mean(model, shape, levels, DENSE[::10])]
    shares = np.array([slow.count(shape) for shape in SHAPES]) / len(slow)
    error = 4 * np.sqrt(np.maximum(shares * (1 - shares), 1e-3) / len(slow)) + 0.01
    assert np.all(np.abs(shape_masses(model, context) - shares) < error)
