"""Means of the scores at each scale, where several language models share one."""

from __future__ import annotations

import numpy as np

from models.arrays import Floats
from models.likelihood import NoiseKind, Observations


def sizes_of_tests(observations: Observations) -> Floats:
    """How much each score (N,) counts: its n.

    A standard error counts as the n that would have it at a score of one half, 1/(4 se²).
    """
    counts = observations.noise == NoiseKind.BETA_BINOMIAL
    return np.where(counts, observations.trials, 0.25 / np.where(counts, 1.0, observations.stderr) ** 2)


def means_per_scale(u: Floats, sizes: Floats, scores: Floats) -> Floats:
    """Means (S, K) of scores (S, N) at each distinct position of u (N,), weighted by sizes (N,)."""
    scales, place = np.unique(u, return_inverse=True)
    if len(scales) == scores.shape[1]:
        return scores
    matrix = np.zeros((len(place), len(scales)))
    matrix[np.arange(len(place)), place] = sizes
    return np.asarray(scores @ (matrix / matrix.sum(axis=0)))
