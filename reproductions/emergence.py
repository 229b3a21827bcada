"""Emergence scores of whatever posterior curves become under another metric, and curves read from files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.analysis import analyze, averaged_posterior
from models.arrays import Floats
from models.curve import ScalingCurve
from models.emergence import SMALL_DENOMINATORS, observed_means, steps
from models.options import Options
from models.results import Analysis, Interval
from models.turn import quantiles
from service.readers.loading import load_item
from service.readers.opening import open_curves

DRAWS = 1000
UNDEFINED = "denominator_below_resolution"

type Transform = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Drawn:
    """An analysis, its scores (K,) by scale and draws (M, K) of its mean curve there."""

    analysis: Analysis
    scales: Floats
    observed: Floats
    curves: Floats


def read_curves(path: Path) -> list[ScalingCurve]:
    """All curves of a file."""
    with open_curves(path, None, None) as stream:
        return [load_item(item).curve for item in stream.items()]


def drawn(curve: ScalingCurve, options: Options) -> Drawn:
    """The analysis of a curve with draws of its mean at its scales."""
    averaged = averaged_posterior(curve, options)
    observations = averaged.observations
    places = np.unique(observations.u)
    curves = averaged.curves(averaged.indices(DRAWS), places)
    return Drawn(analyze(curve, options), observations.scale_at(places), observed_means(observations), curves)


def score_of(values: Floats) -> float | None:
    """Emergence score of values in order of scale; None where the median step is zero."""
    score = float(steps(values[None, :]).emergence_score[0])
    return None if np.isnan(score) else score


def score_interval(curves: Floats, level: float, resolution: float) -> Interval:
    """Posterior quantiles of the emergence score of curves (M, K).

    The upper end and the estimate are open where more than 5 % of the draws have a median step below `resolution`, the
    smallest difference that the scores can show; the lower end counts those as large.
    """
    found = steps(curves)
    scores = np.where(np.isnan(found.emergence_score), np.inf, found.emergence_score)
    lower, middle, upper = quantiles(scores, level).tolist()
    if float(np.mean(found.median < resolution)) > SMALL_DENOMINATORS or not np.isfinite(upper):
        return Interval(None, lower if np.isfinite(lower) else None, None, UNDEFINED)
    return Interval(middle, lower, upper)


def few_shot(curves: Sequence[ScalingCurve], task: str) -> ScalingCurve:
    """The few-shot curve of a task."""
    return next(c for c in curves if c.task == task and (c.prompting or "").startswith("few-shot"))
