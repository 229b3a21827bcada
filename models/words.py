"""The sentence that sums up an analysis; it never says more than the intervals do."""

from __future__ import annotations

import math

from models.curve import ScaleKind, ScalingCurve
from models.metrics import MetricKind
from models.options import UNDETERMINED, Shape
from models.results import Classification, Effects, Interval, Turn

WORDS = {
    Shape.POSITIVE: "rising",
    Shape.INVERSE: "falling so far (inverse scaling)",
    Shape.U_SHAPED: "U-shaped",
    Shape.INVERTED_U: "inverted-U-shaped",
    Shape.FLAT: "flat",
}
MOST_POINTS = 4  # scores named one by one; of longer curves the first, the extreme and the last
RUNNER_UP = 0.1  # probability from which the second shape is named
SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))


def scale_text(scale: float, kind: ScaleKind, digits: int = 3) -> str:
    """A scale as people write it: 125M, 1.3B, 175B parameters or tokens; 3.1e+23 FLOPs."""
    scale = float(f"{scale:.{digits - 1}e}")
    if kind in (ScaleKind.PARAMETERS, ScaleKind.TRAINING_TOKENS):
        for size, suffix in SUFFIXES:
            # From 999.5 of the smaller unit on, three digits round up into the larger one.
            if 0.9995 * size <= scale < 999.5e12:
                return f"{float(f'{scale / size:.3g}'):g}{suffix}"
    return f"{scale:.3g}"


def summary(curve: ScalingCurve, label: Classification, effects: Effects, turns: tuple[Turn, Turn]) -> str:
    """One paragraph made from the numbers of an analysis."""
    parts = [_headline(label), _scores(curve), _turn(curve, label, turns) or _change(curve, effects), _doubt(label)]
    return " ".join(part for part in parts if part)


def _headline(label: Classification) -> str:
    chance = f"({label.probability:.2f})"
    if label.label == UNDETERMINED:
        return f"Undetermined, most probably {WORDS[label.most_probable]} {chance}:"
    return f"{WORDS[label.most_probable].capitalize()} {chance}:".replace("u-shaped", "U-shaped", 1)


def _scores(curve: ScalingCurve) -> str:
    points = curve.points
    if len(points) > MOST_POINTS:
        inner = points[1:-1]
        ends = (points[0].score, points[-1].score)
        middle = max(inner, key=lambda p: max(p.score - max(ends), min(ends) - p.score))
        outside = not min(ends) <= middle.score <= max(ends)
        points = (points[0], *((middle,) if outside else ()), points[-1])
    texts = (f"{_score(curve, p.score)} at {scale_text(p.scale, curve.scale_kind)}" for p in points)
    return ", ".join(texts) + ";"


def _score(curve: ScalingCurve, score: float) -> str:
    if curve.metric.kind is MetricKind.UNBOUNDED or curve.metric.width != 1.0:
        return f"{score:.4g}"
    return f"{100 * score:.3g} %"


def _turn(curve: ScalingCurve, label: Classification, turns: tuple[Turn, Turn]) -> str:
    chosen = {Shape.U_SHAPED: turns[0], Shape.INVERTED_U: turns[1]}.get(label.most_probable)
    if chosen is None or chosen.scale.lower is None or chosen.scale.upper is None:
        return ""
    lower, upper = (scale_text(end, curve.scale_kind, 2) for end in (chosen.scale.lower, chosen.scale.upper))
    given = "if it is one, " if label.label == UNDETERMINED else ""
    return f"{given}the turn lies between {lower} and {upper}."


def _change(curve: ScalingCurve, effects: Effects) -> str:
    return f"performance changes by {_interval(curve, effects.net_change)} from the smallest to the largest model."


def _interval(curve: ScalingCurve, interval: Interval) -> str:
    if interval.estimate is None or interval.lower is None or interval.upper is None:
        return "an unknown amount"
    factor, unit = (
        (1.0, "") if curve.metric.kind is MetricKind.UNBOUNDED or curve.metric.width != 1.0 else (100.0, " points")
    )
    digits = max(0, 1 - math.floor(math.log10(max(abs(factor * interval.upper - factor * interval.lower), 1e-12))))
    middle, lower, upper = (
        f"{_plain(factor * x, digits)}" for x in (interval.estimate, interval.lower, interval.upper)
    )
    return f"{middle} ({lower} to {upper}){unit}"


def _plain(value: float, digits: int) -> str:
    text = f"{value:+.{min(digits, 6)}f}"
    return text.lstrip("+-") if float(text) == 0 else text


def _doubt(label: Classification) -> str:
    parts = []
    others = sorted((p, shape) for shape, p in label.probabilities.items() if shape is not label.most_probable)
    probability, runner_up = others[-1]
    if probability >= RUNNER_UP:
        parts.append(f"The data do not rule out {WORDS[runner_up]} ({probability:.2f}).")
    if label.erratic:
        parts.append("The models scatter around any smooth curve by more than the effect: no label is given.")
    elif "change_not_excluded" in label.reasons:
        parts.append("A small change cannot be excluded, so it is not called flat.")
    if label.label != UNDETERMINED and not label.robust:
        parts.append("The label depends on the priors.")
    return " ".join(parts)
