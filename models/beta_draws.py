"""Draws from beta distributions, in compiled loops: ratios of gamma draws (Marsaglia and Tsang 2000, ACM TOMS 26).

The numbers to begin with are given; a draw that needs more makes them from a state of its own.
"""

from __future__ import annotations

import math

import numpy as np

from models.compiled import part

GOLDEN, FIRST_FACTOR, SECOND_FACTOR = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # of SplitMix64

type Gamma = tuple[float, float, float]
"""Shape of a gamma distribution, and what its draws need."""
type Quartet = tuple[float, float, float, float]
"""Two normal and two exponential numbers."""


@part
def gamma(shape: float) -> Gamma:
    """The gamma distribution of this shape."""
    d = (shape if shape >= 1.0 else shape + 1.0) - 1.0 / 3
    return shape, d, 1.0 / math.sqrt(9.0 * d)


@part
def beta_draw(a: Gamma, b: Gamma, given: Quartet, state: np.uint64) -> tuple[np.uint64, float]:
    """Ratio of two gamma draws, from two normal and two exponential numbers."""
    state, first, first_boost = _gamma_draw(a, given[0], given[2], state)
    state, second, second_boost = _gamma_draw(b, given[1], given[3], state)
    if first_boost != second_boost:
        second *= math.exp(min(second_boost - first_boost, 700.0))
    return state, first / (first + second)


@part
def next_uniform(state: np.uint64) -> tuple[np.uint64, float]:
    """SplitMix64 (Steele, Lea and Flood 2014, OOPSLA): the next state and a number in (0, 1)."""
    state = state + np.uint64(GOLDEN)
    bits = (state ^ (state >> np.uint64(30))) * np.uint64(FIRST_FACTOR)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(SECOND_FACTOR)
    bits = bits ^ (bits >> np.uint64(31))
    return state, (float(bits >> np.uint64(11)) + 0.5) * 2.0**-53


@part
def _gamma_draw(law: Gamma, normal: float, exponential: float, state: np.uint64) -> tuple[np.uint64, float, float]:
    """Marsaglia and Tsang 2000: a gamma draw is the second number times the exponential of the third.

    The third is their power of a uniform for shapes below 1, else 0. `normal` is the first to be tried.
    """
    shape, d, c = law
    boost = -exponential / shape if shape < 1.0 else 0.0
    while True:
        state, uniform = next_uniform(state)
        root, square = 1.0 + c * normal, normal * normal
        if root > 0.0:
            cube = root * root * root
            if uniform < 1.0 - 0.0331 * square * square:
                return state, d * cube, boost
            if math.log(uniform) < 0.5 * square + d * (1.0 - cube + math.log(cube)):
                return state, d * cube, boost
        state, uniform = next_uniform(state)
        normal = _normal_quantile(uniform)


@part
def _normal_quantile(p: float) -> float:
    """Wichura 1988, Applied Statistics 37, algorithm AS 241, PPND7: seven digits."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        top = ((59.109374720 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179
        return q * top / (((67.187563600 * r + 78.757757664) * r + 17.895169469) * r + 1.0)
    r = math.sqrt(-math.log(min(p, 1.0 - p)))
    if r <= 5.0:
        r -= 1.6
        top = ((0.17023821103 * r + 1.3067284816) * r + 2.7568153900) * r + 1.4234372777
        size = top / ((0.12021132975 * r + 0.73700164250) * r + 1.0)
    else:
        r -= 5.0
        top = ((0.017337203997 * r + 0.42868294337) * r + 3.0812263860) * r + 6.6579051150
        size = top / ((0.012258202635 * r + 0.24197894225) * r + 1.0)
    return size if q > 0.0 else -size
