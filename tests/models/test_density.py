"""The PyMC model of the reference engine has the density of the records and kernels, for every curve model."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pymc as pm
import pytest
from pymc.model.transform.conditioning import remove_value_transforms

from models.arrays import Floats
from models.curve import ScalePoint, ScalingCurve
from models.curve_models import menu
from models.curve_models.logit_linear import logit_linear
from models.curve_models.priors import HalfCauchy, Triangle
from models.curve_models.record import CurveModel, log_prior, prior_draws
from models.engines.normal_coordinates import Parameters, from_normal, log_likelihood, log_posterior, to_normal
from models.engines.nuts import pymc_model, shared_values
from models.engines.target import make_target
from models.likelihood import Observations, observe
from models.metrics import REGISTRY, Metric
from models.options import Options

VARIATION = HalfCauchy(0.03)
POINTS = 12
CHOICE = dataclasses.replace(REGISTRY["accuracy"], chance=0.25, target_length=3)
PROBABILITY, LOSS = REGISTRY["mean_probability"], REGISTRY["loss"]


def observed(metric: Metric, rows: list[tuple[float, float, int | None, float | None]]) -> Observations:
    points = tuple(ScalePoint(10.0**z, score, n_examples=n, stderr=error) for z, score, n, error in rows)
    return observe(ScalingCurve("task", metric, points), Options(smallest_effect=0.02))


def on_shared_items(z: tuple[float, ...] = (8, 9, 10.5), n: int = 80) -> Observations:
    rng = np.random.default_rng(0)
    difficulty = rng.normal(size=n)
    ability = np.linspace(-0.5, 0.9, len(z))[:, None]
    answers = (rng.random((len(z), n)) < 1 / (1 + np.exp(difficulty - ability))).astype(np.uint8)
    points = tuple(
        ScalePoint(10.0**at, float(row.mean()), n_examples=n, outcomes=row.tobytes())
        for at, row in zip(z, answers, strict=True)
    )
    return observe(ScalingCurve("task", CHOICE, points), Options())


LAYOUTS: dict[str, Observations] = {
    "counts": observed(
        CHOICE, [(8, 0.0, 40, None), (9, 0.25, 400, None), (9.5, 0.7, 10_000_000, None), (11, 1, 90, None)]
    ),
    "counts without chance": observed(
        REGISTRY["accuracy"], [(8, 0.31, 100, None), (9, 0.2, 50, None), (10, 0.5, 10, None)]
    ),
    "fractional counts": observed(PROBABILITY, [(8, 0.123, 100, None), (9, 0.5123, 333, None), (9, 0.45, 300, None)]),
    "mixed": observed(PROBABILITY, [(8, 0.123, 100, None), (9, 0.5123, None, 0.02), (10, 0.7, None, 0.01)]),
    "bounded normal": observed(PROBABILITY, [(8, 0.1, None, 0.01), (9, 0.2, None, 0.03), (12, 0.6, None, 0.002)]),
    "shared items": on_shared_items(),
    "unbounded normal": observed(LOSS, [(8, 3.2, None, 0.01), (9, 2.9, None, 0.01), (10.5, 2.7, None, 0.02)]),
}


def curve_models(observations: Observations) -> tuple[CurveModel, ...]:
    return (*menu(observations.context), logit_linear(observations.context))


CASES = [(layout, model.name) for layout, data in LAYOUTS.items() for model in curve_models(data)]


def model_of(layout: str, name: str) -> tuple[Observations, CurveModel]:
    observations = LAYOUTS[layout]
    return observations, next(model for model in curve_models(observations) if model.name == name)


def drawn(model: CurveModel, seed: int) -> Parameters:
    """Random parameters from the prior; r from 1e-6 to near 1."""
    rng = np.random.default_rng(seed)
    shape, levels = prior_draws(model, rng.uniform(0.001, 0.999, (POINTS, len(model.shape) + len(model.levels))))
    return Parameters(shape, levels, 10 ** np.linspace(-6, -0.01, POINTS))


Density = Callable[[dict[str, Floats]], Floats]


def compiled(built: pm.Model) -> tuple[pm.Model, Density]:
    """The model without transforms, and its log density."""
    plain = remove_value_transforms(built)
    return plain, plain.compile_logp(mode="FAST_COMPILE")


def pymc_log_density(density: Density, model: CurveModel, at: Parameters) -> Floats:
    values = []
    for i in range(len(at.r)):
        point = {parameter.name: at.shape[i, j] for j, parameter in enumerate(model.shape)}
        jacobian = 0.0
        for j, parameter in enumerate(model.levels):
            if isinstance(parameter.prior, Triangle):
                point[f"{parameter.name}_share"] = at.levels[i, j] / parameter.prior.upper
                jacobian -= np.log(parameter.prior.upper)
            else:
                point[parameter.name] = at.levels[i, j]
        point["r"] = at.r[i]
        values.append(float(density({name: np.asarray(value) for name, value in point.items()})) + jacobian)
    return np.array(values)


def record_log_density(model: CurveModel, observations: Observations, at: Parameters) -> Floats:
    prior = log_prior(model, at.shape, at.levels) + VARIATION.log_density(at.r)
    return np.asarray(prior + log_likelihood(make_target(model, observations, VARIATION), at))


@pytest.mark.parametrize(("layout", "name"), CASES)
def test_pymc_and_record_have_the_same_log_density_with_all_constants(layout: str, name: str) -> None:
    observations, model = model_of(layout, name)
    at = drawn(model, 1)
    _, density = compiled(pymc_model(model, observations, VARIATION))
    expected = record_log_density(model, observations, at)
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(pymc_log_density(density, model, at), expected, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("name", [model.name for model in curve_models(LAYOUTS["counts"])])
def test_swapping_the_shared_values_turns_one_curves_density_into_anothers(name: str) -> None:
    observations, model = model_of("counts", name)
    metric = dataclasses.replace(CHOICE, chance=0.4, target_length=7)
    rows: list[tuple[float, float, int | None, float | None]] = [(z, 0.1 * z, 200, None) for z in range(1, 8)]
    other = dataclasses.replace(observed(metric, rows), delta=0.05)
    _, other_model = other, next(entry for entry in curve_models(other) if entry.name == name)
    plain, density = compiled(pymc_model(model, observations, HalfCauchy(1.0)))
    for key, value in shared_values(other_model, other, VARIATION).items():
        plain[key].set_value(np.asarray(value))
    at = drawn(other_model, 2)
    found = pymc_log_density(density, other_model, at)
    np.testing.assert_allclose(found, record_log_density(other_model, other, at), rtol=1e-9, atol=1e-6)


LONGER = {
    "mixed": observed(
        PROBABILITY, [(7, 0.3, 50, None), (8, 0.2, 9, None), *((z, 0.1 * z, None, 0.02) for z in (3, 5, 6))]
    ),
    "bounded normal": observed(PROBABILITY, [(z, 0.1 * z, None, 0.01 * z) for z in (2, 3, 5, 6, 8)]),
    "shared items": on_shared_items((6, 7, 8, 9.5, 11), 50),
    "unbounded normal": observed(LOSS, [(z, 9.0 - z, None, 0.01 * z) for z in (2, 3, 5, 6, 8)]),
}


@pytest.mark.parametrize("layout", LONGER)
def test_swapping_turns_a_curve_into_a_longer_one_with_the_same_kinds_of_noise(layout: str) -> None:
    observations, longer = LAYOUTS[layout], LONGER[layout]
    model, longer_model = (
        next(entry for entry in curve_models(data) if entry.name == "bent_line") for data in (observations, longer)
    )
    plain, density = compiled(pymc_model(model, observations, HalfCauchy(1.0)))
    for key, value in shared_values(longer_model, longer, VARIATION).items():
        plain[key].set_value(value)
    at = drawn(longer_model, 3)
    found = pymc_log_density(density, longer_model, at)
    np.testing.assert_allclose(found, record_log_density(longer_model, longer, at), rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize(("layout", "name"), CASES)
def test_normal_coordinates_there_and_back(layout: str, name: str) -> None:
    observations, model = model_of(layout, name)
    target = make_target(model, observations, VARIATION)
    dimensions = len(model.shape) + len(model.levels) + 1
    x = np.random.default_rng(0).normal(size=(50, dimensions))
    np.testing.assert_allclose(to_normal(target, from_normal(target, x)), x, atol=1e-6)


@pytest.mark.parametrize(("layout", "name"), CASES)
def test_log_posterior_in_normal_coordinates_is_the_density_times_the_jacobian(layout: str, name: str) -> None:
    observations, model = model_of(layout, name)
    target = make_target(model, observations, VARIATION)
    x = 1.5 * np.random.default_rng(1).normal(size=(POINTS, len(model.shape) + len(model.levels) + 1))
    at = from_normal(target, x)
    # The map is triangular: the log Jacobian is the sum of the logs of its diagonal, by central differences.
    step, log_jacobian = 1e-5, np.zeros(POINTS)
    for i in range(x.shape[1]):
        side = np.zeros(x.shape[1])
        side[i] = step
        upper, lower = (np.column_stack(dataclasses.astuple(from_normal(target, x + s * side))) for s in (1, -1))
        log_jacobian += np.log(np.abs(upper - lower)[:, i] / (2 * step))
    expected = record_log_density(model, observations, at) + log_jacobian
    np.testing.assert_allclose(log_posterior(target, x), expected, rtol=1e-7, atol=1e-4)
