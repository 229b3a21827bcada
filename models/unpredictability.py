"""Unpredictability: could the smaller models have told what the larger ones score? (design, section 6.3).

The scales from where the rise begins are hidden, smooth curve models are fitted to the rest, and the hidden score that
stands out most is judged by their predictions. The largest p value over the smooth models counts, since one that saw
it coming is enough, times the number of places at which the rise could have begun (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from models.arrays import Bools, Floats
from models.curve_models.logit_linear import logit_linear
from models.curve_models.power_law import power_law
from models.curve_models.priors import HalfCauchy, Normal, Parameter
from models.curve_models.record import Context, CurveModel, mean
from models.curve_models.token_power_law import token_power_law
from models.engines.quadrature import quadrature
from models.likelihood import Observations
from models.posterior import ModelPosterior, Work
from models.predictive import predicted_scores
from models.resampling import resampled
from models.results import Unpredictability
from models.transition import Transition

FEWEST_SEEN = 3  # scales before the rise, from which a smooth curve can be told
DRAWS, EFFECTIVE_DRAWS = 1000, 256
TOO_FEW_BEFORE = "fewer_than_three_scales_before_the_rise"
LEVEL_LOGIT, LEVEL_SD = -3.5, 4.0  # of a line before a rise: from .0001 to .9


def _line(context: Context) -> CurveModel | None:
    """`logit_linear` at a level that may be almost zero.

    Its usual prior would rather have half the models at zero by scatter than a level where all are.
    """
    model = logit_linear(context)
    if not context.bounded:
        return model
    return replace(model, levels=(Parameter("eta", Normal(LEVEL_LOGIT, LEVEL_SD)), *model.levels[1:]))


SMOOTH_MODELS = (_line, token_power_law, power_law)


def unpredictability(
    observations: Observations, sizes: Sequence[float], rise: Transition, variation: HalfCauchy, seed: int
) -> Unpredictability:
    """Tail probability of what the models from the beginning of the rise on were seen to score.

    `sizes` (N,) are the points' scales as they were given.
    """
    scales = rise.scales
    seen = int(np.count_nonzero(scales < np.median(rise.low)))
    if seen < FEWEST_SEEN:
        return Unpredictability(None, None, None, TOO_FEW_BEFORE)
    hidden = observations.decades_above >= scales[seen] - 1e-12
    smaller = _part(observations, ~hidden)
    smaller = replace(smaller, u=smaller.u / smaller.u[-1])
    models = [model for factory in SMOOTH_MODELS if (model := factory(smaller.context))]
    found = quadrature(models, smaller, variation, Work(EFFECTIVE_DRAWS, seed, even=True))
    p_value = max(_tail(posterior, smaller, observations, hidden, seed) for posterior in found)
    places = len(scales) - FEWEST_SEEN
    first = sizes[int(np.argmax(hidden))]
    return Unpredictability(min(places * p_value, 1.0), len(scales) - seen, first)


def _part(observations: Observations, kept: Bools) -> Observations:
    """Some of the points, each taken for itself; their positions remain those in the whole range."""
    fields = ("z", "u", "y", "successes", "trials", "stderr", "noise")
    arrays = {name: getattr(observations, name)[kept] for name in fields}
    return replace(observations, pairing=None, design_effects=None, submitted=None, **arrays)


def _tail(posterior: ModelPosterior, smaller: Observations, whole: Observations, hidden: Bools, seed: int) -> float:
    """p value of the hidden score that is most surprisingly high, among draws of all hidden scores."""
    position = whole.decades_above[hidden] / smaller.decades
    chosen = resampled(np.exp(posterior.log_weights - posterior.log_weights.max()), DRAWS)
    means = mean(posterior.model, posterior.shape, posterior.levels, position)[chosen]
    drawn = predicted_scores(_part(whole, hidden), means, posterior.r[chosen], seed)
    return _surprise(whole.y[hidden], drawn)


def _surprise(observed: Floats, drawn: Floats) -> float:
    """p value of min over points of P(draw >= score), of observed scores (H,) among draws (S, H)."""
    ordered = np.sort(drawn, axis=0)
    smallest = np.ones(len(drawn))
    seen = 1.0
    for h in range(len(observed)):
        column = ordered[:, h]
        smallest = np.minimum(smallest, 1 - np.searchsorted(column, drawn[:, h], side="left") / len(drawn))
        seen = min(seen, 1 - float(np.searchsorted(column, observed[h], side="left")) / len(drawn))
    return float(1 + np.count_nonzero(smallest <= seen + 1e-12)) / (len(drawn) + 1)
