"""Tests that ranks are uniform on [0, 1]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from benchmarks.truth import FloatArray

BINS = 20
SIMULTANEOUS = 0.95


@dataclass(frozen=True, slots=True)
class Uniformity:
    """p-values of chi-square over 20 bins and of the largest ECDF deviation (Kolmogorov's), and that deviation."""

    curves: int
    chi_square_p: float
    ecdf_p: float
    deviation: float

    @property
    def p(self) -> float:
        """Both tests in one: Bonferroni over the two."""
        return min(1.0, 2 * min(self.chi_square_p, self.ecdf_p))


def uniformity(ranks: FloatArray) -> Uniformity:
    """Test ranks in [0, 1]."""
    counts = np.histogram(np.clip(ranks, 0, 1), bins=BINS, range=(0, 1))[0]
    ecdf = stats.kstest(ranks, "uniform")
    return Uniformity(ranks.size, float(stats.chisquare(counts).pvalue), float(ecdf.pvalue), float(ecdf.statistic))


def band(curves: int) -> float:
    """Half-width of the 95 % simultaneous band of an ECDF of that many uniform ranks."""
    return float(stats.kstwo.ppf(SIMULTANEOUS, curves))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given."""
    p = np.asarray(p_values)
    order = np.argsort(p)
    stepped = np.maximum.accumulate((p.size - np.arange(p.size)) * p[order])
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in adjusted]


def by_quantity(lines: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, FloatArray]:
    """Ranks of each quantity from the lines of one section; a parameter that chance fixes is missing in some."""
    names = dict.fromkeys(name for line in lines for name in line["ranks"])
    return {name: np.array([line["ranks"][name] for line in lines if name in line["ranks"]]) for name in names}
