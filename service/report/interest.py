"""How interesting a curve is to look at: how sure it is that it does what one would not expect, and how much of it."""

from __future__ import annotations

from models.metrics import MetricKind
from models.options import Shape
from models.results import Analysis

FALLING = (Shape.INVERSE, Shape.U_SHAPED, Shape.INVERTED_U)
RISE_WEIGHT = 0.5  # a rise is what one expects, however sudden: it counts half as much as a fall
INTEREST_WORDS = (
    "Interest is the probability that performance falls somewhere (inverse, U-shaped or inverted-U) times the largest "
    "fall as a share of the metric's range, plus half the probability of a rise times the part of the range that the "
    "curve climbs within one step between neighbouring models. For a metric without bounds the range is that of the "
    "scores."
)


def interest(analysis: Analysis) -> float:
    """A number in [0, 1.5]; see `INTEREST_WORDS`."""
    probabilities, effects = analysis.classification.probabilities, analysis.effects
    width = _width(analysis)
    fall, rise = (min(1.0, abs(size.estimate or 0.0) / width) for size in (effects.largest_fall, effects.largest_rise))
    step = min(1.0, abs(analysis.emergence.sharpness.step_share.estimate or 0.0))
    falling = sum(probabilities[shape] for shape in FALLING)
    return falling * fall + RISE_WEIGHT * probabilities[Shape.POSITIVE] * rise * step


def _width(analysis: Analysis) -> float:
    metric = analysis.curve.metric
    if metric.kind is not MetricKind.UNBOUNDED:
        return metric.width
    scores = [point.score for point in analysis.curve.points]
    return (max(scores) - min(scores)) or 1.0
