"""Proposal by cells: the prior quantiles of shape parameters and r cut into boxes, each with its Laplace mass.

Cells have disjoint insides, so the density of a draw is the probability of its cell times a density within it, which
follows the neighbouring cells' masses along each axis (a truncated exponential).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from scipy.stats import qmc

from models.arrays import Floats, Ints
from models.curve_models.record import design
from models.engines import kernels
from models.engines.target import Draws, Target, level_noise, shape_values
from models.posterior import Work

DEFENSIVE_SHARE = 0.1  # of the draws that go to cells by prior mass alone
STEEPEST_TILT, FLAT_TILT = 5.0, 1e-4  # natural-log change of the proposal across one cell
NEIGHBOUR_SHARE = 0.15  # of a cell's mass that its neighbours on each axis get draws for
COARSE_FROM = 2
EDGE = 1e-12
# Edges of r: log-spaced below .01, where large test sets resolve it.
R_EDGES = (0.0, 0.001, 0.003, 0.007, 0.014, 0.022, 0.034, 0.055, 0.1, 0.2, 0.4, 1.0)
COARSE_R_EDGES = (0.0, 0.003, 0.012, 0.03, 0.08, 0.25, 1.0)  # for curve models with two shape parameters or more


@dataclass(frozen=True, slots=True)
class Cells:
    """Edges in prior quantiles, one array per shape parameter and, last, r; modes (C, p); log masses, r fastest."""

    edges: tuple[Floats, ...]
    modes: Floats
    log_mass: Floats


@dataclass(frozen=True, slots=True)
class Proposal:
    """Probability of every cell (C,), its running sum, and the tilt (axes, C) along each axis over the cell's width."""

    share: Floats
    cumulative: Floats
    tilts: Floats


@dataclass(frozen=True, slots=True)
class _Sequence:
    """Quasi-random numbers: cell picker (S,), jitter (S, q + 1), noise of the levels (S, p + 1)."""

    pick: Floats
    jitter: Floats
    noise: Floats

    def part(self, rows: range) -> _Sequence:
        """Some of the rows."""
        chosen = slice(rows.start, rows.stop)
        return _Sequence(self.pick[chosen], self.jitter[chosen], self.noise[chosen])


def solved_cells(target: Target) -> Cells:
    """Laplace approximation at the centre of every cell."""
    model = target.model
    r_edges = np.array(R_EDGES if len(model.cells) < COARSE_FROM else COARSE_R_EDGES)
    edges = (*(np.linspace(0.0, 1.0, n + 1) for n in model.cells), target.variation.cdf(r_edges))
    centers = [(edge[1:] + edge[:-1]) / 2 for edge in edges]
    nodes = list(product(*centers[:-1]))
    grid = np.array(nodes, dtype=float).reshape(len(nodes), len(centers) - 1)
    offset, columns = design(model, shape_values(model, grid), target.u)
    descending = np.ascontiguousarray(target.variation.quantile(centers[-1])[::-1])
    modes, log_mass = kernels.laplace_cells(descending, offset, columns, target.given)
    return Cells(edges, modes[:, ::-1].reshape(-1, target.level_count), log_mass[:, ::-1])


def cell_draws(cells: Cells, proposal: Proposal, rows: range, work: Work) -> Draws:
    """Draws number `rows` of those `work.draws` that the cells propose."""
    sequence = _sequence(len(cells.edges), cells.modes.shape[1], work.draws, work.seed).part(rows)
    picked = np.minimum(np.searchsorted(proposal.cumulative, sequence.pick, side="right"), len(proposal.share) - 1)
    quantiles, log_density = _place(cells.edges, proposal, picked, sequence.jitter)
    log_proposal = np.log(proposal.share[picked]) + log_density
    return Draws(quantiles, cells.modes[picked], sequence.noise, log_proposal)


def cell_proposal(cells: Cells) -> Proposal:
    """Cells in proportion to their mass, inside each a density that follows the mass of its neighbours."""
    counts = tuple(len(edge) - 1 for edge in cells.edges)
    log_mass = cells.log_mass.reshape(counts)
    log_volume, log_size, tilts = np.zeros(counts), np.zeros(counts), np.empty((len(counts), log_mass.size))
    for axis, edge in enumerate(cells.edges):
        width = np.diff(edge).reshape(tuple(-1 if i == axis else 1 for i in range(len(counts))))
        tilt = np.clip(_slope(log_mass, edge, axis) * width, -STEEPEST_TILT, STEEPEST_TILT)
        half = np.where(np.abs(tilt) < FLAT_TILT, FLAT_TILT, tilt) / 2
        log_size += np.log(np.sinh(half) / half)
        log_volume = log_volume + np.log(width)
        tilts[axis] = 2 * half.ravel()
    log_share = (log_mass + log_size + log_volume).ravel()
    mass = _spread_out(np.exp(log_share - log_share.max()).reshape(counts)).ravel()
    share = (1 - DEFENSIVE_SHARE) * mass / mass.sum() + DEFENSIVE_SHARE * np.exp(log_volume.ravel())
    share /= share.sum()
    return Proposal(share, np.cumsum(share), tilts)


def _slope(log_mass: Floats, edge: Floats, axis: int) -> Floats:
    """Change of the log mass along an axis per unit of prior quantile, by the neighbours on both sides."""
    moved = np.moveaxis(log_mass, axis, -1)
    centers = (edge[1:] + edge[:-1]) / 2
    slope = np.empty_like(moved)
    slope[..., 1:-1] = (moved[..., 2:] - moved[..., :-2]) / (centers[2:] - centers[:-2])
    slope[..., 0] = (moved[..., 1] - moved[..., 0]) / (centers[1] - centers[0])
    slope[..., -1] = (moved[..., -1] - moved[..., -2]) / (centers[-1] - centers[-2])
    return np.moveaxis(slope, -1, axis)


def _spread_out(mass: Floats) -> Floats:
    """Give each cell a share of its neighbours' mass: a narrow peak off the centre of its cell is seen next door."""
    for axis in range(mass.ndim):
        side = np.zeros_like(mass)
        moved, lower, upper = (
            np.moveaxis(side, axis, 0),
            np.moveaxis(mass, axis, 0)[:-1],
            np.moveaxis(mass, axis, 0)[1:],
        )
        moved[1:] += lower
        moved[:-1] += upper
        mass = (1 - NEIGHBOUR_SHARE) * mass + NEIGHBOUR_SHARE / 2 * side
    return mass


def _place(edges: tuple[Floats, ...], proposal: Proposal, picked: Ints, jitter: Floats) -> tuple[Floats, Floats]:
    """Prior quantiles (S, q + 1) within each draw's cell, and their log density there (S,)."""
    indices = np.unravel_index(picked, tuple(len(edge) - 1 for edge in edges))
    quantiles, log_density = np.empty_like(jitter), np.zeros(len(picked))
    for axis, (edge, index) in enumerate(zip(edges, indices, strict=True)):
        width = edge[index + 1] - edge[index]
        tilt = proposal.tilts[axis, picked]
        growth = np.expm1(tilt)
        position = np.log1p(jitter[:, axis] * growth) / tilt
        quantiles[:, axis] = edge[index] + position * width
        log_density += tilt * position + np.log(tilt / growth / width)
    return np.clip(quantiles, EDGE, 1 - EDGE), log_density


@lru_cache(maxsize=256)
def _sequence(dimensions: int, p: int, draws: int, seed: int) -> _Sequence:
    sobol = qmc.Sobol(2 + dimensions + p, scramble=True, rng=np.random.default_rng([seed, dimensions, p]))
    numbers = np.clip(sobol.random(draws), EDGE, 1 - EDGE)
    noise = level_noise(numbers[:, 1 + dimensions], numbers[:, 2 + dimensions :])
    return _Sequence(numbers[:, 0], numbers[:, 1 : 1 + dimensions], noise)
