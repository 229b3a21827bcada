"""The sentences that sum up a two-task decomposition; they never say more than the scores do.

The model takes for granted that both tasks are learnt: what it says of them is told as following from that.
"""

from __future__ import annotations

from models.curve import ScaleKind, ScalingCurve
from models.results import Decomposition, Interval
from models.words import probability_text, scale_text

BEFORE = "before_smallest_scale"
EVEN, LIKELY = 0.5, 0.9  # probabilities of a turn from which it is told as what would be, and as what is
WORTH_SAYING = 0.01  # probability of a turn above the largest model
NOTABLE_GAIN = 1.1  # ratio of interval widths below which two intervals are called alike


def decomposition_words(curve: ScalingCurve, found: Decomposition, effect: float) -> str:
    """What is learnt where, the turn, and what the distractor's accuracy adds; `effect` as a share of the examples."""
    lower, kind = found.distractor_rise.lower, curve.scale_kind
    if lower is None or lower <= effect:
        hidden = "No learning of the distractor shows: its accuracy may rise by less than the smallest effect."
        return f"{hidden} {_turn(curve, found, LIKELY)}"
    learnt = f"If both tasks are learnt, the distractor is learnt at {_place(found.distractor_learnt, kind)}"
    displaced = f"the true task displaces it at {_place(found.true_task_learnt, kind)}"
    return f"{learnt}; {displaced}. {_turn(curve, found, EVEN)}"


def _turn(curve: ScalingCurve, found: Decomposition, least: float) -> str:
    """Whether the true accuracy turns, in words as sure as that is; where; and what the distractor adds to it.

    Below the `least` probability it is open. It is told as a fact only where it is likely among the tested
    models: a turn outside them is the priors' alone.
    """
    probability, beyond = found.probability_turn, found.probability_turn_beyond_largest
    odds = f"probability {probability_text(probability)} if both are learnt"
    place = _place(found.turn, curve.scale_kind)
    if beyond is None:
        return f"The true accuracy has no turn (of one: {odds})."
    side = _side(curve, found.turn, beyond)
    if probability < least:
        return f"Whether the true accuracy turns is open ({odds}): it would turn at {place}{side}."
    doubt = f"above the largest model with probability {probability_text(beyond)}"
    if beyond > EVEN:
        return f"No score shows a turn of the true accuracy ({odds}): it would turn at {place}, {doubt}."
    turns = "turns" if not side and probability * (1 - beyond) >= LIKELY else "would turn"
    doubt = f"; {doubt}" if beyond >= WORTH_SAYING else ""
    return f"The true accuracy {turns} at {place}{side} ({odds}){doubt}.{_gain(found)}"


def _side(curve: ScalingCurve, turn: Interval, beyond: float) -> str:
    """On which side of the tested models a turn outside them lies."""
    scales, middle = [point.scale for point in curve.points], turn.estimate
    if beyond > EVEN:
        return ", above the largest model"
    before = turn.reason == BEFORE if middle is None else middle < min(scales)
    return ", below the smallest model" if before else ""


def _gain(found: Decomposition) -> str:
    gain = found.precision_gain
    if gain is None or 1 / NOTABLE_GAIN <= gain <= NOTABLE_GAIN:
        return ""
    ratio, word = (gain, "narrower") if gain > 1 else (1 / gain, "wider")
    return f" With the distractor's accuracy the turn's interval is {ratio:.1f} times {word} than without."


def _place(interval: Interval, kind: ScaleKind) -> str:
    """`12B (4.1B to 60B)`; open ends in words."""
    lower, middle, upper = (
        None if end is None else scale_text(end, kind, 2) for end in (interval.lower, interval.estimate, interval.upper)
    )
    if lower and upper:
        ends = f"{lower} to {upper}"
    elif lower:
        ends = f"above {lower}"
    else:
        ends = f"below {upper}" if upper else "anywhere"
    return f"{middle} ({ends})" if middle else f"a scale {ends}" if lower or upper else "a scale that is not known"
