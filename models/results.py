"""What an analysis returns: frozen records whose field names are those of the contract.

Every number is finite or None; None comes with a `reason` in the same record, or `<field>_reason` beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.curve import ScalingCurve
from models.options import Options, Shape

NOT_COMPUTED = "not_computed"


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
    """Natural log of the evidence of a class over that of the most probable class.

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
    """10-90 % width of the rise in decades, and the share of the rise inside one step between neighbours."""

    width_decades: Interval
    step_share: Interval


@dataclass(frozen=True, slots=True)
class NotComputed:
    """A part that this engine version does not compute."""

    reason: str = NOT_COMPUTED


@dataclass(frozen=True, slots=True)
class Explanations:
    """The three explanations of an emergent-looking curve."""

    resolution: NotComputed = NotComputed()
    metric: NotComputed = NotComputed()
    scale_gap: NotComputed = NotComputed()


@dataclass(frozen=True, slots=True)
class Emergence:
    """Emergence score, its nulls and the sharpness of the rise."""

    score: EmergenceScore
    linearity: EmergenceScore
    null: EmergenceNull
    largest_step_share: float | None
    sharpness: Sharpness
    largest_step_share_reason: str | None = None
    unpredictability: NotComputed = NotComputed()
    explanations: Explanations = Explanations()
    verdict: str | None = None
    verdict_reason: str | None = NOT_COMPUTED


@dataclass(frozen=True, slots=True)
class PointReport:
    """One point: what its test set can and cannot show. `interval` is Jeffreys, `wilson` Wilson's, at 95 % or as asked.

    `resolution` is 1/n; `n_needed` the test-set size at which the fitted score would be visible (3/p).
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
