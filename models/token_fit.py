"""The per-token curve behind an accuracy curve: posterior of `token_power_law`, read as the cross-entropy of a token.

An accuracy f = p^L leaves -log p = -log f / L once the target length L is known; scores alone identify only L c^-alpha.
What is inferred so is labelled implied: it holds as far as the power law does, whose weight among all curve models is
given, and no token was looked at.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.arrays import Floats
from models.curve import ScalingCurve
from models.curve_models.priors import HalfCauchy
from models.curve_models.token_power_law import token_power_law
from models.engines.quadrature import quadrature
from models.errors import InvalidInput, Problem
from models.likelihood import observe
from models.metric_curves import LARGEST_LOSS, NODES, TokenCurves, scale_problems
from models.metrics import registered
from models.posterior import ModelPosterior, Work
from models.resampling import resampled
from models.results import Analysis, Interval
from models.turn import interval

POWERS = (
    "exact_match",
    "expected_exact_match",
    "accuracy",
)  # that p^L can stand for; unregistered metrics are believed
DRAWS, EFFECTIVE_DRAWS = 1000, 1024
LN10 = math.log(10)


@dataclass(frozen=True, slots=True)
class TokenFit:
    """The power law -log p = (N/c)^alpha of a token behind a curve, and its `weight` among the curve models there."""

    alpha: Interval
    log10_c: Interval
    weight: float


def token_fit(
    analysis: Analysis, target_length: int | None = None, scales: Sequence[float] | None = None
) -> tuple[TokenCurves, TokenFit]:
    """Per-token curves of the posterior at the curve's scales or at given ones inside its range.

    `target_length` stands in place of that of the metric. Raises `InvalidInput`.
    """
    problems = tuple(_problems(analysis.curve, target_length, scales))
    if problems:
        raise InvalidInput(problems)
    length = target_length or analysis.curve.metric.target_length or 1
    curve = replace(analysis.curve, metric=replace(analysis.curve.metric, target_length=length))
    at = sorted(scales or {point.scale for point in curve.points})
    exponents, levels, center = _draws(analysis, curve)
    weight = sum(model.weight for model in analysis.fit.models if model.name == "token_power_law")
    level = analysis.options.interval
    log10_c = center + (levels - math.log(length)) / (exponents * LN10)
    fitted = TokenFit(interval(-exponents, level), interval(log10_c, level), weight)
    points, grid = np.array(at, dtype=np.float64), np.geomspace(at[0], at[-1], NODES)

    def loss(x: Floats) -> Floats:
        rate = levels[:, None] - exponents[:, None] * LN10 * (np.log10(x) - center)
        return np.minimum(np.exp(np.minimum(rate, math.log(LARGEST_LOSS * length))) / length, LARGEST_LOSS)

    return TokenCurves(points, loss(points), grid, loss(grid)), fitted


def _draws(analysis: Analysis, curve: ScalingCurve) -> tuple[Floats, Floats, float]:
    """Exponents a (S,) and levels alpha (S,) of the posterior, and the log10 scale at which alpha is the log rate."""
    observations = observe(curve, analysis.options)
    model = token_power_law(observations.context)
    if model is None:
        raise InvalidInput([Problem("/curve/metric", f"{curve.metric.name} has no bounds: no accuracy")])
    variation = HalfCauchy(analysis.provenance.between_model_scale)
    work = Work(EFFECTIVE_DRAWS, analysis.options.seed)
    posterior: ModelPosterior = quadrature([model], observations, variation, work)[0]
    chosen = resampled(np.exp(posterior.log_weights - posterior.log_weights.max()), DRAWS)
    center = float(observations.z[0]) + observations.context.u_mean * observations.decades
    return posterior.shape[chosen, 0], posterior.levels[chosen, 0], center


def _problems(curve: ScalingCurve, length: int | None, scales: Sequence[float] | None) -> Iterator[Problem]:
    metric = curve.metric
    known = registered(metric.name)
    if (known is not None and known.name not in POWERS) or not metric.higher_is_better or metric.width != 1.0:
        message = f"{metric.name} is no share of targets met: the power of a token's probability is {', '.join(POWERS)}"
        yield Problem("/curve/metric/name", message)
    if metric.chance:
        message = f"{metric.chance:g}: p^L has no chance level; exact match has none, or its answers can be guessed"
        yield Problem("/curve/metric/chance", message)
    if length is None and metric.target_length is None:
        message = "unknown: scores leave it open how much each token contributes; give the number of tokens"
        yield Problem("/target_length", message)
    if scales is None:
        if curve.n_scales < 3:
            yield Problem("/curve/points", f"{curve.n_scales} different scales: an emergence score needs at least 3")
        return
    yield from scale_problems(scales)
    low, high = curve.points[0].scale, curve.points[-1].scale
    for index, scale in enumerate(scales):
        if not low <= scale <= high:
            message = f"{scale:g} lies outside the observed {low:g} to {high:g}: what lies beyond is a forecast"
            yield Problem(f"/scales/{index}", message)
