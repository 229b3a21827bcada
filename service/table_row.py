"""One line of the result table as plain text: made where the analysis is, printed where the terminal is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.curve import FEWEST_FOR_TURN, ScalingCurve
from models.options import ENGINE_UNRELIABLE, Shape
from models.results import Analysis, EmergenceScore, Turn, Verdict
from models.words import p_text
from service.number_format import NOTHING, ends_text, estimate_text, number_text, probability_text

TURN_MATTERS = 0.2  # probability of a turned shape from which its turn is worth a look
TURNED: Mapping[Shape, str] = {Shape.U_SHAPED: "U", Shape.INVERTED_U: "inverted U"}
NOT_ROBUST = "not_robust"
# Under the heading "emergent?": no, yes, or what explains it.
VERDICT_WORDS: Mapping[str, str] = {
    Verdict.NOT_EMERGENT: "no",
    Verdict.EMERGENT: "yes",
    Verdict.EXPLAINED_BY_METRIC: "metric",
    Verdict.EXPLAINED_BY_RESOLUTION: "test size",
    Verdict.EXPLAINED_BY_SCALE_GAP: "scale gap",
    Verdict.UNDETERMINED: "open",
}


@dataclass(frozen=True, slots=True)
class TableRow:
    """Cells of one curve; `warnings` are codes.

    `turn` is an estimate and its interval; of a shape that is not the most probable, that condition and both.
    `emergence` is the score observed, and that of the curve with its interval.

    A `failure` stands in place of all but task and setting. `tags`, the suite among them, are shown where they alone
    tell rows apart.
    """

    task: str
    setting: tuple[str, ...]  # metric, prompting, model family; "" where not given
    label: str = ""
    shape: Shape | None = None
    probability: str = ""
    turn: tuple[str, str] = ("", "")
    emergence: tuple[str, str] = ("", "")
    verdict: str = ""
    warnings: tuple[str, ...] = ()
    explanation: str | None = None
    failure: str | None = None
    tags: tuple[tuple[str, str], ...] = ()


def table_row(analysis: Analysis, *, explain: bool = False) -> TableRow:
    """The cells of an analysis."""
    classification = analysis.classification
    return TableRow(
        task=analysis.curve.task,
        setting=(analysis.curve.metric.name, analysis.curve.prompting or "", analysis.curve.model_family or ""),
        label=classification.label,
        shape=classification.most_probable,
        probability=probability_text(classification.probability),
        turn=_turn(analysis),
        emergence=_emergence(analysis.emergence.score),
        verdict=VERDICT_WORDS.get(analysis.emergence.verdict or "", ""),
        warnings=_warnings(analysis),
        explanation=_explanation(analysis) if explain else None,
        tags=tuple(analysis.curve.suite_and_tags.items()),
    )


def failed_row(names: Mapping[str, str], label: str, message: str) -> TableRow:
    """The row of a curve that could not be analysed; `label` names it when it has no task."""
    setting = tuple(names.get(name) or "" for name in ("metric", "prompting", "model_family"))
    return TableRow(task=names.get("task") or label, setting=setting, failure=message)


def setting_text(curve: ScalingCurve) -> str:
    """What distinguishes curves of one task: metric, prompting, model family."""
    return ", ".join(part for part in (curve.metric.name, curve.prompting, curve.model_family) if part)


def matters(turn: Turn, curve: ScalingCurve) -> bool:
    """Whether a turn is probable enough to be shown, and not the prior's alone."""
    seen = curve.n_scales >= FEWEST_FOR_TURN
    return seen and turn.probability >= TURN_MATTERS and turn.scale.estimate is not None


def shown_turn(analysis: Analysis) -> tuple[Shape, Turn] | None:
    """The more probable of the two turns with its shape, if it matters and the engine got it right."""
    if ENGINE_UNRELIABLE in analysis.classification.reasons:
        return None
    turns = ((Shape.U_SHAPED, analysis.u_turn), (Shape.INVERTED_U, analysis.inverted_u_turn))
    shown = [(shape, turn) for shape, turn in turns if matters(turn, analysis.curve)]
    return max(shown, key=lambda one: one[1].probability) if shown else None


def _explanation(analysis: Analysis) -> str:
    """What is known of the curve, of its jump beside noise, and of the two tasks behind it."""
    found = analysis.decomposition
    parts = (analysis.summary, _noise(analysis), "" if found is None else found.summary)
    return " ".join(part for part in parts if part)


def _noise(analysis: Analysis) -> str:
    """The observed jump of a rise beside what noise alone gives: both tail probabilities."""
    found, null = analysis.emergence, analysis.emergence.null
    rises = analysis.classification.most_probable is Shape.POSITIVE
    if not rises or null.flat_p_value is None or null.smooth_p_value is None:
        return ""
    if null.statistic == "emergence_score":
        score, jump = found.score.observed, "Emergence score {}"
    else:
        score, jump = found.largest_step_share, "Largest step {} of the range"
    if score is None:
        return ""
    flat, smooth = p_text(null.flat_p_value), p_text(null.smooth_p_value)
    told = jump.format(_brief(score))
    return f"{told}: noise alone gives as much around a constant curve with {flat}, around a gradual one with {smooth}."


def _turn(analysis: Analysis) -> tuple[str, str]:
    shown, kind = shown_turn(analysis), analysis.curve.scale_kind
    if shown is None:
        return (NOTHING, "")
    shape, turn = shown
    if turn.scale.estimate is None:
        return (NOTHING, "")
    ends = ends_text(turn.scale.lower, turn.scale.upper, lambda scale: estimate_text(scale, kind))
    estimate = estimate_text(turn.scale.estimate, kind)
    if shape is analysis.classification.most_probable:
        return estimate, ends
    return f"if {TURNED[shape]} {probability_text(turn.probability)}:", f"{estimate} {ends}".rstrip()


def _emergence(score: EmergenceScore) -> tuple[str, str]:
    if score.observed is None:
        return (NOTHING, "")
    # Two different things: noise makes small steps larger, so the observed score may lie outside the curve's interval.
    curve = "" if score.estimate is None else f"{_brief(score.estimate)} "
    fitted = curve + ends_text(score.lower, score.upper, _brief)
    return _brief(score.observed) + ("," if fitted else ""), fitted


def _brief(value: float) -> str:
    return number_text(value, 2 if abs(value) < 100 else 3)


def _warnings(analysis: Analysis) -> tuple[str, ...]:
    """Codes, without those that the label says already."""
    codes = dict.fromkeys(warning.code for warning in analysis.diagnostics.warnings)
    if analysis.classification.erratic:
        codes["erratic"] = None
    decided = analysis.classification.label == analysis.classification.most_probable
    if decided and not analysis.classification.robust:
        codes[NOT_ROBUST] = None
    return tuple(codes)
