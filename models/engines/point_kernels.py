"""What one point of a curve says: its mean, exact log likelihood, score and information."""

from __future__ import annotations

from models.arrays import Floats
from models.compiled import part
from models.engines.lanes import (
    COMPLEMENT,
    DERIVATIVE,
    INFORMATION,
    LEVELS,
    MOST_LEVELS,
    OTHER,
    PRECISION,
    RATE,
    SCORE,
    SLOPES,
    SPARE,
    THIRD,
    VALUE,
    WEIGHT,
    WHOLE,
    F,
    Given,
    Lanes,
    R,
    add_product,
    copy,
    product,
)
from models.engines.level_kernels import is_chained
from models.engines.rising_factorials import log_rising_row
from models.engines.vector_math import LOG_TWO_PI, TINY, exp, expm1, log, log1p

IDENTITY, LOGIT, LOG_LOG = 0, 1, 2  # codes of the links, as in `Link`
SMALLEST_MEAN = 1e-12  # keeps what is known of a mean near its bound finite, where a step would be endless


@part
def set_variation(lanes: Lanes) -> None:
    """The precision 1/r² - 1 of the models' beta distribution from r."""
    r, precision = lanes.rows[R], lanes.rows[PRECISION]
    for s in range(len(r)):
        precision[s] = 1.0 / (r[s] * r[s]) - 1.0


@part
def means(i: int, lanes: Lanes, given: Given) -> None:
    """Mean of point i, its complement and its derivative by the linear predictor."""
    p = len(given.priors)
    eta, f, complement = lanes.rows[SPARE], lanes.rows[F], lanes.rows[COMPLEMENT]
    first = (p + 1) * i
    copy(lanes.curve[first], eta)
    for j in range(p):
        add_product(lanes.curve[first + 1 + j], lanes.rows[LEVELS + j], eta)
    derivative = lanes.rows[DERIVATIVE]
    if given.link == LOGIT:
        _logistic(eta, f, complement)
        product(f, complement, derivative)
    elif given.link == LOG_LOG:
        for s in range(len(eta)):
            eta[s] = exp(eta[s])
        for s in range(len(eta)):
            f[s], complement[s] = exp(-eta[s]), -expm1(-eta[s])
        for s in range(len(eta)):
            derivative[s] = -eta[s] * f[s]
    else:
        for s in range(len(eta)):
            f[s], complement[s] = eta[s], 1.0 - eta[s]


@part
def add_log_likelihood(i: int, lanes: Lanes, data: Floats) -> None:
    """Add the log density of point i (all constants kept) to the value, for mean f, 1 - f and variation r."""
    value, r, f, complement = lanes.rows[VALUE], lanes.rows[R], lanes.rows[F], lanes.rows[COMPLEMENT]
    if data[i, 0] != 0.0:
        bounded, error, y = data[i, 0] == 1.0, data[i, 3] ** 2, data[i, 5]
        for s in range(len(value)):
            variance = error + r[s] * r[s] * (f[s] * complement[s] if bounded else 1.0)
            value[s] -= 0.5 * ((y - f[s]) ** 2 / variance + log(variance) + LOG_TWO_PI)
        return
    k, n, whole = data[i, 1], data[i, 2], lanes.rows[WHOLE]
    if i == 0 or n != data[i - 1, 2] or data[i - 1, 0] != 0.0:
        log_rising_row(n, lanes.rows[PRECISION], whole, lanes.rows[SPARE])
    for s in range(len(value)):
        value[s] += data[i, 4] - whole[s]
    _add_count(k, f, lanes)
    _add_count(n - k, complement, lanes)


@part
def weights(i: int, lanes: Lanes, data: Floats) -> None:
    """Information about f in point i.

    Counts use the binomial with n/(1 + (n - 1) r²) trials; at 0 and n of n the number of trials that has the exact
    likelihood's slope there, because the beta-binomial is much flatter.
    """
    f, complement, r, weight = lanes.rows[F], lanes.rows[COMPLEMENT], lanes.rows[R], lanes.rows[WEIGHT]
    if data[i, 0] != 0.0:
        bounded, error = data[i, 0] == 1.0, data[i, 3] ** 2
        for s in range(len(weight)):
            weight[s] = 1.0 / (error + r[s] * r[s] * (f[s] * complement[s] if bounded else 1.0))
        return
    k, n = data[i, 1], data[i, 2]
    if 0.0 < k < n:
        for s in range(len(weight)):
            variance = max(f[s], SMALLEST_MEAN) * max(complement[s], SMALLEST_MEAN)
            weight[s] = n / ((1 + (n - 1) * r[s] * r[s]) * variance)
        return
    precision = lanes.rows[PRECISION]
    for s in range(len(weight)):
        near, far = (complement[s], f[s]) if k == 0.0 else (f[s], complement[s])
        rest = max(near, SMALLEST_MEAN) * precision[s]
        weight[s] = rest * log1p(n / rest) / (max(near, SMALLEST_MEAN) * max(far, SMALLEST_MEAN))


@part
def rates(i: int, lanes: Lanes, given: Given) -> None:
    """Derivatives of the linear predictor of point i by x."""
    p, chained = len(given.priors), is_chained(given.priors)
    columns = (p + 1) * i + 1
    for a in range(p):
        rate = lanes.rows[RATE + a]
        product(lanes.curve[columns + a], lanes.rows[SLOPES + MOST_LEVELS * a + a], rate)
        if chained:
            for j in range(a + 1, p):
                add_product(lanes.curve[columns + j], lanes.rows[SLOPES + MOST_LEVELS * j + a], rate)


@part
def add_information(p: int, lanes: Lanes, residual: Floats, weight: Floats) -> None:
    """Add to score and information what one residual with this weight and the rates says."""
    rows, weighted = lanes.rows, lanes.rows[OTHER]
    for a in range(p):
        product(weight, rows[RATE + a], weighted)
        add_product(weighted, residual, rows[SCORE + a])
        for b in range(a + 1):
            add_product(weighted, rows[RATE + b], rows[INFORMATION + MOST_LEVELS * a + b])


@part
def _logistic(eta: Floats, f: Floats, complement: Floats) -> None:
    for s in range(len(eta)):
        small = exp(-abs(eta[s]))
        larger = 1.0 / (1.0 + small)
        f[s] = larger if eta[s] >= 0.0 else small * larger
        complement[s] = small * larger if eta[s] >= 0.0 else larger


@part
def _add_count(k: float, share: Floats, lanes: Lanes) -> None:
    """Add log(Γ(k + a)/Γ(a)) - k log M to the value, for a = M share and the precision M."""
    if k <= 0.0:
        return
    value, precision, a, rising = lanes.rows[VALUE], lanes.rows[PRECISION], lanes.rows[OTHER], lanes.rows[THIRD]
    for s in range(len(value)):
        a[s] = max(share[s], TINY) * precision[s]
    if k != 1.0:
        log_rising_row(k, a, rising, lanes.rows[SPARE])
        for s in range(len(value)):
            value[s] += rising[s]
    for s in range(len(value)):
        value[s] += k * log(max(share[s], TINY))
