"""Newton's steps of the regressions, and where they start: weighted sums over the points, in compiled loops."""

from __future__ import annotations

import math

import numpy as np

from models.arrays import Floats
from models.compiled import compiled, part

NEWTON_STEPS, NEWTON_TOLERANCE = 50, 1e-9
ROUNDING = 1e-10  # of a log probability at weights of mean one; a smaller loss is no sign of a step too long
LARGEST_CONDITION = 1e12  # of the information; beyond it an estimate has no digits left
NO_VARIATION = 1e-12  # mean squared residual, as a share of that around the mean, that is rounding error


@compiled
def newton(
    y: Floats, weights: Floats, columns: Floats, start: Floats, counts: int
) -> tuple[Floats, Floats, float, bool]:
    """Coefficients, inverse information, dispersion, and whether Newton's steps arrive.

    A step that makes the data less probable, or the information singular, is halved: the logarithm of the probability
    is concave, so that such steps arrive from every start where there is a finite estimate. Where there is none, the
    dispersion is that of the last step.
    """
    count, p = columns.shape
    coefficients, arrived, dispersion = start.copy(), False, math.inf
    information, inverse, score = np.empty((p, p)), np.zeros((p, p)), np.empty(p)
    before, step, best = start.copy(), np.zeros(p), -math.inf
    for _ in range(NEWTON_STEPS):
        log_probability, pearson = _evaluated(y, weights, columns, coefficients, counts, (information, score))
        lost = log_probability < best - ROUNDING and not arrived
        if lost or not inverted(information, inverse) < LARGEST_CONDITION:
            for a in range(p):
                step[a] /= 2.0
                coefficients[a] = before[a] + step[a]
            continue
        dispersion = pearson / (count - p)
        if arrived:
            return coefficients, inverse, dispersion, True
        best, change = log_probability, _moved(coefficients, before, step, inverse, score)
        if not change < math.inf:
            break
        arrived = change <= NEWTON_TOLERANCE
    return coefficients, inverse, dispersion, False


@part
def _evaluated(
    y: Floats, weights: Floats, columns: Floats, coefficients: Floats, counts: int, into: tuple[Floats, Floats]
) -> tuple[float, float]:
    """Log probability of the data, but for a constant, and Pearson's X²; writes information and score.

    Loops throughout: numba compiles them in a small part of the time that it takes for arrays and their linear algebra.
    """
    information, score = into
    pearson, log_probability, p = 0.0, 0.0, len(score)
    for a in range(p):
        score[a] = 0.0
        for b in range(p):
            information[a, b] = 0.0
    for i in range(len(y)):
        eta = 0.0
        for a in range(p):
            eta += columns[i, a] * coefficients[a]
        mean = _proportion(eta) if counts else eta
        variance = _proportion(-eta) * mean if counts else 1.0
        residual = weights[i] * (y[i] - mean)
        if residual != 0.0:  # the variance may be none where there is none to explain
            pearson += residual * (y[i] - mean) / variance
        if counts:
            log_probability += weights[i] * (y[i] * eta - max(eta, 0.0) - math.log1p(math.exp(-abs(eta))))
        for a in range(p):
            score[a] += residual * columns[i, a]
            for b in range(p):
                information[a, b] += weights[i] * variance * columns[i, a] * columns[i, b]
    return log_probability, pearson


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
    if inverted(information, inverse) < LARGEST_CONDITION:
        for a in range(p):
            for b in range(p):
                coefficients[a] += inverse[a, b] * score[b]
    return coefficients


@part
def inverted(matrix: Floats, inverse: Floats) -> float:
    """Write the inverse of a positive definite matrix (p, p); its condition number, inf without one.

    In the 1-norm, of the matrix scaled to a diagonal of ones: parameters of different size say nothing of how well it
    is known.
    """
    p = len(matrix)
    size, scaled, root = np.empty(p), np.empty((p, p)), np.zeros((p, p))
    for a in range(p):
        size[a] = math.sqrt(matrix[a, a])
        for b in range(a + 1):
            scaled[a, b] = scaled[b, a] = matrix[a, b] / size[a] / size[b]
    if not _inverse_root(scaled, root):
        return math.inf
    largest, of_inverse = 0.0, 0.0
    for a in range(p):
        total, of_row = 0.0, 0.0
        for b in range(p):
            value = 0.0
            for c in range(max(a, b), p):
                value += root[c, a] * root[c, b]
            inverse[a, b] = value / size[a] / size[b]
            total += abs(scaled[a, b])
            of_row += abs(value)
        largest, of_inverse = max(largest, total), max(of_inverse, of_row)
    return largest * of_inverse


@part
def _moved(coefficients: Floats, before: Floats, step: Floats, inverse: Floats, score: Floats) -> float:
    """Move by Newton's step; its largest part over 1 and the largest coefficient, inf where it is not finite."""
    p = len(score)
    longest, largest = 0.0, 0.0
    for a in range(p):
        step[a] = 0.0
        for b in range(p):
            step[a] += inverse[a, b] * score[b]
        if not abs(step[a]) < math.inf:
            return math.inf
        before[a], coefficients[a] = coefficients[a], coefficients[a] + step[a]
        longest, largest = max(longest, abs(step[a])), max(largest, abs(coefficients[a]))
    return longest / (1.0 + largest)


@part
def _proportion(eta: float) -> float:
    small = math.exp(-abs(eta))
    return 1.0 / (1.0 + small) if eta >= 0.0 else small / (1.0 + small)


@part
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
