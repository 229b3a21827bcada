"""Metric curves as a person reads them in a terminal: the scores by every metric, then what each one shows."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from models.curve import ScaleKind
from models.metrics import MetricKind
from service.metric_documents import Prediction, explained_by
from service.metric_words import predicted_sentence, rescored_sentence
from service.number_format import NOTHING, number_text, probability_text, scale_text
from service.suite_table import WIDTH, Row, Section, interval_words
from service.table_row import VERDICT_WORDS, table_row
from service.table_words import LEGEND, label_words, shape_name, warning_words

if TYPE_CHECKING:
    from models.metric_curves import PredictedMetric
    from models.rescoring import Rescored
    from models.results import Interval
    from service.schemas.metric_curves import OutputsAsked

MOST_COLUMNS = 8  # scales that are shown; the first and the last are always among them
FINEST_WIDTH = 0.01  # decades; below it there is a step
LEFT_OUT: Mapping[str, str] = {"all_scores_equal": "all scores are equal", "examples_agree": "examples agree"}
TRUTHS: Mapping[bool | None, str] = {True: "yes", False: "no", None: NOTHING}


def predicted_sections(found: Prediction) -> Iterator[Section]:
    """Metrics of a per-token curve."""
    kind = ScaleKind.PARAMETERS if found.analysis is None else found.analysis.curve.scale_kind
    yield Section("", (), textwrap.wrap(predicted_sentence(found.metrics), WIDTH))
    if found.analysis is not None and found.fitted is not None:
        yield _fit(found)
    shown = _columns([point.scale for point in found.metrics[0].points])
    rows: list[Row] = [("metric", *(scale_text(found.metrics[0].points[i].scale, kind) for i in shown))]
    rows += [(metric.name, *(_score(metric.points[i].estimate) for i in shown)) for metric in found.metrics]
    rows += _observed(found, [found.metrics[0].points[i].scale for i in shown])
    tokens, options = found.question.target_length, found.question.n_options
    yield Section(f"Scores, target of {tokens} token{'s' if tokens > 1 else ''}, {options} options", rows)
    head = ("metric", "linear", "continuous", "emergence score", "10-90 width (decades)", "largest step")
    yield Section("What each metric shows", [head, *map(_predicted_row, found.metrics)])


def rescored_sections(asked: OutputsAsked, found: Sequence[Rescored]) -> Iterator[Section]:
    """Outputs under every metric."""
    yield Section("", (), textwrap.wrap(rescored_sentence(found), WIDTH))
    models = sorted(range(len(asked.outputs.models)), key=lambda i: asked.outputs.models[i].scale)
    shown = [models[i] for i in _columns(models)]
    scales = (scale_text(asked.outputs.models[i].scale, asked.task.scale_kind) for i in shown)
    rows: list[Row] = [("metric", *scales)]
    rows += [(each.scored.metric.name, *_scores(each, shown)) for each in found]
    count = found[0].scored.values.shape[1]
    yield Section(f"Scores of {asked.task.name}, {count:,} examples", rows, list(_ties(found)))
    head = (
        "metric",
        "linear",
        "continuous",
        "label",
        "prob.",
        "emergence: seen, curve",
        "10-90 width",
        "step",
        "emergent?",
        "by",
        "warnings",
    )
    rows = [head, *map(_rescored_row, found)]
    given = {code for each in found if each.analysis is not None for code in table_row(each.analysis).warnings}
    legend = [f"{short}: {words}" for code, (short, words) in LEGEND.items() if code in given]
    yield Section("What each metric shows", rows, legend)


def _fit(found: Prediction) -> Section:
    """The power law behind an accuracy curve, and how far it is to be believed."""
    if found.analysis is None or found.fitted is None:
        return Section("", ())
    fitted, name = found.fitted, found.analysis.curve.task
    rows: list[Row] = [
        ("alpha", _interval(fitted.alpha)),
        ("log10 c", _interval(fitted.log10_c)),
        ("weight among all curve models", probability_text(fitted.weight)),
    ]
    notes = textwrap.wrap(found.warning.message, WIDTH) if found.warning is not None else []
    return Section(f"Power law of a token, implied by {name}", rows, notes)


def _observed(found: Prediction, scales: Sequence[float]) -> Iterator[Row]:
    """The scores themselves, where all of the scales shown have one."""
    curve = None if found.analysis is None else found.analysis.curve
    scores = {} if curve is None else {point.scale: point.score for point in curve.points}
    if curve is not None and all(scale in scores for scale in scales):
        yield f"{curve.metric.name}, observed", *(_score(scores[scale]) for scale in scales)


def _predicted_row(metric: PredictedMetric) -> Row:
    figures = (metric.emergence_score, metric.width_decades, metric.largest_step_share)
    return metric.name, TRUTHS[metric.linear], TRUTHS[metric.continuous], *map(_interval, figures)


def _rescored_row(found: Rescored) -> Row:
    metric = found.scored.metric
    traits = metric.name, TRUTHS[metric.linear], TRUTHS[metric.continuous]
    if found.analysis is None or found.emergence is None:
        return *traits, LEFT_OUT[found.reason or ""], *[NOTHING] * 7
    row, sharpness = table_row(found.analysis), found.emergence.sharpness
    label = label_words(row)
    return (
        *traits,
        label if label == shape_name(row) else f"{label} ({shape_name(row)})",
        row.probability,
        " ".join(filter(None, row.emergence)),
        _interval(sharpness.width_decades),
        NOTHING if sharpness.step_share.estimate is None else number_text(sharpness.step_share.estimate, 2),
        VERDICT_WORDS.get(found.emergence.verdict or "", NOTHING),
        explained_by(found) or NOTHING,
        warning_words(row),
    )


def _scores(found: Rescored, shown: Sequence[int]) -> Iterator[str]:
    means = found.scored.values.mean(axis=1)
    percent = found.scored.metric.kind is MetricKind.PROPORTION
    for i in shown:
        yield f"{_score(100 * float(means[i]))} %" if percent else _score(float(means[i]))


def _ties(found: Sequence[Rescored]) -> Iterator[str]:
    for each in found:
        if each.scored.ties is not None and any(each.scored.ties):
            yield f"{sum(each.scored.ties):,} ties of the right option count as wrong in {each.scored.metric.name}"


def _columns(items: Sequence[Any]) -> list[int]:
    """Places of the columns that are shown, evenly among all."""
    last = len(items) - 1
    if last < MOST_COLUMNS:
        return list(range(last + 1))
    return [round(i * last / (MOST_COLUMNS - 1)) for i in range(MOST_COLUMNS)]


def _score(value: float) -> str:
    return f"{value:.1e}".replace("e-0", "e-") if 0 < abs(value) < 5e-4 else number_text(value)


def _interval(found: Interval) -> str:
    if found.estimate is None:
        return (found.reason or NOTHING).replace("_", " ")
    if found.lower is None or found.upper is None:
        end, sign = (found.upper, "<") if found.lower is None else (found.lower, ">")
        return _figure(found.estimate) + ("" if end is None else f" ({sign} {_figure(end)})")
    return interval_words(found, _figure)


def _figure(value: float) -> str:
    return f"<{FINEST_WIDTH:g}" if 0 < value < FINEST_WIDTH else number_text(value, 2)
