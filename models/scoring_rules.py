"""Scores of predictive distributions against what came."""

from __future__ import annotations

import numpy as np

from models.arrays import Floats


def crps(draws: Floats, observed: float) -> float:
    """Continuous ranked probability score of equally weighted draws (S,), exactly: E|X - y| - E|X - X'|/2.

    Gneiting and Raftery 2007 (JASA 102), eq. 21; smaller is better, and a point forecast has its absolute error.
    """
    ordered = np.sort(draws)
    size = len(ordered)
    ranks = 2 * np.arange(1, size + 1) - size - 1
    return float(np.mean(np.abs(ordered - observed)) - ranks @ ordered / size**2)


def covered(draws: Floats, observed: float, level: float) -> bool:
    """Whether the equal-tailed interval of this level holds what came, its ends included."""
    lower, upper = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return bool(lower <= observed <= upper)
