"""Simulated scaling curves whose shape is known: (a) from the menu of curve models, (b) from families outside it.

Curve `index` of a data set depends on (seed, data set, stream, index) alone: any chunk can be made anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from benchmarks.designs import Design, draw_design
from benchmarks.families import OUTSIDE_FAMILIES
from benchmarks.menu import draw_from_menu
from benchmarks.noise import Noise, draw_between_model_sd, draw_successes
from benchmarks.truth import FloatArray, MeanCurve, dense_grid, true_shape, true_turn
from models.curve import ScalePoint, ScalingCurve
from models.options import DEFAULT_CLASS_PRIOR, DEFAULT_SMALLEST_EFFECT, Shape

# Choices are made on the development seed; the gate seed is for the figures that are published.
DEVELOPMENT_SEED = 20_221_104
GATE_SEED = 77_040_615
SEEDS = {"dev": DEVELOPMENT_SEED, "gate": GATE_SEED}

RISE_SCALES = 5  # the design's example of a rise called flat is at K = 5
RISE_LEVELS = (0.2, 0.8)


class DataSet(StrEnum):
    """What is simulated. `*_turn` hold true U shapes only; `rise` a straight rise of exactly 2 delta."""

    MENU = "menu"
    OUTSIDE = "outside"
    MENU_TURN = "menu_turn"
    OUTSIDE_TURN = "outside_turn"
    RISE = "rise"


class Stream(StrEnum):
    """Curves that a rival is trained on never meet those that anything is tested on."""

    TEST = "test"
    TRAINING = "training"


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a simulated curve. Turns in the unit of the scale; None unless U or inverted U."""

    family: str
    noise: Noise
    shape: Shape
    between_model_sd: float
    turn: float | None = None
    turn_first: float | None = None
    turn_last: float | None = None


@dataclass(frozen=True, slots=True)
class Simulated:
    """A curve as it would be submitted, its design and the truth behind it."""

    curve: ScalingCurve
    design: Design
    truth: Truth


def simulate(data_set: DataSet, seed: int, index: int, stream: Stream = Stream.TEST) -> Simulated:
    """Curve number `index` of a data set."""
    codes = (list(DataSet).index(data_set), list(Stream).index(stream))
    rng = np.random.default_rng(np.random.SeedSequence([seed, *codes, index]))
    if data_set is DataSet.RISE:
        return _rise(rng, f"rise {index}")
    if data_set in (DataSet.MENU, DataSet.MENU_TURN):
        return _inside(rng, f"menu {index}", None if data_set is DataSet.MENU else Shape.U_SHAPED)
    return _outside(rng, f"outside {index}", turned=data_set is DataSet.OUTSIDE_TURN)


def _inside(rng: np.random.Generator, name: str, shape: Shape | None) -> Simulated:
    wanted = _draw_shape(rng) if shape is None else shape
    design = draw_design(rng)
    r = draw_between_model_sd(rng)
    family, mean = draw_from_menu(rng, wanted, design)
    return _observed(rng, name, design, Truth(family, Noise.BETA_BINOMIAL, wanted, r), mean)


def _draw_shape(rng: np.random.Generator) -> Shape:
    shapes = tuple(DEFAULT_CLASS_PRIOR)
    return shapes[int(rng.choice(len(shapes), p=[DEFAULT_CLASS_PRIOR[shape] for shape in shapes]))]


def _outside(rng: np.random.Generator, name: str, *, turned: bool) -> Simulated:
    design = draw_design(rng)
    family = list(OUTSIDE_FAMILIES)[int(rng.integers(len(OUTSIDE_FAMILIES)))]
    noise = list(Noise)[int(rng.integers(len(Noise)))]
    r = draw_between_model_sd(rng)
    while True:
        mean = OUTSIDE_FAMILIES[family](rng)
        shape = true_shape(mean(dense_grid()), DEFAULT_SMALLEST_EFFECT)
        if shape is Shape.U_SHAPED or not turned:
            return _observed(rng, name, design, Truth(family, noise, shape, r), mean)


def _rise(rng: np.random.Generator, name: str) -> Simulated:
    design = draw_design(rng, scales=RISE_SCALES)
    level = float(rng.uniform(*RISE_LEVELS))
    truth = Truth("rise", Noise.BETA_BINOMIAL, Shape.POSITIVE, draw_between_model_sd(rng))
    return _observed(rng, name, design, truth, lambda u: level + 2 * DEFAULT_SMALLEST_EFFECT * (u - 0.5))


def _observed(rng: np.random.Generator, name: str, design: Design, truth: Truth, mean: MeanCurve) -> Simulated:
    f = np.clip(mean(design.u), 0.0, 1.0)
    successes = draw_successes(rng, f, design.n_examples, truth.between_model_sd, truth.noise)
    return Simulated(_curve(name, design, successes), design, _with_turn(truth, design, mean))


def _curve(name: str, design: Design, successes: FloatArray) -> ScalingCurve:
    n = design.n_examples
    points = tuple(
        ScalePoint(float(scale), int(k) / n, n_examples=n, n_correct=int(k))
        for scale, k in zip(design.scales, successes, strict=True)
    )
    return ScalingCurve(name, design.metric, points)


def _with_turn(truth: Truth, design: Design, mean: MeanCurve) -> Truth:
    u = dense_grid()
    turn = true_turn(u, mean(u), truth.shape)
    if turn is None:
        return truth
    return replace(
        truth,
        turn=design.scale_at(turn.middle),
        turn_first=design.scale_at(turn.first),
        turn_last=design.scale_at(turn.last),
    )
