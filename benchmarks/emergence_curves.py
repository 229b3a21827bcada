"""Simulated exact-match curves whose cause is known: a smooth per-token curve, or a sharp transition."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from scipy.special import erf, expit

from benchmarks.noise import Noise, draw_successes
from benchmarks.truth import FloatArray
from models.curve import ScalePoint, ScalingCurve
from models.metrics import REGISTRY

DECADES = (2.5, 4.0)  # observed range
LENGTHS = (2, 10)  # tokens of the answer
EXPONENTS = (0.2, 0.95)  # of a per-token power law: 10-90 widths of 1.4 to 6.7 decades
TOKEN_WIDTHS = (1.5, 4.0)  # decades from 10 to 90 % of a per-token accuracy that is a sigmoid
SHARP_WIDTHS = (0.1, 0.6)  # decades from 10 to 90 % of a sharp transition
PLACES = (0.3, 0.9)  # middle of a sharp transition, in the observed range
TOPS = (0.2, 1.0)
FLOORS = (0.0, 0.002)
SD = 0.03  # of a half-normal between-model sd
ERF_10_90, SIGMOID_10_90 = 1.8124, 2 * np.log(9)  # 10-90 widths of erf(x) and 1/(1 + e^-x)


class Cause(StrEnum):
    """What the curve comes from."""

    POWER_LAW = "per-token power law"
    SIGMOID = "per-token sigmoid"
    LOGISTIC = "sharp logistic"
    ERROR_FUNCTION = "sharp error function"
    RAMP = "sharp ramp"


SMOOTH = (Cause.POWER_LAW, Cause.SIGMOID)


@dataclass(frozen=True, slots=True)
class KnownCause:
    """A curve and what it comes from."""

    curve: ScalingCurve
    cause: Cause


def known_cause(cause: Cause, seed: int, index: int, scales: int, n: int) -> KnownCause:
    """Curve number `index`; target length known."""
    rng = np.random.default_rng([seed, list(Cause).index(cause), scales, n, index])
    z = _scales(rng, scales)
    length = int(rng.integers(LENGTHS[0], LENGTHS[1] + 1))
    r, noise = abs(float(rng.normal(0, SD))), list(Noise)[int(rng.integers(2))]
    mean = np.clip(_smooth(rng, cause, z, length) if cause in SMOOTH else _sharp(rng, cause, z), 0.0, 1.0)
    counts = draw_successes(rng, mean, n, r, noise)
    points = tuple(
        ScalePoint(float(10**place), float(k) / n, n, n_correct=int(k)) for place, k in zip(z, counts, strict=True)
    )
    metric = replace(REGISTRY["exact_match"], target_length=length)
    return KnownCause(ScalingCurve(f"{cause} {index}", metric, points), cause)


def _scales(rng: np.random.Generator, count: int) -> FloatArray:
    """Logarithms of scales, evenly spaced or at random."""
    inner = np.linspace(0, 1, count)[1:-1] if rng.random() < 0.5 else np.sort(rng.uniform(0, 1, count - 2))
    return 8 + np.concatenate([[0.0], inner, [1.0]]) * rng.uniform(*DECADES)


def _smooth(rng: np.random.Generator, cause: Cause, z: FloatArray, length: int) -> FloatArray:
    if cause is Cause.POWER_LAW:
        reached = z[-1] - rng.uniform(0, 1.5)  # where the answer has one expected failure
        return np.asarray(np.exp(-np.exp(-rng.uniform(*EXPONENTS) * np.log(10) * (z - reached))))
    middle, width = rng.uniform(z[0], z[-1]), rng.uniform(*TOKEN_WIDTHS)
    return np.asarray(expit((z - middle) * SIGMOID_10_90 / width) ** length)


def _sharp(rng: np.random.Generator, cause: Cause, z: FloatArray) -> FloatArray:
    middle, width = z[0] + rng.uniform(*PLACES) * (z[-1] - z[0]), rng.uniform(*SHARP_WIDTHS)
    top, floor = rng.uniform(*TOPS), float(rng.choice(FLOORS))
    x = (z - middle) / width
    if cause is Cause.LOGISTIC:
        step = expit(x * SIGMOID_10_90)
    elif cause is Cause.ERROR_FUNCTION:
        step = 0.5 + 0.5 * erf(x * ERF_10_90)
    else:
        step = np.clip(0.5 + 0.8 * x, 0, 1)
    return np.asarray(floor + (top - floor) * step)
