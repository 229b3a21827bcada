"""Draws side by side: rows with one number a draw, what is done along rows, and how values get into them and out.

Each function is a loop along rows without branches, which the compiler turns into vector instructions; no fast-math:
the same input gives the same bytes. A loop writes at most two rows, beyond which the compiler gives up telling them
apart.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from models.arrays import Floats
from models.compiled import part

PAIRED = 3.0  # kind of noise of counts on shared items, beside those of `NoiseKind`: all points of a curve or none
VECTOR = 7  # column of the data from which a row holds an eigenvector of the paired errors

LANES = 64  # draws side by side: their rows stay in the processor's nearest cache
MOST_LEVELS = 4
# Rows of the working array: those of level a, those of entry (a, b) of a matrix at MOST_LEVELS a + b, single ones.
X, LEVELS, SCORE, RATE, BEFORE, MODE, NOISE, SLOPES, INFORMATION = 0, 4, 8, 12, 16, 20, 24, 29, 45
F, COMPLEMENT, DERIVATIVE, WEIGHT, R, PRECISION, WHOLE, VALUE, LIMIT, DECREMENT, SPARE, OTHER, THIRD = range(61, 74)
HALF, LOG_PRIOR, TAILS, SD, LEFT, RIGHT, TOP = range(74, 81)
ROWS = 81


class Given(NamedTuple):
    """What one curve model on one curve does not change: link code, priors of the levels (p, 5), data (N, 6).

    Paired data are (N, 7 + N): the kind, k, n, weight, constant and logit of a point, then a variance and eigenvector
    of the points' joint errors, which are those of no point in particular.
    """

    link: int
    priors: Floats
    data: Floats


class Lanes(NamedTuple):
    """L draws side by side: working rows (ROWS, L), and rows of the curve.

    Row (p + 1) i of `curve` is the offset of point i, the p rows after it are its columns. Paired data have another N
    rows of residuals and N p of their derivatives behind them.
    """

    rows: Floats
    curve: Floats


@part
def make_lanes(width: int, p: int, data: Floats) -> Lanes:
    """Room for so many draws side by side."""
    if p > MOST_LEVELS:
        raise ValueError("more levels than the kernels have room for")
    paired = (p + 1) * len(data) if data[0, 0] == PAIRED else 0
    return Lanes(np.zeros((ROWS, width)), np.empty(((p + 1) * len(data) + paired, width)))


@part
def best_width(count: int) -> int:
    """Draws side by side, such that as few lanes as possible are idle in the last block."""
    blocks = (count + LANES - 1) // LANES
    return (count + blocks - 1) // max(blocks, 1)


@part
def place(lanes: Lanes, first: int, each: int, design: tuple[Floats, Floats]) -> None:
    """Take offsets and columns of the draws from `first` on, of which `each` share a row; the last in idle lanes."""
    offset, columns = design
    last, count, p = len(offset) - 1, offset.shape[1], columns.shape[2]
    for lane in range(lanes.rows.shape[1]):
        s = min((first + lane) // each, last)
        for i in range(count):
            lanes.curve[(p + 1) * i, lane] = offset[s, i]
            for j in range(p):
                lanes.curve[(p + 1) * i + 1 + j, lane] = columns[s, i, j]


@part
def take(lanes: Lanes, target: int, values: Floats, first: int) -> None:
    """Take values (S, m) of the draws from `first` on into m rows."""
    for lane in range(lanes.rows.shape[1]):
        s = min(first + lane, len(values) - 1)
        for j in range(values.shape[1]):
            lanes.rows[target + j, lane] = values[s, j]


@part
def give(lanes: Lanes, source: int, values: Floats, first: int) -> None:
    """The inverse of `take`."""
    for lane in range(min(lanes.rows.shape[1], len(values) - first)):
        for j in range(values.shape[1]):
            values[first + lane, j] = lanes.rows[source + j, lane]


@part
def take_row(values: Floats, row: Floats, first: int) -> None:
    """Take values (S,) of the draws from `first` on."""
    for lane in range(len(row)):
        row[lane] = values[min(first + lane, len(values) - 1)]


@part
def give_row(row: Floats, values: Floats, first: int) -> None:
    """The inverse of `take_row`."""
    for lane in range(min(len(row), len(values) - first)):
        values[first + lane] = row[lane]


@part
def copy(values: Floats, target: Floats) -> None:
    """Number by number: numba compiles the assignment of slices, with its messages on shapes, for seconds."""
    for s in range(len(target)):
        target[s] = values[s]


@part
def fill(value: float, target: Floats) -> None:
    """One value in the whole row."""
    for s in range(len(target)):
        target[s] = value


@part
def scale(values: Floats, target: Floats) -> None:
    """Multiply a row by another."""
    for s in range(len(target)):
        target[s] *= values[s]


@part
def divide(values: Floats, target: Floats) -> None:
    """Divide a row by another."""
    for s in range(len(target)):
        target[s] /= values[s]


@part
def product(a: Floats, b: Floats, target: Floats) -> None:
    """Write the product of two rows."""
    for s in range(len(target)):
        target[s] = a[s] * b[s]


@part
def add_product(a: Floats, b: Floats, target: Floats) -> None:
    """Add it to a row."""
    for s in range(len(target)):
        target[s] += a[s] * b[s]


@part
def subtract_product(a: Floats, b: Floats, target: Floats) -> None:
    """Subtract it from a row."""
    for s in range(len(target)):
        target[s] -= a[s] * b[s]


@part
def add_multiple(factor: float, values: Floats, target: Floats) -> None:
    """Add a row times a number to another."""
    for s in range(len(target)):
        target[s] += factor * values[s]
