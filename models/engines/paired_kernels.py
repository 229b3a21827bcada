"""What points on shared items say together: their empirical logits have one joint normal density."""

from __future__ import annotations

from models.arrays import Floats
from models.compiled import part
from models.engines.lanes import (
    COMPLEMENT,
    DERIVATIVE,
    RATE,
    SPARE,
    VALUE,
    VECTOR,
    WEIGHT,
    F,
    Given,
    Lanes,
    R,
    add_multiple,
    fill,
    product,
)
from models.engines.point_kernels import IDENTITY, SMALLEST_MEAN, add_information, means, rates
from models.engines.vector_math import LOG_TWO_PI, TINY, log


@part
def paired_residuals(i: int, lanes: Lanes, data: Floats, residual: Floats) -> None:
    """Weighted distance of the empirical logit of point i from that of the mean."""
    f, complement = lanes.rows[F], lanes.rows[COMPLEMENT]
    for s in range(len(f)):
        logit = log(max(f[s], TINY)) - log(max(complement[s], TINY))
        residual[s] = data[i, 3] * (data[i, 5] - logit)


@part
def add_paired_gradient(lanes: Lanes, given: Given) -> None:
    """Add what paired points say to score and information."""
    p, rows, data = len(given.priors), lanes.rows, given.data
    count = len(data)
    first = (p + 1) * count
    slope, f, complement, derivative = rows[WEIGHT], rows[F], rows[COMPLEMENT], rows[DERIVATIVE]
    for i in range(count):
        means(i, lanes, given)
        paired_residuals(i, lanes, data, lanes.curve[first + i])
        for s in range(len(f)):
            rate = data[i, 3] if given.link == IDENTITY else data[i, 3] * derivative[s]
            slope[s] = rate / (max(f[s], SMALLEST_MEAN) * max(complement[s], SMALLEST_MEAN))
        rates(i, lanes, given)
        for a in range(p):
            product(slope, rows[RATE + a], lanes.curve[first + count + p * i + a])
    r, weight, along = rows[R], rows[WEIGHT], rows[SPARE]
    for k in range(count):
        _along(k, first, 1, lanes, data, along)
        for a in range(p):
            _along(k, first + count + a, p, lanes, data, rows[RATE + a])
        for s in range(len(r)):
            weight[s] = 1.0 / (data[k, 6] + r[s] * r[s])
        add_information(p, lanes, along, weight)


@part
def add_paired_log_likelihood(p: int, lanes: Lanes, data: Floats) -> None:
    """Add the log density of all points together, along the eigenvectors of their joint errors: O(N²) for any r."""
    value, r, along = lanes.rows[VALUE], lanes.rows[R], lanes.rows[SPARE]
    for k in range(len(data)):
        _along(k, (p + 1) * len(data), 1, lanes, data, along)
        for s in range(len(value)):
            variance = data[k, 6] + r[s] * r[s]
            value[s] += data[k, 4] - 0.5 * (along[s] * along[s] / variance + log(variance) + LOG_TWO_PI)


@part
def _along(k: int, first: int, step: int, lanes: Lanes, data: Floats, target: Floats) -> None:
    """The part along eigenvector k of rows of the curve, one a point from `first` on, `step` apart."""
    fill(0.0, target)
    for i in range(len(data)):
        add_multiple(data[k, VECTOR + i], lanes.curve[first + step * i], target)
