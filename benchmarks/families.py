"""Families of mean curves that the menu of curve models does not hold.

Each family draws one mean curve u -> f in (0, 1), u in [0, 1] the position in the observed range. Amplitudes are
log-uniform, so that flat, faint and large changes all occur; the shape is never asked for but found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType

import numpy as np
from scipy.special import expit

from benchmarks.truth import FloatArray, MeanCurve

Family = Callable[[np.random.Generator], MeanCurve]

LEVEL_SD = 1.2  # of the logit of the level: two thirds of the curves start between .23 and .77
AMPLITUDES = (0.06, 5.0)  # on the logit: .06 is a change of .015 at one half, below delta = .02
WIDTHS = (0.03, 0.5)  # of sigmoids, in fractions of the observed range
UNEQUAL = 1.5  # two sigmoids of one curve differ in width by at least this factor
LENGTH_SCALES = (0.25, 0.5, 1.0)  # of the Gaussian process, in fractions of the observed range
PROCESS_SD = (0.03, 2.5)
PROCESS_NODES = 401
JITTER = 1e-8
BUMP_WIDTHS = (0.1, 0.5)  # in fractions of the observed range
BREAK_SHARPNESS = (0.02, 0.3)
HEIGHTS = (0.02, 1.0)  # of a broken law, as a share of what its limit leaves
SLOPE_SD = 1.5  # of the exponents of a broken scaling law, per observed range in natural logarithms
JUMPS = (0.01, 0.7)  # of steps, in score
OPPOSED = 0.65  # share of two sigmoids or steps of opposite direction, so that turned curves are not rare
LEAST_PLATEAU = 0.15  # between two jumps: a level so short that no model shows it tests nothing
LONGEST_PLATEAU = 0.9
MARGIN = 0.005  # steps stay this far from 0 and 1


def log_uniform(rng: np.random.Generator, bounds: tuple[float, float]) -> float:
    """One draw, uniform on the logarithm between the bounds."""
    return float(np.exp(rng.uniform(np.log(bounds[0]), np.log(bounds[1]))))


def _signed(rng: np.random.Generator, bounds: tuple[float, float]) -> float:
    return log_uniform(rng, bounds) * (1.0 if rng.random() < 0.5 else -1.0)


def _pair(rng: np.random.Generator, bounds: tuple[float, float]) -> tuple[float, float]:
    first, second = _signed(rng, bounds), log_uniform(rng, bounds)
    return first, second * np.sign(first) * (-1.0 if rng.random() < OPPOSED else 1.0)


def two_sigmoids(rng: np.random.Generator) -> MeanCurve:
    """Two sigmoids of unequal width on the logit."""
    level, first, second = rng.normal(0, LEVEL_SD), *_pair(rng, AMPLITUDES)
    m1, m2 = rng.uniform(-0.1, 1.1, size=2)
    w1 = log_uniform(rng, WIDTHS)
    w2 = log_uniform(rng, WIDTHS)
    while max(w1, w2) < UNEQUAL * min(w1, w2):
        w2 = log_uniform(rng, WIDTHS)
    return lambda u: expit(level + first * expit((u - m1) / w1) + second * expit((u - m2) / w2))


def broken_law(rng: np.random.Generator) -> MeanCurve:
    """Broken neural scaling law of the error with one or two breaks.

    Source: Caballero et al., arXiv 2210.14891, eq. 1: a + b x^-c0 prod (1 + (x/d_i)^(1/f_i))^(-c_i f_i), in u.
    """
    breaks = int(rng.integers(1, 3))
    c0, slopes = rng.normal(0.3, SLOPE_SD), rng.normal(0, 2 * SLOPE_SD, size=breaks)
    places = rng.uniform(0, 1, size=breaks)
    sharpness = np.array([log_uniform(rng, BREAK_SHARPNESS) for _ in range(breaks)])
    limit = float(rng.uniform(0.0, 0.6))
    height = log_uniform(rng, HEIGHTS) * (1 - limit)

    def log_power(u: FloatArray) -> FloatArray:
        bends = np.logaddexp(0.0, (u[:, None] - places) / sharpness)
        return np.asarray(-c0 * u - bends @ (slopes * sharpness))

    top = float(log_power(np.linspace(0, 1, PROCESS_NODES)).max())
    return lambda u: 1.0 - limit - height * np.exp(np.minimum(log_power(u) - top, 0.0))


def gaussian_process(rng: np.random.Generator) -> MeanCurve:
    """A Gaussian process with squared-exponential kernel on the logit."""
    length_scale = LENGTH_SCALES[int(rng.integers(len(LENGTH_SCALES)))]
    level, sd = rng.normal(0, LEVEL_SD), log_uniform(rng, PROCESS_SD)
    path = _process_root(length_scale) @ rng.normal(size=PROCESS_NODES)
    nodes = np.linspace(0, 1, PROCESS_NODES)
    return lambda u: expit(level + sd * np.interp(u, nodes, path))


@cache
def _process_root(length_scale: float) -> FloatArray:
    u = np.linspace(0, 1, PROCESS_NODES)
    kernel = np.exp(-((u[:, None] - u) ** 2) / (2 * length_scale**2))
    return np.linalg.cholesky(kernel + JITTER * np.eye(PROCESS_NODES))


def step(rng: np.random.Generator) -> MeanCurve:
    """One or two jumps between constant levels."""
    plateau = float(rng.uniform(LEAST_PLATEAU, LONGEST_PLATEAU)) if rng.random() < 0.5 else 0.0
    first = float(rng.uniform(0.0, 1.0 - plateau))
    places = np.array([first, first + plateau] if plateau else [first])
    jumps = np.array(_pair(rng, JUMPS)[: places.size])
    start = float(rng.uniform(0.05, 0.95))
    values = np.clip(start + np.concatenate([[0.0], np.cumsum(jumps)]), MARGIN, 1 - MARGIN)
    return lambda u: values[np.searchsorted(places, u, side="right")]


def bump(rng: np.random.Generator) -> MeanCurve:
    """A Gaussian bump or dent on a straight line, on the logit."""
    level, slope = rng.normal(0, LEVEL_SD), _signed(rng, AMPLITUDES)
    height, width = _signed(rng, AMPLITUDES), log_uniform(rng, BUMP_WIDTHS)
    place = rng.uniform(-0.1, 1.1)
    return lambda u: expit(level + slope * (u - 0.5) + height * np.exp(-(((u - place) / width) ** 2) / 2))


OUTSIDE_FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "two_sigmoids": two_sigmoids,
        "broken_law": broken_law,
        "gaussian_process": gaussian_process,
        "step": step,
        "bump": bump,
    }
)
