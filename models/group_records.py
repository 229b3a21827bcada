"""What the compiled steps of `models.group_kernels` work on."""

from __future__ import annotations

from typing import NamedTuple

from models.arrays import Bools, Floats, Ints


class Evidences(NamedTuple):
    """Uncertain curves sorted by group and weight: evidences (I, 5), weights (I,), where groups begin (G + 1,).

    `counts` (G, 5) are the weights of curves of certain shape.
    """

    evidence: Floats
    weights: Floats
    starts: Ints
    counts: Floats


class Approximation(NamedTuple):
    """Each group's log likelihood as a parabola of its log ratios: linear terms (G, 4), curvatures (G, 4, 4).

    `roots` (G, 4, 4) and `values` (G, 4) are eigenvectors and eigenvalues of the curvatures. A row of `moves` (3, G)
    says which groups move along with m and sigma; `level_*` (3, ...) are those of the sum of their curvatures and that
    of the prior on m.
    """

    linear: Floats
    curvature: Floats
    roots: Floats
    values: Floats
    moves: Bools
    level_linear: Floats
    level_roots: Floats
    level_values: Floats


class Settings(NamedTuple):
    """Orthonormal basis (5, 4) of the log ratios, exponent of the prior on m, and prior sd of sigma."""

    basis: Floats
    concentration: float
    spread_sd: float


class State(NamedTuple):
    """Places of a chain: log ratios of m (4,) and of the groups (G, 4); log sigma (1,); log likelihoods (G,)."""

    level: Floats
    groups: Floats
    log_spread: Floats
    heights: Floats


class Model(NamedTuple):
    """All that does not change from step to step."""

    data: Evidences
    near: Approximation
    how: Settings
