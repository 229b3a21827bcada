"""Shapes: facts about a mean curve, not names of curve models.

With A = f(z1) - min f, B = f(zK) - min f, C = max f - f(z1), D = max f - f(zK), U = min(A, B), N = min(C, D): if
max(U, N) > delta the curve is `u_shaped` where U >= N, else `inverted_u`; otherwise f(zK) - f(z1) decides between
`positive` (> delta), `inverse` (< -delta) and `flat`. This is a partition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from models.arrays import Floats, Ints
from models.compiled import compiled
from models.curve_models import CURVE_MODELS, FLAT_SHARES
from models.curve_models.record import Context, CurveModel, prior_draws
from models.mean_curves import Formulas
from models.options import Shape
from models.sobol import sobol

SHAPES: tuple[Shape, ...] = tuple(Shape)
FLAT, POSITIVE, INVERSE = (SHAPES.index(shape) for shape in (Shape.FLAT, Shape.POSITIVE, Shape.INVERSE))
U_SHAPED, INVERTED_U = SHAPES.index(Shape.U_SHAPED), SHAPES.index(Shape.INVERTED_U)
PRIOR_DRAWS = 8192
PRIOR_SEED = 20230428  # fixed: prior masses are constants of the method
KEPT_LANDMARKS = 16  # of 256 kB each: halved and doubled effects follow at once, other curves later
NO_EFFECT = 0.0  # in the place of the smallest effect where nothing depends on it
# The context fields, beside bounds and smallest effect, on which the prior mass of the shapes depends.
CONTEXT_FIELDS: dict[str, tuple[str, ...]] = {
    "two_task": ("chance",),
    "rise_from_floor": ("chance", "target_length"),
    "token_power_law": ("target_length", "decades", "u_mean"),
}
PLACED = tuple(name for name, told in CONTEXT_FIELDS.items() if "decades" in told)  # depend on where the scales lie


@dataclass(frozen=True, slots=True)
class Landmarks:
    """The mean at both ends and at its one interior extreme (S,), and the extreme's position in [0, 1]."""

    start: Floats
    end: Floats
    extreme: Floats
    position: Floats

    @property
    def lowest(self) -> Floats:
        """Minimum of the mean over the observed range."""
        return np.minimum(np.minimum(self.start, self.end), self.extreme)

    @property
    def highest(self) -> Floats:
        """Maximum of the mean over the observed range."""
        return np.maximum(np.maximum(self.start, self.end), self.extreme)

    @classmethod
    def of(cls, formulas: Formulas, position: Floats) -> Landmarks:
        """Those of mean functions whose one interior extreme lies at `position` (S,)."""
        return cls(*formulas.ends_and(position), position)

    @classmethod
    def joined(cls, parts: Sequence[Landmarks]) -> Landmarks:
        """One after the other."""
        return cls(
            np.concatenate([part.start for part in parts]),
            np.concatenate([part.end for part in parts]),
            np.concatenate([part.extreme for part in parts]),
            np.concatenate([part.position for part in parts]),
        )

    def at(self, indices: Ints | slice) -> Landmarks:
        """The landmarks of some draws."""
        return Landmarks(self.start[indices], self.end[indices], self.extreme[indices], self.position[indices])


def landmarks(model: CurveModel, shape: Floats, levels: Floats) -> Landmarks:
    """Landmarks of draws; closed form in every curve model."""
    return Landmarks.of(Formulas.of(model, shape, levels), model.extreme(list(shape.T), list(levels.T)))


def classify(marks: Landmarks, delta: float) -> Ints:
    """Index into `SHAPES` for every draw."""
    return _classified(marks.start, marks.end, marks.extreme, delta)


@compiled
def _classified(start: Floats, end: Floats, extreme: Floats, delta: float) -> Ints:
    codes = np.full(len(start), FLAT)
    for s in range(len(start)):
        low, high = min(start[s], end[s]), max(start[s], end[s])
        u_size, n_size = low - min(low, extreme[s]), max(high, extreme[s]) - high
        net = end[s] - start[s]
        if max(u_size, n_size) > delta:
            codes[s] = U_SHAPED if u_size >= n_size else INVERTED_U
        elif net > delta:
            codes[s] = POSITIVE
        elif net < -delta:
            codes[s] = INVERSE
    return codes


def shape_masses(model: CurveModel, context: Context) -> Floats:
    """Prior mass (5,) of each shape under a curve model, in the order of `SHAPES`."""
    return prior_masses(model.name, context)


def prior_masses(name: str, context: Context) -> Floats:
    """The same by the curve model's name."""
    kept = {field: getattr(context, field) for field in CONTEXT_FIELDS.get(name, ())}
    return _cached_masses(name, Context(context.bounded, NO_EFFECT, **kept), context.delta)


@lru_cache(maxsize=4096)
def _cached_masses(name: str, context: Context, delta: float) -> Floats:
    model = CURVE_MODELS[name](context)
    if model is None or name in FLAT_SHARES:
        return np.array([float(shape is Shape.FLAT) for shape in SHAPES])
    codes = classify(_prior_landmarks(name, context), delta)
    return np.bincount(codes, minlength=len(SHAPES)) / PRIOR_DRAWS


@lru_cache(maxsize=KEPT_LANDMARKS)
def _prior_landmarks(name: str, context: Context) -> Landmarks:
    """Those of a fixed sample from a curve model's prior, which do not depend on the smallest effect."""
    return landmarks(_defined(name, context), *_prior_sample(name, replace(context, decades=1.0, u_mean=0.5)))


@lru_cache(maxsize=KEPT_LANDMARKS)
def _prior_sample(name: str, context: Context) -> tuple[Floats, Floats]:
    """Shape parameters and levels from the prior, which knows nothing of where the scales lie."""
    model = _defined(name, context)
    return prior_draws(model, _uniforms(len(model.parameter_names)))


def _defined(name: str, context: Context) -> CurveModel:
    model = CURVE_MODELS[name](context)
    if model is None:
        raise ValueError(f"{name} is not defined for these scores")
    return model


@lru_cache(maxsize=16)
def _uniforms(dimensions: int) -> Floats:
    numbers = sobol(dimensions, PRIOR_DRAWS, np.random.default_rng(PRIOR_SEED))
    return np.clip(numbers, 1e-12, 1 - 1e-12)
