"""The model-averaged curve with its band, the weight of each curve model and its parameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.arrays import Floats
from models.pool import Averaged
from models.posterior import ModelPosterior
from models.resampling import resampled
from models.results import Fit, FittedModel, GridPoint, Interval
from models.scatter import between_model_sd
from models.turn import ordered_quantiles, quantiles

GRID_NODES = 41
GRID: Floats = np.linspace(0.0, 1.0, GRID_NODES)
CURVE_DRAWS = 800
PARAMETER_DRAWS = 1000
SMALLEST_WEIGHT = 1e-3  # of a curve model, from which its parameters are reported


def fit(averaged: Averaged) -> Fit:
    """Everything that is known of the mean curve."""
    band = _score_ends(averaged, averaged.curves(averaged.indices(CURVE_DRAWS), GRID))
    scales = averaged.observations.scale_at(GRID).tolist()
    grid = tuple(
        GridPoint(scale, middle, lower, upper) for scale, (lower, middle, upper) in zip(scales, band, strict=True)
    )
    return Fit(grid=grid, models=_models(averaged), between_model_sd=between_model_sd(averaged))


def score_intervals(averaged: Averaged, curves: Floats) -> tuple[Interval, ...]:
    """Pointwise intervals of mean curves (M, K), as scores in the submitted orientation."""
    return tuple(Interval(middle, lower, upper) for lower, middle, upper in _score_ends(averaged, curves))


def _score_ends(averaged: Averaged, curves: Floats) -> list[list[float]]:
    """Lower end, median and upper end (K, 3) of these scores."""
    ends: list[list[float]] = quantiles(averaged.observations.score_at(curves), averaged.level).T.tolist()
    return ends


def _models(averaged: Averaged) -> tuple[FittedModel, ...]:
    posteriors = averaged.pool.posteriors
    weights = np.bincount(averaged.pool.model, averaged.weights, len(posteriors)).tolist()
    told = [posterior for posterior, weight in zip(posteriors, weights, strict=True) if weight >= SMALLEST_WEIGHT]
    parameters = iter(_parameters(told, averaged.level))
    return tuple(
        FittedModel(
            name=posterior.model.name,
            weight=weight,
            log_evidence=posterior.log_evidence,
            parameters=next(parameters) if weight >= SMALLEST_WEIGHT else {},
        )
        for posterior, weight in zip(posteriors, weights, strict=True)
    )


def _parameters(posteriors: Sequence[ModelPosterior], level: float) -> list[dict[str, Interval]]:
    """Posterior of each model's parameters, shape parameters as positions and widths in the observed range."""
    names = [(*posterior.model.parameter_names, "r") for posterior in posteriors]
    rows, first = np.empty((sum(map(len, names)), PARAMETER_DRAWS)), 0
    for posterior in posteriors:
        chosen = resampled(np.exp(posterior.log_weights - posterior.log_weights.max()), PARAMETER_DRAWS)
        for draws in (posterior.shape, posterior.levels, posterior.r[:, None]):
            last = first + draws.shape[1]
            rows[first:last] = draws.take(chosen, axis=0).T
            first = last
    rows.sort(axis=1)
    ends = iter(ordered_quantiles(rows.T, level).T.tolist())
    return [
        {name: Interval(middle, lower, upper) for name, (lower, middle, upper) in zip(own, ends, strict=False)}
        for own in names
    ]
