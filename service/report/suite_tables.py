"""Tables of a suite's summary as rows of text: false labels, pooled changes, what explains them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.false_labels import LabelErrors
from models.results import Interval, Verdict
from models.suite_curve import FRACTION_OF_RANGE
from models.suite_effects import MODERATED, Moderated, PooledEffect
from models.suite_emergence import looking_share
from models.suite_summary import SuiteSummary
from service.number_format import NOTHING, number_text, probability_text
from service.report.texts import cell, change_digits, share_text, share_with_ends, signed
from service.table_words import IN_ANOTHER_UNIT, NAMES, VERDICT_HEADS, WITHOUT_VALUE, left_out_words

EFFECT_NAMES = {
    "net_change": "net change, all curves",
    "dip": "dip of the U curves",
    "recovery": "recovery of the U curves",
    "rise": "rise of the inverted-U curves",
    "fall": "fall of the inverted-U curves",
}
MOST_METRICS = 40  # in the table of verdicts, those with the most curves
MODERATOR_NAMES = {"metric_linearity": "metric", "prompting": "prompting", "model_family": "model family"}


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A table of text."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def false_label_table(summary: SuiteSummary) -> ReportTable:
    """Labels of each shape, how many of them are expected to be false, the same of those that are kept."""
    control = summary.error_control
    shown = [(NAMES[shape], own) for shape, own in control.by_shape.items() if own.n_labels]
    rows = [_error_row(name, own) for name, own in (*shown, ("all", control.all_labels))]
    level = f"{100 * control.level:g} %"
    headers = ("label", "labels", "expected false", f"kept at {level}", "expected false among kept")
    return ReportTable(headers, tuple(rows))


def _error_row(name: str, own: LabelErrors) -> tuple[str, ...]:
    return (name, f"{own.n_labels:,}", _few(own.expected_false), f"{own.n_kept:,}", _few(own.expected_false_kept))


def _few(count: float) -> str:
    return "<0.01" if 0 < count < 0.005 else number_text(count, 2)


def effect_table(summary: SuiteSummary) -> ReportTable:
    """Changes pooled over the suite; empty where nothing could be pooled."""
    rows = [_effect_row(effect) for effect in summary.effects if effect.pooled.reason is None]
    headers = ("change", "curves", "mean", "interval", "new task", "sd between tasks", "I²")
    return ReportTable(headers, tuple(rows))


def effect_unit(summary: SuiteSummary) -> str:
    """In what the changes of `effect_table` are written."""
    fractions = {effect.unit == FRACTION_OF_RANGE for effect in summary.effects if effect.pooled.reason is None}
    if fractions == {True}:
        return "in points of 100 of the metric's range"
    return "in points where it says so, else in the metric's own unit" if True in fractions else "in the metric's unit"


def effect_notes(summary: SuiteSummary) -> tuple[str, ...]:
    """How many curves are left out of each pooled change."""
    named = [(EFFECT_NAMES.get(effect.name, effect.name), effect.n_left_out) for effect in summary.effects]
    return tuple(note for name, count in named for note in left_out_words(name, count, IN_ANOTHER_UNIT))


def _effect_row(effect: PooledEffect) -> tuple[str, ...]:
    pooled, factor = effect.pooled, 100.0 if effect.unit == FRACTION_OF_RANGE else 1.0
    unit = " points" if effect.unit == FRACTION_OF_RANGE else f" {cell(effect.unit or '')}".rstrip()
    name = EFFECT_NAMES.get(effect.name, effect.name)
    middle = f"{_middle(pooled.estimate, factor)}{unit}" if pooled.estimate.estimate is not None else NOTHING
    spread = NOTHING if pooled.tau2.estimate is None else number_text(factor * pooled.tau2.estimate**0.5, 2)
    share = NOTHING if pooled.i2 is None else share_text(pooled.i2)
    count = f"{pooled.n_effects:,}"
    return (name, count, middle, _ends(pooled.estimate, factor), _ends(pooled.prediction, factor), spread, share)


def _middle(interval: Interval, factor: float) -> str:
    return NOTHING if interval.estimate is None else signed(factor * interval.estimate, change_digits(interval, factor))


def _ends(interval: Interval, factor: float) -> str:
    if interval.lower is None or interval.upper is None:
        return NOTHING
    digits = change_digits(interval, factor)
    return f"{signed(factor * interval.lower, digits)} to {signed(factor * interval.upper, digits)}"


def verdict_table(summary: SuiteSummary) -> ReportTable:
    """Verdicts on emergence by metric, those that were given; empty where there is none."""
    found = summary.emergence
    given = [verdict for verdict in Verdict if found.all_metrics.verdicts.get(verdict)]
    shown = [*found.by_metric[:MOST_METRICS], found.all_metrics] if given else []
    rows = [
        (
            "all" if own.metric is None else cell(own.metric) or "not given",
            f"{own.n_curves:,}",
            *(f"{own.verdicts.get(verdict, 0):,}" for verdict in given),
            share_with_ends(looking),
        )
        for own in shown
        for looking in [looking_share(own)]
    ]
    return ReportTable(
        ("metric", "curves", *(VERDICT_HEADS[verdict] for verdict in given), "look emergent"), tuple(rows)
    )


def moderator_table(summary: SuiteSummary) -> ReportTable:
    """Net change by what may explain it: each value against the commonest one."""
    in_points = next(effect.unit for effect in summary.effects if effect.name == MODERATED) == FRACTION_OF_RANGE
    factor = 100.0 if in_points else 1.0
    rows = [row for moderated in summary.moderators for row in _moderator_rows(moderated, factor)]
    return ReportTable(("compared by", "value", "against", "difference", "interval", "p"), tuple(rows))


def moderator_notes(summary: SuiteSummary) -> tuple[str, ...]:
    """How many curves are left out of each comparison that is made."""
    made = [own for own in summary.moderators if own.regression is not None and own.regression.reason is None]
    named = [(MODERATOR_NAMES.get(own.moderator, own.moderator), own.n_left_out) for own in made]
    return tuple(note for name, count in named for note in left_out_words(name, count, WITHOUT_VALUE))


def _moderator_rows(moderated: Moderated, factor: float) -> Sequence[tuple[str, ...]]:
    regression = moderated.regression
    if regression is None or regression.reason is not None:
        return ()
    name = MODERATOR_NAMES.get(moderated.moderator, moderated.moderator)
    found = []
    for own in regression.coefficients[1:]:  # the first is the reference's own mean
        p_value = NOTHING if own.p_value is None else probability_text(own.p_value)
        value, reference = cell(own.name.replace("_", " ")), cell((moderated.reference or "").replace("_", " "))
        found.append((name, value, reference, _middle(own.value, factor), _ends(own.value, factor), p_value))
    return found
