"""Designs of simulated curves: how many models, where, tested on how many examples, with which metric."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from benchmarks.truth import FloatArray
from models.metrics import REGISTRY, Metric

SCALE_COUNTS = (3, 4, 5, 6, 8, 12)
TEST_SET_SIZES = (50, 100, 200, 500, 1000, 2000, 5000, 10_000)  # about log-uniform
DECADES = (1.0, 4.0)
SMALLEST_LOG_SCALE = (6.0, 9.0)
GAP_CONCENTRATION = 2.0  # of the Dirichlet of unequal gaps
SMALLEST_GAP = 0.02  # of the range: two models are never at the same scale
CHANCES = (0.1, 0.2, 0.25, 0.5)
TARGET_LENGTHS = (None, 1, 2, 3, 5)


@dataclass(frozen=True, slots=True)
class Design:
    """Positions z = log10 scale (K,), sorted; one test-set size for all models; the metric with its chance score."""

    z: FloatArray
    n_examples: int
    metric: Metric

    @property
    def u(self) -> FloatArray:
        """Positions in [0, 1]."""
        return np.asarray((self.z - self.z[0]) / (self.z[-1] - self.z[0]))

    @property
    def scales(self) -> FloatArray:
        """Scales x > 0."""
        return np.asarray(10.0**self.z)

    def scale_at(self, u: float) -> float:
        """The scale at position u."""
        return float(10.0 ** (self.z[0] + u * (self.z[-1] - self.z[0])))


def draw_design(rng: np.random.Generator, scales: int | None = None) -> Design:
    """A random design; `scales` fixes the number of models."""
    count = int(rng.choice(SCALE_COUNTS)) if scales is None else scales
    start, span = rng.uniform(*SMALLEST_LOG_SCALE), rng.uniform(*DECADES)
    u = np.linspace(0, 1, count) if rng.random() < 0.5 else _unequal(rng, count)
    return Design(start + span * u, int(rng.choice(TEST_SET_SIZES)), _draw_metric(rng))


def _unequal(rng: np.random.Generator, count: int) -> FloatArray:
    gaps = SMALLEST_GAP + (1 - SMALLEST_GAP * (count - 1)) * rng.dirichlet(np.full(count - 1, GAP_CONCENTRATION))
    u = np.concatenate([[0.0], np.cumsum(gaps)])
    return np.asarray(u / u[-1])


def _draw_metric(rng: np.random.Generator) -> Metric:
    """Half without a known chance score, a third multiple choice, the rest free-form with chance 0."""
    which = rng.random()
    if which < 1 / 2:
        return REGISTRY["accuracy"]
    if which < 5 / 6:
        return replace(REGISTRY["multiple_choice_grade"], chance=float(rng.choice(CHANCES)))
    return replace(REGISTRY["exact_match"], target_length=TARGET_LENGTHS[int(rng.integers(len(TARGET_LENGTHS)))])
