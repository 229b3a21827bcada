"""Density, score and information of the levels given all points, and Newton's steps to the mode."""

from __future__ import annotations

import math

from models.arrays import Floats
from models.compiled import part
from models.engines.lanes import (
    BEFORE,
    DECREMENT,
    DERIVATIVE,
    HALF,
    INFORMATION,
    LIMIT,
    MOST_LEVELS,
    OTHER,
    PAIRED,
    RATE,
    SCORE,
    SPARE,
    VALUE,
    WEIGHT,
    F,
    Given,
    Lanes,
    X,
    add_multiple,
    add_product,
    copy,
    divide,
    fill,
    scale,
    subtract_product,
)
from models.engines.level_kernels import levels
from models.engines.paired_kernels import add_paired_gradient, add_paired_log_likelihood, paired_residuals
from models.engines.point_kernels import IDENTITY, add_information, add_log_likelihood, means, rates, weights
from models.engines.vector_math import LOG_TWO_PI, log

STEP_LIMIT = 2.0  # longest Newton step in prior standard deviations
SMALLEST_INFORMATION = 1e-12


@part
def log_posterior(lanes: Lanes, given: Given) -> None:
    """Exact log likelihood plus the log density of x under N(0, I), as the value; the levels are left."""
    p, data = len(given.priors), given.data
    levels(lanes, given.priors)
    set_log_prior(lanes, p, lanes.rows[VALUE])
    for i in range(len(data)):
        means(i, lanes, given)
        if data[0, 0] == PAIRED:
            paired_residuals(i, lanes, data, lanes.curve[(p + 1) * len(data) + i])
        else:
            add_log_likelihood(i, lanes, data)
    if data[0, 0] == PAIRED:
        add_paired_log_likelihood(p, lanes, data)


@part
def set_log_prior(lanes: Lanes, p: int, target: Floats) -> None:
    """Log density of x under N(0, I)."""
    fill(-0.5 * p * LOG_TWO_PI, target)
    for a in range(p):
        x = lanes.rows[X + a]
        for s in range(len(x)):
            target[s] -= 0.5 * x[s] * x[s]


@part
def set_gradient(lanes: Lanes, given: Given) -> None:
    """Score and information of the levels at x, prior included."""
    p, rows, data = len(given.priors), lanes.rows, given.data
    levels(lanes, given.priors)
    for a in range(p):
        fill(0.0, rows[SCORE + a])
        add_multiple(-1.0, rows[X + a], rows[SCORE + a])
        for b in range(a + 1):
            fill(1.0 if a == b else 0.0, rows[INFORMATION + MOST_LEVELS * a + b])
    if data[0, 0] == PAIRED:
        add_paired_gradient(lanes, given)
        return
    for i in range(len(data)):
        means(i, lanes, given)
        rates(i, lanes, given)
        if given.link != IDENTITY:
            for a in range(p):
                scale(rows[DERIVATIVE], rows[RATE + a])
        weights(i, lanes, data)
        weight, residual, f = rows[WEIGHT], rows[SPARE], rows[F]
        for s in range(len(f)):
            residual[s] = data[i, 5] - f[s]
        add_information(p, lanes, residual, weight)


@part
def settle(lanes: Lanes, first: int, until: tuple[int, float], given: Given) -> None:
    """Move the levels from `first` on to their mode given the others; the factored information is left.

    `until`: the most steps, and the square of a step that is the last if those of all draws are smaller. The curvature
    before that step serves: Newton's next error is about the step's square.
    """
    p, (most, near) = len(given.priors), until
    fill(STEP_LIMIT, lanes.rows[LIMIT])
    for a in range(p):
        fill(0.0, lanes.rows[BEFORE + a])
    for _ in range(most):
        set_gradient(lanes, given)
        _factor(lanes, p, first)
        if _newton_step(lanes, p, first) < near:
            break


@part
def half_log_determinant(lanes: Lanes, p: int) -> None:
    """That of the factored information of all levels."""
    half, entry = lanes.rows[HALF], lanes.rows[INFORMATION]
    for s in range(len(half)):
        half[s] = log(entry[s])
    for a in range(1, p):
        entry = lanes.rows[INFORMATION + MOST_LEVELS * a + a]
        for s in range(len(half)):
            half[s] += log(entry[s])


@part
def solve(lanes: Lanes, p: int, first: int) -> None:
    """Solve with the factor, in place, for the rows of the score."""
    for a in range(first, p):
        for c in range(first, a):
            entry = lanes.rows[INFORMATION + MOST_LEVELS * a + c]
            subtract_product(entry, lanes.rows[SCORE + c], lanes.rows[SCORE + a])
        divide(lanes.rows[INFORMATION + MOST_LEVELS * a + a], lanes.rows[SCORE + a])


@part
def solve_transposed(lanes: Lanes, p: int, first: int) -> None:
    """Solve with the transposed factor, in place, for the rows of the score."""
    for a in range(p - 1, first - 1, -1):
        for c in range(a + 1, p):
            entry = lanes.rows[INFORMATION + MOST_LEVELS * c + a]
            subtract_product(entry, lanes.rows[SCORE + c], lanes.rows[SCORE + a])
        divide(lanes.rows[INFORMATION + MOST_LEVELS * a + a], lanes.rows[SCORE + a])


@part
def _factor(lanes: Lanes, p: int, first: int) -> None:
    """Cholesky factor, in place, of the information of the levels from `first` on."""
    for a in range(first, p):
        for b in range(first, a + 1):
            entry = lanes.rows[INFORMATION + MOST_LEVELS * a + b]
            for c in range(first, b):
                ac, bc = INFORMATION + MOST_LEVELS * a + c, INFORMATION + MOST_LEVELS * b + c
                subtract_product(lanes.rows[ac], lanes.rows[bc], entry)
            if a == b:
                for s in range(len(entry)):
                    entry[s] = math.sqrt(max(entry[s], SMALLEST_INFORMATION))
            else:
                divide(lanes.rows[INFORMATION + MOST_LEVELS * b + b], entry)


@part
def _newton_step(lanes: Lanes, p: int, first: int) -> float:
    """Move the levels from `first` on by the damped Newton step; the largest of its squares by the information.

    The limit of a step is halved where it turns back on the one before: where the curvature changes quickly, as on the
    flanks of a log-log curve, whole steps would jump over the mode for ever.
    """
    rows, limit, decrement, length, along = (
        lanes.rows,
        lanes.rows[LIMIT],
        lanes.rows[DECREMENT],
        lanes.rows[SPARE],
        lanes.rows[OTHER],
    )
    solve(lanes, p, first)
    fill(0.0, decrement)
    for a in range(first, p):
        add_product(rows[SCORE + a], rows[SCORE + a], decrement)
    solve_transposed(lanes, p, first)
    fill(0.0, length)
    fill(0.0, along)
    for a in range(first, p):
        add_product(rows[SCORE + a], rows[SCORE + a], length)
        add_product(rows[SCORE + a], rows[BEFORE + a], along)
    for s in range(len(limit)):
        limit[s] = 0.5 * limit[s] if along[s] < 0.0 else limit[s]
        size = math.sqrt(length[s])
        length[s] = 1.0 if size <= limit[s] else limit[s] / size
    for a in range(first, p):
        add_product(length, rows[SCORE + a], rows[X + a])
        copy(rows[SCORE + a], rows[BEFORE + a])
    largest = 0.0
    for s in range(len(decrement)):
        largest = max(largest, decrement[s])
    return largest
