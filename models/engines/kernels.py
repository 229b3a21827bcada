"""Compiled inner loops of `quadrature`: exact log likelihood, and Laplace approximation of the levels.

Draws lie side by side: each quantity is a row with one number a draw, and each function a loop along rows without
branches, which the compiler turns into vector instructions; no fast-math: the same input gives the same bytes. A loop
writes at most two rows, beyond which the compiler gives up telling them apart. The levels are written as functions of
standard normal x, so that the prior is N(0, I) in every curve model and the posterior's Hessian is never singular.
All in one file: the compiler's cache follows the file of a function, not those of the functions that it calls, so that
in two files one half would go on running the other's old code.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from models.arrays import Floats
from models.compiled import compiled

STIRLING_FROM = 8.0  # four Stirling terms are exact to 1e-11 from here
SHIFT = 8  # by so much is a smaller argument of a gamma function raised
FEW = 8.0  # successes up to which a product replaces two gamma functions
SMALLEST_DIRECT = 1e-40  # a from which the product of eight ratios to it stays finite
TINY = 1e-200  # keeps the logarithm of a mean that underflowed finite
SMALLEST_MEAN = 1e-12  # the same of what is known of it, where a step near a bound would be endless
STEP_LIMIT = 2.0  # longest Newton step in prior standard deviations
MOST_STEPS, DRAW_STEPS = 24, 3  # per cell, and per draw, which starts from a mode near by
# Square of the last step in posterior standard deviations, per cell and per draw: a draw's proposal has heavy tails.
NEAR, DRAW_NEAR = 0.1, 9.0
SMALLEST_INFORMATION = 1e-12
T_DF = 7.0  # heavier than the normal that it stands for, light enough to waste few draws
LOG_T_CONSTANT = math.lgamma(4.0) - math.lgamma(3.5) - 0.5 * math.log(7.0 * math.pi)
WIDEST = 5.0
LEVEL_PRIOR_SHARE = 0.1  # of the draws whose levels come from the prior: bounds the weights of skewed posteriors
NORMAL, STUDENT_T, UNIFORM, LOG_NORMAL, TRIANGLE = 0, 1, 2, 3, 4  # codes of the level priors
IDENTITY, LOGIT, LOG_LOG = 0, 1, 2  # codes of the links, as in `Link`
PAIRED = 3.0  # kind of noise of counts on shared items, beside those of `NoiseKind`: all points of a curve or none
VECTOR = 7  # column of the data from which a row holds an eigenvector of the paired errors
LOG_TWO_PI = math.log(2 * math.pi)
INVERSE_ROOT_TWO_PI = 1 / math.sqrt(2 * math.pi)

FEWEST_SIDE_BY_SIDE = 32  # nodes from which lanes are filled without the variations
NO_NOISE = np.empty((1, 1))
LANES = 64  # draws side by side: their rows stay in the processor's nearest cache
MOST_LEVELS = 4
# Rows of the working array: those of level a, those of entry (a, b) of a matrix at MOST_LEVELS a + b, single ones.
X, LEVELS, SCORE, RATE, BEFORE, MODE, NOISE, SLOPES, INFORMATION = 0, 4, 8, 12, 16, 20, 24, 29, 45
F, COMPLEMENT, DERIVATIVE, WEIGHT, R, PRECISION, WHOLE, VALUE, LIMIT, DECREMENT, SPARE, OTHER, THIRD = range(61, 74)
HALF, LOG_PRIOR, TAILS, SD, LEFT, RIGHT, TOP = range(74, 81)
ROWS = 81
LAPLACE, TOGETHER, IN_TURN = 0, 1, 2  # what is done with the modes of the levels

LOG2_E, LN2_HIGH, LN2_LOW = 1.4426950408889634, 6.93147180369123816490e-01, 1.90821492927058770002e-10
ROUNDER = 6755399441055744.0  # 1.5 2^52: added and taken away again, it rounds to a whole number
SMALLEST_EXPONENT, LARGEST_EXPONENT = -708.0, 709.0
ROOT_HALF_BITS = 0x3FE6A09E667F3BCD  # the bits of sqrt(1/2)
# exp(z²/2) (1 + z) times the normal upper tail at z >= 0, as a polynomial in (z - 4.5)/(z + 4.5): the expansion of
# Shepherd and Laframboise (1981, Mathematics of Computation 36(153)) for erfc, fitted anew at Chebyshev nodes in 60
# digits; relative error 1e-14.
TAIL_CENTER = 4.5
TAIL = (
    0.46641865659290227,
    -0.09445675888814678,
    0.023842964769030577,
    0.0189226566597366,
    -0.030376890962267172,
    0.022616310512531657,
    -0.01059108539142065,
    0.002711245441204658,
    0.00011925612632706857,
    -0.0003529981065422659,
    7.095010369517014e-05,
    3.382267056836805e-05,
    -1.489025318845402e-05,
    -3.559493654499953e-06,
    2.539937488886945e-06,
    4.900383542787455e-07,
    -4.14670982536555e-07,
    -7.662141902408985e-08,
    5.914618673464926e-08,
    7.988085031722688e-09,
    -5.197055913252122e-09,
)


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


@compiled
def _two_to(t: float) -> float:
    """2^n for t = n + ROUNDER, whose last bits hold n: they are moved to the exponent's place."""
    return float(
        np.int64((np.float64(t).view(np.int64) << np.int64(52)) + np.int64(0x3FF0000000000000)).view(np.float64)
    )


@compiled
def _exp(x: float) -> float:
    x = min(max(x, SMALLEST_EXPONENT), LARGEST_EXPONENT)
    t = x * LOG2_E + ROUNDER
    n = t - ROUNDER
    return _two_to(t) * (1.0 + _small_expm1(x - n * LN2_HIGH - n * LN2_LOW))


@compiled
def _expm1(x: float) -> float:
    x = min(max(x, SMALLEST_EXPONENT), LARGEST_EXPONENT)
    t = x * LOG2_E + ROUNDER
    n = t - ROUNDER
    scale = _two_to(t)
    return scale * _small_expm1(x - n * LN2_HIGH - n * LN2_LOW) + (scale - 1.0)


@compiled
def _small_expm1(x: float) -> float:
    """exp(x) - 1 for |x| <= ln(2)/2 by its series: the first term left out is below 1e-17."""
    p = 1.0 / 6227020800
    p = p * x + 1.0 / 479001600
    p = p * x + 1.0 / 39916800
    p = p * x + 1.0 / 3628800
    p = p * x + 1.0 / 362880
    p = p * x + 1.0 / 40320
    p = p * x + 1.0 / 5040
    p = p * x + 1.0 / 720
    p = p * x + 1.0 / 120
    p = p * x + 1.0 / 24
    p = p * x + 1.0 / 6
    p = p * x + 0.5
    return p * x * x + x


@compiled
def _log(x: float) -> float:
    """Natural logarithm of a positive normal number: the exponent, and the series of artanh for the rest."""
    bits = np.float64(x).view(np.int64)
    exponent = (bits - np.int64(ROOT_HALF_BITS)) >> np.int64(52)
    rest = np.int64(bits - (exponent << np.int64(52))).view(np.float64)
    whole = np.int64(exponent + np.float64(ROUNDER).view(np.int64)).view(np.float64) - ROUNDER
    s = (rest - 1.0) / (rest + 1.0)
    z = s * s
    p = 1.0 / 19
    p = p * z + 1.0 / 17
    p = p * z + 1.0 / 15
    p = p * z + 1.0 / 13
    p = p * z + 1.0 / 11
    p = p * z + 1.0 / 9
    p = p * z + 1.0 / 7
    p = p * z + 1.0 / 5
    p = p * z + 1.0 / 3
    return float(whole * LN2_HIGH + (2.0 * s + (2.0 * s * z * p + whole * LN2_LOW)))


@compiled
def _log1p(x: float) -> float:
    """log(1 + x), with the part of x that 1 + x has lost."""
    whole = 1.0 + x
    return _log(whole) - ((whole - 1.0) - x) / whole


@compiled
def _tail(z: float, density: float) -> float:
    """Probability of a standard normal above z >= 0; `density` is exp(-z²/2)."""
    t = (z - TAIL_CENTER) / (z + TAIL_CENTER)
    p = TAIL[20]
    p = p * t + TAIL[19]
    p = p * t + TAIL[18]
    p = p * t + TAIL[17]
    p = p * t + TAIL[16]
    p = p * t + TAIL[15]
    p = p * t + TAIL[14]
    p = p * t + TAIL[13]
    p = p * t + TAIL[12]
    p = p * t + TAIL[11]
    p = p * t + TAIL[10]
    p = p * t + TAIL[9]
    p = p * t + TAIL[8]
    p = p * t + TAIL[7]
    p = p * t + TAIL[6]
    p = p * t + TAIL[5]
    p = p * t + TAIL[4]
    p = p * t + TAIL[3]
    p = p * t + TAIL[2]
    p = p * t + TAIL[1]
    p = p * t + TAIL[0]
    return density * p / (1.0 + z)


@compiled
def _copy(values: Floats, target: Floats) -> None:
    """Number by number: numba compiles the assignment of slices, with its messages on shapes, for seconds."""
    for s in range(len(target)):
        target[s] = values[s]


@compiled
def _fill(value: float, target: Floats) -> None:
    for s in range(len(target)):
        target[s] = value


@compiled
def _scale(values: Floats, target: Floats) -> None:
    for s in range(len(target)):
        target[s] *= values[s]


@compiled
def _divide(values: Floats, target: Floats) -> None:
    for s in range(len(target)):
        target[s] /= values[s]


@compiled
def _product(a: Floats, b: Floats, target: Floats) -> None:
    for s in range(len(target)):
        target[s] = a[s] * b[s]


@compiled
def _add_product(a: Floats, b: Floats, target: Floats) -> None:
    for s in range(len(target)):
        target[s] += a[s] * b[s]


@compiled
def _subtract_product(a: Floats, b: Floats, target: Floats) -> None:
    for s in range(len(target)):
        target[s] -= a[s] * b[s]


@compiled
def _add_multiple(factor: float, values: Floats, target: Floats) -> None:
    for s in range(len(target)):
        target[s] += factor * values[s]


@compiled
def _stirling(x: float) -> float:
    inverse = 1.0 / x
    square = inverse * inverse
    return inverse * (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square * (1.0 / 1680))))


@compiled
def log_rising(k: float, a: float) -> float:
    """log(Γ(k + a)/Γ(a)) - k log a for any one k >= 0 and a > 0, without cancellation for large a."""
    if k == 0.0:
        return 0.0
    if a > STIRLING_FROM:
        return (k + a - 0.5) * math.log1p(k / a) - k + _stirling(k + a) - _stirling(a)
    low, high, product, above = a, k + a, 1.0, 1.0
    while low <= STIRLING_FROM:
        product *= low
        low += 1.0
    while high <= STIRLING_FROM:
        above *= high
        high += 1.0
    upper = (high - 0.5) * math.log(high) - high + _stirling(high)
    return upper - (low - 0.5) * math.log(low) + low - _stirling(low) + math.log(product / above) - k * math.log(a)


@compiled
def _log_rising(k: float, a: Floats, found: Floats, spare: Floats) -> None:
    """`log_rising` for a row of a."""
    if k > FEW:
        _log_rising_many(k, a, found)
        _raise_small(k, a, found)
    elif k == math.floor(k):
        _fill(1.0, spare)
        for i in range(1, int(k)):
            for s in range(len(spare)):
                spare[s] *= 1.0 + i / a[s]
        for s in range(len(spare)):
            found[s] = _log(spare[s])
    for s in range(len(found)):
        if a[s] < SMALLEST_DIRECT or (k <= FEW and k != math.floor(k)):
            found[s] = log_rising(k, a[s])


@compiled
def _log_rising_many(k: float, a: Floats, found: Floats) -> None:
    """By Stirling's series, the argument raised where it is small."""
    for s in range(len(found)):
        small = a[s] <= STIRLING_FROM
        raised = a[s] + SHIFT if small else a[s]
        rest = k - SHIFT if small else k
        found[s] = (k + a[s] - 0.5) * _log1p(rest / raised) - rest + _stirling(k + a[s]) - _stirling(raised)


@compiled
def _raise_small(k: float, a: Floats, found: Floats) -> None:
    """What `_log_rising_many` left out where the argument was raised."""
    small = 0
    for s in range(len(a)):
        small += 1 if a[s] <= STIRLING_FROM else 0
    if small == 0:
        return
    for s in range(len(found)):
        raised = a[s] + SHIFT
        inverse, product = 1.0 / raised, 1.0
        for i in range(SHIFT):
            product *= (a[s] + i) * inverse
        product = product if a[s] <= STIRLING_FROM else 1.0
        ratio = raised / a[s] if a[s] <= STIRLING_FROM else 1.0
        found[s] += k * _log(ratio) + _log(product)


@compiled
def _set_variation(lanes: Lanes) -> None:
    """The precision 1/r² - 1 of the models' beta distribution from r."""
    r, precision = lanes.rows[R], lanes.rows[PRECISION]
    for s in range(len(r)):
        precision[s] = 1.0 / (r[s] * r[s]) - 1.0


@compiled
def _add_log_likelihood(i: int, lanes: Lanes, data: Floats) -> None:
    """Add the log density of point i (all constants kept) to the value, for mean f, 1 - f and variation r."""
    value, r, f, complement = lanes.rows[VALUE], lanes.rows[R], lanes.rows[F], lanes.rows[COMPLEMENT]
    if data[i, 0] != 0.0:
        bounded, error, y = data[i, 0] == 1.0, data[i, 3] ** 2, data[i, 5]
        for s in range(len(value)):
            variance = error + r[s] * r[s] * (f[s] * complement[s] if bounded else 1.0)
            value[s] -= 0.5 * ((y - f[s]) ** 2 / variance + _log(variance) + LOG_TWO_PI)
        return
    k, n, whole = data[i, 1], data[i, 2], lanes.rows[WHOLE]
    if i == 0 or n != data[i - 1, 2] or data[i - 1, 0] != 0.0:
        _log_rising(n, lanes.rows[PRECISION], whole, lanes.rows[SPARE])
    for s in range(len(value)):
        value[s] += data[i, 4] - whole[s]
    _add_count(k, f, lanes)
    _add_count(n - k, complement, lanes)


@compiled
def _add_count(k: float, share: Floats, lanes: Lanes) -> None:
    """Add log(Γ(k + a)/Γ(a)) - k log M to the value, for a = M share and the precision M."""
    if k <= 0.0:
        return
    value, precision, a, rising = lanes.rows[VALUE], lanes.rows[PRECISION], lanes.rows[OTHER], lanes.rows[THIRD]
    for s in range(len(value)):
        a[s] = max(share[s], TINY) * precision[s]
    if k != 1.0:
        _log_rising(k, a, rising, lanes.rows[SPARE])
        for s in range(len(value)):
            value[s] += rising[s]
    for s in range(len(value)):
        value[s] += k * _log(max(share[s], TINY))


@compiled
def _means(i: int, lanes: Lanes, given: Given) -> None:
    """Mean of point i, its complement and its derivative by the linear predictor."""
    p = len(given.priors)
    eta, f, complement = lanes.rows[SPARE], lanes.rows[F], lanes.rows[COMPLEMENT]
    first = (p + 1) * i
    _copy(lanes.curve[first], eta)
    for j in range(p):
        _add_product(lanes.curve[first + 1 + j], lanes.rows[LEVELS + j], eta)
    derivative = lanes.rows[DERIVATIVE]
    if given.link == LOGIT:
        _logistic(eta, f, complement)
        _product(f, complement, derivative)
    elif given.link == LOG_LOG:
        for s in range(len(eta)):
            eta[s] = _exp(eta[s])
        for s in range(len(eta)):
            f[s], complement[s] = _exp(-eta[s]), -_expm1(-eta[s])
        for s in range(len(eta)):
            derivative[s] = -eta[s] * f[s]
    else:
        for s in range(len(eta)):
            f[s], complement[s] = eta[s], 1.0 - eta[s]


@compiled
def _logistic(eta: Floats, f: Floats, complement: Floats) -> None:
    for s in range(len(eta)):
        small = _exp(-abs(eta[s]))
        larger = 1.0 / (1.0 + small)
        f[s] = larger if eta[s] >= 0.0 else small * larger
        complement[s] = small * larger if eta[s] >= 0.0 else larger


@compiled
def _levels(lanes: Lanes, priors: Floats) -> None:
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
                level[s] = _exp(a + b * x[s])
            for s in range(len(x)):
                slope[s] = b * level[s]
        elif code == STUDENT_T:
            _t_level(b, x, level, slope)
        elif code == TRIANGLE:
            _triangle_level(b, x, level, slope)
        else:
            _uniform_level(j, lanes, priors)


@compiled
def _t_level(scale: float, x: Floats, level: Floats, slope: Floats) -> None:
    """Student-t level with 4 degrees of freedom at normal x (Shaw 2006, eq. 36), and its derivative.

    The equation's cos(acos(root)/3) solves 4 c³ - 3 c = root; four Newton steps from a straight line are exact.
    """
    for s in range(len(x)):
        density = _exp(-0.5 * x[s] * x[s])
        tail = max(_tail(abs(x[s]), density), TINY)
        root = math.sqrt(min(4 * tail * (1 - tail), 1.0))
        c = 0.8660254037844386 + 0.1339745962155614 * root
        for _ in range(4):
            c -= (4 * c * c * c - 3 * c - root) / (12 * c * c - 3)
        size = 2 * math.sqrt(max(c / root - 1, 0.0))
        shrunken = 1 / (1 + size * size / 4)
        level[s] = scale * size if x[s] >= 0 else -scale * size
        slope[s] = scale * density * INVERSE_ROOT_TWO_PI / (0.375 * shrunken * shrunken * math.sqrt(shrunken))


@compiled
def _triangle_level(upper: float, x: Floats, level: Floats, slope: Floats) -> None:
    """Level on the falling triangle at normal x, and its derivative."""
    for s in range(len(x)):
        density = _exp(-0.5 * x[s] * x[s])
        tail = _tail(abs(x[s]), density)
        root = math.sqrt(max(tail if x[s] >= 0 else 1 - tail, TINY))
        level[s] = upper * (1 - root)
        slope[s] = upper * density * INVERSE_ROOT_TWO_PI / (2 * root)


@compiled
def _uniform_level(j: int, lanes: Lanes, priors: Floats) -> None:
    """Level j, uniform between two numbers or levels before it, and its derivatives."""
    rows, share, density = lanes.rows, lanes.rows[SPARE], lanes.rows[OTHER]
    x, level, slope = rows[X + j], rows[LEVELS + j], rows[SLOPES + MOST_LEVELS * j + j]
    for s in range(len(x)):
        height = _exp(-0.5 * x[s] * x[s])
        tail = _tail(abs(x[s]), height)
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
        _fill(0.0, chained)
        if high_index >= 0:
            _add_product(share, rows[SLOPES + MOST_LEVELS * high_index + i], chained)
        if low_index >= 0:
            before = rows[SLOPES + MOST_LEVELS * low_index + i]
            for s in range(len(chained)):
                chained[s] += (1 - share[s]) * before[s]


@compiled
def _chained(priors: Floats) -> bool:
    """Whether some level is bounded by another, so that it changes with the other's x."""
    bounded = 0
    for j in range(len(priors)):
        bounded += 1 if priors[j, 0] == UNIFORM and max(priors[j, 3], priors[j, 4]) >= 0 else 0
    return bounded > 0


@compiled
def _weights(i: int, lanes: Lanes, data: Floats) -> None:
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
        weight[s] = rest * _log1p(n / rest) / (max(near, SMALLEST_MEAN) * max(far, SMALLEST_MEAN))


@compiled
def _rates(i: int, lanes: Lanes, given: Given) -> None:
    """Derivatives of the linear predictor of point i by x."""
    p, chained = len(given.priors), _chained(given.priors)
    columns = (p + 1) * i + 1
    for a in range(p):
        rate = lanes.rows[RATE + a]
        _product(lanes.curve[columns + a], lanes.rows[SLOPES + MOST_LEVELS * a + a], rate)
        if chained:
            for j in range(a + 1, p):
                _add_product(lanes.curve[columns + j], lanes.rows[SLOPES + MOST_LEVELS * j + a], rate)


@compiled
def _gradient(lanes: Lanes, given: Given) -> None:
    """Score and information of the levels at x, prior included."""
    p, rows, data = len(given.priors), lanes.rows, given.data
    _levels(lanes, given.priors)
    for a in range(p):
        _fill(0.0, rows[SCORE + a])
        _add_multiple(-1.0, rows[X + a], rows[SCORE + a])
        for b in range(a + 1):
            _fill(1.0 if a == b else 0.0, rows[INFORMATION + MOST_LEVELS * a + b])
    if data[0, 0] == PAIRED:
        _paired_gradient(lanes, given)
        return
    for i in range(len(data)):
        _means(i, lanes, given)
        _rates(i, lanes, given)
        if given.link != IDENTITY:
            for a in range(p):
                _scale(rows[DERIVATIVE], rows[RATE + a])
        _weights(i, lanes, data)
        weight, residual, f = rows[WEIGHT], rows[SPARE], rows[F]
        for s in range(len(f)):
            residual[s] = data[i, 5] - f[s]
        _add_information(p, lanes, residual, weight)


@compiled
def _add_information(p: int, lanes: Lanes, residual: Floats, weight: Floats) -> None:
    """Add to score and information what one residual with this weight and the rates says."""
    rows, weighted = lanes.rows, lanes.rows[OTHER]
    for a in range(p):
        _product(weight, rows[RATE + a], weighted)
        _add_product(weighted, residual, rows[SCORE + a])
        for b in range(a + 1):
            _add_product(weighted, rows[RATE + b], rows[INFORMATION + MOST_LEVELS * a + b])


@compiled
def _paired_residuals(i: int, lanes: Lanes, data: Floats, residual: Floats) -> None:
    """Weighted distance of the empirical logit of point i from that of the mean."""
    f, complement = lanes.rows[F], lanes.rows[COMPLEMENT]
    for s in range(len(f)):
        logit = _log(max(f[s], TINY)) - _log(max(complement[s], TINY))
        residual[s] = data[i, 3] * (data[i, 5] - logit)


@compiled
def _along(k: int, first: int, step: int, lanes: Lanes, data: Floats, target: Floats) -> None:
    """The part along eigenvector k of rows of the curve, one a point from `first` on, `step` apart."""
    _fill(0.0, target)
    for i in range(len(data)):
        _add_multiple(data[k, VECTOR + i], lanes.curve[first + step * i], target)


@compiled
def _paired_gradient(lanes: Lanes, given: Given) -> None:
    """Add what paired points say to score and information."""
    p, rows, data = len(given.priors), lanes.rows, given.data
    count = len(data)
    first = (p + 1) * count
    slope, f, complement, derivative = rows[WEIGHT], rows[F], rows[COMPLEMENT], rows[DERIVATIVE]
    for i in range(count):
        _means(i, lanes, given)
        _paired_residuals(i, lanes, data, lanes.curve[first + i])
        for s in range(len(f)):
            rate = data[i, 3] if given.link == IDENTITY else data[i, 3] * derivative[s]
            slope[s] = rate / (max(f[s], SMALLEST_MEAN) * max(complement[s], SMALLEST_MEAN))
        _rates(i, lanes, given)
        for a in range(p):
            _product(slope, rows[RATE + a], lanes.curve[first + count + p * i + a])
    r, weight, along = rows[R], rows[WEIGHT], rows[SPARE]
    for k in range(count):
        _along(k, first, 1, lanes, data, along)
        for a in range(p):
            _along(k, first + count + a, p, lanes, data, rows[RATE + a])
        for s in range(len(r)):
            weight[s] = 1.0 / (data[k, 6] + r[s] * r[s])
        _add_information(p, lanes, along, weight)


@compiled
def _add_paired_log_likelihood(p: int, lanes: Lanes, data: Floats) -> None:
    """Add the log density of all points together, along the eigenvectors of their joint errors: O(N²) for any r."""
    value, r, along = lanes.rows[VALUE], lanes.rows[R], lanes.rows[SPARE]
    for k in range(len(data)):
        _along(k, (p + 1) * len(data), 1, lanes, data, along)
        for s in range(len(value)):
            variance = data[k, 6] + r[s] * r[s]
            value[s] += data[k, 4] - 0.5 * (along[s] * along[s] / variance + _log(variance) + LOG_TWO_PI)


@compiled
def _factor(lanes: Lanes, p: int, first: int) -> None:
    """Cholesky factor, in place, of the information of the levels from `first` on."""
    for a in range(first, p):
        for b in range(first, a + 1):
            entry = lanes.rows[INFORMATION + MOST_LEVELS * a + b]
            for c in range(first, b):
                ac, bc = INFORMATION + MOST_LEVELS * a + c, INFORMATION + MOST_LEVELS * b + c
                _subtract_product(lanes.rows[ac], lanes.rows[bc], entry)
            if a == b:
                for s in range(len(entry)):
                    entry[s] = math.sqrt(max(entry[s], SMALLEST_INFORMATION))
            else:
                _divide(lanes.rows[INFORMATION + MOST_LEVELS * b + b], entry)


@compiled
def _half_log_determinant(lanes: Lanes, p: int) -> None:
    """That of the factored information of all levels."""
    half, entry = lanes.rows[HALF], lanes.rows[INFORMATION]
    for s in range(len(half)):
        half[s] = _log(entry[s])
    for a in range(1, p):
        entry = lanes.rows[INFORMATION + MOST_LEVELS * a + a]
        for s in range(len(half)):
            half[s] += _log(entry[s])


@compiled
def _solve_transposed(lanes: Lanes, p: int, first: int) -> None:
    """Solve with the transposed factor, in place, for the rows of the score."""
    for a in range(p - 1, first - 1, -1):
        for c in range(a + 1, p):
            entry = lanes.rows[INFORMATION + MOST_LEVELS * c + a]
            _subtract_product(entry, lanes.rows[SCORE + c], lanes.rows[SCORE + a])
        _divide(lanes.rows[INFORMATION + MOST_LEVELS * a + a], lanes.rows[SCORE + a])


@compiled
def _solve(lanes: Lanes, p: int, first: int) -> None:
    """Solve with the factor, in place, for the rows of the score."""
    for a in range(first, p):
        for c in range(first, a):
            entry = lanes.rows[INFORMATION + MOST_LEVELS * a + c]
            _subtract_product(entry, lanes.rows[SCORE + c], lanes.rows[SCORE + a])
        _divide(lanes.rows[INFORMATION + MOST_LEVELS * a + a], lanes.rows[SCORE + a])


@compiled
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
    _solve(lanes, p, first)
    _fill(0.0, decrement)
    for a in range(first, p):
        _add_product(rows[SCORE + a], rows[SCORE + a], decrement)
    _solve_transposed(lanes, p, first)
    _fill(0.0, length)
    _fill(0.0, along)
    for a in range(first, p):
        _add_product(rows[SCORE + a], rows[SCORE + a], length)
        _add_product(rows[SCORE + a], rows[BEFORE + a], along)
    for s in range(len(limit)):
        limit[s] = 0.5 * limit[s] if along[s] < 0.0 else limit[s]
        size = math.sqrt(length[s])
        length[s] = 1.0 if size <= limit[s] else limit[s] / size
    for a in range(first, p):
        _add_product(length, rows[SCORE + a], rows[X + a])
        _copy(rows[SCORE + a], rows[BEFORE + a])
    largest = 0.0
    for s in range(len(decrement)):
        largest = max(largest, decrement[s])
    return largest


@compiled
def _settle(lanes: Lanes, first: int, until: tuple[int, float], given: Given) -> None:
    """Move the levels from `first` on to their mode given the others; the factored information is left.

    `until`: the most steps, and the square of a step that is the last if those of all draws are smaller. The curvature
    before that step serves: Newton's next error is about the step's square.
    """
    p, (most, near) = len(given.priors), until
    _fill(STEP_LIMIT, lanes.rows[LIMIT])
    for a in range(p):
        _fill(0.0, lanes.rows[BEFORE + a])
    for _ in range(most):
        _gradient(lanes, given)
        _factor(lanes, p, first)
        if _newton_step(lanes, p, first) < near:
            break


@compiled
def _marginal_sd(lanes: Lanes, p: int, first: int) -> None:
    """Standard deviation of level `first` by the factored information, later levels integrated out."""
    for a in range(first, p):
        _fill(1.0 if a == first else 0.0, lanes.rows[SCORE + a])
    _solve(lanes, p, first)
    sd = lanes.rows[SD]
    _fill(0.0, sd)
    for a in range(first, p):
        _add_product(lanes.rows[SCORE + a], lanes.rows[SCORE + a], sd)
    for s in range(len(sd)):
        sd[s] = math.sqrt(sd[s])
    _copy(sd, lanes.rows[LEFT])
    _copy(sd, lanes.rows[RIGHT])


@compiled
def _log_prior(lanes: Lanes, p: int, target: Floats) -> None:
    """Log density of x under N(0, I)."""
    _fill(-0.5 * p * LOG_TWO_PI, target)
    for a in range(p):
        x = lanes.rows[X + a]
        for s in range(len(x)):
            target[s] -= 0.5 * x[s] * x[s]


@compiled
def _log_posterior(lanes: Lanes, given: Given) -> None:
    """Exact log likelihood plus the log density of x under N(0, I), as the value; the levels are left."""
    p, data = len(given.priors), given.data
    _levels(lanes, given.priors)
    _log_prior(lanes, p, lanes.rows[VALUE])
    for i in range(len(data)):
        _means(i, lanes, given)
        if data[0, 0] == PAIRED:
            _paired_residuals(i, lanes, data, lanes.curve[(p + 1) * len(data) + i])
        else:
            _add_log_likelihood(i, lanes, data)
    if data[0, 0] == PAIRED:
        _add_paired_log_likelihood(p, lanes, data)


@compiled
def _make_lanes(width: int, p: int, data: Floats) -> Lanes:
    """Room for so many draws side by side."""
    if p > MOST_LEVELS:
        raise ValueError("more levels than the kernels have room for")
    paired = (p + 1) * len(data) if data[0, 0] == PAIRED else 0
    return Lanes(np.zeros((ROWS, width)), np.empty(((p + 1) * len(data) + paired, width)))


@compiled
def _width(count: int) -> int:
    """Draws side by side, such that as few lanes as possible are idle in the last block."""
    blocks = (count + LANES - 1) // LANES
    return (count + blocks - 1) // max(blocks, 1)


@compiled
def _place(lanes: Lanes, first: int, each: int, design: tuple[Floats, Floats]) -> None:
    """Take offsets and columns of the draws from `first` on, of which `each` share a row; the last in idle lanes."""
    offset, columns = design
    last, count, p = len(offset) - 1, offset.shape[1], columns.shape[2]
    for lane in range(lanes.rows.shape[1]):
        s = min((first + lane) // each, last)
        for i in range(count):
            lanes.curve[(p + 1) * i, lane] = offset[s, i]
            for j in range(p):
                lanes.curve[(p + 1) * i + 1 + j, lane] = columns[s, i, j]


@compiled
def _take(lanes: Lanes, target: int, values: Floats, first: int) -> None:
    """Take values (S, m) of the draws from `first` on into m rows."""
    for lane in range(lanes.rows.shape[1]):
        s = min(first + lane, len(values) - 1)
        for j in range(values.shape[1]):
            lanes.rows[target + j, lane] = values[s, j]


@compiled
def _give(lanes: Lanes, source: int, values: Floats, first: int) -> None:
    """The inverse of `_take`."""
    for lane in range(min(lanes.rows.shape[1], len(values) - first)):
        for j in range(values.shape[1]):
            values[first + lane, j] = lanes.rows[source + j, lane]


@compiled
def _take_row(values: Floats, row: Floats, first: int) -> None:
    """Take values (S,) of the draws from `first` on."""
    for lane in range(len(row)):
        row[lane] = values[min(first + lane, len(values) - 1)]


@compiled
def _give_row(row: Floats, values: Floats, first: int) -> None:
    """The inverse of `_take_row`."""
    for lane in range(min(len(row), len(values) - first)):
        values[first + lane] = row[lane]


@compiled
def _subtract_log_proposal(lanes: Lanes, p: int) -> None:
    """Subtract from the value the log density of the levels' proposal: a t, and the prior with a small share."""
    log_t, log_prior, tails, value = lanes.rows[HALF], lanes.rows[LOG_PRIOR], lanes.rows[TAILS], lanes.rows[VALUE]
    _log_prior(lanes, p, log_prior)
    for s in range(len(log_t)):
        log_t[s] += p * LOG_T_CONSTANT - 0.5 * (T_DF + 1) * _log(tails[s])
    for s in range(len(value)):
        high = max(log_prior[s], log_t[s])
        prior_part = LEVEL_PRIOR_SHARE * _exp(log_prior[s] - high)
        value[s] -= high + _log(prior_part + (1 - LEVEL_PRIOR_SHARE) * _exp(log_t[s] - high))


@compiled
def _widen_tails(distance: Floats, tails: Floats) -> None:
    """One more coordinate of a product of t densities, at a distance in its standard deviations."""
    for s in range(len(tails)):
        tails[s] *= 1.0 + distance[s] * distance[s] / T_DF


@compiled
def _draw_together(lanes: Lanes, p: int) -> None:
    """Draw all levels from a t around their mode; parts of the proposal's log density are left."""
    rows = lanes.rows
    for a in range(p):
        _copy(rows[NOISE + a], rows[SCORE + a])
        _copy(rows[X + a], rows[MODE + a])
    _solve_transposed(lanes, p, 0)
    from_prior, tails, distance = rows[NOISE + p], rows[TAILS], rows[SPARE]
    for a in range(p):
        x, step, noise = rows[X + a], rows[SCORE + a], rows[NOISE + a]
        for s in range(len(x)):
            x[s] = noise[s] if from_prior[s] > 0.0 else x[s] + step[s]
    for a in range(p):
        _fill(0.0, distance)
        for c in range(a, p):
            entry, x, mode = rows[INFORMATION + MOST_LEVELS * c + a], rows[X + c], rows[MODE + c]
            for s in range(len(x)):
                distance[s] += entry[s] * (x[s] - mode[s])
        _widen_tails(distance, tails)


@compiled
def _side_sds(lanes: Lanes, given: Given) -> None:
    """Widths to the left and right of the mode of a single level, by the fall of the density two sd away.

    A score of 0 or 1 is a cliff on one side and says nothing on the other, where one width would be far too narrow.
    """
    rows = lanes.rows
    x, sd, top, value = rows[X], rows[SD], rows[TOP], rows[VALUE]
    for place in range(3):
        if place > 0:
            _add_multiple(2.0 if place == 1 else -4.0, sd, x)
        _log_posterior(lanes, given)
        if place == 0:
            _copy(value, top)
            continue
        target = rows[LEFT] if place == 2 else rows[RIGHT]
        for s in range(len(target)):
            fall = max(top[s] - value[s], 0.01)
            target[s] = sd[s] * min(max(math.sqrt(2.0 / fall), 1.0), WIDEST)
    _add_multiple(2.0, sd, x)


@compiled
def _draw_level(j: int, lanes: Lanes, p: int) -> None:
    """Draw level j from a t around its mode given the levels before it; parts of the proposal's density are left."""
    rows = lanes.rows
    from_prior, tails, half, distance = rows[NOISE + p], rows[TAILS], rows[HALF], rows[SPARE]
    sd, left, right = rows[SD], rows[LEFT], rows[RIGHT]
    x, noise = rows[X + j], rows[NOISE + j]
    for s in range(len(x)):
        drawn = (right[s] if noise[s] > 0.0 else left[s]) * noise[s]
        distance[s] = noise[s] - x[s] if from_prior[s] > 0.0 else drawn
    for s in range(len(x)):
        x[s] += distance[s]
        sd[s] = right[s] if distance[s] > 0.0 else left[s]
    _divide(sd, distance)
    _widen_tails(distance, tails)
    for s in range(len(half)):
        half[s] -= _log(sd[s])


@compiled
def solved(
    starts: Floats, noise: Floats, rates: Floats, design: tuple[Floats, Floats], given: Given, how: int
) -> tuple[Floats, Floats]:
    """Modes or drawn levels (R, S, p), and log densities (R, S), of S places that go through R variations (S, R) each.

    The density is that of the posterior over the proposal's, or Laplace's evidence but for a constant. One function for
    all of these, because each is compiled together with all that it calls. A design of fewer rows has each for as many
    places one after the other.
    """
    (count, p), r_count = starts.shape, rates.shape[1]
    found, log_weight = np.empty((r_count, count, p)), np.empty((r_count, count))
    lanes = _make_lanes(_width(count), p, given.data)
    rows = lanes.rows
    until = (MOST_STEPS, NEAR) if how == LAPLACE else (DRAW_STEPS, DRAW_NEAR)
    for first in range(0, count, rows.shape[1]):
        _place(lanes, first, count // len(design[0]), design)
        _take(lanes, X, starts, first)
        _take(lanes, NOISE, noise, first)
        for j in range(r_count):
            for lane in range(rows.shape[1]):
                rows[R, lane] = rates[min(first + lane, count - 1), j]
            _move(lanes, until, given, how)
            _log_posterior(lanes, given)
            if how == LAPLACE:
                _add_multiple(-1.0, rows[HALF], rows[VALUE])
            else:
                _subtract_log_proposal(lanes, p)
            _give(lanes, X if how == LAPLACE else LEVELS, found[j], first)
            _give_row(rows[VALUE], log_weight[j], first)
    return found, log_weight


@compiled
def _move(lanes: Lanes, until: tuple[int, float], given: Given, how: int) -> None:
    """Move x to the mode, or to draws around it; parts of the proposal's log density are left."""
    p = len(given.priors)
    _set_variation(lanes)
    _fill(1.0, lanes.rows[TAILS])
    _fill(0.0, lanes.rows[HALF])
    for j in range(p if how == IN_TURN else 1):
        _settle(lanes, j, until, given)
        if how == IN_TURN:
            _marginal_sd(lanes, p, j)
            if p == 1:
                _side_sds(lanes, given)
            _draw_level(j, lanes, p)
    if how != IN_TURN:
        _half_log_determinant(lanes, p)
    if how == TOGETHER:
        _draw_together(lanes, p)


def laplace_cells(rates: Floats, offset: Floats, columns: Floats, given: Given) -> tuple[Floats, Floats]:
    """Modes (G, R, p) in x and log evidences (G, R) at G shape nodes and R between-model variations (descending).

    Many nodes lie side by side, and go from variation to variation with the mode before as their start; of few nodes
    all variations lie side by side.
    """
    (g_count, r_count), p = (len(offset), len(rates)), columns.shape[2]
    chain = g_count >= FEWEST_SIDE_BY_SIDE
    of_all = np.broadcast_to(rates, (g_count, r_count))
    walked = np.ascontiguousarray(of_all) if chain else of_all.reshape(-1, 1)
    starts = np.zeros((len(walked), p))
    modes, log_density = solved(starts, NO_NOISE, walked, (offset, columns), given, LAPLACE)
    log_mass = log_density + 0.5 * p * LOG_TWO_PI
    if chain:
        return modes.transpose(1, 0, 2), log_mass.T
    return modes.reshape(g_count, r_count, p), log_mass.reshape(g_count, r_count)


def modes(starts: Floats, rates: Floats, design: tuple[Floats, Floats], given: Given) -> Floats:
    """Modes (S, p) of the levels in x at S places of shape and r, by Newton steps from `starts` (S, p)."""
    return np.asarray(solved(starts, NO_NOISE, rates[:, None], design, given, LAPLACE)[0][0])


def weigh_draws(
    starts: Floats, noise: Floats, rates: Floats, design: tuple[Floats, Floats], given: Given, in_turn: int
) -> tuple[Floats, Floats]:
    """Levels (S, p) drawn around each draw's own mode, and the log of posterior over proposal (S,).

    `starts` (S, p): a mode near by, from which Newton steps are taken; `noise` (S, p + 1): t draws with a last entry of
    0, or normal draws with a last entry of 1 where the levels come from their prior. `in_turn`: each level is drawn
    around its mode given the levels before it, which follows a curved ridge, where one level's best value hangs on
    another's, as a joint normal cannot.
    """
    levels, log_weights = solved(starts, noise, rates[:, None], design, given, IN_TURN if in_turn else TOGETHER)
    return levels[0], log_weights[0]


@compiled
def gradient(x: Floats, rates: Floats, design: tuple[Floats, Floats], given: Given) -> tuple[Floats, Floats]:
    """Score (p,) and information (p, p; lower triangle) of the levels at x (1, p), as the kernels see them."""
    p = x.shape[1]
    score, information = np.empty(p), np.zeros((p, p))
    lanes = _make_lanes(1, p, given.data)
    _place(lanes, 0, 1, design)
    _take(lanes, X, x, 0)
    _take_row(rates, lanes.rows[R], 0)
    _set_variation(lanes)
    _gradient(lanes, given)
    for a in range(p):
        score[a] = lanes.rows[SCORE + a, 0]
        for b in range(a + 1):
            information[a, b] = lanes.rows[INFORMATION + MOST_LEVELS * a + b, 0]
    return score, information


@compiled
def log_likelihoods(f: Floats, complement: Floats, r: Floats, data: Floats) -> Floats:
    """Exact log likelihood (S,) of means f (S, N) with complements 1 - f and variations r (S,)."""
    total = np.empty(len(r))
    lanes = _make_lanes(_width(len(r)), 0, data)
    for first in range(0, len(r), lanes.rows.shape[1]):
        _take_row(r, lanes.rows[R], first)
        _set_variation(lanes)
        _fill(0.0, lanes.rows[VALUE])
        for i in range(len(data)):
            _take_point(lanes, i, f, complement, first)
            if data[0, 0] == PAIRED:
                _paired_residuals(i, lanes, data, lanes.curve[len(data) + i])
            else:
                _add_log_likelihood(i, lanes, data)
        if data[0, 0] == PAIRED:
            _add_paired_log_likelihood(0, lanes, data)
        _give_row(lanes.rows[VALUE], total, first)
    return total


@compiled
def _take_point(lanes: Lanes, i: int, f: Floats, complement: Floats, first: int) -> None:
    """Mean and complement of point i of the draws from `first` on."""
    for lane in range(lanes.rows.shape[1]):
        s = min(first + lane, len(f) - 1)
        lanes.rows[F, lane], lanes.rows[COMPLEMENT, lane] = f[s, i], complement[s, i]
