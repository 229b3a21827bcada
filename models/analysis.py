"""The one function that puts the parts together: a curve and options in, an `Analysis` out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.arrays import Floats
from models.between_model import ResolvedScale, own_scale, scale_evidence
from models.classification import ERRATIC, classification, decide
from models.crosschecks import crosschecks
from models.curve import ScalingCurve
from models.curve_models import POINT_MASSES, menu
from models.curve_models.logit_linear import logit_linear
from models.curve_models.near_flat import near_flat
from models.curve_models.priors import HalfCauchy
from models.decomposition import decomposition
from models.diagnostics import agree, diagnostics, weak_models
from models.emergence import emergence
from models.engines.quadrature import quadrature
from models.engines.target import joined
from models.explanations import Case
from models.fitting import CURVE_DRAWS, fit, score_intervals
from models.likelihood import Observations, observe
from models.options import ENGINE_UNRELIABLE, Options
from models.pool import Averaged, Pool, narrowed, pooled, posterior_weights, with_effect
from models.posterior import Engine, ModelPosterior, Work
from models.provenance import ENGINE_VERSION, provenance
from models.resolution import point_reports
from models.results import Analysis, Classification, Emergence, PointReport, Warned
from models.scatter import is_erratic
from models.summary_words import summary
from models.transition import sharpness, transition
from models.turn import effects, turns
from models.verdict import is_sharp, judged
from models.warnings import curve_warnings

__all__ = ["ENGINE_VERSION", "analyze", "averaged_posterior", "suite_evidence"]

DRAWS = 512  # effective ones to aim at, of the averaged posterior; a Sobol sequence wants a power of two
REFINEMENTS = (4, 16)  # times the draws where the runs before were not good enough
SUITE_DRAWS = 128  # effective ones for the suite's scale: the same draws serve all its nodes, and many curves average
HALF, DOUBLE = 0.5, 2.0  # times the smallest effect, to see whether the label depends on it
NULL_DRAWS, EFFECT_DRAWS = 256, 128  # effective ones, for the smooth null of the emergence score and other effects
UNRELIABLE = Warned(ENGINE_UNRELIABLE, "the engine did not reach its accuracy on this curve; no label is given")


@dataclass(frozen=True, slots=True)
class _Setting:
    """One curve made ready for an engine."""

    observations: Observations
    options: Options
    variation: HalfCauchy


def analyze(
    curve: ScalingCurve, options: Options, engine: Engine = quadrature, scale: ResolvedScale | None = None
) -> Analysis:
    """Analyse one curve. `scale` is needed where the options say "suite"; otherwise it follows from them.

    Raises `InvalidOptions` where options and curve do not fit each other. Side computations (sensitivity to the
    smallest effect, nulls of the emergence score) use `quadrature` under either engine.
    """
    resolved = scale or own_scale(options)
    setting = _Setting(observe(curve, options), options, HalfCauchy(resolved.value))
    averaged, reliable = _averaged(setting, engine)
    label = _classified(setting, averaged, reliable=reliable)
    change, both_turns = effects(averaged), turns(averaged)
    two_tasks, no_two_tasks = decomposition(curve, setting.observations, options, setting.variation)
    notes = (*curve_warnings(curve, setting.observations), *(() if reliable else (UNRELIABLE,)))
    found = Analysis(
        curve=curve,
        options=options,
        summary="",
        classification=label,
        effects=change,
        u_turn=both_turns[0],
        inverted_u_turn=both_turns[1],
        emergence=_emergence(curve, setting, averaged, label.label),
        points=_points(curve, averaged),
        fit=fit(averaged),
        frequentist=crosschecks(curve, setting.observations, options.interval),
        diagnostics=diagnostics(averaged, options.engine, notes),
        provenance=provenance(curve, options, resolved, setting.observations, int(max(averaged.pool.draws))),
        decomposition=two_tasks,
        decomposition_reason=no_two_tasks,
    )
    return replace(found, summary=summary(found))


def averaged_posterior(curve: ScalingCurve, options: Options, scale: ResolvedScale | None = None) -> Averaged:
    """The draws that an analysis by `quadrature` is made of; `scale` as for `analyze`."""
    resolved = scale or own_scale(options)
    return _averaged(_Setting(observe(curve, options), options, HalfCauchy(resolved.value)), quadrature)[0]


def suite_evidence(curve: ScalingCurve, options: Options) -> Floats:
    """Log evidence (9,) of a curve at the nodes of the between-model scale, for `resolve_suite_scale`."""
    scale = own_scale(replace(options, between_model_scale="default"))
    setting = _Setting(observe(curve, options), options, HalfCauchy(scale.value))
    pool = _pool(setting, quadrature, Work(SUITE_DRAWS, options.seed))
    return scale_evidence(pool, options, setting.variation)


def _pool(setting: _Setting, engine: Engine, work: Work) -> Pool:
    context = setting.observations.context
    return pooled(engine(menu(context), setting.observations, setting.variation, work), context)


def _averaged(setting: _Setting, engine: Engine) -> tuple[Averaged, bool]:
    """The averaged posterior, and whether the engine got it right, with more draws for weak models."""
    averaged = _weighted(setting, _pool(setting, engine, Work(DRAWS, setting.options.seed)))
    for number, factor in enumerate(REFINEMENTS, start=1):
        weak = weak_models(averaged)
        if not weak:
            return averaged, True
        # Other random numbers: that two independent runs agree is a proof too.
        work = Work(DRAWS * factor, setting.options.seed, even=True).renewed(-number)
        models = [averaged.pool.posteriors[j].model for j in weak]
        again = engine(models, setting.observations, setting.variation, work)
        refined = _exchanged(setting, averaged, weak, again)
        if agree(averaged, refined):
            return refined, True
        together = [_together(averaged, j, new) for j, new in zip(weak, again, strict=True)]
        averaged = _exchanged(setting, averaged, weak, together)
    return averaged, not weak_models(averaged)


def _together(averaged: Averaged, index: int, new: ModelPosterior) -> ModelPosterior:
    """The draws so far and new ones; of a sampler, whose draws come with checks of their own, the new ones alone."""
    if new.checks is not None:
        return new
    return joined(averaged.pool.posteriors[index], new)


def _exchanged(
    setting: _Setting, averaged: Averaged, places: tuple[int, ...], posteriors: Sequence[ModelPosterior]
) -> Averaged:
    """The averaged posterior with other draws of some models."""
    all_posteriors = list(averaged.pool.posteriors)
    for j, posterior in zip(places, posteriors, strict=True):
        all_posteriors[j] = posterior
    return _weighted(setting, pooled(all_posteriors, averaged.pool.context, averaged.pool))


def _weighted(setting: _Setting, pool: Pool) -> Averaged:
    options = setting.options
    return Averaged(pool, posterior_weights(pool, options.class_prior), setting.observations, options.interval)


def _classified(setting: _Setting, averaged: Averaged, *, reliable: bool) -> Classification:
    pool, options = averaged.pool, setting.options
    best = decide(pool, options, options.class_prior).best
    vetoes = (*((ERRATIC,) if is_erratic(averaged, best) else ()), *(() if reliable else (ENGINE_UNRELIABLE,)))
    delta = pool.context.delta
    constant = [posterior for posterior in pool.posteriors if posterior.model.name in POINT_MASSES]
    wide = _near_flat(setting, DOUBLE * delta)
    doubled = with_effect(pool, [*constant, wide], DOUBLE * delta)
    halved = with_effect(doubled, [*constant, narrowed(wide, HALF * delta, HALF / DOUBLE)], HALF * delta)
    others = {"halved": halved, "doubled": doubled}
    return classification(pool, options, setting.variation, others, vetoes)


def _near_flat(setting: _Setting, delta: float) -> ModelPosterior:
    """`near_flat` with another smallest effect, which is its prior."""
    model = near_flat(replace(setting.observations.context, delta=delta))
    work = Work(EFFECT_DRAWS, setting.options.seed)
    return quadrature([model], setting.observations, setting.variation, work)[0]


def _emergence(curve: ScalingCurve, setting: _Setting, averaged: Averaged, label: str) -> Emergence:
    context, seed = setting.observations.context, setting.options.seed
    smooth = quadrature([logit_linear(context)], setting.observations, setting.variation, Work(NULL_DRAWS, seed))[0]
    flat = next(posterior for posterior in averaged.pool.posteriors if posterior.model.name == "constant")
    rise = transition(averaged)
    case = Case(curve, averaged, rise, setting.variation, seed) if rise and is_sharp(averaged, rise) else None
    judgement = judged(case, averaged, rise, label)
    return emergence(averaged, (flat, smooth), seed, sharpness(rise, averaged.level), judgement)


def _points(curve: ScalingCurve, averaged: Averaged) -> tuple[PointReport, ...]:
    fitted = score_intervals(averaged, averaged.curves(averaged.indices(CURVE_DRAWS), averaged.observations.u))
    effects = averaged.observations.design_effects
    return point_reports(curve, fitted, averaged.level, 1.0 if effects is None else effects)
