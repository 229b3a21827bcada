"""`nuts`: the reference engine. PyMC models built from the curve models' records, sampled by nutpie.

A model is compiled once per process for each curve model and layout of the noise; data, bounds and the constants of
the mean function are shared variables that are swapped for each curve. The evidence comes from bridge sampling.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from types import MethodType
from typing import Any

import arviz
import numpy as np
import nutpie
import pymc as pm
import pytensor.tensor as pt

from models.arrays import Floats
from models.curve_models.priors import (
    Exponential,
    HalfCauchy,
    LevelPrior,
    LogNormal,
    Normal,
    ShapePrior,
    StudentT,
    Triangle,
    Uniform,
)
from models.curve_models.record import CurveModel, Link, Ops
from models.engines.bridge import bridge_sampling
from models.engines.lanes import PAIRED, VECTOR
from models.engines.normal_coordinates import Parameters, log_posterior, to_normal
from models.engines.rising_factorials import STIRLING_FROM
from models.engines.target import Target, make_target, pack
from models.engines.vector_math import TINY
from models.likelihood import NoiseKind, Observations
from models.posterior import ModelPosterior, SamplerChecks, Work

CHAINS = 4
TUNING = 1000  # steps per chain before the draws that count
FEWEST_DRAWS = 500  # per chain
TARGET_ACCEPT = 0.95  # transitions may be narrow: small steps
START = 0.05  # r where the chains begin (PyMC begins a half-Cauchy at the scale that it is compiled with)
TAILS = (0.05, 0.95)  # quantiles whose effective sample size the tail has (Vehtari et al. 2021, arXiv 1903.08008)
R = "r"
NUMBERS = "numbers"  # the shared variable with the numbers of the priors and of the mean function
PYTENSOR = Ops(exp=pt.exp, sigmoid=pt.sigmoid, maximum=pt.maximum)


def nuts(
    models: Sequence[CurveModel], observations: Observations, variation: HalfCauchy, work: Work
) -> tuple[ModelPosterior, ...]:
    """Draws from each model's posterior; `work.draws` over all chains together."""
    return tuple(_posterior(model, observations, variation, work) for model in models)


def _posterior(model: CurveModel, observations: Observations, variation: HalfCauchy, work: Work) -> ModelPosterior:
    draws, checks = _sampled(model, observations, variation, work)
    flat = {name: chains.ravel() for name, chains in draws.items()}
    count = len(flat[R])
    parameters = Parameters(
        shape=np.array([flat[parameter.name] for parameter in model.shape]).T.reshape(count, len(model.shape)),
        levels=np.array([flat[parameter.name] for parameter in model.levels]).T,
        r=flat[R],
    )
    log_evidence = _log_evidence(make_target(model, observations, variation), parameters, work.seed)
    return ModelPosterior(
        model=model,
        shape=parameters.shape,
        levels=parameters.levels,
        r=parameters.r,
        log_weights=np.full(count, log_evidence),
        log_evidence=log_evidence,
        effective_sample_size=checks.ess_bulk,
        draws=count,
        checks=checks,
        equal=True,
    )


def _log_evidence(target: Target, parameters: Parameters, seed: int) -> float:
    x = to_normal(target, parameters)
    chains = x.reshape(CHAINS, -1, x.shape[1])
    return bridge_sampling(lambda at: log_posterior(target, at), chains, np.random.default_rng(seed)).log_evidence


def _sampled(
    model: CurveModel, observations: Observations, variation: HalfCauchy, work: Work
) -> tuple[dict[str, Floats], SamplerChecks]:
    """Chains (CHAINS, S) of every parameter and of r."""
    compiled = compile_model(plan_of(model, observations))
    swapped = {variable.name for variable in compiled.shared_var_keys}
    values = shared_values(model, observations, variation)
    trace = nutpie.sample(
        compiled.with_data(**{name: value for name, value in values.items() if name in swapped}),
        draws=max(work.draws // CHAINS, FEWEST_DRAWS),
        tune=TUNING,
        chains=CHAINS,
        seed=work.seed,
        target_accept=TARGET_ACCEPT,
        save_warmup=False,
        progress_bar=False,
    )
    chains = {name: np.asarray(trace.posterior[name].values) for name in (*model.parameter_names, R)}
    return chains, _checks(chains, trace.sample_stats)


def _checks(chains: dict[str, Floats], stats: Any) -> SamplerChecks:
    energy = np.asarray(stats["energy"].values)
    return SamplerChecks(
        r_hat=max(float(arviz.rhat(x)) for x in chains.values()),
        ess_bulk=min(float(arviz.ess(x, method="bulk")) for x in chains.values()),
        ess_tail=min(float(arviz.ess(x, method="tail", prob=TAILS)) for x in chains.values()),
        divergences=int(np.sum(stats["diverging"].values)),
        # Betancourt 2016 (arXiv 1604.00695): mean squared change of the energy over its variance, the worst chain.
        bfmi=float(np.min(np.mean(np.diff(energy, axis=1) ** 2, axis=1) / np.var(energy, axis=1))),
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """What a compiled model depends on; the record that it is built from is not compared."""

    names: tuple[str, ...]
    link: Link
    kinds: tuple[int, ...]
    model: CurveModel = field(compare=False)
    observations: Observations = field(compare=False)


def plan_of(model: CurveModel, observations: Observations) -> Plan:
    """The plan of a curve model for a curve."""
    kinds = tuple(_by_kind(observations))
    return Plan((model.name, *model.parameter_names), model.link, kinds, model, observations)


@lru_cache(maxsize=32)
def compile_model(plan: Plan) -> Any:
    """nutpie's compiled model; kept for the life of the process."""
    return nutpie.compile_pymc_model(pymc_model(plan.model, plan.observations, HalfCauchy(START)), backend="numba")


def pymc_model(model: CurveModel, observations: Observations, variation: HalfCauchy) -> pm.Model:
    """The PyMC model of a record, all of its numbers in shared variables."""
    with pm.Model() as built:
        shared = {name: pm.Data(name, value) for name, value in shared_values(model, observations, variation).items()}
        numbers = {name: shared[NUMBERS][place] for place, name in enumerate(_numbers(model, variation))}
        shape = [_variable(parameter.name, parameter.prior, numbers, []) for parameter in model.shape]
        levels: list[Any] = []
        for parameter in model.levels:
            levels.append(_variable(parameter.name, parameter.prior, numbers, levels))
        r = pm.Truncated(R, pm.HalfCauchy.dist(numbers["r_scale"]), lower=0.0, upper=1.0)
        for kind in _by_kind(observations):
            u, *data = (shared[f"points_{kind}"][place] for place in range(1 + len(_columns(kind))))
            mean = _mean(_predictor(model, (shape, levels), u, numbers), model.link)
            terms = _log_likelihood(kind, mean, r, (data, shared.get(f"vectors_{kind}")))
            pm.Potential(f"log_likelihood_{kind}", terms.sum())
    return built


def shared_values(model: CurveModel, observations: Observations, variation: HalfCauchy) -> dict[str, Floats]:
    """Values of the shared variables: the numbers of priors and mean function, and the points by kind of noise.

    A row a column of the data (., N), positions first. In few arrays, since numba takes the longer to compile, the more
    there are: with one a number most of its time went into these.
    """
    values = {NUMBERS: np.array(list(_numbers(model, variation).values()))}
    for kind, (u, rows) in _by_kind(observations).items():
        values[f"points_{kind}"] = np.array([u, *rows.T[_columns(kind)]])
        if kind == PAIRED:
            values[f"vectors_{kind}"] = np.ascontiguousarray(rows[:, VECTOR:])
    return values


def _numbers(model: CurveModel, variation: HalfCauchy) -> dict[str, float]:
    """The numbers of the priors and those that the mean function knows, in the order of the shared variable."""
    numbers = {"r_scale": variation.scale}
    for name, prior in _priors(model).items():
        of_prior = {entry.name: getattr(prior, entry.name) for entry in fields(prior)}
        numbers |= {f"{name}_{key}": number for key, number in of_prior.items() if isinstance(number, float)}
    return numbers | {f"mean{name}": number for name, number in _mean_constants(model).items()}


def _by_kind(observations: Observations) -> dict[int, tuple[Floats, Floats]]:
    """Positions and packed data of the points with each kind of noise."""
    data = pack(observations)
    kinds = data[:, 0].astype(int)
    return {kind: (observations.u[kinds == kind], data[kinds == kind]) for kind in np.unique(kinds).tolist()}


def _priors(model: CurveModel) -> dict[str, ShapePrior | LevelPrior]:
    shape: dict[str, ShapePrior | LevelPrior] = {parameter.name: parameter.prior for parameter in model.shape}
    return shape | {parameter.name: parameter.prior for parameter in model.levels}


def _columns(kind: int) -> list[int]:
    """Of the packed data: successes, trials, stderr, coefficient, y; of paired ones weights, logits and variances."""
    return list(range(1, VECTOR if kind == PAIRED else VECTOR - 1))


def _mean_constants(model: CurveModel) -> dict[str, float]:
    """Numbers that the mean function knows: attributes of the object whose method it is, if it is one."""
    return dict(vars(model.columns.__self__)) if isinstance(model.columns, MethodType) else {}


def _predictor(model: CurveModel, parameters: tuple[list[Any], list[Any]], u: Any, numbers: dict[str, Any]) -> Any:
    """Linear predictor (N,) at positions u, for shape parameters and levels."""
    columns: Any = model.columns
    if isinstance(columns, MethodType):
        owner = copy.copy(columns.__self__)
        for name in _mean_constants(model):
            setattr(owner, name, numbers[f"mean{name}"])
        columns = MethodType(columns.__func__, owner)
    shape, levels = parameters
    eta, *parts = columns(PYTENSOR, shape, u)
    for part, level in zip(parts, levels, strict=True):
        eta = eta + part * level
    return eta


def _variable(name: str, prior: ShapePrior | LevelPrior, numbers: dict[str, Any], earlier: list[Any]) -> Any:
    """The random variable of a parameter."""
    number = {entry.name: numbers.get(f"{name}_{entry.name}") for entry in fields(prior)}
    match prior:
        case Uniform(lower_index=low, upper_index=high):
            lower = number["lower"] if low is None else earlier[low]
            upper = number["upper"] if high is None else earlier[high]
            return pm.Uniform(name, lower, upper)
        case Normal():
            return pm.Normal(name, number["mean"], number["sd"])
        case LogNormal():
            return pm.LogNormal(name, number["log_mean"], number["log_sd"])
        case Exponential():
            return pm.Exponential(name, scale=number["mean"])
        case StudentT():
            return pm.StudentT(name, nu=4, mu=0.0, sigma=number["scale"])
        case Triangle():
            return pm.Deterministic(name, number["upper"] * pm.Beta(f"{name}_share", 1, 2))


def _log_likelihood(kind: int, means: tuple[Any, Any], r: Any, given: tuple[list[Any], Any]) -> Any:
    """Log density (N,) of the points with this kind of noise, for their means and the complements of these."""
    mean, complement = means
    data, _ = given
    if kind == PAIRED:
        return _paired(pt.maximum(mean, TINY), pt.maximum(complement, TINY), r, given)
    if kind == NoiseKind.BETA_BINOMIAL:
        return _beta_binomial(pt.maximum(mean, TINY), pt.maximum(complement, TINY), r, data)
    variance = data[2] ** 2 + r**2 * (mean * complement if kind == NoiseKind.NORMAL_BOUNDED else 1.0)
    return -0.5 * ((data[4] - mean) ** 2 / variance + pt.log(2 * np.pi * variance))


def _mean(eta: Any, link: Link) -> tuple[Any, Any]:
    """Mean and its complement."""
    if link is Link.LOGIT:
        return pt.sigmoid(eta), pt.sigmoid(-eta)
    if link is Link.LOG_LOG:
        rate = pt.exp(pt.minimum(eta, 700.0))
        return pt.exp(-rate), -pt.expm1(-rate)
    return eta, 1.0 - eta


def _paired(mean: Any, complement: Any, r: Any, given: tuple[list[Any], Any]) -> Any:
    """Log density (N,) along the eigenvectors, in rows, of the joint errors of logits."""
    (_, _, weight, constant, logit, error), vectors = given
    residual = weight * (logit - pt.log(mean) + pt.log(complement))
    along = (vectors * residual[None, :]).sum(axis=1)
    variance = error + r**2
    return constant - 0.5 * (along**2 / variance + pt.log(2 * np.pi * variance))


def _beta_binomial(mean: Any, complement: Any, r: Any, data: list[Any]) -> Any:
    k, n, _, coefficient, _ = data
    m = 1 / r**2 - 1
    value = coefficient + k * pt.log(mean) + (n - k) * pt.log(complement)
    return value + _log_rising(k, mean * m) + _log_rising(n - k, complement * m) - _log_rising(n, m)


def _log_rising(k: Any, a: Any) -> Any:
    """log(Γ(k + a)/Γ(a)) - k log a, without cancellation for large a."""
    large = pt.maximum(a, STIRLING_FROM)
    smooth = (k + large - 0.5) * pt.log1p(k / large) - k + _stirling(k + large) - _stirling(large)
    small = pt.minimum(a, STIRLING_FROM)
    return pt.switch(a > STIRLING_FROM, smooth, pt.gammaln(k + small) - pt.gammaln(small) - k * pt.log(small))


def _stirling(x: Any) -> Any:
    square = 1 / x**2
    return (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680))) / x
