"""Proposal by cells: the prior quantiles of shape parameters and r cut into boxes, each with its Laplace mass.

Cells have disjoint insides, so the density of a draw is the probability of its cell times a density within it, which
follows the neighbouring cells' masses along each axis (a truncated exponential).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np

from models.arrays import Floats, Ints
from models.compiled import compiled
from models.curve_models.record import design
from models.engines import kernels
from models.engines.target import Draws, Target, level_noise, shape_values
from models.posterior import Work
from models.sobol import sobol

DEFENSIVE_SHARE = 0.1  # of the draws that go to cells by prior mass alone
STEEPEST_TILT, FLAT_TILT = 5.0, 1e-4  # natural-log change of the proposal across one cell
NEIGHBOUR_SHARE = 0.15  # of a cell's mass that its neighbours on each axis get draws for
COARSE_FROM = 2
EDGE = 1e-12
# Edges of r: log-spaced below .01, where large test sets resolve it.
R_EDGES = (0.0, 0.001, 0.003, 0.007, 0.014, 0.022, 0.034, 0.055, 0.1, 0.2, 0.4, 1.0)
COARSE_R_EDGES = (0.0, 0.003, 0.012, 0.03, 0.08, 0.25, 1.0)  # for curve models with two shape parameters or more


class Grid(NamedTuple):
    """Cells along each shape parameter and, last, r: their number, and edges in prior quantiles, a row an axis."""

    counts: Ints
    edges: Floats


@dataclass(frozen=True, slots=True)
class Cells:
    """The grid, and of every cell, r fastest: modes of the levels (C, p), log mass."""

    grid: Grid
    modes: Floats
    log_mass: Floats


@dataclass(frozen=True, slots=True)
class Proposal:
    """Probability of every cell (C,), its running sum, and the tilt (axes, C) along each axis over the cell's width.

    `log_evidence` is that of the model by the masses of its cells.
    """

    share: Floats
    cumulative: Floats
    tilts: Floats
    log_evidence: float


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
    return Cells(_grid(edges), modes[:, ::-1].reshape(-1, target.level_count), log_mass[:, ::-1])


def _grid(edges: Sequence[Floats]) -> Grid:
    """Edges of different number as one array, filled up with ones."""
    rows = np.ones((len(edges), max(map(len, edges))))
    for row, edge in zip(rows, edges, strict=True):
        row[: len(edge)] = edge
    return Grid(np.array([len(edge) - 1 for edge in edges]), rows)


def cell_draws(cells: Cells, proposal: Proposal, rows: range, work: Work) -> Draws:
    """Draws number `rows` of those `work.draws` that the cells propose."""
    sequence = _sequence(len(cells.grid.counts), cells.modes.shape[1], work.draws, work.seed).part(rows)
    picked = np.minimum(np.searchsorted(proposal.cumulative, sequence.pick, side="right"), len(proposal.share) - 1)
    quantiles, log_density = _place(cells.grid, proposal.tilts, picked, sequence.jitter)
    log_proposal = np.log(proposal.share[picked]) + log_density
    return Draws(quantiles, cells.modes[picked], sequence.noise, log_proposal)


def cell_proposal(cells: Cells) -> Proposal:
    """Cells in proportion to their mass, inside each a density that follows the mass of its neighbours."""
    log_share, tilts, log_volume = _tilted(cells.log_mass.ravel(), cells.grid)
    whole = np.exp(log_share - log_share.max())
    mass = _spread_out(whole, cells.grid.counts)
    share = (1 - DEFENSIVE_SHARE) * mass / mass.sum() + DEFENSIVE_SHARE * np.exp(log_volume)
    share /= share.sum()
    return Proposal(share, np.cumsum(share), tilts, float(log_share.max() + np.log(whole.sum())))


@compiled
def _tilted(log_mass: Floats, grid: Grid) -> tuple[Floats, Floats, Floats]:
    """Log masses (C,) of the tilted cells, tilts (axes, C), log prior volumes (C,)."""
    axes, size = len(grid.counts), len(log_mass)
    log_share, log_volume, tilts = log_mass.copy(), np.zeros(size), np.empty((axes, size))
    stride = size
    for axis in range(axes):
        count, edge = grid.counts[axis], grid.edges[axis]
        stride //= count
        for cell in range(size):
            place = (cell // stride) % count
            width = edge[place + 1] - edge[place]
            low, high = max(place - 1, 0), min(place + 1, count - 1)
            apart = (edge[high + 1] + edge[high] - edge[low + 1] - edge[low]) / 2
            change = log_mass[cell + (high - place) * stride] - log_mass[cell + (low - place) * stride]
            tilt = min(max(change / apart * width, -STEEPEST_TILT), STEEPEST_TILT)
            tilt = FLAT_TILT if abs(tilt) < FLAT_TILT else tilt
            tilts[axis, cell] = tilt
            log_share[cell] += np.log(np.sinh(tilt / 2) / (tilt / 2)) + np.log(width)
            log_volume[cell] += np.log(width)
    return log_share, tilts, log_volume


@compiled
def _spread_out(mass: Floats, counts: Ints) -> Floats:
    """Give each cell a share of its neighbours' mass: a narrow peak off the centre of its cell is seen next door."""
    stride = len(mass)
    for count in counts:
        stride //= count
        spread = (1 - NEIGHBOUR_SHARE) * mass
        for cell in range(len(mass)):
            place = (cell // stride) % count
            if place > 0:
                spread[cell] += NEIGHBOUR_SHARE / 2 * mass[cell - stride]
            if place < count - 1:
                spread[cell] += NEIGHBOUR_SHARE / 2 * mass[cell + stride]
        mass = spread
    return mass


@compiled
def _place(grid: Grid, tilts: Floats, picked: Ints, jitter: Floats) -> tuple[Floats, Floats]:
    """Prior quantiles (S, q + 1) within each draw's cell, and their log density there (S,)."""
    quantiles, log_density = np.empty_like(jitter), np.zeros(len(picked))
    stride = tilts.shape[1]
    for axis in range(len(grid.counts)):
        count, edge = grid.counts[axis], grid.edges[axis]
        stride //= count
        for s in range(len(picked)):
            place = (picked[s] // stride) % count
            low, width, tilt = edge[place], edge[place + 1] - edge[place], tilts[axis, picked[s]]
            growth = math.expm1(tilt)
            position = math.log1p(jitter[s, axis] * growth) / tilt
            quantiles[s, axis] = min(max(low + position * width, EDGE), 1 - EDGE)
            log_density[s] += tilt * position + math.log(tilt / growth / width)
    return quantiles, log_density


@lru_cache(maxsize=256)
def _sequence(dimensions: int, p: int, draws: int, seed: int) -> _Sequence:
    generator = np.random.default_rng([seed, dimensions, p])
    numbers = np.clip(sobol(2 + dimensions + p, draws, generator), EDGE, 1 - EDGE)
    noise = level_noise(numbers[:, 1 + dimensions], numbers[:, 2 + dimensions :])
    return _Sequence(numbers[:, 0], numbers[:, 1 : 1 + dimensions], noise)
