"""The metric as the explanation of a jump: another metric of the same outputs rises gradually.

S = Schaeffer et al., arXiv 2304.15004, section 4: when a nonlinear or discontinuous metric shows emergence and a linear
or continuous one of the same outputs does not, the metric made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.explanations import SAME_OUTPUTS
from models.metrics import Metric
from models.options import Shape
from models.results import Analysis, Emergence, Verdict

GRADUAL_DECADES = 1.0  # design, section 6.4: lower bound of the 10-90 % width of a gradual rise
GRADUAL_STEP_SHARE = 0.5  # the same: share of the rise within one step
# Verdicts that come after this one in section 6.5, and this one by the weaker route.
OVERRULED = (Verdict.EXPLAINED_BY_METRIC, Verdict.EXPLAINED_BY_SCALE_GAP, Verdict.EMERGENT, Verdict.UNDETERMINED)
GRADUAL_UNDER_ANOTHER = "gradual_under_another_metric"
NO_OTHER = "no_linear_or_continuous_metric"
NONE_RISES, RANGE_TOO_SHORT, NONE_GRADUAL = "no_other_metric_rises", "range_below_one_decade", "no_gradual_metric"


@dataclass(frozen=True, slots=True)
class MetricSwap:
    """Whether another metric of the same outputs explains a jump, and the one that does so best.

    `by` is a linear or continuous metric, `width_decades_lower` the lower bound of the 10-90 % width of its rise and
    `step_share` the median of the share of its rise within one step. `holds` when these are above 1 and below 0.5; None
    for a `reason` where no other metric can be asked.
    """

    holds: bool | None
    by: str | None = None
    width_decades_lower: float | None = None
    step_share: float | None = None
    reason: str | None = None


def sharpens(metric: Metric) -> bool:
    """Whether the metric itself can make a jump: it is nonlinear or discontinuous."""
    return metric.linear is False or metric.continuous is False


def shows_gradual(metric: Metric) -> bool:
    """Whether a gradual rise under the metric speaks for the outputs: it is linear or continuous."""
    return metric.linear is True or metric.continuous is True


def swaps(analyses: Sequence[Analysis]) -> tuple[MetricSwap | None, ...]:
    """For each analysis of the same outputs whether another one explains it; None where the metric cannot sharpen."""
    return tuple(
        _swap([other for j, other in enumerate(analyses) if j != i]) if sharpens(own.curve.metric) else None
        for i, own in enumerate(analyses)
    )


def among_others(emergence: Emergence, swap: MetricSwap | None) -> Emergence:
    """What is to be thought of a rise once the other metrics have been looked at: route (i) of the explanations.

    A curve that is not emergent, or whose test sets explain it, stays what it is.
    """
    if swap is None or not swap.holds or emergence.verdict not in OVERRULED:
        return emergence
    metric = replace(emergence.explanations.metric, holds=True, route=SAME_OUTPUTS, reason=None)
    return replace(
        emergence,
        explanations=replace(emergence.explanations, metric=metric),
        verdict=Verdict.EXPLAINED_BY_METRIC,
        verdict_reason=None,
        verdict_reasons=(GRADUAL_UNDER_ANOTHER,),
    )


def _swap(others: Sequence[Analysis]) -> MetricSwap:
    asked = [other for other in others if shows_gradual(other.curve.metric)]
    if not asked:
        return MetricSwap(None, reason=NO_OTHER)
    scales = [point.scale for point in asked[0].curve.points]
    if max(scales) <= min(scales) * 10**GRADUAL_DECADES:
        return MetricSwap(None, reason=RANGE_TOO_SHORT)
    rising = [other for other in asked if _rises(other)]
    if not rising:
        return MetricSwap(None, reason=NONE_RISES)
    best = max(rising, key=_rank)
    found = MetricSwap(_holds(best), best.curve.metric.name, *_figures(best))
    return found if found.holds else replace(found, reason=NONE_GRADUAL)


def _rank(analysis: Analysis) -> tuple[bool, bool, float]:
    """Metrics that explain come first, then those that are both linear and continuous, then the widest rise."""
    metric = analysis.curve.metric
    return _holds(analysis), metric.linear is True and metric.continuous is True, _figures(analysis)[0]


def _rises(analysis: Analysis) -> bool:
    sharpness = analysis.emergence.sharpness
    known = sharpness.width_decades.estimate is not None and sharpness.step_share.estimate is not None
    return known and analysis.classification.most_probable is Shape.POSITIVE


def _holds(analysis: Analysis) -> bool:
    width, share = _figures(analysis)
    return width > GRADUAL_DECADES and share < GRADUAL_STEP_SHARE


def _figures(analysis: Analysis) -> tuple[float, float]:
    """Lower bound of the width in decades and median step share of a curve that rises."""
    sharpness = analysis.emergence.sharpness
    return sharpness.width_decades.lower or 0.0, sharpness.step_share.estimate or 0.0
