"""Mean curves drawn from the priors of the curve models, given the class of their shape.

A curve of class c is drawn from sum_j q_j pi_j(. | c) with equal q over the models of change, by rejection;
flat is made of the flat models and, with what their shares leave, of the flat curves of that same mixture. Together
with the class prior this is the prior that the analysis assumes.
"""

from __future__ import annotations

import numpy as np

from benchmarks.designs import Design
from benchmarks.truth import FloatArray, MeanCurve, dense_grid, shape_codes
from models.curve_models import FLAT_SHARES, flat_shares, menu
from models.curve_models.record import Context, CurveModel, mean, prior_draws
from models.options import DEFAULT_SMALLEST_EFFECT, Shape

PROPOSALS = 32  # candidates looked at together
REJECTION_NODES = 1001  # a bend between two nodes hides at most .0005 of the range


def menu_context(design: Design) -> Context:
    """What the curve models may know of a curve of this design."""
    return Context(
        bounded=True,
        delta=DEFAULT_SMALLEST_EFFECT,
        chance=design.metric.chance,
        target_length=design.metric.target_length,
        decades=float(design.z[-1] - design.z[0]),
        u_mean=float(design.u.mean()),
    )


def draw_from_menu(rng: np.random.Generator, shape: Shape, design: Design) -> tuple[str, MeanCurve]:
    """Name of a curve model and a mean curve of that shape."""
    models = {model.name: model for model in menu(menu_context(design))}
    flat = _flat_model(rng, flat_shares(models)) if shape is Shape.FLAT else None
    if flat is not None:
        return flat, prior_curve(rng, models[flat])[2]
    changing = [model for name, model in models.items() if name not in FLAT_SHARES]
    while True:
        found = _first_of_shape(rng, changing, shape)
        if found is not None:
            return found


def prior_curve(rng: np.random.Generator, model: CurveModel) -> tuple[FloatArray, FloatArray, MeanCurve]:
    """Shape parameters (1, q), levels (1, p) and mean curve of one draw from a model's prior."""
    shape, levels = prior_draws(model, _uniforms(rng, model, 1))
    return shape, levels, _mean_curve(model, shape, levels)


def _flat_model(rng: np.random.Generator, shares: dict[str, float]) -> str | None:
    """One of the models that are flat by construction, by their shares of the class; None for the rest of it."""
    reached = np.cumsum(list(shares.values()))
    place = int(np.searchsorted(reached, rng.random(), side="right"))
    return list(shares)[place] if place < len(reached) else None


def _first_of_shape(rng: np.random.Generator, models: list[CurveModel], shape: Shape) -> tuple[str, MeanCurve] | None:
    """The first of PROPOSALS draws from the equal mixture that has the shape."""
    which = rng.integers(len(models), size=PROPOSALS)
    first, best = PROPOSALS, None
    for j, model in enumerate(models):
        places = np.flatnonzero(which == j)
        if places.size == 0:
            continue
        parameters, levels = prior_draws(model, _uniforms(rng, model, places.size))
        f = mean(model, parameters, levels, dense_grid(REJECTION_NODES))
        hits = np.flatnonzero(shape_codes(f, DEFAULT_SMALLEST_EFFECT) == list(Shape).index(shape))
        if hits.size and places[hits[0]] < first:
            first, row = int(places[hits[0]]), slice(hits[0], hits[0] + 1)
            best = model.name, _mean_curve(model, parameters[row], levels[row])
    return best


def _uniforms(rng: np.random.Generator, model: CurveModel, size: int) -> FloatArray:
    return rng.random((size, len(model.parameter_names)))


def _mean_curve(model: CurveModel, shape: FloatArray, levels: FloatArray) -> MeanCurve:
    return lambda u: np.asarray(mean(model, shape, levels, u)[0])
