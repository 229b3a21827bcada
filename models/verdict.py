"""The verdict on emergence: is the rise sharp, was it unforeseen, and does nothing simpler explain it? (section 6.5).

It stands beside the label. `emergent` is said only where each explanation was tested and did not hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models.explanations import NOT_SETTLED, Case, explanations, unexplained
from models.options import Shape
from models.pool import Averaged
from models.results import Explanations, Unpredictability, Verdict
from models.shapes import SHAPES
from models.transition import INSIDE_GAP, NOT_RISING, RISE_FROM, RISE_TO, SHARP_DECADES, Transition
from models.unpredictability import unpredictability

RISES, SHARP, SURELY_SHARP = 0.5, 0.5, 0.8  # probabilities; design, section 6.5
SURPRISING = 0.05  # p value; design, section 6.5
SEEN_INSIDE = 0.5  # probability that a model lies inside the rise
NOT_POSITIVE, NOT_SHARP = "not_positive", "not_sharp"
RESOLUTION, METRIC, GAP = "gradual_curve_gives_these_counts", "smooth_per_token_curve", INSIDE_GAP
PERHAPS_NOT_SHARP, PREDICTABLE = "sharpness_uncertain", "predictable_from_smaller_models"
UNTESTED, NO_MODEL_INSIDE = "metric_explanation_untested", "no_model_inside_the_rise"
RESOLUTION_UNTESTED = "resolution_explanation_untested"
METRIC_OPEN = "metric_explanation_not_settled"
LABEL_OPEN = "label_undetermined"
SHORT_RANGE = "range_too_short"
# A rise at one pace over this range is narrower than a decade by itself, whatever it would do beyond.
FEWEST_DECADES = SHARP_DECADES / (RISE_TO - RISE_FROM)


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict with all it rests on."""

    unpredictability: Unpredictability
    explanations: Explanations
    verdict: Verdict
    reasons: tuple[str, ...]


def judged(case: Case | None, averaged: Averaged, rise: Transition | None, label: str) -> Judged:
    """Judge a rise; `case` is None where there is none that is sharp."""
    if case is None:
        return _no_case(averaged, rise)
    unforeseen = unpredictability(averaged.observations, case.sizes, case.rise, case.variation, case.seed)
    found = explanations(case)
    verdict, reasons = _verdict(case, found, unforeseen, label)
    return Judged(unforeseen, found, verdict, reasons)


def is_sharp(averaged: Averaged, rise: Transition | None) -> bool:
    """Whether the curve probably rises, and if so, probably within a decade."""
    return rise is not None and _rises(averaged) and rise.probability_sharp >= SHARP


def _rises(averaged: Averaged) -> bool:
    code = SHAPES.index(Shape.POSITIVE)
    return float(np.sum(averaged.weights[averaged.pool.code == code])) >= RISES


def _no_case(averaged: Averaged, rise: Transition | None) -> Judged:
    sharp = rise is not None and _rises(averaged)
    reason = NOT_SHARP if sharp else NOT_POSITIVE
    missing = Unpredictability(None, None, None, NOT_SHARP if sharp else NOT_RISING)
    return Judged(missing, unexplained(missing.reason or reason), Verdict.NOT_EMERGENT, (reason,))


def _verdict(
    case: Case, found: Explanations, unforeseen: Unpredictability, label: str
) -> tuple[Verdict, tuple[str, ...]]:
    if found.resolution.holds:
        return Verdict.EXPLAINED_BY_RESOLUTION, (RESOLUTION,)
    if found.metric.holds:
        return Verdict.EXPLAINED_BY_METRIC, (METRIC,)
    if found.scale_gap.holds:
        return Verdict.EXPLAINED_BY_SCALE_GAP, (GAP,)
    doubts = tuple(_doubts(case, found, unforeseen, label))
    if doubts:
        return Verdict.UNDETERMINED, doubts
    return Verdict.EMERGENT, (RESOLUTION_UNTESTED,) if found.resolution.holds is None else ()


def _doubts(case: Case, found: Explanations, unforeseen: Unpredictability, label: str) -> Iterator[str]:
    """What stands against calling a rise emergent."""
    if label != Shape.POSITIVE:
        yield LABEL_OPEN
    if case.rise.probability_sharp < SURELY_SHARP or case.rise.straight_width >= SHARP_DECADES:
        yield PERHAPS_NOT_SHARP
    if case.averaged.observations.decades < FEWEST_DECADES:
        yield SHORT_RANGE
    if unforeseen.p_value is None:
        yield unforeseen.reason or PREDICTABLE
    elif unforeseen.p_value >= SURPRISING:
        yield PREDICTABLE
    if found.metric.holds is None:
        yield METRIC_OPEN if found.metric.reason == NOT_SETTLED else UNTESTED
    inside = np.count_nonzero(case.rise.before != case.rise.after) / len(case.rise.low) >= SEEN_INSIDE
    if not (inside and case.rise.holds_a_model):
        yield NO_MODEL_INSIDE
