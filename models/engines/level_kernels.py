"""Levels as functions of standard normal x: the prior is N(0, I), the posterior's Hessian never singular."""

from __future__ import annotations

import math

from models.arrays import Floats
from models.compiled import part
from models.engines.lanes import LEVELS, MOST_LEVELS, OTHER, SLOPES, SPARE, Lanes, X, add_product, fill
from models.engines.vector_math import TINY, exp, normal_tail

NORMAL, STUDENT_T, UNIFORM, LOG_NORMAL, TRIANGLE = 0, 1, 2, 3, 4  # codes of the level priors
INVERSE_ROOT_TWO_PI = 1 / math.sqrt(2 * math.pi)


@part
def levels(lanes: Lanes, priors: Floats) -> None:
    """Levels and their lower-triangular derivatives by x; `priors` rows are (code, a, b, index of a, index of b)."""
    for j in range(len(priors)):
        code, a, b = int(priors[j, 0]), priors[j, 1], priors[j, 2]
        x, level = lanes.rows[X + j], lanes.rows[LEVELS + j]
        slope = lanes.rows[SLOPES + MOST_LEVELS * j + j]
        if code == NORMAL:
            for s in range(len(x)):
                level[s], slope[s] = a + b * x[s], b
        elif code == LOG_NORMAL:
            for s in range(len(x)):
                level[s] = exp(a + b * x[s])
            for s in range(len(x)):
                slope[s] = b * level[s]
        elif code == STUDENT_T:
            _t_level(b, x, level, slope)
        elif code == TRIANGLE:
            _triangle_level(b, x, level, slope)
        else:
            _uniform_level(j, lanes, priors)


@part
def is_chained(priors: Floats) -> bool:
    """Whether some level is bounded by another, so that it changes with the other's x."""
    bounded = 0
    for j in range(len(priors)):
        bounded += 1 if priors[j, 0] == UNIFORM and max(priors[j, 3], priors[j, 4]) >= 0 else 0
    return bounded > 0


@part
def _t_level(scale: float, x: Floats, level: Floats, slope: Floats) -> None:
    """Student-t level with 4 degrees of freedom at normal x (Shaw 2006, eq. 36), and its derivative.

    The equation's cos(acos(root)/3) solves 4 c³ - 3 c = root; four Newton steps from a straight line are exact.
    """
    for s in range(len(x)):
        density = exp(-0.5 * x[s] * x[s])
        tail = max(normal_tail(abs(x[s]), density), TINY)
        root = math.sqrt(min(4 * tail * (1 - tail), 1.0))
        c = 0.8660254037844386 + 0.1339745962155614 * root
        for _ in range(4):
            c -= (4 * c * c * c - 3 * c - root) / (12 * c * c - 3)
        size = 2 * math.sqrt(max(c / root - 1, 0.0))
        shrunken = 1 / (1 + size * size / 4)
        level[s] = scale * size if x[s] >= 0 else -scale * size
        slope[s] = scale * density * INVERSE_ROOT_TWO_PI / (0.375 * shrunken * shrunken * math.sqrt(shrunken))


@part
def _triangle_level(upper: float, x: Floats, level: Floats, slope: Floats) -> None:
    """Level on the falling triangle at normal x, and its derivative."""
    for s in range(len(x)):
        density = exp(-0.5 * x[s] * x[s])
        tail = normal_tail(abs(x[s]), density)
        root = math.sqrt(max(tail if x[s] >= 0 else 1 - tail, TINY))
        level[s] = upper * (1 - root)
        slope[s] = upper * density * INVERSE_ROOT_TWO_PI / (2 * root)


@part
def _uniform_level(j: int, lanes: Lanes, priors: Floats) -> None:
    """Level j, uniform between two numbers or levels before it, and its derivatives."""
    rows, share, density = lanes.rows, lanes.rows[SPARE], lanes.rows[OTHER]
    x, level, slope = rows[X + j], rows[LEVELS + j], rows[SLOPES + MOST_LEVELS * j + j]
    for s in range(len(x)):
        height = exp(-0.5 * x[s] * x[s])
        tail = normal_tail(abs(x[s]), height)
        share[s] = 1 - tail if x[s] >= 0 else tail
        density[s] = height * INVERSE_ROOT_TWO_PI
    low_index, high_index = int(priors[j, 3]), int(priors[j, 4])
    low, high = priors[j, 1], priors[j, 2]
    for s in range(len(x)):
        below = low if low_index < 0 else rows[LEVELS + low_index, s]
        above = high if high_index < 0 else rows[LEVELS + high_index, s]
        level[s] = below + (above - below) * share[s]
        slope[s] = (above - below) * density[s]
    for i in range(j):
        chained = rows[SLOPES + MOST_LEVELS * j + i]
        fill(0.0, chained)
        if high_index >= 0:
            add_product(share, rows[SLOPES + MOST_LEVELS * high_index + i], chained)
        if low_index >= 0:
            before = rows[SLOPES + MOST_LEVELS * low_index + i]
            for s in range(len(chained)):
                chained[s] += (1 - share[s]) * before[s]
