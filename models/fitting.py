"""The model-averaged curve with its band, the weight of each curve model and its parameters."""

from __future__ import annotations

import numpy as np

from models.arrays import Floats
from models.pool import Averaged, resampled
from models.posterior import ModelPosterior
from models.results import Fit, FittedModel, GridPoint, Interval
from models.scatter import between_model_sd
from models.turn import quantiles

GRID_NODES = 41
CURVE_DRAWS = 800
PARAMETER_DRAWS = 1000
SMALLEST_WEIGHT = 1e-3  # of a curve model, from which its parameters are reported
NO_WEIGHT = "weight_too_small"


def fit(averaged: Averaged) -> Fit:
    """Everything that is known of the mean curve."""
    u = np.linspace(0.0, 1.0, GRID_NODES)
    band = score_intervals(averaged, averaged.curves(averaged.indices(CURVE_DRAWS), u))
    scales = averaged.observations.scale_at(u)
    grid = tuple(
        GridPoint(float(scale), point.estimate or 0.0, point.lower or 0.0, point.upper or 0.0)
        for scale, point in zip(scales, band, strict=True)
    )
    return Fit(grid=grid, models=_models(averaged), between_model_sd=between_model_sd(averaged))


def score_intervals(averaged: Averaged, curves: Floats) -> tuple[Interval, ...]:
    """Pointwise intervals of mean curves (M, K), as scores in the submitted orientation."""
    ends = quantiles(averaged.observations.score_at(curves), averaged.level)
    return tuple(Interval(middle, lower, upper) for lower, middle, upper in ends.T.tolist())


def _models(averaged: Averaged) -> tuple[FittedModel, ...]:
    pool = averaged.pool
    weights = np.bincount(pool.model, averaged.weights, len(pool.posteriors))
    return tuple(
        FittedModel(
            name=posterior.model.name,
            weight=float(weight),
            log_evidence=posterior.log_evidence,
            parameters=_parameters(posterior, averaged.level) if weight >= SMALLEST_WEIGHT else {},
        )
        for posterior, weight in zip(pool.posteriors, weights, strict=True)
    )


def _parameters(posterior: ModelPosterior, level: float) -> dict[str, Interval]:
    """Posterior of each parameter, shape parameters as positions and widths in the observed range."""
    chosen = resampled(np.exp(posterior.log_weights - posterior.log_weights.max()), PARAMETER_DRAWS)
    columns = np.column_stack([posterior.shape[chosen], posterior.levels[chosen], posterior.r[chosen]])
    names = (*posterior.model.parameter_names, "r")
    ends = quantiles(columns, level).T.tolist()
    return {name: Interval(middle, lower, upper) for name, (lower, middle, upper) in zip(names, ends, strict=True)}
