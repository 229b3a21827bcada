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
from models.compiled import compiled, part
from models.curve_models.priors import HalfCauchy, Parameter, ShapePrior
from models.curve_models.record import design
from models.engines.kernels import laplace_cells
from models.engines.target import Draws, Target, level_noise, shape_values
from models.posterior import Work
from models.sobol import sobol

DEFENSIVE_SHARE = 0.1  # of the draws that go to cells by prior mass alone
STEEPEST_TILT, FLAT_TILT = 5.0, 1e-4  # natural-log change of the proposal across one cell
STEEPEST_GAIN = math.log(math.sinh(STEEPEST_TILT / 2) / (STEEPEST_TILT / 2))  # log mass that the steepest tilt adds
NEIGHBOUR_SHARE = 0.15  # of a cell's mass that its neighbours on each axis get draws for
COARSE_FROM = 2
EDGE = 1e-12
# Edges of r: log-spaced below .01, where large test sets resolve it.
R_EDGES = (0.0, 0.001, 0.003, 0.007, 0.014, 0.022, 0.034, 0.055, 0.1, 0.2, 0.4, 1.0)
COARSE_R_EDGES = (0.0, 0.003, 0.012, 0.03, 0.08, 0.25, 1.0)  # for curve models with two shape parameters or more


class Grid(NamedTuple):
    """Cells along each shape parameter and, last, r: their number, and a row an axis of what is known of each place.

    In prior quantiles: lower edges, widths and their logs, distances between the middles of a place's two neighbours
    (at the ends, of the place and its one neighbour).
    """

    counts: Ints
    edges: Floats
    widths: Floats
    log_widths: Floats
    distances: Floats


@dataclass(frozen=True, slots=True)
class Layout:
    """What the cells of a curve model have in common on all curves.

    Shape parameters (G, q) at the nodes, r at the cells' centres (descending), and every cell's part (C,) of the
    defensive share.
    """

    grid: Grid
    shape: Floats
    rates: Floats
    defence: Floats


@dataclass(frozen=True, slots=True)
class Cells:
    """The layout, and of every cell, r fastest: modes of the levels (C, p), log mass (C,)."""

    layout: Layout
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


def solved_cells(target: Target) -> Cells:
    """Laplace approximation at the centre of every cell."""
    model = target.model
    layout = layout_of(model.shape, model.cells, target.variation)
    offset, columns = design(model, layout.shape, target.u)
    modes, log_mass = laplace_cells(layout.rates, offset, columns, target.given)
    ascending = np.ascontiguousarray(modes[:, ::-1])
    return Cells(layout, ascending.reshape(-1, target.level_count), log_mass[:, ::-1].ravel())


@lru_cache(maxsize=256)
def layout_of(parameters: tuple[Parameter[ShapePrior], ...], cells: tuple[int, ...], variation: HalfCauchy) -> Layout:
    """The layout of a curve model's cells, from its shape parameters, the cells of each, and the prior of r."""
    r_edges = np.array(R_EDGES if len(cells) < COARSE_FROM else COARSE_R_EDGES)
    edges = [*(np.linspace(0.0, 1.0, n + 1) for n in cells), variation.cdf(r_edges)]
    centers = [(edge[1:] + edge[:-1]) / 2 for edge in edges]
    nodes = list(product(*centers[:-1]))
    shape = shape_values(parameters, np.array(nodes, dtype=float).reshape(len(nodes), len(cells)))
    rates = np.ascontiguousarray(variation.quantile(centers[-1])[::-1])
    grid = _grid(edges)
    return Layout(grid, shape, rates, DEFENSIVE_SHARE * np.exp(_log_volumes(grid)))


def _grid(edges: Sequence[Floats]) -> Grid:
    """Axes of different number of cells as one array, filled up with ones."""
    counts = [len(edge) - 1 for edge in edges]
    low, widths, distances = np.ones((3, len(edges), max(counts)))
    for axis, (count, edge) in enumerate(zip(counts, edges, strict=True)):
        before, after = np.maximum(np.arange(count) - 1, 0), np.minimum(np.arange(count) + 1, count - 1)
        low[axis, :count] = edge[:-1]
        widths[axis, :count] = edge[1:] - edge[:-1]
        distances[axis, :count] = (edge[after + 1] + edge[after] - edge[before + 1] - edge[before]) / 2
    log_widths = np.array([[math.log(width) for width in row] for row in widths.tolist()])
    return Grid(np.array(counts), low, widths, log_widths, distances)


def _log_volumes(grid: Grid) -> Floats:
    """Log prior volume (C,) of every cell."""
    volumes = np.zeros(1)
    for count, log_widths in zip(grid.counts, grid.log_widths, strict=True):
        volumes = np.add.outer(volumes, log_widths[:count]).ravel()
    return volumes


def cell_draws(cells: Cells, proposal: Proposal, rows: range, work: Work) -> Draws:
    """Draws number `rows` of those `work.draws` that the cells propose."""
    grid, chosen = cells.layout.grid, slice(rows.start, rows.stop)
    sequence = _sequence(len(grid.counts), cells.modes.shape[1], work.draws, work.seed)
    of_cells = proposal.tilts, proposal.share, proposal.cumulative, cells.modes
    found = _placed(grid, of_cells, sequence.pick[chosen], sequence.jitter[chosen])
    quantiles, starts, shares, log_density = found
    log_density += np.log(shares)
    return Draws(quantiles, starts, sequence.noise[chosen], log_density)


def cell_proposal(cells: Cells) -> Proposal:
    """Cells in proportion to their mass, inside each a density that follows the mass of its neighbours."""
    layout = cells.layout
    log_share, tilts = _tilted(cells.log_mass, layout.grid)
    top = float(np.maximum.reduce(log_share))
    whole = np.exp(log_share - top)
    share = _spread_out(whole, layout.grid.counts)
    total = np.add.reduce(share)
    share *= 1 - DEFENSIVE_SHARE
    share /= total
    share += layout.defence
    share /= np.add.reduce(share)
    return Proposal(share, share.cumsum(), tilts, float(top + np.log(np.add.reduce(whole))))


@compiled
def _tilted(log_mass: Floats, grid: Grid) -> tuple[Floats, Floats]:
    """Log masses (C,) of the tilted cells, tilts (axes, C)."""
    axes, size = len(grid.counts), len(log_mass)
    log_share, tilts = log_mass.copy(), np.empty((axes, size))
    stride = size
    for axis in range(axes):
        count = grid.counts[axis]
        stride //= count
        for first in range(0, size, stride):
            place = first // stride % count
            before = first - stride if place > 0 else first
            after = first + stride if place < count - 1 else first
            for i in range(stride):
                change = log_mass[after + i] - log_mass[before + i]
                tilt = change / grid.distances[axis, place] * grid.widths[axis, place]
                tilt = min(max(tilt, -STEEPEST_TILT), STEEPEST_TILT)
                tilt = FLAT_TILT if abs(tilt) < FLAT_TILT else tilt
                tilts[axis, first + i] = tilt
                gain = STEEPEST_GAIN if abs(tilt) == STEEPEST_TILT else math.log(math.sinh(tilt / 2) / (tilt / 2))
                log_share[first + i] += gain + grid.log_widths[axis, place]
    return log_share, tilts


@compiled
def _spread_out(mass: Floats, counts: Ints) -> Floats:
    """Give each cell a share of its neighbours' mass: a narrow peak off the centre of its cell is seen next door."""
    stride = len(mass)
    for count in counts:
        stride //= count
        spread = (1 - NEIGHBOUR_SHARE) * mass
        for first in range(0, len(mass), stride):
            place = first // stride % count
            for cell in range(first, first + stride):
                if place > 0:
                    spread[cell] += NEIGHBOUR_SHARE / 2 * mass[cell - stride]
                if place < count - 1:
                    spread[cell] += NEIGHBOUR_SHARE / 2 * mass[cell + stride]
        mass = spread
    return mass


@compiled
def _placed(
    grid: Grid, of_cells: tuple[Floats, Floats, Floats, Floats], pick: Floats, jitter: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Draws by their random numbers, from tilts, shares, running sum and modes of the cells.

    Prior quantiles (S, q + 1), modes (S, p) and shares (S,) of the draws' cells, log densities (S,) within these.
    """
    tilts, share, cumulative, modes = of_cells
    axes, size = tilts.shape
    count, p = len(pick), modes.shape[1]
    quantiles, starts = np.empty((count, axes)), np.empty((count, p))
    shares, log_density = np.empty(count), np.zeros(count)
    known, lines = np.zeros(size, dtype=np.bool_), np.empty((size, axes, 3))
    for s in range(count):
        cell = _first_above(cumulative, pick[s])
        if not known[cell]:
            known[cell] = True
            _describe(cell, grid, tilts, lines)
        for axis in range(axes):
            place, growth, log_height = int(lines[cell, axis, 0]), lines[cell, axis, 1], lines[cell, axis, 2]
            tilt = tilts[axis, cell]
            position = math.log1p(jitter[s, axis] * growth) / tilt
            quantile = grid.edges[axis, place] + position * grid.widths[axis, place]
            quantiles[s, axis] = min(max(quantile, EDGE), 1 - EDGE)
            log_density[s] += tilt * position + log_height
        for j in range(p):
            starts[s, j] = modes[cell, j]
        shares[s] = share[cell]
    return quantiles, starts, shares, log_density


@part
def _first_above(cumulative: Floats, value: float) -> int:
    """Index of the first running sum above a value."""
    low, high = 0, len(cumulative) - 1
    while low < high:
        middle = (low + high) // 2
        if cumulative[middle] > value:
            high = middle
        else:
            low = middle + 1
    return low


@part
def _describe(cell: int, grid: Grid, tilts: Floats, lines: Floats) -> None:
    """Place of a cell along each axis, and growth and log height of its density there."""
    rest = cell
    for axis in range(len(grid.counts) - 1, -1, -1):
        place = rest % grid.counts[axis]
        rest //= grid.counts[axis]
        growth = math.expm1(tilts[axis, cell])
        lines[cell, axis, 0], lines[cell, axis, 1] = place, growth
        lines[cell, axis, 2] = math.log(tilts[axis, cell] / growth / grid.widths[axis, place])


@lru_cache(maxsize=256)
def _sequence(dimensions: int, p: int, draws: int, seed: int) -> _Sequence:
    generator = np.random.default_rng([seed, dimensions, p])
    numbers = np.clip(sobol(2 + dimensions + p, draws, generator), EDGE, 1 - EDGE)
    noise = level_noise(numbers[:, 1 + dimensions], numbers[:, 2 + dimensions :])
    pick, jitter = numbers[:, 0], numbers[:, 1 : 1 + dimensions]
    return _Sequence(np.ascontiguousarray(pick), np.ascontiguousarray(jitter), noise)
