"""Noise of simulated scores: test examples and the variation of models of one family around their curve."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from scipy.special import expit, logit

from benchmarks.truth import FloatArray
from models.options import DEFAULT_BETWEEN_MODEL_SCALE

T_DEGREES = 4
SMALLEST_SD = 1e-7  # below it a beta of mean f cannot be told from the point f, and its parameters overflow
EDGE = 1e-12


class Noise(StrEnum):
    """How a model's expected score varies around the curve; the test examples are binomial given it."""

    BETA_BINOMIAL = "beta_binomial"
    LOGIT_NORMAL = "logit_normal"
    LOGIT_T4 = "logit_t4"


def draw_between_model_sd(rng: np.random.Generator, scale: float = DEFAULT_BETWEEN_MODEL_SCALE) -> float:
    """r ~ HalfCauchy(scale) truncated at 1, by inversion."""
    return float(scale * np.tan(rng.uniform() * np.arctan(1.0 / scale)))


def draw_successes(rng: np.random.Generator, f: FloatArray, n: int, r: float, noise: Noise) -> FloatArray:
    """Correct answers out of n around the curve f (K,).

    On the logit the sd is 2r, which is the sd r sqrt(f (1 - f)) of the beta-binomial at f = 1/2; t4 is scaled to it.
    """
    return rng.binomial(n, expected_scores(rng, f, r, noise)).astype(np.float64)


def expected_scores(rng: np.random.Generator, f: FloatArray, r: float, noise: Noise) -> FloatArray:
    """Expected scores (K,) of models around the curve f (K,), before any test."""
    if noise is Noise.BETA_BINOMIAL:
        return _beta(rng, f, r)
    if noise is Noise.LOGIT_NORMAL:
        deviation = rng.normal(size=f.shape)
    else:
        deviation = rng.standard_t(T_DEGREES, size=f.shape) / np.sqrt(T_DEGREES / (T_DEGREES - 2))
    inside = np.clip(f, EDGE, 1 - EDGE)
    return np.where((f > 0) & (f < 1), expit(logit(inside) + 2 * r * deviation), f)


def _beta(rng: np.random.Generator, f: FloatArray, r: float) -> FloatArray:
    total = 1.0 / max(r, SMALLEST_SD) ** 2 - 1.0
    varies = (f > EDGE) & (f < 1 - EDGE)
    inside = np.where(varies, f, 0.5)
    return np.where(varies, rng.beta(inside * total, (1 - inside) * total), f)
