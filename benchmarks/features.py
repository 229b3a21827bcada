"""What a classifier sees of a curve: everything that the analysis sees, as numbers of fixed length."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.designs import SCALE_COUNTS
from benchmarks.simulators import DataSet, Simulated, Stream, simulate
from benchmarks.truth import FloatArray
from models.options import Shape

INTERPOLATED = 9
PADDED = max(SCALE_COUNTS)
UNKNOWN = -1.0
DIGITS = 6


def training_work(name: str, seed: int, chunk: range) -> list[dict[str, Any]]:
    """Features and class of training curves of the data set `name`."""
    return [_line(simulate(DataSet(name), seed, index, Stream.TRAINING)) for index in chunk]


def test_work(name: str, seed: int, chunk: range) -> list[dict[str, Any]]:
    """Features and class of the very curves that the analysis is tested on."""
    return [_line(simulate(DataSet(name), seed, index)) for index in chunk]


def _line(simulated: Simulated) -> dict[str, Any]:
    x = np.round(features(simulated), DIGITS)
    return {"x": x.tolist(), "y": list(Shape).index(simulated.truth.shape)}


def features(simulated: Simulated) -> FloatArray:
    """Features of one curve; padding is zero and the number of scales is among them."""
    design, points = simulated.design, simulated.curve.points
    n = design.n_examples
    k = np.array([point.n_correct for point in points], dtype=np.float64)
    smoothed = (k + 0.5) / (n + 1)
    x, u = np.log(smoothed / (1 - smoothed)), design.u
    se = 1 / np.sqrt(n * smoothed * (1 - smoothed))
    parts = [
        _context(simulated, u),
        np.interp(np.linspace(0, 1, INTERPOLATED), u, x),
        *(_padded(values) for values in (u, x, k / n, np.diff(x), np.diff(x) / np.hypot(se[1:], se[:-1]))),
        _changes(k / n, np.sqrt(smoothed * (1 - smoothed) / n), u),
        _changes(x, se, u),
        _polynomials(u, x, se),
    ]
    return np.concatenate(parts)


def _context(simulated: Simulated, u: FloatArray) -> FloatArray:
    design = simulated.design
    chance, length = design.metric.chance, design.metric.target_length
    span = design.z[-1] - design.z[0]
    known = UNKNOWN if chance is None else chance
    return np.array([np.log(design.n_examples), u.size, span, known, length or UNKNOWN, u.mean(), np.diff(u).max()])


def _padded(values: FloatArray) -> FloatArray:
    return np.concatenate([values, np.zeros(PADDED - values.size)])


def _changes(y: FloatArray, se: FloatArray, u: FloatArray) -> FloatArray:
    """The design's A, B, C, D and net change, plain and in standard errors, and where the extremes are."""
    low, high = int(y.argmin()), int(y.argmax())
    pairs = [(0, low), (-1, low), (high, 0), (high, -1), (-1, 0)]
    plain = np.array([y[i] - y[j] for i, j in pairs])
    errors = np.array([np.hypot(se[i], se[j]) for i, j in pairs])
    u_size, n_size = min(plain[0], plain[1]), min(plain[2], plain[3])
    return np.concatenate([plain, plain / errors, [u_size, n_size, u[low], u[high]]])


def _polynomials(u: FloatArray, x: FloatArray, se: FloatArray) -> FloatArray:
    """Weighted line and parabola with their residuals, in standard errors."""
    found: list[float] = []
    for degree in (1, 2):
        columns = np.vander(u - 0.5, degree + 1) / se[:, None]
        coefficients = np.linalg.lstsq(columns, x / se, rcond=None)[0]
        residual = x / se - columns @ coefficients
        found += [*coefficients, float(np.sqrt(np.mean(residual**2)))]
    return np.array(found)
