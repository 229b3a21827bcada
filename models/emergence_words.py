"""The verdict on emergence as a sentence; it never says more than the tests behind it."""

from __future__ import annotations

from models.options import UNDETERMINED, Shape
from models.results import Analysis, Emergence
from models.words import CONSISTENT, TARGET_LENGTH, VERDICTS, listed, p_text, scale_text, started

SHARP_DECADES = 1.0  # design, section 6.5: a rise narrower than this is sharp
# Why it is open whether a rise is emergent.
DOUBTS = {
    "label_undetermined": "the shape itself is not settled",
    "sharpness_uncertain": "it may be gradual",
    "range_too_short": "the models span too little scale to tell a sharp rise from a piece of a gradual one",
    "predictable_from_smaller_models": "the smaller models foretell it",
    "metric_explanation_untested": "the part of the metric could not be tested",
    "resolution_explanation_untested": "the part of the test set could not be tested",
    "metric_explanation_not_settled": "the part of the metric is not settled",
    "no_model_inside_the_rise": "no model lies inside it",
    "fewer_than_three_scales_before_the_rise": "too few models lie before it to foretell it",
}


def verdict_name(analysis: Analysis) -> str:
    """A few words for headings; nothing where there is no verdict or no rise."""
    verdict = analysis.emergence.verdict
    if verdict is None or analysis.classification.most_probable is not Shape.POSITIVE:
        return ""
    by_metric = verdict == "explained_by_metric" and _route(analysis) == TARGET_LENGTH
    return CONSISTENT if by_metric else VERDICTS.get(verdict, str(verdict).replace("_", " "))


def emergence_words(analysis: Analysis) -> str:
    """One sentence; nothing where there is no verdict or the curve does not rise."""
    verdict = analysis.emergence.verdict
    if verdict is None or analysis.classification.most_probable is not Shape.POSITIVE:
        return ""
    sentences = {
        "not_emergent": _gradual,
        "explained_by_resolution": _resolution,
        "explained_by_metric": _metric,
        "explained_by_scale_gap": _gap,
        "emergent": _emergent,
        UNDETERMINED: _open,
    }
    return sentences[verdict](analysis) if verdict in sentences else ""


def _gradual(analysis: Analysis) -> str:
    """`Not` only where all of the width's interval says so."""
    width, lower = _width(analysis), analysis.emergence.sharpness.width_decades.lower
    if not width:
        return ""
    surely = lower is not None and lower >= SHARP_DECADES
    return f"{'Not' if surely else 'Probably not'} emergent: the rise from 10 to 90 % takes {width}."


def _resolution(analysis: Analysis) -> str:
    found = analysis.emergence.explanations.resolution
    zeros = ", the zeros of the small models included" if found.models_at_zero else ""
    return f"The test sets could explain the jump: a gradual rise would give such counts too{zeros}{_p(found.p_value)}."


def _metric(analysis: Analysis) -> str:
    if _route(analysis) == TARGET_LENGTH:
        length = analysis.curve.metric.target_length
        tokens = f"an exact match of {length} tokens" if length else "an exact match of several tokens"
        smooth = f"smooth progress per token under {tokens} would give it"
        return f"The jump is consistent with an effect of the metric: {smooth}{_p(_p_value(analysis))}."
    return "The metric explains the jump: the same outputs rise gradually under a continuous metric."


def _gap(analysis: Analysis) -> str:
    found, kind = analysis.emergence.explanations.scale_gap, analysis.curve.scale_kind
    where = "inside one gap between models"
    if found.lower_scale is not None and found.upper_scale is not None:
        where = f"between {scale_text(found.lower_scale, kind)} and {scale_text(found.upper_scale, kind)}"
    return f"The whole jump may lie {where}, where no model was tested: how sudden it is cannot be said."


def _emergent(analysis: Analysis) -> str:
    width = _width(analysis)
    sharp = f"the rise from 10 to 90 % takes {width}" if width else "the rise is sharp"
    p_value = analysis.emergence.unpredictability.p_value
    foretold = f"the smaller models did not foretell it{_p(p_value)}"
    if analysis.emergence.explanations.resolution.holds is None:
        rest = "neither metric nor gaps between models explain it; the part of the test set could not be tested"
    else:
        rest = "neither test sets nor metric nor gaps between models explain it"
    return f"Emergent: {sharp}, {foretold}, and {rest}."


def _open(analysis: Analysis) -> str:
    reasons = [DOUBTS.get(reason, reason.replace("_", " ")) for reason in _reasons(analysis.emergence)]
    told = f": {listed(reasons)}" if reasons else ""
    return started(f"whether the jump is emergent is open{told}.")


def _reasons(emergence: Emergence) -> tuple[str, ...]:
    return tuple(dict.fromkeys(emergence.verdict_reasons))


def _width(analysis: Analysis) -> str:
    """`0.42 decades of scale (95 %: 0.31 to 0.7)`; an open end is told as such."""
    found = analysis.emergence.sharpness.width_decades
    if found.estimate is None:
        return ""
    level = f"{100 * analysis.options.interval:g} %"
    if found.lower is not None and found.upper is not None:
        return f"{found.estimate:.2g} decades of scale ({level}: {found.lower:.2g} to {found.upper:.2g})"
    end, word = (found.lower, "at least") if found.lower is not None else (found.upper, "at most")
    return f"{found.estimate:.2g} decades of scale" + ("" if end is None else f" ({level}: {word} {end:.2g})")


def _route(analysis: Analysis) -> str | None:
    return analysis.emergence.explanations.metric.route


def _p_value(analysis: Analysis) -> float | None:
    return analysis.emergence.explanations.metric.p_value


def _p(p_value: float | None) -> str:
    return "" if p_value is None else f" ({p_text(p_value)})"
