"""Where the prior of the curve models puts turns: what is needed to state the chance of a turn that nobody has seen."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from models.arrays import Floats
from models.curve_models import CURVE_MODELS, FLAT_SHARES
from models.curve_models.record import Context, prior_draws
from models.options import Shape
from models.pool import Pool
from models.shapes import CONTEXT_FIELDS, PRIOR_DRAWS, PRIOR_SEED, SHAPES, classify, landmarks
from models.sobol import sobol

TURNED = (SHAPES.index(Shape.U_SHAPED), SHAPES.index(Shape.INVERTED_U))
EDGE = 1e-12


def mass_beyond(pool: Pool, position: float) -> Floats:
    """Prior probability (5,), given each shape, that its turn lies beyond a position in [0, 1]; 0 for the unturned."""
    total = pool.masses.sum(axis=0)
    found = np.zeros(len(SHAPES))
    for posterior in pool.posteriors:
        if posterior.model.name not in FLAT_SHARES:
            for place, positions in zip(TURNED, _positions(posterior.model.name, pool.context), strict=True):
                later = len(positions) - int(np.searchsorted(positions, position, side="right"))
                found[place] += later / PRIOR_DRAWS / max(total[place], EDGE)
    return np.minimum(found, 1.0)


def _positions(name: str, context: Context) -> tuple[Floats, ...]:
    kept = {field: getattr(context, field) for field in CONTEXT_FIELDS.get(name, ())}
    return _cached_positions(name, replace(Context(context.bounded, context.delta), **kept))


@lru_cache(maxsize=1024)
def _cached_positions(name: str, context: Context) -> tuple[Floats, ...]:
    """Sorted positions of the turns among PRIOR_DRAWS draws, for each turned shape."""
    model = CURVE_MODELS[name](context)
    if model is None:
        return tuple(np.empty(0) for _ in TURNED)
    v = sobol(len(model.parameter_names), PRIOR_DRAWS, np.random.default_rng(PRIOR_SEED))
    shape, levels = prior_draws(model, np.clip(v, EDGE, 1 - EDGE))
    marks = landmarks(model, shape, levels)
    codes = classify(marks, context.delta)
    return tuple(np.sort(marks.position[codes == place]) for place in TURNED)
