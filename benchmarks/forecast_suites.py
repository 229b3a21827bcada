"""Simulated suites for forecasts: one family of models on many tasks, every model on the same items.

Mean curves come from the menu of curve models or from families outside it; the scatter of models is beta-binomial,
logit-normal or t4; items are hard or easy for all models alike (a Gaussian copula), so that the sampling errors of a
curve's scores are correlated. What is typical of a suite (shapes, scatter, correlation) differs between suites.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from benchmarks.designs import Design, draw_design
from benchmarks.families import OUTSIDE_FAMILIES
from benchmarks.menu import draw_from_menu
from benchmarks.noise import Noise, draw_between_model_sd, expected_scores
from benchmarks.truth import FloatArray, MeanCurve, dense_grid, true_shape, true_turn
from models.curve import ScalePoint, ScalingCurve
from models.options import DEFAULT_BETWEEN_MODEL_SCALE, DEFAULT_CLASS_PRIOR, DEFAULT_SMALLEST_EFFECT, Shape

CURVES = 40
SCALE_COUNTS = (5, 6, 8, 10)
SHAPE_CONCENTRATION = 3.0  # of the Dirichlet of a suite's shapes around the default prior: suites differ widely
LOG_SCATTER_SD = 0.8  # of a suite's between-model scale, as in the prior of the analysis
MOST_CORRELATION = 0.8  # of the items' difficulty between two models, on the scale of the copula
EDGE = 1e-9


@dataclass(frozen=True, slots=True)
class SuiteTruth:
    """What is typical of a suite."""

    shapes: FloatArray
    scatter: float
    correlation: float
    outside: bool


@dataclass(frozen=True, slots=True)
class SuiteMember:
    """A curve, and where its mean truly turns: log10 of the scale, None where it does not."""

    curve: ScalingCurve
    turn: float | None


def simulated_suite(seed: int, index: int, *, outside: bool, curves: int = CURVES) -> tuple[SuiteMember, ...]:
    """Suite number `index`; with `outside` its mean curves are from families that no curve model has."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, int(outside), index]))
    prior = np.array([DEFAULT_CLASS_PRIOR[shape] for shape in Shape])
    truth = SuiteTruth(
        shapes=rng.dirichlet(SHAPE_CONCENTRATION * prior),
        scatter=DEFAULT_BETWEEN_MODEL_SCALE * float(np.exp(LOG_SCATTER_SD * rng.normal())),
        correlation=float(rng.uniform(0, MOST_CORRELATION)),
        outside=outside,
    )
    first = draw_design(rng, scales=int(rng.choice(SCALE_COUNTS)))
    return tuple(_curve(rng, f"task {i}", replace(draw_design(rng), z=first.z), truth) for i in range(curves))


def _curve(rng: np.random.Generator, name: str, design: Design, truth: SuiteTruth) -> SuiteMember:
    shape = tuple(Shape)[int(rng.choice(len(Shape), p=truth.shapes))]
    mean = _outside(rng, shape) if truth.outside else draw_from_menu(rng, shape, design)[1]
    noise = list(Noise)[int(rng.integers(len(Noise)))] if truth.outside else Noise.BETA_BINOMIAL
    f = np.clip(mean(design.u), 0.0, 1.0)
    share = expected_scores(rng, f, draw_between_model_sd(rng, truth.scatter), noise)
    counts = shared_item_counts(rng, share, design.n_examples, truth.correlation)
    points = tuple(
        ScalePoint(float(scale), k / design.n_examples, n_examples=design.n_examples, n_correct=k)
        for scale, k in zip(design.scales, counts, strict=True)
    )
    turn = true_turn(dense_grid(), mean(dense_grid()), shape)
    curve = ScalingCurve(name, design.metric, points, model_family="simulated")
    return SuiteMember(curve, None if turn is None else float(np.log10(design.scale_at(turn.middle))))


def _outside(rng: np.random.Generator, shape: Shape) -> MeanCurve:
    """A curve of that shape from any of the families."""
    while True:
        family = list(OUTSIDE_FAMILIES)[int(rng.integers(len(OUTSIDE_FAMILIES)))]
        mean = OUTSIDE_FAMILIES[family](rng)
        if true_shape(mean(dense_grid()), DEFAULT_SMALLEST_EFFECT) is shape:
            return mean


def shared_item_counts(rng: np.random.Generator, share: FloatArray, n: int, correlation: float) -> list[int]:
    """Items solved by each model: an item is solved where ability exceeds its difficulty, which all models share."""
    difficulty = np.sqrt(correlation) * rng.standard_normal(n)
    own = np.sqrt(1 - correlation) * rng.standard_normal((len(share), n))
    ability = ndtri(np.clip(share, EDGE, 1 - EDGE))
    return [int(count) for count in np.sum(difficulty + own < ability[:, None], axis=1)]
