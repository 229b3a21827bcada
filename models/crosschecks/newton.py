"""Newton's steps of the regressions, and where they start: weighted sums over the points, in compiled loops."""

from __future__ import annotations

import math

import numpy as np

from models.arrays import Floats
from models.compiled import compiled

NEWTON_STEPS, NEWTON_TOLERANCE = 12, 1e-9
SMALLEST_VARIANCE = 1e-12  # of a fitted proportion; below it the steps run off to a perfect separation
NO_VARIATION = 1e-12  # mean squared residual, as a share of that around the mean, that is rounding error


@compiled
def newton(
    y: Floats, weights: Floats, columns: Floats, start: Floats, counts: int
) -> tuple[Floats, Floats, float, bool]:
    """Coefficients, inverse information, dispersion, and whether Newton's steps arrive.

    Loops: numba compiles them in a small part of the time that it takes for arrays and their linear algebra.
    """
    count, p = columns.shape
    coefficients, arrived = start.copy(), False
    information, inverse, score = np.empty((p, p)), np.zeros((p, p)), np.empty(p)
    for _ in range(NEWTON_STEPS):
        information[:], score[:] = 0.0, 0.0
        pearson, least = 0.0, math.inf
        for i in range(count):
            eta = 0.0
            for a in range(p):
                eta += columns[i, a] * coefficients[a]
            mean = _proportion(eta) if counts else eta
            variance = mean * (1.0 - mean) if counts else 1.0
            least = min(least, variance)
            residual = weights[i] * (y[i] - mean)
            pearson += residual * (y[i] - mean) / variance
            for a in range(p):
                score[a] += residual * columns[i, a]
                for b in range(p):
                    information[a, b] += weights[i] * variance * columns[i, a] * columns[i, b]
        if not least > SMALLEST_VARIANCE or not inverted(information, inverse) < 1.0 / NO_VARIATION:
            break
        if arrived:
            return coefficients, inverse, pearson / (count - p), True
        change = _moved(coefficients, inverse, score)
        if not change < math.inf:
            break
        arrived = change <= NEWTON_TOLERANCE
    return coefficients, inverse, 0.0, False


@compiled
def least_squares(y: Floats, sizes: Floats, weights: Floats, columns: Floats, counts: int) -> Floats:
    """Coefficients (p,); zeros where the weighted columns nearly depend on one another."""
    count, p = columns.shape
    information, inverse = np.zeros((p, p)), np.zeros((p, p))
    score, coefficients = np.zeros(p), np.zeros(p)
    for i in range(count):
        target, weight = y[i], weights[i]
        if counts:
            smoothed = (y[i] * sizes[i] + 0.5) / (sizes[i] + 1.0)
            target, weight = math.log(smoothed / (1.0 - smoothed)), weight * smoothed * (1.0 - smoothed)
        for a in range(p):
            score[a] += weight * target * columns[i, a]
            for b in range(p):
                information[a, b] += weight * columns[i, a] * columns[i, b]
    if inverted(information, inverse) < 1.0 / NO_VARIATION:
        for a in range(p):
            for b in range(p):
                coefficients[a] += inverse[a, b] * score[b]
    return coefficients


@compiled
def inverted(matrix: Floats, inverse: Floats) -> float:
    """Write the inverse of a positive definite matrix (p, p); its condition number in the 1-norm, inf without one."""
    p = len(matrix)
    root = np.zeros((p, p))
    if not _inverse_root(matrix, root):
        return math.inf
    largest, of_inverse = 0.0, 0.0
    for a in range(p):
        total, of_row = 0.0, 0.0
        for b in range(p):
            value = 0.0
            for c in range(max(a, b), p):
                value += root[c, a] * root[c, b]
            inverse[a, b] = value
            total += abs(matrix[a, b])
            of_row += abs(value)
        largest, of_inverse = max(largest, total), max(of_inverse, of_row)
    return largest * of_inverse


@compiled
def _moved(coefficients: Floats, inverse: Floats, score: Floats) -> float:
    """Move by Newton's step; its largest part over 1 and the largest coefficient, inf where it is not finite."""
    p = len(score)
    longest, largest = 0.0, 0.0
    for a in range(p):
        step = 0.0
        for b in range(p):
            step += inverse[a, b] * score[b]
        if not abs(step) < math.inf:
            return math.inf
        coefficients[a] += step
        longest, largest = max(longest, abs(step)), max(largest, abs(coefficients[a]))
    return longest / (1.0 + largest)


@compiled
def _proportion(eta: float) -> float:
    small = math.exp(-abs(eta))
    return 1.0 / (1.0 + small) if eta >= 0.0 else small / (1.0 + small)


@compiled
def _inverse_root(matrix: Floats, root: Floats) -> bool:
    """Write the inverse of the lower Cholesky factor; whether there is one."""
    p = len(matrix)
    for a in range(p):
        for b in range(a + 1):
            value = matrix[a, b]
            for c in range(b):
                value -= root[a, c] * root[b, c]
            if a > b:
                root[a, b] = value / root[b, b]
            elif value > 0.0:
                root[a, a] = math.sqrt(value)
            else:
                return False
    for b in range(p):
        root[b, b] = 1.0 / root[b, b]
        for a in range(b + 1, p):
            value = 0.0
            for c in range(b, a):
                value -= root[a, c] * root[c, b]
            root[a, b] = value / root[a, a]
    return True
