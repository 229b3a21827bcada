"""The verdict on emergence with its three explanations, as sentences; what is not known says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.curve import ScaleKind
from service.number_format import estimate_text, number_text, probability_text

Document = Mapping[str, Any]
VERDICTS: Mapping[str, tuple[str, str]] = {  # verdict -> its name, what it means
    "not_emergent": ("Not emergent", "The rise is no sharper than a smooth curve gives, or there is no rise."),
    "explained_by_resolution": (
        "Explained by the test set",
        "The small models score too little for a test set of this size to see; the curve below may be smooth.",
    ),
    "explained_by_metric": (
        "Explained by the metric",
        "A smooth change of the single token gives this curve under this metric.",
    ),
    "explained_by_scale_gap": (
        "Explained by the choice of models",
        "The whole rise lies between two neighbouring models; how sharp it is nobody has measured.",
    ),
    "emergent": ("Emergent", "A sharp rise that neither test set, nor metric, nor choice of models explains."),
    "undetermined": ("Undetermined", "The data do not decide between a sharp rise and its explanations."),
}
EXPLANATIONS = {"resolution": "Test set", "metric": "Metric", "scale_gap": "Choice of models"}
QUESTIONS = {
    "resolution": "Is the test set too small to see the scores of the small models?",
    "metric": "Does the metric turn a smooth change into a sudden one?",
    "scale_gap": "Does the rise lie between two neighbouring models?",
}
REASONS: Mapping[str, str] = {
    "not_computed": "not computed for this analysis",
    "not_applicable": "does not apply to this curve",
    "not_sharp": "there is no sharp rise to explain",
    "not_rising": "the curve does not rise",
    "not_positive": "the curve does not rise",
    "not_counts": "the scores are no shares of right answers",
    "no_model_at_zero_below_the_rise": "no model below the rise scored zero",
    "target_length_unknown": "the length of the answers is not known",
    "one_token": "the answers have one token, so that the metric is linear in it",
    "metric_linear_or_continuous": "the metric is linear or continuous",
    "chance_above_zero": "the test needs a metric whose chance score is zero",
    "not_settled": "the data settle it neither way",
    "below_decision_threshold": "no shape reaches the decision threshold",
    "within_monte_carlo_error": "the most probable shape is too near the decision threshold",
}


NOTHING_TO_EXPLAIN = ("not_sharp", "not_rising", "not_positive")


@dataclass(frozen=True, slots=True)
class Answer:
    """One explanation: whether it holds (None: not known) and what that rests on."""

    name: str
    question: str
    holds: bool | None
    words: str
    facts: str


def emergence_view(emergence: Document, kind: ScaleKind, sentence: str = "") -> dict[str, Any]:
    """What the page tells about emergence; `sentence` is the verdict in words, where there is one."""
    verdict = emergence.get("verdict")
    name, meaning = VERDICTS.get(verdict or "", (str(verdict or "No verdict").replace("_", " "), ""))
    return {
        "verdict": verdict,
        "name": name,
        "meaning": sentence or meaning or f"There is none: {reason_words(emergence.get('verdict_reason'))}.",
        "answers": [_answer(emergence, key, kind) for key in EXPLANATIONS],
        "figures": list(_figures(emergence)),
    }


def reason_words(reason: object) -> str:
    """A reason of the contract as words."""
    text = str(reason or "not_computed")
    return REASONS.get(text, text.replace("_", " "))


def _answer(emergence: Document, key: str, kind: ScaleKind) -> Answer:
    found = (emergence.get("explanations") or {}).get(key) or {}
    holds = found.get("holds")
    reason = found.get("holds_reason") or found.get("reason")
    unasked = "not asked" if reason in NOTHING_TO_EXPLAIN else "not known"
    words = unasked if holds is None else "yes" if holds else "no"
    facts = list(_facts(found, kind))
    if holds is None:
        facts.append(reason_words(reason))
    return Answer(EXPLANATIONS[key], QUESTIONS[key], holds, words, "; ".join(facts))


def _facts(found: Document, kind: ScaleKind) -> list[str]:
    """The numbers behind an answer, as far as they are there."""
    told = []
    if found.get("p_value") is not None:
        told.append(f"p {probability_text(found['p_value'])}")
    if found.get("probability_smooth") is not None:
        told.append(f"probability that the token changes smoothly {probability_text(found['probability_smooth'])}")
    if found.get("log_bayes_factor") is not None:
        told.append(f"log Bayes factor of a smooth change {number_text(found['log_bayes_factor'], 2)}")
    if found.get("models_at_zero"):
        told.append(f"models at zero: {found['models_at_zero']}")
    if found.get("probability") is not None:
        told.append(f"probability {probability_text(found['probability'])}")
    if found.get("gap_decades") is not None:
        told.append(f"widest gap {number_text(found['gap_decades'], 2)} decades")
    ends = found.get("lower_scale"), found.get("upper_scale")
    if ends[0] is not None and ends[1] is not None:
        told.append(f"from {estimate_text(ends[0], kind)} to {estimate_text(ends[1], kind)}")
    return told


def _figures(emergence: Document) -> list[tuple[str, str]]:
    """Name and value of what is measured, for a small table."""
    rows = [_score("Emergence score", emergence.get("score")), _score("Linearity", emergence.get("linearity"))]
    null, sharpness = emergence.get("null") or {}, emergence.get("sharpness") or {}
    for name, words in (("flat_p_value", "p, were the curve flat"), ("smooth_p_value", "p, were it smooth")):
        if null.get(name) is not None:
            rows.append((words, probability_text(null[name])))
    for name, words in (
        ("width_decades", "Width of the rise, decades"),
        ("step_share", "Share of the rise inside one step"),
    ):
        rows.append((words, _interval(sharpness.get(name))))
    if sharpness.get("probability_below_one_decade") is not None:
        chance = probability_text(sharpness["probability_below_one_decade"])
        rows.append(("Probability that it takes less than a decade", chance))
    hidden = emergence.get("unpredictability") or {}
    if hidden.get("p_value") is not None:
        rows.append(("p of the largest models, given the others", probability_text(hidden["p_value"])))
    return [row for row in rows if row[1]]


def _score(name: str, found: Document | None) -> tuple[str, str]:
    if not found or found.get("observed") is None:
        return (name, "")
    curve = _interval(found)
    return (name, f"{number_text(found['observed'], 2)} seen" + (f"; {curve} of the curve" if curve else ""))


def _interval(found: Document | None) -> str:
    if not found or found.get("estimate") is None:
        return ""
    lower, upper = found.get("lower"), found.get("upper")
    middle = number_text(found["estimate"], 2)
    if lower is None and upper is None:
        return middle
    if lower is None or upper is None:
        sign, end = (">", lower) if upper is None else ("<", upper)
        return f"{middle} ({sign} {number_text(end or 0.0, 2)})"
    return f"{middle} ({number_text(lower, 2)} to {number_text(upper, 2)})"
