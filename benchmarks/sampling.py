"""Time and agreement of the engines on the same curves and the same curve model."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.outcomes import outcome
from benchmarks.sbc import PRIOR_OF_R
from benchmarks.scoring import Share, turn_coverage
from benchmarks.scripted import Scripted
from benchmarks.simulators import DataSet, Simulated, simulate
from benchmarks.truth import FloatArray
from models.curve_models import CURVE_MODELS
from models.curve_models.record import CurveModel
from models.engines.quadrature import quadrature
from models.likelihood import Observations, observe
from models.options import Options
from models.posterior import ModelPosterior, Work

DRAWS = 4096
REFERENCE_DRAWS = 65_536
REFERENCE_SEED = 1
QUANTILES = (0.025, 0.5, 0.975)


@dataclass(frozen=True, slots=True)
class EngineRun:
    """One engine on all curves: mean seconds, largest differences in posterior sd, least effective size."""

    name: str
    model: str
    curves: int
    seconds: float
    median_difference: float
    tail_difference: float
    effective_sample_size: float


Sampler = Callable[[CurveModel, Observations], ModelPosterior]


def compared(name: str, count: int, seed: int) -> list[EngineRun]:
    """Every engine on the same curves, which the model `name` applies to; the first curve also warms each engine up."""
    curves = _curves(name, count + 1, seed)
    references = [_quadrature(REFERENCE_DRAWS, REFERENCE_SEED)(model, data) for model, data in curves]
    return [_run(engine, sampler, name, curves, references) for engine, sampler in _samplers().items()]


def whole_analyses(curves: Sequence[Simulated]) -> Scripted:
    """The whole analysis of the same curves on one core, everything in the response included."""
    kept = [outcome(curve, Options()) for curve in curves]
    found = turn_coverage(kept)
    answered = Share(found.missing.total - found.missing.successes, found.missing.total)
    # The first analysis of a process compiles.
    seconds = float(np.mean([o.seconds for o in kept[1:]]))
    return Scripted("scaleshape, whole analysis", seconds, answered, found.covered)


def _samplers() -> dict[str, Sampler]:
    return {
        f"quadrature, {DRAWS:,} draws": _quadrature(DRAWS, 0),
        "nutpie, model compiled once": _compiled_nuts,
        "pm.sample, defaults": _plain_pymc,
    }


def _curves(name: str, count: int, seed: int) -> list[tuple[CurveModel, Observations]]:
    found: list[tuple[CurveModel, Observations]] = []
    index = 0
    while len(found) < count:
        data = observe(simulate(DataSet.MENU, seed, index).curve, Options())
        model = CURVE_MODELS[name](data.context)
        found += [] if model is None else [(model, data)]
        index += 1
    return found


def _run(
    engine: str,
    sampler: Sampler,
    name: str,
    curves: Sequence[tuple[CurveModel, Observations]],
    references: Sequence[ModelPosterior],
) -> EngineRun:
    sampler(*curves[0])
    began = time.perf_counter()
    posteriors = [sampler(*curve) for curve in curves[1:]]
    seconds = (time.perf_counter() - began) / len(posteriors)
    gaps = np.array([_gaps(*pair) for pair in zip(posteriors, references[1:], strict=True)])
    sizes = [posterior.effective_sample_size for posterior in posteriors]
    tails = float(max(gaps[:, 0].max(), gaps[:, 2].max()))
    return EngineRun(engine, name, len(posteriors), seconds, float(gaps[:, 1].max()), tails, min(sizes))


def _gaps(posterior: ModelPosterior, reference: ModelPosterior) -> FloatArray:
    """Largest difference (3,) of each quantile over the parameters, in posterior sd of the reference."""
    ours, theirs = _quantiles(posterior), _quantiles(reference)
    return np.asarray(np.abs((ours - theirs) / _sd(reference)).max(axis=1))


def _parameters(posterior: ModelPosterior) -> tuple[FloatArray, FloatArray]:
    weights = np.exp(posterior.log_weights - posterior.log_weights.max())
    return np.column_stack([posterior.shape, posterior.levels, posterior.r]), weights / weights.sum()


def _quantiles(posterior: ModelPosterior) -> FloatArray:
    values, weights = _parameters(posterior)
    found = np.empty((len(QUANTILES), values.shape[1]))
    for j in range(values.shape[1]):
        order = np.argsort(values[:, j])
        middle = np.cumsum(weights[order]) - weights[order] / 2
        found[:, j] = np.interp(QUANTILES, middle, values[order, j])
    return found


def _sd(posterior: ModelPosterior) -> FloatArray:
    values, weights = _parameters(posterior)
    return np.asarray(np.sqrt(weights @ (values - weights @ values) ** 2))


def _quadrature(draws: int, seed: int) -> Sampler:
    def sample(model: CurveModel, data: Observations) -> ModelPosterior:
        return quadrature([model], data, PRIOR_OF_R, Work(draws, seed, even=True))[0]

    return sample


def _compiled_nuts(model: CurveModel, data: Observations) -> ModelPosterior:
    """The reference engine as it is: chains, diagnostics and bridge sampling."""
    from models.engines.nuts import nuts

    return nuts([model], data, PRIOR_OF_R, Work(DRAWS, 0))[0]


def _plain_pymc(model: CurveModel, data: Observations) -> ModelPosterior:
    """`pm.sample()` as a user calls it: model built anew, all settings left alone; no evidence comes with it."""
    import arviz
    import pymc

    from models.engines.nuts import pymc_model

    with pymc_model(model, data, PRIOR_OF_R), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace = pymc.sample(progressbar=False, random_seed=0)
    chains = {name: np.asarray(trace.posterior[name].values) for name in (*model.parameter_names, "r")}
    flat = {name: values.ravel() for name, values in chains.items()}
    count = flat["r"].size
    return ModelPosterior(
        model=model,
        shape=np.array([flat[parameter.name] for parameter in model.shape]).T.reshape(count, len(model.shape)),
        levels=np.array([flat[parameter.name] for parameter in model.levels]).T,
        r=flat["r"],
        log_weights=np.zeros(count),
        log_evidence=float("nan"),
        effective_sample_size=min(float(arviz.ess(values)) for values in chains.values()),
        draws=count,
        equal=True,
    )
