"""Compile one half of the engine in a process beside the one that analyses: a first run has two cores for it.

An analysis compiles function by function as it comes to them, on one core: first those of the engine, which call one
another and are quicker compiled together. The process beside it begins with what the engine comes to last, and goes on
with what is made of its draws; each finds in the compiler's cache what the other has kept.
"""

from __future__ import annotations

import numpy as np

from models.classification import decide
from models.compiled import is_kept
from models.crosschecks import crosschecks
from models.curve import ScalePoint, ScalingCurve
from models.curve_models import menu
from models.curve_models.constant import constant
from models.curve_models.priors import HalfCauchy
from models.curve_models.record import CurveModel, prior_draws
from models.emergence import steps
from models.engines import kernels
from models.engines.cells import Cells, cell_draws, cell_proposal, layout_of
from models.engines.clouds import COMPONENTS, cloud_sequence, propose
from models.engines.target import Target, make_target
from models.fitting import fit
from models.gradual import GradualFamily, gradual_check
from models.likelihood import observe
from models.metrics import REGISTRY
from models.options import Options
from models.pool import Averaged, pooled, posterior_weights
from models.posterior import ModelPosterior, Work, pareto_k
from models.predictive import predicted_scores
from models.turn import effects, turns

SCORES = (0.2, 0.1, 0.3, 0.6, 0.7, 0.75)
EXAMPLES, DRAWS, R = 100, 64, 0.1


def is_compiled() -> bool:
    """Whether the compiler's cache holds the functions that take longest."""
    return is_kept(kernels.solved)


def compile_late_half() -> None:
    """Compile, and keep, what an analysis comes to late."""
    points = tuple(ScalePoint(10.0 ** (8 + i), score, n_examples=EXAMPLES) for i, score in enumerate(SCORES))
    curve, options = ScalingCurve("compiled ahead", REGISTRY["exact_match"], points), Options()
    observations = observe(curve, options)
    target = make_target(constant(observations.context), observations, HalfCauchy(R))
    predicted_scores(observations, np.full((DRAWS, len(points)), 0.5), np.full(DRAWS, R), options.seed)
    _surround()
    crosschecks(curve, observations, options.interval)
    steps(np.tile(observations.y, (DRAWS, 1)))
    pareto_k(np.log(np.arange(1.0, 10 * DRAWS)))
    pool = pooled([_from_prior(model) for model in menu(observations.context)], observations.context)
    _propose(target)
    decide(pool, options, options.class_prior)
    averaged = Averaged(pool, posterior_weights(pool, options.class_prior), observations, options.interval)
    effects(averaged)
    turns(averaged)
    fit(averaged)
    gradual_check(GradualFamily.LINE, observations, R, options.seed)


def _surround() -> None:
    """With a cloud of draws, around centres that stand for those of a posterior."""
    centers = np.zeros((COMPONENTS, 2))
    propose(cloud_sequence(2, 1, DRAWS, 0), centers, np.linalg.cholesky(np.eye(2)))


def _propose(target: Target) -> None:
    """From cells that nobody has solved."""
    layout = layout_of(target.model.shape, target.model.cells, target.variation)
    log_mass = np.zeros(len(layout.defence))
    cells = Cells(layout, np.zeros((len(log_mass), target.level_count)), log_mass)
    cell_draws(cells, cell_proposal(cells), range(DRAWS), Work(DRAWS, 0))


def _from_prior(model: CurveModel) -> ModelPosterior:
    """Draws of the prior in place of the posterior, for which nothing need be compiled."""
    v = np.random.default_rng(0).random((DRAWS, len(model.shape) + len(model.levels)))
    shape, levels = prior_draws(model, v)
    return ModelPosterior(
        model=model,
        shape=shape,
        levels=levels,
        r=np.full(DRAWS, R),
        log_weights=np.zeros(DRAWS),
        log_evidence=0.0,
        effective_sample_size=float(DRAWS),
        draws=DRAWS,
    )
