"""Logarithms of rising factorials Γ(k + a)/Γ(a), of which the densities of counts are made."""

from __future__ import annotations

import math

from models.arrays import Floats
from models.compiled import part
from models.engines.lanes import fill
from models.engines.vector_math import log, log1p

STIRLING_FROM = 8.0  # four Stirling terms are exact to 1e-11 from here
SHIFT = 8  # by so much is a smaller argument of a gamma function raised
FEW = 8.0  # successes up to which a product replaces two gamma functions
SMALLEST_DIRECT = 1e-40  # a from which the product of eight ratios to it stays finite


@part
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


@part
def log_rising_row(k: float, a: Floats, found: Floats, spare: Floats) -> None:
    """`log_rising` for a row of a."""
    if k > FEW:
        _log_rising_many(k, a, found)
        _raise_small(k, a, found)
    elif k == math.floor(k):
        fill(1.0, spare)
        for i in range(1, int(k)):
            for s in range(len(spare)):
                spare[s] *= 1.0 + i / a[s]
        for s in range(len(spare)):
            found[s] = log(spare[s])
    for s in range(len(found)):
        if a[s] < SMALLEST_DIRECT or (k <= FEW and k != math.floor(k)):
            found[s] = log_rising(k, a[s])


@part
def _log_rising_many(k: float, a: Floats, found: Floats) -> None:
    """By Stirling's series, the argument raised where it is small."""
    for s in range(len(found)):
        small = a[s] <= STIRLING_FROM
        raised = a[s] + SHIFT if small else a[s]
        rest = k - SHIFT if small else k
        found[s] = (k + a[s] - 0.5) * log1p(rest / raised) - rest + _stirling(k + a[s]) - _stirling(raised)


@part
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
        found[s] += k * log(ratio) + log(product)


@part
def _stirling(x: float) -> float:
    inverse = 1.0 / x
    square = inverse * inverse
    return inverse * (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square * (1.0 / 1680))))
