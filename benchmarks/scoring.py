"""Figures of merit of probabilities, labels and intervals whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from benchmarks.outcomes import Outcome
from benchmarks.truth import FloatArray
from models.options import UNDETERMINED, Shape

BoolArray = npt.NDArray[np.bool_]

BINS = 10
CONFIDENT = 0.9
PROBABILITY_FLOOR = 1e-6  # a log loss counts a probability of zero as one in a million
PERFECT_REPEATS = 400
SHAPES = tuple(shape.value for shape in Shape)


@dataclass(frozen=True, slots=True)
class Share:
    """A proportion with its two-sided 95 % Clopper-Pearson interval."""

    successes: int
    total: int

    @property
    def value(self) -> float | None:
        """The proportion; None of nothing."""
        return self.successes / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float]:
        """Clopper-Pearson."""
        if not self.total:
            return 0.0, 1.0
        k, n = self.successes, self.total
        lower = 0.0 if k == 0 else float(stats.beta.ppf(0.025, k, n - k + 1))
        upper = 1.0 if k == n else float(stats.beta.ppf(0.975, k + 1, n - k))
        return lower, upper


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a reliability diagram."""

    confidence: float
    right: Share


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean with its standard error."""

    value: float
    error: float


def share(hits: BoolArray) -> Share:
    """How many of `hits` are true."""
    return Share(int(hits.sum()), int(hits.size))


def mean_of(values: FloatArray) -> Mean:
    """Mean and standard error of independent values."""
    return Mean(float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else 0.0)


def truth_codes(outcomes: Sequence[Outcome]) -> npt.NDArray[np.int64]:
    """Index of each true shape in `tuple(Shape)`."""
    return np.array([SHAPES.index(o.shape) for o in outcomes])


def probabilities(outcomes: Sequence[Outcome]) -> FloatArray:
    """Class probabilities (N, 5)."""
    return np.array([o.probabilities for o in outcomes])


def log_losses(p: FloatArray, truth: npt.NDArray[np.int64]) -> FloatArray:
    """-log probability of the true class, per curve."""
    return -np.log(np.maximum(p[np.arange(len(truth)), truth], PROBABILITY_FLOOR))


def right_of(p: FloatArray, truth: npt.NDArray[np.int64]) -> BoolArray:
    """Whether the most probable class is the true one."""
    return np.asarray(p.argmax(axis=1) == truth)


def reliability(p: FloatArray, truth: npt.NDArray[np.int64]) -> list[Bin]:
    """Top-label reliability in ten equal bins of probability; empty bins are left out."""
    top, right = p.max(axis=1), right_of(p, truth)
    which = np.minimum((top * BINS).astype(int), BINS - 1)
    inside = [which == b for b in range(BINS)]
    return [Bin(float(top[rows].mean()), share(right[rows])) for rows in inside if rows.any()]


def calibration_error(top: FloatArray, right: BoolArray) -> float:
    """Expected calibration error of the top label in ten equal bins."""
    which = np.minimum((top * BINS).astype(int), BINS - 1)
    gaps = np.bincount(which, weights=right - top, minlength=BINS)
    return float(np.abs(gaps).sum() / top.size)


def perfect_calibration_error(top: FloatArray, seed: int) -> float:
    """The expected calibration error that perfectly calibrated answers of these probabilities show by chance."""
    rng = np.random.default_rng(seed)
    repeats = [calibration_error(top, rng.random(top.size) < top) for _ in range(PERFECT_REPEATS)]
    return float(np.mean(repeats))


def confident(outcomes: Sequence[Outcome]) -> Share:
    """Labels given with probability >= .9 that are right; `undetermined` is no label."""
    given = [o for o in outcomes if o.label != UNDETERMINED and o.probability >= CONFIDENT]
    return share(np.array([o.label == o.shape for o in given], dtype=bool))


def confident_shapes(p: FloatArray, truth: npt.NDArray[np.int64]) -> Share:
    """Most probable shapes of probability >= .9 that are right, whatever the label."""
    rows = p.max(axis=1) >= CONFIDENT
    return share(right_of(p[rows], truth[rows]))


def confusion(outcomes: Sequence[Outcome]) -> npt.NDArray[np.int64]:
    """Counts (5 true shapes, 5 labels + undetermined)."""
    table = np.zeros((len(SHAPES), len(SHAPES) + 1), dtype=np.int64)
    columns = (*SHAPES, UNDETERMINED)
    for o in outcomes:
        table[SHAPES.index(o.shape), columns.index(o.label)] += 1
    return table


@dataclass(frozen=True, slots=True)
class TurnCoverage:
    """Coverage of the turn's interval among curves that have one, and what it costs.

    `covered` counts the middle of the set of minimisers, `touched` any point of it, `missing` the curves without an
    interval (P(u_shaped) <= .01). `width` is the median width in fractions of the observed range, None without any.
    """

    covered: Share
    touched: Share
    missing: Share
    width: float | None


def turn_coverage(outcomes: Sequence[Outcome]) -> TurnCoverage:
    """Coverage over curves that have a true turn."""
    given = [o for o in outcomes if o.turn_estimate is not None]
    covered = np.array([_inside(o, o.turn, o.turn) for o in given], dtype=bool)
    touched = np.array([_inside(o, o.turn_first, o.turn_last) for o in given], dtype=bool)
    widths = [w for o in given if (w := _width(o)) is not None]
    missing = Share(len(outcomes) - len(given), len(outcomes))
    return TurnCoverage(share(covered), share(touched), missing, float(np.median(widths)) if widths else None)


def _inside(o: Outcome, first: float | None, last: float | None) -> bool:
    if first is None or last is None:
        return False
    above = o.turn_lower is None or last >= o.turn_lower
    return above and (o.turn_upper is None or first <= o.turn_upper)


def _width(o: Outcome) -> float | None:
    if o.turn_lower is None or o.turn_upper is None:
        return None
    return float(np.log10(o.turn_upper / o.turn_lower) / o.decades)


def class_balance(p: FloatArray, truth: npt.NDArray[np.int64]) -> list[tuple[str, float, float, float]]:
    """Per class: share among the truths, mean probability, and their difference in standard errors."""
    rows = []
    for c, name in enumerate(SHAPES):
        expected, observed = float(p[:, c].mean()), float((truth == c).mean())
        sd = float(np.sqrt((p[:, c] * (1 - p[:, c])).sum()) / len(truth))
        rows.append((name, observed, expected, (observed - expected) / sd if sd else 0.0))
    return rows
