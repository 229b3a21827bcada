"""A suite's summary as a person reads it in a terminal: sections of a few lines, columns that line up."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import click

from models.curve import ScaleKind
from models.options import Shape
from models.pooling import PooledTurn
from models.prevalence import Prevalence
from models.results import Interval, Verdict
from models.suite_curve import FRACTION_OF_RANGE
from models.suite_effects import MODERATED, Moderated, PooledEffect
from models.suite_emergence import Claims, SuiteEmergence, looking_share
from models.suite_summary import GroupedPrevalence, SuiteSummary
from service.number_format import NOTHING, estimate_text, number_text
from service.table_words import (
    IN_ANOTHER_UNIT,
    NAMES,
    ON_ANOTHER_SCALE,
    VERDICT_HEADS,
    WITHOUT_VALUE,
    left_out_words,
)

WIDTH = 110  # of the summary in words
GAP = 2
MOST_LISTED = 20  # labels that are not kept, by name
SHARES = "shares are medians with intervals; the metrics of the same outputs count as one curve"
TITLES = {"metric": "metric", "task_group": "task group", "model_family": "model family", "prompting": "prompting"}
TURNS = {
    "u_turn": "U, those to come included",
    "u_turn_uncensored": "U, within the range",
    "inverted_u_turn": "inverted U, within the range",
}

type Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, rows of which the first heads the columns, and lines below them."""

    heading: str
    rows: Sequence[Row]
    notes: Sequence[str] = ()

    def lines(self) -> Iterator[str]:
        """Everything below the heading."""
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=True)]
        for row in self.rows:
            yield (" " * GAP).join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        yield from self.notes


def print_sections(sections: Iterable[Section]) -> None:
    """Print sections with an empty line between them; headings are bold on a terminal."""
    for number, section in enumerate(sections):
        if number:
            click.echo()
        if section.heading:
            click.secho(section.heading, bold=True)
        for line in section.lines():
            click.echo(line)


def summary_sections(summary: SuiteSummary) -> Iterator[Section]:
    """The summary: in words, then in figures."""
    yield Section("", (), textwrap.wrap(summary.summary, WIDTH))
    yield _prevalence(summary.prevalence)
    for name, grouped in summary.grouped.items():
        yield _groups(TITLES.get(name, name), grouped)
    yield _labels(summary)
    yield _turns(summary)
    yield from filter(None, [_emergence(summary.emergence)])
    yield _effects(summary.effects)
    unit = next((effect.unit for effect in summary.effects if effect.name == MODERATED), None)
    yield from filter(None, (_moderator(found, unit) for found in summary.moderators))


def _prevalence(found: Prevalence) -> Section:
    rows: list[Row] = [("shape", "labelled", "expected", "share of the suite")]
    for shape, share in found.shapes.items():
        expected = f"{found.expected_curves[shape]:.1f}"
        rows.append((NAMES[shape], str(found.labels.get(shape.value, 0)), expected, _share(share)))
    clusters = "" if found.n_clusters == found.n_curves else f" of {found.n_clusters:,} outputs"
    notes = [_because(found.reason)] if found.reason else [SHARES]
    return Section(f"Shapes among {found.n_curves:,} curves{clusters}", rows, notes)


def _groups(title: str, grouped: GroupedPrevalence) -> Section:
    if not grouped.groups:
        return Section(f"By {title}", (), [_because(grouped.reason)])
    head = (title, "curves", *(NAMES[shape] for shape in Shape))
    rows = [
        (found.group or "", str(found.n_curves), *(_share(found.shapes[shape]) for shape in Shape))
        for found in grouped.groups
    ]
    spread = interval_words(grouped.spread, number_text)
    notes = [f"groups differ by {spread} in log odds (sd)"]
    if grouped.n_ungrouped:
        notes.append(f"{grouped.n_ungrouped:,} curves belong to none")
    return Section(f"By {title}", [head, *rows], notes)


def _labels(summary: SuiteSummary) -> Section:
    control = summary.error_control
    rows: list[Row] = [("labels of", "given", "false (expected)", "kept", "false among them (expected)")]
    named = [*((NAMES[shape], errors) for shape, errors in control.by_shape.items()), ("all", control.all_labels)]
    for name, errors in named:
        if errors.n_labels or name == "all":
            false, kept = f"{errors.expected_false:.1f}", f"{errors.expected_false_kept:.1f}"
            rows.append((name, str(errors.n_labels), false, str(errors.n_kept), kept))
    dropped = [label for label in control.labels if label.false_probability is not None and not label.kept]
    notes = [f"not kept: {label.name}: {label.label}" for label in dropped[:MOST_LISTED]]
    if len(dropped) > MOST_LISTED:
        notes.append(f"and {len(dropped) - MOST_LISTED:,} more are not kept")
    return Section(f"Labels; the kept are expected to hold at most {100 * control.level:g} % false", rows, notes)


def _turns(summary: SuiteSummary) -> Section:
    rows: list[Row] = [("turn", "turns", "typical turn", "spread (decades)", "turn of a new task")]
    notes: list[str] = []
    for name, title in TURNS.items():
        turn: PooledTurn = getattr(summary, name)
        notes += left_out_words(title, turn.n_left_out, ON_ANOTHER_SCALE)
        if turn.reason is not None or turn.scale_kind is None:
            notes.append(f"{title}: {_because(turn.reason)}")
            continue
        write = partial(_scale, kind=turn.scale_kind)
        turns = f"{turn.n_inside:.1f}" + (f" + {turn.n_beyond:.1f} beyond" if turn.censored else "")
        spread = interval_words(turn.spread_decades, partial(number_text, digits=2))
        rows.append((title, turns, interval_words(turn.scale, write), spread, interval_words(turn.new_scale, write)))
    return Section("Turns pooled", rows if len(rows) > 1 else (), notes)


def _emergence(found: SuiteEmergence) -> Section | None:
    """Nothing where no verdict is given."""
    given = [verdict for verdict in Verdict if found.all_metrics.verdicts.get(verdict)]
    if not given:
        return None
    rows: list[Row] = [("metric", "curves", *(VERDICT_HEADS[verdict] for verdict in given), "look emergent")]
    for own in (*found.by_metric[:MOST_LISTED], found.all_metrics):
        counts = (str(own.verdicts.get(verdict, 0)) for verdict in given)
        rows.append((own.metric or "all", str(own.n_curves), *counts, _share(looking_share(own))))
    notes = [*_top(found.emergent_looking, "emergent-looking curves"), *_top(found.emergent, "verdicts emergent")]
    return Section("Verdicts on emergence: what explains a sharp rise", rows, notes)


def _top(found: Claims, what: str) -> Iterator[str]:
    """Which metrics carry the claims, against all curves and chosen without the task itself."""
    if found.share.estimate is None or found.share_of_all_curves is None:
        return
    text = f"{' and '.join(found.top_metrics)}: {_share(found.share)} of {found.n_claims:,} {what}"
    text += f", {_percent(found.share_of_all_curves)} of all curves"
    if found.held_out_share is not None:
        text += f"; {_percent(found.held_out_share)} where chosen from other tasks"
    yield text


def _effects(effects: Sequence[PooledEffect]) -> Section:
    rows: list[Row] = [("change", "effects", "mean", "I²", "of a new curve")]
    notes: list[str] = []
    for effect in effects:
        name, found = effect.name.replace("_", " "), effect.pooled
        notes += left_out_words(name, effect.n_left_out, IN_ANOTHER_UNIT)
        if found.reason is not None or found.i2 is None:
            notes.append(f"{name}: {_because(found.reason)}")
            continue
        write = _writer(effect.unit)
        prediction = _ends(found.prediction, write)
        rows.append((name, str(found.n_effects), interval_words(found.estimate, write), _percent(found.i2), prediction))
    unit = "in % of the metric's range" if all(e.unit in (None, FRACTION_OF_RANGE) for e in effects) else ""
    return Section(f"Changes pooled, {unit}".rstrip(", "), rows if len(rows) > 1 else (), notes)


def _moderator(found: Moderated, unit: str | None) -> Section | None:
    """Nothing where a moderator has one value only; `unit` is that of the pooled net change."""
    regression = found.regression
    if regression is None or regression.reason is not None:
        return None
    rows: list[Row] = [("value", "change of the net change", "p")]
    for coefficient in regression.coefficients[1:]:
        p_value = NOTHING if coefficient.p_value is None else number_text(coefficient.p_value, 2)
        rows.append((coefficient.name.replace("_", " "), interval_words(coefficient.value, _writer(unit)), p_value))
    explained = "" if regression.r2 is None else f"; explains {_percent(regression.r2)} of the variance between curves"
    moderator = found.moderator.replace("_", " ")
    against = f"against {(found.reference or '').replace('_', ' ')}{explained}"
    return Section(
        f"Net change by {moderator}", rows, [against, *left_out_words(moderator, found.n_left_out, WITHOUT_VALUE)]
    )


def interval_words(interval: Interval, write: Callable[[float], str]) -> str:
    """`-3.1 (-4.2 to 1.1)`; a dash could be taken for a minus."""
    return NOTHING if interval.estimate is None else f"{write(interval.estimate)} ({_ends(interval, write)})"


def _ends(interval: Interval, write: Callable[[float], str]) -> str:
    lower, upper = (NOTHING if end is None else write(end) for end in (interval.lower, interval.upper))
    return f"{lower} to {upper}"


def _share(interval: Interval) -> str:
    if interval.lower is None or interval.upper is None:
        return NOTHING if interval.estimate is None else _percent(interval.estimate)
    return f"{_percent(interval.estimate or 0.0)} ({100 * interval.lower:.0f} to {100 * interval.upper:.0f})"


def _percent(share: float) -> str:
    return "<1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"


def _writer(unit: str | None) -> Callable[[float], str]:
    return _points if unit == FRACTION_OF_RANGE else number_text


def _points(change: float) -> str:
    return number_text(100 * change, 2)


def _scale(scale: float, kind: ScaleKind) -> str:
    return estimate_text(scale, kind)


def _because(reason: str | None) -> str:
    return (reason or "nothing to say").replace("_", " ")
