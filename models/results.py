"""What an analysis returns: frozen records whose field names are those of the contract.

Every number is finite or None; None comes with a `reason` in the same record, or `<field>_reason` beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from models.curve import ScalingCurve
from models.options import Options, Shape

NO_DISTRACTOR = "distractor_not_given"


@dataclass(frozen=True, slots=True)
class Interval:
    """Posterior median and equal-tailed interval at `options.interval`; an open end is None."""

    estimate: float | None
    lower: float | None
    upper: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """A range without an estimate."""

    lower: float | None
    upper: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class LogBayesFactor:
    """Natural log of a class's evidence over the largest evidence, both to the power 0.92 (`EVIDENCE_POWER`).

    `upper_bound`: too few draws fell into the class, and the true value is at most `estimate`.
    """

    estimate: float | None
    upper_bound: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Classification:
    """The label, how probable each shape is, and how much that rests on the priors.

    `label` is a `Shape` value or "undetermined"; `reasons` say why it is not a plain label.
    `smallest_effect_sensitivity` maps "halved" and "doubled" to the label under that smallest effect.
    """

    label: str
    most_probable: Shape
    probability: float
    probability_mcse: float
    probabilities: Mapping[Shape, float]
    log_bayes_factors: Mapping[Shape, LogBayesFactor]
    prior_sensitivity: Range
    smallest_effect_sensitivity: Mapping[str, str]
    robust: bool
    erratic: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Effects:
    """Changes of the mean performance over the observed range, in score units (positive = better)."""

    net_change: Interval
    largest_fall: Interval
    largest_rise: Interval
    change_per_decade: Interval


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn of a U (or an inverted U, seen from its maximum), given that shape.

    `scale` and `bottom` in the scale's own unit; `dip` is the change from the start to the extreme and `recovery`
    from the extreme to the end, both as positive sizes. `probability_no_turn_below_largest` is given for curves that
    fall all the way.
    """

    probability: float
    scale: Interval
    bottom: Range
    dip: Interval
    recovery: Interval
    end_minus_start: Interval
    probability_end_above_start: float | None = None
    probability_end_above_start_reason: str | None = None
    probability_end_above_chance: float | None = None
    probability_end_above_chance_reason: str | None = None
    probability_no_turn_below_largest: float | None = None
    probability_no_turn_below_largest_reason: str | None = None


@dataclass(frozen=True, slots=True)
class EmergenceScore:
    """A score observed (its definition) and its posterior under the model-averaged curve (`model_based`)."""

    observed: float | None
    estimate: float | None
    lower: float | None
    upper: float | None
    normaliser: str
    reason: str | None = None
    model_based: bool = True


@dataclass(frozen=True, slots=True)
class EmergenceNull:
    """Tail probability of the observed statistic under a constant and under a logit-linear curve."""

    flat_p_value: float | None
    smooth_p_value: float | None
    statistic: str = "emergence_score"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Sharpness:
    """10-90 % width of the rise in decades, and the share of the rise inside one step between neighbours.

    The width has no lower end where all of the rise may lie inside one gap between models (`rise_inside_one_gap`).
    `probability_below_one_decade`: P(width < 1 decade), given that the curve rises.
    """

    width_decades: Interval
    step_share: Interval
    probability_below_one_decade: float | None
    probability_below_one_decade_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Unpredictability:
    """Tail probability, under smooth curves fitted to the smaller models, of what the larger ones were seen to score.

    Hidden are the largest `hidden_scales` scales, those from `first_hidden_scale` on, where the rise begins.
    """

    p_value: float | None
    hidden_scales: int | None
    first_hidden_scale: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ResolutionExplanation:
    """Whether a gradual curve would have given these counts, zeros of the small models included, at these test sets.

    `models_at_zero` counts those below the rise that solved nothing. `holds` is None where it cannot be tested.
    """

    holds: bool | None
    p_value: float | None
    models_at_zero: int | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class MetricExplanation:
    """Whether a smooth per-token curve under a nonlinear or discontinuous metric gives the rise.

    `route` is "same_outputs" or "target_length", the latter only consistent with the explanation. `log_bayes_factor`
    (natural) of the per-token power law of exponent below 1 against a step narrower than half a decade; `p_value` of
    that power law for all points; `exponent` its posterior without that limit. `holds` is None where it is not settled.
    """

    holds: bool | None
    route: str | None
    log_bayes_factor: float | None
    p_value: float | None
    probability_smooth: float | None
    exponent: Interval
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ScaleGapExplanation:
    """Whether the whole rise lies inside one gap between neighbouring models, so that its width has no lower bound.

    `probability` is that of the 10 % and the 90 % crossing lying between `lower_scale` and `upper_scale`.
    """

    holds: bool | None
    probability: float | None
    gap_decades: float | None
    lower_scale: float | None
    upper_scale: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Explanations:
    """The three explanations of an emergent-looking curve."""

    resolution: ResolutionExplanation
    metric: MetricExplanation
    scale_gap: ScaleGapExplanation


class Verdict(StrEnum):
    """What is to be thought of a rise that looks like emergence."""

    NOT_EMERGENT = "not_emergent"
    EXPLAINED_BY_RESOLUTION = "explained_by_resolution"
    EXPLAINED_BY_METRIC = "explained_by_metric"
    EXPLAINED_BY_SCALE_GAP = "explained_by_scale_gap"
    EMERGENT = "emergent"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class Emergence:
    """Emergence score, its nulls, the sharpness of the rise, its explanations and what follows from them.

    `verdict_reasons` say why the verdict is not another one.
    """

    score: EmergenceScore
    linearity: EmergenceScore
    null: EmergenceNull
    largest_step_share: float | None
    sharpness: Sharpness
    unpredictability: Unpredictability
    explanations: Explanations
    verdict: Verdict | None
    verdict_reason: str | None = None
    verdict_reasons: tuple[str, ...] = ()
    largest_step_share_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Decomposition:
    """Two tasks behind one curve, if both are learnt: where the distractor, where the true task, and where it turns.

    That both are learnt is taken for granted, not tested; what lies beyond the largest model follows from the priors.
    Scales in their own unit, ends outside the observed ones open; rises as shares of the examples. `turn` is given that
    the true accuracy has one, at any scale; `turn_without_distractor` the same from the true accuracy alone, and
    `precision_gain` the width of that interval over that of `turn`.
    """

    summary: str
    distractor_learnt: Interval
    distractor_rise: Interval
    true_task_learnt: Interval
    true_rise: Interval
    turn: Interval
    probability_turn: float
    probability_turn_beyond_largest: float | None
    turn_without_distractor: Interval
    precision_gain: float | None
    effective_sample_size: float
    pareto_k: float
    probability_turn_beyond_largest_reason: str | None = None
    precision_gain_reason: str | None = None


@dataclass(frozen=True, slots=True)
class PointReport:
    """One point: what its test set can and cannot show. `interval` is Jeffreys, `wilson` Wilson's, at 95 % or as asked.

    `resolution` is 1/n; `n_needed` the test-set size at which the fitted performance p would be visible (3/p).
    `below_resolution`: the test set is smaller than that.
    """

    model: str | None
    scale: float
    score: float
    n_examples: int | None
    stderr: float | None
    n_correct: int | None
    interval: Range
    wilson: Range
    fitted: Interval
    resolution: float | None = None
    resolution_reason: str | None = None
    below_resolution: bool | None = None
    below_resolution_reason: str | None = None
    n_needed: int | None = None
    n_needed_reason: str | None = None
    design_effect: float = 1.0
    count_residual: float | None = None
    count_residual_reason: str | None = None


@dataclass(frozen=True, slots=True)
class GridPoint:
    """The averaged curve at one scale, in the submitted orientation."""

    scale: float
    estimate: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class FittedModel:
    """One curve model: its posterior weight, log evidence (all constants kept) and parameters."""

    name: str
    weight: float
    log_evidence: float
    parameters: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class Fit:
    """The model-averaged curve and what it is made of.

    `between_model_sd`: sd of a model's true score around the curve, at the curve's mean level, in score units.
    """

    grid: tuple[GridPoint, ...]
    models: tuple[FittedModel, ...]
    between_model_sd: Interval


@dataclass(frozen=True, slots=True)
class GlmCheck:
    """Quasi-binomial GLM on log10 scale: t tests of the linear and the quadratic term with K - p degrees of freedom."""

    status: str
    reason: str | None = None
    linear_coefficient: float | None = None
    linear_p_value: float | None = None
    quadratic_coefficient: float | None = None
    quadratic_p_value: float | None = None
    dispersion: float | None = None


@dataclass(frozen=True, slots=True)
class LindMehlumCheck:
    """Lind and Mehlum's test of a U on the logit scale, with Fieller's interval of the extreme."""

    status: str
    reason: str | None = None
    shape: str | None = None
    p_value: float | None = None
    slope_at_start: float | None = None
    slope_at_end: float | None = None
    turn: Interval | None = None
    fieller: str | None = None
    warning: str | None = None


@dataclass(frozen=True, slots=True)
class TwoLinesCheck:
    """Simonsohn's two-lines test with the break point set by his Robin Hood procedure."""

    status: str
    reason: str | None = None
    shape: str | None = None
    break_scale: float | None = None
    slope_before: float | None = None
    p_value_before: float | None = None
    slope_after: float | None = None
    p_value_after: float | None = None


@dataclass(frozen=True, slots=True)
class Frequentist:
    """Cross-checks that use none of the priors; each says when it does not apply."""

    glm: GlmCheck
    lind_mehlum: LindMehlumCheck
    two_lines: TwoLinesCheck


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning: a stable code and a sentence."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """The worst figures over the curve models that carry weight."""

    engine: str
    pareto_k: float | None
    effective_sample_size: float
    class_effective_sample_size: Mapping[Shape, float]
    warnings: tuple[Warned, ...]
    r_hat: float | None = None
    ess_bulk: float | None = None
    ess_tail: float | None = None
    divergences: int | None = None
    bfmi: float | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Everything that is needed to get the same numbers again."""

    scaleshape: str
    engine_version: int
    input_sha256: str
    seed: int
    draws: int
    between_model_scale: float
    between_model_scale_source: str
    smallest_effect: float
    priors: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Analysis:
    """The whole answer for one curve."""

    curve: ScalingCurve
    options: Options
    summary: str
    classification: Classification
    effects: Effects
    u_turn: Turn
    inverted_u_turn: Turn
    emergence: Emergence
    points: tuple[PointReport, ...]
    fit: Fit
    frequentist: Frequentist
    diagnostics: Diagnostics
    provenance: Provenance
    decomposition: Decomposition | None = None
    decomposition_reason: str | None = NO_DISTRACTOR
