"""The sentences that sum up a two-task decomposition; they never say more than the intervals do."""

from __future__ import annotations

from models.curve import ScaleKind, ScalingCurve
from models.results import Decomposition, Interval
from models.words import scale_text

WORTH_SAYING = 0.01  # probability of a turn above the largest model
NOTABLE_GAIN = 1.1  # ratio of interval widths below which two intervals are called alike


def decomposition_words(curve: ScalingCurve, found: Decomposition) -> str:
    """What is learnt where, the turn, and what the distractor's accuracy adds."""
    kind = curve.scale_kind
    learnt = f"The distractor is learnt at {_place(found.distractor_learnt, kind)}"
    displaced = f"the true task displaces it at {_place(found.true_task_learnt, kind)}"
    return f"{learnt}; {displaced}. {_turn(found, kind)}{_gain(found)}"


def _turn(found: Decomposition, kind: ScaleKind) -> str:
    beyond = found.probability_turn_beyond_largest
    if beyond is None:
        return "The true accuracy has no turn."
    odds = f"probability {beyond:.2f}"
    if beyond > 0.5:
        return f"The turn is still to come ({odds}): it is expected at {_place(found.turn, kind)}."
    doubt = f"; above the largest model with {odds}" if beyond >= WORTH_SAYING else ""
    return f"The true accuracy turns at {_place(found.turn, kind)}{doubt}."


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
