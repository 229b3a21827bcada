"""Draws in proportion to their weights."""

from __future__ import annotations

import numpy as np

from models.arrays import Bools, Floats, Ints
from models.compiled import compiled


def resampled(weights: Floats, count: int, kept: Bools | None = None) -> Ints:
    """Indices (count,) of draws in proportion to their weights, systematically, perhaps only among those kept."""
    return _systematic(weights if kept is None else np.where(kept, weights, 0.0), count)


@compiled
def _systematic(weights: Floats, count: int) -> Ints:
    total, running, index = 0.0, weights[0], 0
    for weight in weights:
        total += weight
    indices = np.empty(count, dtype=np.int64)
    for i in range(count):
        place = (i + 0.5) / count * total
        while running < place and index < len(weights) - 1:
            index += 1
            running += weights[index]
        indices[i] = index
    return indices
