"""A straight line on the logit that runs on: the plainest thing that a curve can do beyond its largest model.

The menu of an analysis has no such line, for its classes need none; a forecast does.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from models.arrays import Floats
from models.curve_models.logit_linear import logit_linear
from models.curve_models.priors import HalfCauchy
from models.curve_models.record import Context, prior_draws
from models.engines.quadrature import quadrature
from models.likelihood import Observations
from models.pool import Part, Pool
from models.posterior import Work
from models.shapes import PRIOR_DRAWS, PRIOR_SEED, SHAPES, classify, landmarks
from models.sobol import sobol

EDGE = 1e-12


def line_pool(observations: Observations, variation: HalfCauchy, work: Work) -> Pool:
    """The draws of the line, with shares that sum to the evidence of each class, as in the pool of all models."""
    context = observations.context
    posterior = quadrature([logit_linear(context)], observations, variation, replace(work, even=True))[0]
    part = Part.of(posterior)
    code, masses = classify(part.marks, context.delta), _masses(bounded=context.bounded, delta=context.delta)
    count = len(posterior.r)
    share = np.exp(posterior.log_weights - posterior.log_evidence) / count
    share = share / np.where(masses > 0, masses, 1.0)[code]
    unit = posterior.log_evidence
    model = np.zeros(count, dtype=np.int64)
    draws = np.array([count])
    return Pool((posterior,), (part,), part.marks, code, model, posterior.r, share, draws, masses[None], unit, context)


def of_classes(pool: Pool, prior: Floats) -> Floats:
    """A prior on shapes (5,) among those that the line has."""
    kept = np.where(pool.masses[0] > 0, prior, 0.0)
    return np.asarray(kept / kept.sum())


@lru_cache(maxsize=256)
def _masses(*, bounded: bool, delta: float) -> Floats:
    """Prior mass (5,) of each shape under the line."""
    model = logit_linear(Context(bounded, delta))
    v = sobol(len(model.parameter_names), PRIOR_DRAWS, np.random.default_rng(PRIOR_SEED))
    shape, levels = prior_draws(model, np.clip(v, EDGE, 1 - EDGE))
    code = classify(landmarks(model, shape, levels), delta)
    return np.bincount(code, minlength=len(SHAPES)) / PRIOR_DRAWS
