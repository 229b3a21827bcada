"""Elementary functions without branches: a loop that calls them along a row becomes vector instructions."""

from __future__ import annotations

import math

import numpy as np

from models.compiled import part

TINY = 1e-200  # keeps the logarithm of a mean that underflowed finite
LOG_TWO_PI = math.log(2 * math.pi)

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


@part
def exp(x: float) -> float:
    """e^x; outside the range of normal numbers, that at its ends."""
    x = min(max(x, SMALLEST_EXPONENT), LARGEST_EXPONENT)
    t = x * LOG2_E + ROUNDER
    n = t - ROUNDER
    return _two_to(t) * (1.0 + _small_expm1(x - n * LN2_HIGH - n * LN2_LOW))


@part
def expm1(x: float) -> float:
    """e^x - 1, without cancellation for small x; the range is that of `exp`."""
    x = min(max(x, SMALLEST_EXPONENT), LARGEST_EXPONENT)
    t = x * LOG2_E + ROUNDER
    n = t - ROUNDER
    scale = _two_to(t)
    return scale * _small_expm1(x - n * LN2_HIGH - n * LN2_LOW) + (scale - 1.0)


@part
def _two_to(t: float) -> float:
    """2^n for t = n + ROUNDER, whose last bits hold n: they are moved to the exponent's place."""
    return float(
        np.int64((np.float64(t).view(np.int64) << np.int64(52)) + np.int64(0x3FF0000000000000)).view(np.float64)
    )


@part
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


@part
def log(x: float) -> float:
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


@part
def log1p(x: float) -> float:
    """log(1 + x), with the part of x that 1 + x has lost."""
    whole = 1.0 + x
    return log(whole) - ((whole - 1.0) - x) / whole


@part
def normal_tail(z: float, density: float) -> float:
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
