"""Numbers of test examples that follow exactly from scores and their standard errors, or from other scores."""

from __future__ import annotations

import numpy as np

from models.arrays import Bools, Floats, Ints

RELATIVE = 1e-8  # of n: harnesses write all digits of a double, whose error is smaller by far
RELATIVE_COUNT = 1e-9  # of k or n - k, whichever is smaller
ROUNDING = 4e-15  # of n: what a score near 1 has lost in n - k
ABSOLUTE = 1e-6  # examples
SHORT_DECIMALS = 6
SHORTNESS = 1e-7  # of the last of these decimals
LARGEST = 1e7  # examples; beyond, n and n + 1 cannot be told apart by the digits of a double


def exact_counts(scores: Floats, stderrs: Floats) -> Floats:
    """Whole n for which k = n p is whole and se² = p (1 - p)/(n - 1), or p (1 - p)/n; NaN where there is none.

    Both at once are met by chance in fewer than one of 10⁵ means of other numbers than 0 and 1.
    """
    found = np.full(len(scores), np.nan)
    usable = (scores > 0) & (scores < 1) & (stderrs > 0) & ~_short(stderrs)
    p, se = scores[usable], stderrs[usable]
    with np.errstate(divide="ignore", over="ignore"):
        ratio = p * (1 - p) / se**2
    ratio = np.where(ratio < LARGEST, ratio, 0.0)
    values = np.full(len(p), np.nan)
    for shift in (0, 1):  # lm-evaluation-harness and Inspect divide by n - 1: found last, they win
        n = np.rint(ratio + shift)
        k = np.rint(n * p)
        near_n = np.abs(ratio + shift - n) <= RELATIVE * n + ABSOLUTE
        near_k = np.abs(n * p - k) <= RELATIVE_COUNT * np.minimum(k, n - k) + ROUNDING * n
        fits = near_n & near_k & (k >= 1) & (k < n)
        values[fits] = n[fits]
    found[usable] = values
    return found


def _short(stderrs: Floats) -> Bools:
    """Standard errors of so few decimals that they are rounded, or roots of squares: 0.4 and 0.1 prove no n of 25."""
    scaled = np.minimum(stderrs, 1.0) * 10.0**SHORT_DECIMALS  # that of a share is below 1
    return np.asarray(np.abs(scaled - np.rint(scaled)) < SHORTNESS)


def counts_elsewhere(n: Floats, groups: Ints) -> Floats:
    """For each entry the n that all known entries of its group agree on; NaN where none is known, or several are."""
    known = ~np.isnan(n)
    size = int(groups.max(initial=-1)) + 1
    least, most = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(least, groups[known], n[known])
    np.maximum.at(most, groups[known], n[known])
    agreed = np.where(least == most, least, np.nan)
    return np.asarray(agreed[groups])
