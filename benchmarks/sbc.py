"""Simulation-based calibration of each curve model with `quadrature`.

Parameters from the prior, scores from the parameters, posterior from the scores: the posterior probability below the
true value is uniform if engine, likelihood and priors agree (Talts et al., arXiv 1804.06788, with weighted draws).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.designs import Design, draw_design
from benchmarks.noise import Noise, draw_successes
from benchmarks.truth import FloatArray
from models.curve_models import CURVE_MODELS, POINT_MASSES
from models.curve_models.priors import HalfCauchy
from models.curve_models.record import Context, CurveModel, mean, prior_draws
from models.engines.quadrature import quadrature
from models.likelihood import NoiseKind, Observations
from models.options import DEFAULT_BETWEEN_MODEL_SCALE, DEFAULT_SMALLEST_EFFECT
from models.posterior import ModelPosterior, Work

SBC_CURVES = 500
SBC_DRAWS = 4096
ENGINE_SEED = 0  # the one fixed sequence that a plain analysis uses
PROPORTION, BOUNDED_MEAN, UNBOUNDED = "proportion", "bounded mean", "unbounded"
STDERRS = (0.002, 0.05)  # of bounded and standardised unbounded scores, log-uniform
CURVE_NODES = 101
PRIOR_OF_R = HalfCauchy(DEFAULT_BETWEEN_MODEL_SCALE)


@dataclass(frozen=True, slots=True)
class Draw:
    """A point of the prior: shape parameters (1, q), levels (1, p), between-model variation."""

    shape: FloatArray
    levels: FloatArray
    r: float


def sections() -> tuple[str, ...]:
    """Every curve model under every observation model that it is used with, as `model/observation`."""
    kinds = (PROPORTION, BOUNDED_MEAN, UNBOUNDED)
    return tuple(f"{name}/{kind}" for kind in kinds for name in CURVE_MODELS if _applies(name, kind))


def sbc_work(name: str, seed: int, chunk: range) -> list[dict[str, Any]]:
    """Ranks of the parameters and of the curve for items of the section `name`."""
    return [ranks(name, np.random.default_rng(np.random.SeedSequence([seed, *name.encode(), i]))) for i in chunk]


def ranks(name: str, rng: np.random.Generator, draws: int = SBC_DRAWS) -> dict[str, Any]:
    """One curve: posterior probability below each true value."""
    model_name, kind = name.split("/")
    model, design, context = _setting(rng, model_name, kind)
    truth = Draw(*prior_draws(model, rng.random((1, len(model.parameter_names)))), _draw_r(rng))
    observations = _observations(rng, model, truth, design, context, kind)
    (posterior,) = quadrature([model], observations, PRIOR_OF_R, Work(draws, ENGINE_SEED))
    return {"ranks": _ranks(model, truth, posterior), "ess": posterior.effective_sample_size}


def _applies(name: str, kind: str) -> bool:
    """Whether the curve model is ever used with this kind of score."""
    plain = Context(bounded=kind != UNBOUNDED, delta=DEFAULT_SMALLEST_EFFECT, near_ceiling=True)
    with_chance = replace(plain, chance=0.25)
    return any(CURVE_MODELS[name](context) is not None for context in (plain, with_chance))


def _setting(rng: np.random.Generator, name: str, kind: str) -> tuple[CurveModel, Design, Context]:
    """A design in which the model applies."""
    while True:
        design = draw_design(rng)
        context = Context(
            bounded=kind != UNBOUNDED,
            delta=DEFAULT_SMALLEST_EFFECT,
            chance=None if kind == UNBOUNDED else design.metric.chance,
            target_length=design.metric.target_length,
            decades=float(design.z[-1] - design.z[0]),
            u_mean=float(design.u.mean()),
            near_ceiling=True,
        )
        model = CURVE_MODELS[name](context)
        if model is not None:
            return model, design, context


def _draw_r(rng: np.random.Generator) -> float:
    return float(PRIOR_OF_R.quantile(np.array([rng.random()]))[0])


def _observations(
    rng: np.random.Generator, model: CurveModel, truth: Draw, design: Design, context: Context, kind: str
) -> Observations:
    f = mean(model, truth.shape, truth.levels, design.u)[0]
    size = design.u.size
    if kind == PROPORTION:
        successes = draw_successes(rng, f, design.n_examples, truth.r, Noise.BETA_BINOMIAL)
        trials = np.full(size, float(design.n_examples))
        return _packed(
            design, context, successes / trials, (successes, trials, np.zeros(size)), NoiseKind.BETA_BINOMIAL
        )
    stderr = np.exp(rng.uniform(*np.log(STDERRS), size=size))
    spread = f * (1 - f) if kind == BOUNDED_MEAN else np.ones(size)
    y = rng.normal(f, np.sqrt(stderr**2 + truth.r**2 * spread))
    noise = NoiseKind.NORMAL_BOUNDED if kind == BOUNDED_MEAN else NoiseKind.NORMAL_UNBOUNDED
    return _packed(design, context, y, (np.zeros(size), np.zeros(size), stderr), noise)


def _packed(
    design: Design, context: Context, y: FloatArray, sizes: tuple[FloatArray, FloatArray, FloatArray], noise: NoiseKind
) -> Observations:
    successes, trials, stderr = sizes
    return Observations(
        u=design.u,
        z=design.z,
        y=y,
        successes=successes,
        trials=trials,
        stderr=stderr,
        noise=np.full(y.size, int(noise), dtype=np.int64),
        chance=context.chance,
        sign=1,
        location=0.0,
        unit=1.0,
        delta=context.delta,
        target_length=context.target_length,
    )


def _ranks(model: CurveModel, truth: Draw, posterior: ModelPosterior) -> dict[str, float]:
    weights = np.exp(posterior.log_weights - posterior.log_weights.max())
    weights /= weights.sum()
    values = np.column_stack([posterior.shape, posterior.levels, posterior.r])
    true_values = np.concatenate([truth.shape[0], truth.levels[0], [truth.r]])
    drawn = _curve_values(model, posterior.shape, posterior.levels)
    true_curve = _curve_values(model, truth.shape, truth.levels)
    names = (*model.parameter_names, "r", *drawn)
    everything = np.column_stack([values, *drawn.values()])
    true_everything = np.concatenate([true_values, *true_curve.values()])
    # Ties count half: saturated curves agree to the last digit.
    below = weights @ ((everything < true_everything) + 0.5 * (everything == true_everything))
    return {name: float(value) for name, value in zip(names, below, strict=True)}


def _curve_values(model: CurveModel, shape: FloatArray, levels: FloatArray) -> dict[str, FloatArray]:
    """Functions of the mean curve that classes and effects rest on; none for a constant, which has one value."""
    if model.name in POINT_MASSES:
        return {}
    f = mean(model, shape, levels, np.linspace(0, 1, CURVE_NODES))
    return {
        "f(z1)": f[:, 0],
        "f(zK)": f[:, -1],
        "net": f[:, -1] - f[:, 0],
        "min f": f.min(axis=1),
        "max f": f.max(axis=1),
    }
