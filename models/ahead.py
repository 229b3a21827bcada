"""Compile one half of the engine in a process beside the one that analyses: a first run has two cores for it.

An analysis compiles function by function as it comes to them, on one core. The process beside it begins with those that
an analysis comes to late and that take long; each finds in the compiler's cache what the other has kept.
"""

from __future__ import annotations

import numpy as np

from models.compiled import is_kept
from models.crosschecks import crosschecks
from models.curve import ScalePoint, ScalingCurve
from models.curve_models.logit_linear import logit_linear
from models.curve_models.priors import HalfCauchy
from models.emergence import steps
from models.engines import kernels
from models.engines.target import Draws, make_target, weigh
from models.likelihood import observe
from models.metrics import REGISTRY
from models.options import DEFAULT_BETWEEN_MODEL_SCALE, Options
from models.posterior import pareto_k
from models.predictive import predicted_scores

SCORES = (0.2, 0.1, 0.3, 0.6, 0.7, 0.75)
EXAMPLES, DRAWS = 100, 64


def is_compiled() -> bool:
    """Whether the compiler's cache holds the functions that take longest."""
    return is_kept(kernels.laplace_cells) and is_kept(kernels.weigh_draws)


def compile_late_half() -> None:
    """Compile, and keep, what an analysis comes to late."""
    points = tuple(ScalePoint(10.0 ** (8 + i), score, n_examples=EXAMPLES) for i, score in enumerate(SCORES))
    curve, options = ScalingCurve("compiled ahead", REGISTRY["exact_match"], points), Options()
    observations = observe(curve, options)
    target = make_target(logit_linear(observations.context), observations, HalfCauchy(DEFAULT_BETWEEN_MODEL_SCALE))
    middle = np.full((DRAWS, 1), 0.5)
    p = target.level_count
    draws = Draws(middle, np.zeros((DRAWS, p)), np.zeros((DRAWS, p + 1)), np.zeros(DRAWS))
    posterior = weigh(target, draws)
    predicted_scores(observations, np.full((DRAWS, len(points)), 0.5), posterior.r, options.seed)
    crosschecks(curve, observations, options.interval)
    steps(np.tile(observations.y, (DRAWS, 1)))
    pareto_k(np.log(np.arange(1.0, 10 * DRAWS)))
