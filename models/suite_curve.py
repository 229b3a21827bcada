"""What a suite's summary needs of one analysis: class evidences, the label, turns and effects, who it belongs to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from models.arrays import Floats
from models.curve import ScaleKind, ScalingCurve
from models.metrics import MetricKind
from models.options import ENGINE_UNRELIABLE, UNDETERMINED, Shape
from models.random_effects import Effect
from models.results import Analysis, Interval, Turn
from models.shapes import SHAPES
from models.turn_posterior import TurnPosterior, turn_posterior

FRACTION_OF_RANGE = "fraction_of_range"
TASK_GROUP_TAG = "task_group"  # a tag of the curve that names the group of tasks that it belongs to
OUTPUT_TAGS = ("task_version", "checkpoint")  # tags that tell outputs apart; others may describe a metric
# Of an effect, in smallest effects: a flat curve's posterior has a point mass at no change, whose width of zero would
# give the curve all the weight there is.
SMALLEST_SD = 0.5


@dataclass(frozen=True, slots=True)
class SuiteCurve:
    """One curve of a suite.

    Curves with the same `outputs` are metrics of the same answers of the same models; the first of them is the task.
    `evidence` (5,) are the evidences of the shapes over the largest of them; `evidence_bound` the same with the upper
    bound of those for which the engine had too few draws. `effects` are performance changes in `effect_unit`.
    `verdict` is that on emergence; `log_range` the observed range of log10 scale.
    """

    name: str
    outputs: tuple[str, ...]
    groups: Mapping[str, str | None]
    label: str
    probabilities: Floats
    evidence: Floats
    evidence_bound: Floats
    reliable: bool
    erratic: bool
    verdict: str | None
    linear: bool | None
    scale_kind: ScaleKind
    effect_unit: str
    effects: Mapping[str, Effect]
    u_turn: TurnPosterior | None
    inverted_u_turn: TurnPosterior | None
    log_range: tuple[float, float]

    @property
    def labelled(self) -> bool:
        """Whether the analysis dared a label."""
        return self.label != UNDETERMINED

    @property
    def shape(self) -> int:
        """Index into `SHAPES` of the label, or of the most probable shape where there is none."""
        return SHAPES.index(Shape(self.label)) if self.labelled else int(np.argmax(self.probabilities))


def suite_curve(analysis: Analysis) -> SuiteCurve:
    """The part of an analysis that a suite's summary needs."""
    curve, found = analysis.curve, analysis.classification
    evidence, bound = class_evidences(analysis)
    return SuiteCurve(
        name=curve_name(curve),
        outputs=_outputs(curve),
        groups=curve_groups(curve),
        label=found.label,
        probabilities=np.array([found.probabilities[shape] for shape in SHAPES]),
        evidence=evidence,
        evidence_bound=bound,
        reliable=ENGINE_UNRELIABLE not in found.reasons,
        erratic=found.erratic,
        verdict=analysis.emergence.verdict,
        linear=curve.metric.linear,
        scale_kind=curve.scale_kind,
        effect_unit=curve.metric.name if curve.metric.kind is MetricKind.UNBOUNDED else FRACTION_OF_RANGE,
        effects=_effects(analysis),
        u_turn=turn_posterior(analysis, Shape.U_SHAPED),
        inverted_u_turn=turn_posterior(analysis, Shape.INVERTED_U),
        log_range=(math.log10(curve.points[0].scale), math.log10(curve.points[-1].scale)),
    )


def curve_name(curve: ScalingCurve) -> str:
    """Task, metric, prompting and family, as far as they are known."""
    return ", ".join(part for part in (curve.task, curve.metric.name, curve.prompting, curve.model_family) if part)


def curve_groups(curve: ScalingCurve) -> dict[str, str | None]:
    """The group that a curve belongs to in each way of grouping; None where it is not known."""
    return {
        "metric": curve.metric.name,
        "task_group": curve.tags.get(TASK_GROUP_TAG),
        "model_family": curve.model_family,
        "prompting": curve.prompting,
    }


def _outputs(curve: ScalingCurve) -> tuple[str, ...]:
    setting = (curve.task, curve.prompting or "", curve.model_family or "", curve.scale_kind.value, curve.suite or "")
    return (*setting, *(curve.tags.get(tag, "") for tag in OUTPUT_TAGS))


def class_evidences(analysis: Analysis) -> tuple[Floats, Floats]:
    """Evidence (5,) of each shape over the largest, and the same with bounded Bayes factors at their bound.

    The prior on classes is divided out of the probabilities: p(y|c) is proportional to p(c|y)/p(c).
    """
    found, prior = analysis.classification, analysis.options.class_prior
    value = np.array([found.probabilities[shape] / prior[shape] for shape in SHAPES])
    value = value / value.max()
    bound = value.copy()
    for index, shape in enumerate(SHAPES):
        factor = found.log_bayes_factors[shape]
        if factor.upper_bound and factor.estimate is not None:
            bound[index] = max(value[index], math.exp(min(factor.estimate, 0.0)))
    return value, bound


def _effects(analysis: Analysis) -> dict[str, Effect]:
    """Posterior median and variance of the changes, each given the shape that it speaks of."""
    intervals = {"net_change": analysis.effects.net_change}
    intervals |= _turn_effects(analysis.u_turn, "dip", "recovery")
    intervals |= _turn_effects(analysis.inverted_u_turn, "rise", "fall")
    found = {key: _effect(analysis, interval) for key, interval in intervals.items()}
    return {key: effect for key, effect in found.items() if effect is not None}


def _turn_effects(turn: Turn, first: str, second: str) -> dict[str, Interval]:
    return {first: turn.dip, second: turn.recovery}


def _effect(analysis: Analysis, interval: Interval) -> Effect | None:
    if interval.estimate is None or interval.lower is None or interval.upper is None:
        return None
    width = analysis.curve.metric.width
    sd = (interval.upper - interval.lower) / (2 * float(ndtri((1 + analysis.options.interval) / 2)))
    sd = max(sd, SMALLEST_SD * analysis.provenance.smallest_effect)
    return Effect(curve_name(analysis.curve), interval.estimate / width, (sd / width) ** 2)
