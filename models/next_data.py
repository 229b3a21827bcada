"""What data would settle a label, or could change it: one clause, as advice to whoever measures next."""

from __future__ import annotations

from collections.abc import Mapping

from models.curve import ScalingCurve
from models.options import UNDETERMINED, Shape
from models.results import Analysis, Turn
from models.scatter_words import strays
from models.summary_words import FLAT_RANGE, rivals
from models.warnings import FEW_SCALES
from models.words import scale_text, size_text

AS_SURE = "on as large a test set"
U, INVERTED = Shape.U_SHAPED, Shape.INVERTED_U
# Reasons why the most probable shape is not probable enough, as far as it is known.
IMPROBABLE = frozenset({"below_decision_threshold", "within_monte_carlo_error"})
# Pairs of shapes that differ only beyond the largest model, with what it would have to do there.
BEYOND: Mapping[frozenset[Shape], str] = {
    frozenset({Shape.INVERSE, U}): "whether performance recovers",
    frozenset({Shape.POSITIVE, INVERTED}): "whether performance falls again",
}
# Pairs that differ where the turn would be.
WITHIN: Mapping[frozenset[Shape], str] = {
    frozenset({Shape.POSITIVE, U}): "whether performance dips",
    frozenset({Shape.INVERSE, INVERTED}): "whether performance peaks",
}


def next_data(analysis: Analysis) -> str:
    """The clause, without a full stop."""
    found = analysis.classification
    if "engine_unreliable" in found.reasons:
        return "the same data under the engine `nuts` may give a label"
    if found.erratic:
        sd = size_text(analysis.curve, strays(analysis).models)
        return f"several models of each size would help, not more examples: models scatter by about {sd}"
    clauses = [_settling(analysis) if found.label == UNDETERMINED else _changing(analysis)]
    if found.label == Shape.POSITIVE:
        clauses.append(_explaining(analysis))
    return "; ".join(clause for clause in clauses if clause)


def _settling(analysis: Analysis) -> str:
    """Where the two most probable shapes differ, and with which test sets."""
    found, curve = analysis.classification, analysis.curve
    if not IMPROBABLE & set(found.reasons):
        return f"{_more(analysis)} would show whether a change of more than {_range(analysis)} is there"
    pair = frozenset({found.most_probable, rivals(found)[0]})
    if pair in BEYOND:
        return f"a model beyond {_last(curve)} would show {BEYOND[pair]}{_together(analysis)}"
    if pair in WITHIN:
        turned = next(shape for shape in (U, INVERTED) if shape in pair)
        where = _around(curve, analysis.u_turn if turned is U else analysis.inverted_u_turn)
        return f"models {where} would show {WITHIN[pair]}{_together(analysis)}"
    return f"{_more(analysis)} would tell which"


def _changing(analysis: Analysis) -> str:
    """What could lead to another label; whether it does depends on the whole curve, and nothing is computed here."""
    curve, label = analysis.curve, Shape(analysis.classification.label)
    match label:
        case Shape.POSITIVE:
            return f"a model beyond {_last(curve)} that does clearly worse {AS_SURE} could make it an inverted U"
        case Shape.INVERSE:
            return f"a model beyond {_last(curve)} that does clearly better {AS_SURE} could make it U-shaped"
        case Shape.FLAT:
            return f"models that clearly differ by more than {_range(analysis)} could make it rise or fall"
        case Shape.U_SHAPED:
            return f"models {_around(curve, analysis.u_turn)} that show no dip could change it"
        case Shape.INVERTED_U:
            return f"models {_around(curve, analysis.inverted_u_turn)} that show no peak could change it"


def _explaining(analysis: Analysis) -> str:
    """What would settle whether a jump is emergent."""
    emergence, curve = analysis.emergence, analysis.curve
    if emergence.verdict == "explained_by_scale_gap":
        gap = emergence.explanations.scale_gap
        if gap.lower_scale is None or gap.upper_scale is None:
            return ""
        lower, upper = (scale_text(scale, curve.scale_kind) for scale in (gap.lower_scale, gap.upper_scale))
        return f"a model between {lower} and {upper} would show how sudden the jump is"
    if emergence.verdict == "explained_by_resolution":
        return "larger test sets for the small models would show whether they can do any of it"
    if "metric_explanation_untested" in emergence.verdict_reasons:
        return "the target length, or the same outputs under a continuous metric, would tell the part of the metric"
    return ""


def _more(analysis: Analysis) -> str:
    """More examples where the test sets' error is the larger part, else more models."""
    curve = analysis.curve
    ends = f"from {scale_text(curve.points[0].scale, curve.scale_kind)} to {_last(curve)}"
    if strays(analysis).models_dominate or curve.n_scales <= FEW_SCALES:
        return f"more models {ends}"
    sizes = [point.n_examples for point in curve.points if point.n_examples is not None]
    return f"more than {max(sizes):,} examples a model" if sizes else "smaller standard errors"


def _together(analysis: Analysis) -> str:
    """That the models there need larger test sets too, where these leave the larger error."""
    sizes = [point.n_examples for point in analysis.curve.points if point.n_examples is not None]
    if not sizes or strays(analysis).models_dominate:
        return ""
    return f", best with more than {max(sizes):,} examples each"


def _around(curve: ScalingCurve, turn: Turn) -> str:
    kind = curve.scale_kind
    lower, upper = turn.scale.lower, turn.scale.upper
    if lower is None or upper is None:
        lower, upper = curve.points[0].scale, curve.points[-1].scale
    return f"between {scale_text(lower, kind, 2)} and {scale_text(upper, kind, 2)}"


def _range(analysis: Analysis) -> str:
    return size_text(analysis.curve, FLAT_RANGE * analysis.provenance.smallest_effect)


def _last(curve: ScalingCurve) -> str:
    return scale_text(curve.points[-1].scale, curve.scale_kind)
