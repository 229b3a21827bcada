"""The sentences that sum up an analysis; they never say more than the intervals do."""

from __future__ import annotations

import math
from collections.abc import Iterator

from models.curve import ScalingCurve
from models.emergence_words import emergence_words
from models.options import ENGINE_UNRELIABLE, UNDETERMINED, Shape
from models.results import Analysis, Classification, Interval, Turn
from models.scatter_words import data_text, strays
from models.words import (
    RIVALS,
    SHORT,
    change_texts,
    listed,
    probability_text,
    scale_text,
    score_text,
    size_text,
    started,
)

MOST_POINTS = 4  # scores named one by one; of longer curves the first, the extreme and the last
RUNNER_UP = 0.1  # probability from which another shape is named as not ruled out
MORE_LIKELY = 0.5  # below it no shape is said to be probable
WHOLE_RANGE = 0.85  # share of the observed decades from which a turn's interval says nothing
END_ABOVE_CHANCE = 0.9  # probability below which the recovery of a U is told to be perhaps none
TELLING = 0.1  # width of the range under other priors from which an undetermined curve's is told
UNSETTLED = (
    "the engine did not reach its accuracy on this curve, so no label is given, and its probabilities and intervals "
    "may be off."
)
FLAT_RANGE = 2.0  # smallest effects; a larger change must be excluded for a curve to be called flat


def summary(analysis: Analysis) -> str:
    """What the scores are, what they say and what they leave open."""
    found = analysis.classification
    if ENGINE_UNRELIABLE in found.reasons:
        return f"No shape is told: {_scores(analysis.curve)}; {UNSETTLED}"
    parts = [f"{_headline(found)}: {_scores(analysis.curve)}; {_finding(analysis)}", *_doubts(analysis)]
    if found.label == Shape.POSITIVE:
        parts.append(emergence_words(analysis))
    return " ".join(part for part in parts if part)


def rivals(found: Classification) -> list[Shape]:
    """Other shapes that are not ruled out, the most probable first; of an undetermined curve one at least."""
    order = sorted(found.probabilities, key=lambda shape: -found.probabilities[shape])
    others = [shape for shape in order if shape is not found.most_probable]
    near = [shape for shape in others if found.probabilities[shape] >= RUNNER_UP]
    return near or (others[:1] if found.label == UNDETERMINED else [])


def _headline(found: Classification) -> str:
    """`U-shaped (0.93)`, `Most probably U-shaped (0.55)`, `Undetermined between flat (0.42) and rising (0.40)`."""
    best = f"{SHORT[found.most_probable]} ({probability_text(found.probability)})"
    if found.label != UNDETERMINED:
        return started(best)
    if found.probability >= MORE_LIKELY:
        return f"Most probably {best}"
    others = [f"{SHORT[shape]} ({probability_text(found.probabilities[shape])})" for shape in rivals(found)]
    return f"Undetermined between {listed([best, *others])}"


def _scores(curve: ScalingCurve) -> str:
    """Every score of a short curve; of a long one the ends and what lies outside them."""
    places = _by_scale(curve)
    shown = list(places.items())
    if len(shown) > MOST_POINTS:
        ends = (shown[0][1], shown[-1][1])
        middle = max(shown[1:-1], key=lambda one: max(one[1] - max(ends), min(ends) - one[1]))
        outside = not min(ends) <= middle[1] <= max(ends)
        shown = [shown[0], *([middle] if outside else []), shown[-1]]
    text = ", ".join(f"{score_text(curve, score)} at {scale_text(scale, curve.scale_kind)}" for scale, score in shown)
    notes = ["lower is better"] if not curve.metric.higher_is_better else []
    notes += ["means of results at one scale"] if len(places) < len(curve.points) else []
    return f"{text} ({', '.join(notes)})" if notes else text


def _by_scale(curve: ScalingCurve) -> dict[float, float]:
    """Scores by scale; results at one scale are averaged, by test examples where all are given."""
    sizes = [point.n_examples for point in curve.points]
    weighted = all(size is not None for size in sizes)
    found: dict[float, list[tuple[float, float]]] = {}
    for point in curve.points:
        weight = float(point.n_examples or 1) if weighted else 1.0
        found.setdefault(point.scale, []).append((point.score, weight))
    return {scale: sum(y * w for y, w in own) / sum(w for _, w in own) for scale, own in found.items()}


def _finding(analysis: Analysis) -> str:
    return _turn(analysis) or _change(analysis)


def _turn(analysis: Analysis) -> str:
    """Where it turns, told only of a shape that is probable; the turn presupposes the shape."""
    found, kind = analysis.classification, analysis.curve.scale_kind
    turn = {Shape.U_SHAPED: analysis.u_turn, Shape.INVERTED_U: analysis.inverted_u_turn}.get(found.most_probable)
    if turn is None or turn.scale.lower is None or turn.scale.upper is None:
        return ""
    if found.probability < MORE_LIKELY:
        return ""
    lower, upper = (scale_text(end, kind, 2) for end in (turn.scale.lower, turn.scale.upper))
    decided = found.label == found.most_probable
    points = analysis.curve.points
    share = math.log(turn.scale.upper / turn.scale.lower) / math.log(points[-1].scale / points[0].scale)
    if share > WHOLE_RANGE:
        verb = "turns" if decided else "would turn"
        return f"where it {verb} is open ({_level(analysis)}: {lower} to {upper}).{_end(turn, analysis)}"
    verb = "lies" if decided else "would lie"
    return f"the turn {verb} between {lower} and {upper} ({_level(analysis)}).{_end(turn, analysis)}"


def _end(turn: Turn, analysis: Analysis) -> str:
    """A recovery to chance is no recovery."""
    above = turn.probability_end_above_chance
    unsure = above is not None and above < END_ABOVE_CHANCE
    if above is None or not unsure or analysis.classification.label != Shape.U_SHAPED:
        return ""
    return f" That its end is better than chance has probability {probability_text(above)}."


def _change(analysis: Analysis) -> str:
    """From the smallest to the largest model, as far as its interval says the direction."""
    net = analysis.effects.net_change
    places = "from the smallest to the largest model"
    if net.lower is None or net.upper is None:
        return f"the change of performance {places} could not be estimated."
    effect = analysis.provenance.smallest_effect
    verb = "rises" if net.lower > effect else "falls" if net.upper < -effect else "changes"
    texts = change_texts(analysis.curve, _turned(net) if verb == "falls" else net, signed=verb == "changes")
    if texts is None:
        return f"the change of performance {places} could not be estimated."
    return f"performance {verb} by {texts[0]} {places} ({_level(analysis)}: {texts[1]})."


def _turned(net: Interval) -> Interval:
    """A fall as a positive size."""
    estimate, lower, upper = (None if end is None else -end for end in (net.estimate, net.upper, net.lower))
    return Interval(estimate, lower, upper)


def _level(analysis: Analysis) -> str:
    return f"{100 * analysis.options.interval:g} %"


def _doubts(analysis: Analysis) -> Iterator[str]:
    """What is not ruled out, and what the answer rests on."""
    found = analysis.classification
    if found.label == UNDETERMINED:
        yield from _why_undetermined(analysis)
        return
    if near := rivals(found):
        named = listed([f"{RIVALS[shape]} ({probability_text(found.probabilities[shape])})" for shape in near], "or")
        yield f"{started(named)} is not ruled out."
    if not found.robust:
        yield from _what_it_rests_on(found)
    if any(warning.code == "scores_at_bound" for warning in analysis.diagnostics.warnings):
        yield "Every score is the lowest or highest possible: the task may not be scorable so."


def _why_undetermined(analysis: Analysis) -> Iterator[str]:
    found, curve = analysis.classification, analysis.curve
    if "below_decision_threshold" in found.reasons:
        yield started(f"{data_text(curve)}{_straying(analysis)} cannot {_cannot(found)}.")
    if "within_monte_carlo_error" in found.reasons:
        threshold = probability_text(analysis.options.decision_threshold)
        yield f"That is too near the threshold of {threshold} for the engine's accuracy, so no label is given."
    if "change_not_excluded" in found.reasons:
        size = size_text(curve, FLAT_RANGE * analysis.provenance.smallest_effect)
        yield f"A change of more than {size} cannot be excluded, so it is not called flat."
    if found.erratic:
        yield "The models scatter around any smooth curve by more than the effect, so no label is given."
    ends = found.prior_sensitivity
    if ends.lower is not None and ends.upper is not None and ends.upper - ends.lower >= TELLING:
        lower, upper = probability_text(ends.lower), probability_text(ends.upper)
        yield f"Under other reasonable priors the probability of {SHORT[found.most_probable]} is {lower} to {upper}."


def _cannot(found: Classification) -> str:
    if found.probability < MORE_LIKELY:
        return "tell these apart"
    named = [f"{RIVALS[shape]} ({probability_text(found.probabilities[shape])})" for shape in rivals(found)]
    return f"rule out {listed(named, 'or')}"


def _straying(analysis: Analysis) -> str:
    """Said where all of the interval of the models' own scatter lies above the error of their test sets.

    Not of scores that are all the same: there the scatter is the prior's.
    """
    found = strays(analysis)
    equal = len({point.score for point in analysis.curve.points}) == 1
    if equal or analysis.classification.erratic or not found.models_surely_dominate:
        return ""
    return f", which scatter by about {size_text(analysis.curve, found.models)} around a smooth curve,"


def _what_it_rests_on(found: Classification) -> Iterator[str]:
    """Which choice the label does not survive."""
    others = {name: label for name, label in found.smallest_effect_sensitivity.items() if label != found.label}
    names = {"halved": "half", "doubled": "twice"}
    if others:
        told = [
            f"{names.get(name, name)} the smallest effect it would be {_label(label)}" for name, label in others.items()
        ]
        yield f"With {listed(told)}."
    ends = found.prior_sensitivity
    if not others or (ends.lower is not None and ends.upper is not None and ends.upper - ends.lower >= TELLING):
        lower, upper = (probability_text(found.probability if end is None else end) for end in (ends.lower, ends.upper))
        yield f"The label leans on the priors: under other reasonable ones its probability is {lower} to {upper}."


def _label(label: str) -> str:
    return UNDETERMINED if label == UNDETERMINED else SHORT[Shape(label)]
