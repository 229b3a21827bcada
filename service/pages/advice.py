"""What data would change the label: read off the posterior, without another fit."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import log10

from models.metrics import MetricKind
from models.next_data import next_data
from models.options import UNDETERMINED, Shape
from models.results import Analysis, GridPoint, PointReport
from service.number_format import estimate_text, probability_text, scale_text
from service.report.texts import share_text
from service.table_words import NAMES

WIDE_GAP = 0.7  # decades between neighbours (a factor of five) from which a model between them is worth a word
NEAR = 0.15  # decades from a measured model within which a place counts as measured
MUCH_WIDER = 2.0  # ratio of two spreads from which one of them decides
RIVAL = 0.05  # probability of another shape that is worth a word
FEW_SCALES = 4


def advice(analysis: Analysis) -> list[str]:
    """Sentences, the most useful first."""
    clause = next_data(analysis)
    first = [f"{clause[0].upper()}{clause[1:]}."] if clause else []
    return [*first, *_rivals(analysis), *_least_known(analysis), *_noise(analysis), *_few(analysis)]


def _rivals(analysis: Analysis) -> Iterator[str]:
    """Which other shapes the data leave."""
    found = analysis.classification
    others = [(p, shape) for shape, p in found.probabilities.items() if shape is not found.most_probable and p >= RIVAL]
    if others:
        named = ", ".join(f"{NAMES[shape]} ({probability_text(p)})" for p, shape in sorted(others, reverse=True))
        verb = "keep the label open" if found.label == UNDETERMINED else "are left by the data"
        yield f"Other shapes that {verb}: {named}."
    ends = found.smallest_effect_sensitivity
    changed = {how: label for how, label in ends.items() if label != found.label}
    for how, label in changed.items():
        words = label if label == UNDETERMINED else NAMES[Shape(label)]
        yield f"With the smallest effect {how} the label is {words}."


def _least_known(analysis: Analysis) -> Iterator[str]:
    """Where a further model would tell most: the widest place of the band."""
    place = widest(analysis)
    kind = analysis.curve.scale_kind
    below = [point.scale for point in analysis.points if point.scale <= place.scale]
    above = [point.scale for point in analysis.points if point.scale > place.scale]
    ends = f"{_score(analysis, place.lower)} to {_score(analysis, place.upper)}"
    near = min(abs(log10(place.scale / point.scale)) for point in analysis.points) < NEAR
    if below and above and not near and log10(above[0] / below[-1]) >= WIDE_GAP:
        between = f"between {scale_text(below[-1], kind)} and {scale_text(above[0], kind)}"
        yield (
            f"The curve is least known near {estimate_text(place.scale, kind)} ({ends}), where no model was measured: "
            f"a model {between} would tell most."
        )
    else:
        yield f"The curve is least known near {estimate_text(place.scale, kind)} ({ends})."


def widest(analysis: Analysis) -> GridPoint:
    """The place of the grid where the mean curve is known least."""
    return max(analysis.fit.grid, key=lambda point: point.upper - point.lower)


def _noise(analysis: Analysis) -> Iterator[str]:
    """Whether larger test sets or more models would help."""
    sd = analysis.fit.between_model_sd.estimate
    own = [width for point in analysis.points if (width := _half_width(point)) is not None]
    if sd is None or not own:
        return
    middle = sorted(own)[len(own) // 2] / 2
    between, sampling = _spread(analysis, sd), _spread(analysis, middle)
    if sd > MUCH_WIDER * middle:
        yield (
            f"Models scatter around the curve by {between}, test sets add {sampling}: larger test sets would not help, "
            "more models would."
        )
    elif middle > MUCH_WIDER * sd:
        yield f"Test sets add {sampling} of noise, models scatter by {between}: larger test sets would help most."
    else:
        yield f"Test sets ({sampling}) and models ({between}) scatter about as much: more of either would help."


def _few(analysis: Analysis) -> Iterator[str]:
    scales = {point.scale for point in analysis.points}
    if len(scales) <= FEW_SCALES:
        few = f"With {len(scales)} scales the priors decide as much as the scores"
        yield f"{few}: further models help more than anything."
    gaps = [(log10(b / a), a, b) for a, b in pairwise(sorted(scales))]
    width, low, high = max(gaps)
    if width >= 2 * WIDE_GAP:
        kind = analysis.curve.scale_kind
        yield f"Nothing is known between {scale_text(low, kind)} and {scale_text(high, kind)}, {width:.1f} decades."


def _half_width(point: PointReport) -> float | None:
    if point.interval.lower is None or point.interval.upper is None:
        return None
    return (point.interval.upper - point.interval.lower) / 2


def _score(analysis: Analysis, value: float) -> str:
    return share_text(value) if _in_percent(analysis) else f"{value:.3g}"


def _spread(analysis: Analysis, value: float) -> str:
    return f"{100 * value:.2g} points" if _in_percent(analysis) else f"{value:.2g}"


def _in_percent(analysis: Analysis) -> bool:
    metric = analysis.curve.metric
    return metric.kind is not MetricKind.UNBOUNDED and metric.width == 1.0
