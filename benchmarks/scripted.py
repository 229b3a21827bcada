"""What people script today: a bootstrapped logistic by scipy, and a broken stick by piecewise-regression."""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass

import numpy as np
import piecewise_regression
from scipy.optimize import OptimizeWarning, curve_fit
from scipy.special import expit, logit

from benchmarks.scoring import Share
from benchmarks.simulators import Simulated
from benchmarks.truth import FloatArray

BOOTSTRAPS = 1000
BOUNDS = ([0.0, 0.0, -0.5, 0.01], [1.0, 1.0, 1.5, 2.0])  # left, right, midpoint, width
FEWEST_POINTS = 5  # of a broken stick with four free numbers


@dataclass(frozen=True, slots=True)
class Scripted:
    """Seconds a curve, how many curves gave an answer, and how many 95 % intervals of the turn held the truth."""

    name: str
    seconds: float
    answered: Share
    turn_covered: Share | None


def scripted(curves: Sequence[Simulated], seed: int) -> list[Scripted]:
    """Both scripts on the same U-shaped curves."""
    rng = np.random.default_rng(seed)
    long = [curve for curve in curves if curve.design.z.size >= FEWEST_POINTS]
    return [
        _timed(f"scipy curve_fit, logistic, {BOOTSTRAPS:,} bootstraps", curves, lambda c: _bootstrapped(c, rng)),
        _timed(f"piecewise-regression on the logit, K ≥ {FEWEST_POINTS}", long, _broken_stick),
    ]


def _timed(
    name: str, curves: Sequence[Simulated], script: Callable[[Simulated], tuple[float, float] | None]
) -> Scripted:
    began = time.perf_counter()
    answers = [script(curve) for curve in curves]
    seconds = (time.perf_counter() - began) / len(curves)
    turns = [(answer, _turn(curve)) for answer, curve in zip(answers, curves, strict=True) if answer is not None]
    inside = sum(low <= turn <= high for (low, high), turn in turns)
    covered = Share(inside, len(turns)) if script is _broken_stick else None
    return Scripted(name, seconds, Share(len(turns), len(curves)), covered)


def _turn(curve: Simulated) -> float:
    if curve.truth.turn is None:
        raise ValueError(f"{curve.truth.shape} has no turn: U-shaped curves are compared")
    return float((np.log10(curve.truth.turn) - curve.design.z[0]) / (curve.design.z[-1] - curve.design.z[0]))


def _scores(curve: Simulated) -> FloatArray:
    return np.array([point.score for point in curve.curve.points])


def _logistic(u: FloatArray, left: float, right: float, midpoint: float, width: float) -> FloatArray:
    return np.asarray(left + (right - left) * expit((u - midpoint) / width))


def _fit(u: FloatArray, y: FloatArray, start: FloatArray) -> FloatArray | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizeWarning)
        try:
            return np.asarray(curve_fit(_logistic, u, y, p0=start, bounds=BOUNDS)[0])
        except RuntimeError:  # scipy's word for "no convergence"
            return None


def _bootstrapped(curve: Simulated, rng: np.random.Generator) -> tuple[float, float] | None:
    """95 % bootstrap interval of the midpoint."""
    u, y, n = curve.design.u, _scores(curve), curve.design.n_examples
    best = _fit(u, y, np.array([y[0], y[-1], 0.5, 0.2]))
    if best is None:
        return None
    fitted = np.clip(_logistic(u, *best), 0, 1)
    found = [_fit(u, rng.binomial(n, fitted) / n, best) for _ in range(BOOTSTRAPS)]
    midpoints = [parameters[2] for parameters in found if parameters is not None]
    low, high = np.quantile(midpoints, [0.025, 0.975])
    return float(low), float(high)


def _broken_stick(curve: Simulated) -> tuple[float, float] | None:
    """95 % interval of the break point; None when the package gives none."""
    n = curve.design.n_examples
    y = logit((_scores(curve) * n + 0.5) / (n + 1))
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = piecewise_regression.Fit(curve.design.u, y, n_breakpoints=1).get_results()
    if not found["converged"] or found["estimates"] is None:
        return None
    low, high = found["estimates"]["breakpoint1"]["confidence_interval"]
    return float(low), float(high)
