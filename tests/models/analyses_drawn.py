"""Random analyses for tests of words and pictures: real ones with their numbers exchanged for any that may occur."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from hypothesis import strategies as st

from models.analysis import analyze
from models.curve import ScaleKind, ScalePoint, ScalingCurve
from models.metrics import Metric, MetricKind
from models.options import UNDETERMINED, Options, Shape
from models.results import Analysis, Classification, Effects, Interval, Range, Turn, Verdict

METRICS = (
    Metric("accuracy", MetricKind.PROPORTION, chance=0.25),
    Metric("error rate", MetricKind.PROPORTION, higher_is_better=False),
    Metric("token_edit_distance", MetricKind.BOUNDED, higher_is_better=False, upper=20.0),
    Metric("loss", MetricKind.UNBOUNDED, higher_is_better=False, lower=None, upper=None),
)
SIZES = (8e9, 62e9, 540e9, 1.3e12, 2e12)
REASONS = ("below_decision_threshold", "within_monte_carlo_error", "change_not_excluded", "engine_unreliable")
UNIT, LEVELS = st.floats(0.0, 1.0), (0.5, 0.8, 0.95, 0.999)


@cache
def real(metric: Metric, count: int) -> Analysis:
    """An analysis of so many scales."""
    top = 1.0 if metric.upper is None else metric.upper
    scores = (0.3, 0.25, 0.6, 0.7, 0.8)[:count]
    points = tuple(
        ScalePoint(x, y * top, None if metric.lower is None else 300, 0.02 if metric.lower is None else None)
        for x, y in zip(SIZES, scores, strict=False)
    )
    effect = 0.05 if metric.kind is MetricKind.UNBOUNDED else None
    return analyze(ScalingCurve("task", metric, points, model_family="PaLM"), Options(smallest_effect=effect))


@st.composite
def analyses(draw: st.DrawFn) -> Analysis:
    """Any curve, label, probabilities, turns, changes and verdict; ends of intervals may be open."""
    found = real(draw(st.sampled_from(METRICS)), draw(st.sampled_from((2, 3, 5))))
    label = draw(classifications())
    width = found.curve.metric.width
    net = draw(intervals(-width, width))
    verdict = draw(st.sampled_from((*Verdict, None)))
    emergence = replace(found.emergence, verdict=verdict, verdict_reasons=draw(st.sampled_from(((), ("any_reason",)))))
    sharpness = replace(found.emergence.sharpness, width_decades=draw(intervals(0.01, 5.0)))
    return replace(
        found,
        curve=replace(found.curve, scale_kind=draw(st.sampled_from(ScaleKind))),
        options=replace(found.options, interval=draw(st.sampled_from(LEVELS))),
        classification=label,
        effects=Effects(net, net, net, net),
        u_turn=draw(turns(found, label.probabilities[Shape.U_SHAPED])),
        inverted_u_turn=draw(turns(found, label.probabilities[Shape.INVERTED_U])),
        emergence=replace(emergence, sharpness=sharpness),
        fit=replace(found.fit, between_model_sd=draw(intervals(0.0, 0.4 * width))),
    )


@st.composite
def classifications(draw: st.DrawFn) -> Classification:
    """A label that its probabilities allow, and reasons where there is none."""
    weights = draw(st.lists(st.floats(1e-6, 1.0), min_size=5, max_size=5))
    found = {shape: weight / sum(weights) for shape, weight in zip(Shape, weights, strict=True)}
    best = max(found, key=lambda shape: found[shape])
    decided, erratic = draw(st.booleans()), draw(st.booleans())
    low = found[best] * draw(UNIT)
    return replace(
        real(METRICS[0], 3).classification,
        label=best.value if decided else UNDETERMINED,
        most_probable=best,
        probability=found[best],
        probabilities=found,
        prior_sensitivity=Range(low, draw(st.floats(found[best], 1.0))),
        smallest_effect_sensitivity={"halved": draw(labels), "doubled": draw(labels)},
        robust=decided and draw(st.booleans()),
        erratic=erratic and not decided,
        reasons=() if decided else tuple(draw(st.sets(st.sampled_from(REASONS), min_size=1))),
    )


@st.composite
def intervals(draw: st.DrawFn, low: float, high: float) -> Interval:
    """Three numbers in order, or open ends, or none at all."""
    ends = sorted(draw(st.floats(low, high)) for _ in range(3))
    kind = draw(st.sampled_from(("closed", "closed", "closed", "open", "none")))
    if kind == "none":
        return Interval(None, None, None, "not_known")
    return Interval(ends[1], ends[0], None if kind == "open" else ends[2])


@st.composite
def turns(draw: st.DrawFn, found: Analysis, probability: float) -> Turn:
    """A turn inside the observed range."""
    points = found.curve.points
    scale = draw(intervals(points[0].scale, points[-1].scale))
    above = draw(st.none() | UNIT)
    return replace(found.u_turn, probability=probability, scale=scale, probability_end_above_chance=above)


labels = st.sampled_from((*(shape.value for shape in Shape), UNDETERMINED))
