"""The true shape and turn of a known curve, written apart from `models.shapes` so that the two can disagree.

Source: docs/statistics, section 3: A, B, C, D and the partition into five shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.options import Shape

FloatArray = npt.NDArray[np.float64]
MeanCurve = Callable[[FloatArray], FloatArray]

DENSE_NODES = 2001  # five times the nodes that the analysis uses
SAME_LEVEL = 1e-9  # two values of f this close are the same bottom: a step has a whole interval of minimisers


@dataclass(frozen=True, slots=True)
class TrueTurn:
    """The set of minimisers (maximisers) of f in u, and its middle, which is the turn of a flat bottom."""

    first: float
    middle: float
    last: float


def dense_grid(nodes: int = DENSE_NODES) -> FloatArray:
    """Equally spaced positions u over the observed range, both ends included."""
    return np.linspace(0.0, 1.0, nodes)


def shape_codes(f: FloatArray, delta: float) -> npt.NDArray[np.int64]:
    """Index into `tuple(Shape)` of each row of f (draws, nodes), nodes in order of scale."""
    start, end = f[:, 0], f[:, -1]
    low, high = f.min(axis=1), f.max(axis=1)
    u = np.minimum(start - low, end - low)
    n = np.minimum(high - start, high - end)
    net = end - start
    order = list(Shape)
    turned = np.where(u >= n, order.index(Shape.U_SHAPED), order.index(Shape.INVERTED_U))
    level = np.where(net < -delta, order.index(Shape.INVERSE), order.index(Shape.FLAT))
    straight = np.where(net > delta, order.index(Shape.POSITIVE), level)
    return np.where(np.maximum(u, n) > delta, turned, straight)


def true_shape(f: FloatArray, delta: float) -> Shape:
    """The shape of one curve f (nodes,)."""
    return tuple(Shape)[int(shape_codes(f[None, :], delta)[0])]


def true_turn(u: FloatArray, f: FloatArray, shape: Shape) -> TrueTurn | None:
    """Where a U is lowest or an inverted U highest; None for the other shapes."""
    if shape not in (Shape.U_SHAPED, Shape.INVERTED_U):
        return None
    depth = f if shape is Shape.U_SHAPED else -f
    at_bottom = u[depth <= depth.min() + SAME_LEVEL]
    first, last = float(at_bottom[0]), float(at_bottom[-1])
    return TrueTurn(first, (first + last) / 2, last)
