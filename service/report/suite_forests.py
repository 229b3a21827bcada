"""The forest plots of a suite: prevalence of the shapes, turns, pooled changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10
from typing import Literal

from models.curve import ScaleKind
from models.options import Shape
from models.pooling import PooledTurn
from models.prevalence import Prevalence
from models.results import Interval
from models.suite_emergence import looking_share
from models.suite_summary import SuiteSummary
from service.number_format import estimate_text, interval_text
from service.plots import AXIS_NAMES
from service.report.axes import decades, log_range
from service.report.entries import TurnEntry
from service.report.forest import ForestRow, forest_plot
from service.report.texts import share_with_ends, typeset
from service.table_words import NAMES

GROUPING_NAMES: Mapping[str, str] = {
    "metric": "metric",
    "task_group": "group of tasks",
    "model_family": "model family",
    "prompting": "prompting",
}
MOST_TURNS = 40  # curves in a forest of turns; the surest turns are shown
MOST_GROUPS = 20  # in the forest of a shape
MOST_MARKS = 6
type Forest = tuple[Sequence[ForestRow], tuple[float, float], Sequence[tuple[float, str]], str]
SHARE_ENDS = (0.0, 1.0)
SHARE_MARKS = tuple((share, f"{100 * share:g} %") for share in (0.0, 0.25, 0.5, 0.75, 1.0))


def prevalence_forest(summary: SuiteSummary) -> str:
    """Prevalence of each shape in the suite."""
    return forest_plot(*prevalence_parts(summary))


def prevalence_parts(summary: SuiteSummary) -> Forest:
    """The same as rows, axis and title."""
    rows = [_share_row(NAMES[shape], found, shape) for shape, found in summary.prevalence.shapes.items()]
    return rows, SHARE_ENDS, SHARE_MARKS, "Prevalence of the shapes"


def grouped_forest(summary: SuiteSummary, name: str) -> str:
    """Prevalence in the groups of one way of grouping, below the suite's, of every shape that matters in the suite."""
    groups = sorted(summary.grouped[name].groups, key=lambda group: -group.n_curves)[:MOST_GROUPS]
    rows = []
    for shape in shapes_that_matter(summary):
        rows.append(ForestRow(NAMES[shape], None, None, None, "", kind="heading"))
        rows += [_group_row(group, shape) for group in groups]
        rows.append(_share_row("whole suite", summary.prevalence.shapes[shape], shape, "pooled"))
    return forest_plot(rows, SHARE_ENDS, SHARE_MARKS, f"Prevalence of the shapes by {GROUPING_NAMES[name]}")


def shapes_that_matter(summary: SuiteSummary) -> list[Shape]:
    """Shapes of which the suite is expected to hold a curve; the commonest where it is too small even for that."""
    expected = summary.prevalence.expected_curves
    common = [shape for shape, count in expected.items() if count >= 1]
    return common or sorted(expected, key=lambda shape: -expected[shape])[:1]


def claims_forest(summary: SuiteSummary) -> str:
    """Share of emergent-looking curves under each metric, the largest first; nothing where no curve looks so."""
    found = summary.emergence
    if not found.emergent_looking.n_claims:
        return ""
    rows = [(own, looking_share(own)) for own in found.by_metric]
    rows.sort(key=lambda row: -(row[1].estimate or 0.0))
    shown = [_claims_row(f"{own.metric or 'not given'} ({own.n_curves:,})", share) for own, share in rows[:MOST_GROUPS]]
    shown.append(_claims_row("whole suite", looking_share(found.all_metrics), "pooled"))
    return forest_plot(shown, SHARE_ENDS, SHARE_MARKS, "Curves that look emergent, by metric")


def _claims_row(label: str, share: Interval, kind: Literal["estimate", "pooled"] = "estimate") -> ForestRow:
    lower, upper = (share.lower or 0.0, 1.0 if share.upper is None else share.upper)
    return ForestRow(label, share.estimate, lower, upper, share_with_ends(share), "positive", kind)


def _share_row(
    label: str, found: Interval, shape: Shape, kind: Literal["estimate", "pooled"] = "estimate"
) -> ForestRow:
    text = "" if found.estimate is None else share_with_ends(found)
    return ForestRow(label, found.estimate, found.lower, found.upper, text, shape.value, kind)


def _group_row(group: Prevalence, shape: Shape) -> ForestRow:
    return _share_row(f"{group.group or 'not given'} ({group.n_curves:,})", group.shapes[shape], shape)


def turn_forest(turns: Sequence[TurnEntry], pooled: Sequence[tuple[str, PooledTurn]]) -> str:
    """Turns of single curves on one kind of scale, then what they come to together."""
    return forest_plot(*turn_parts(turns, pooled))


def turn_parts(turns: Sequence[TurnEntry], pooled: Sequence[tuple[str, PooledTurn]]) -> Forest:
    """The same as rows, axis and title."""
    kind = turns[0].kind
    shown = sorted(turns, key=lambda turn: turn.scale.estimate or 0.0)
    together = [(name, own) for name, own in pooled if own.reason is None and own.scale_kind is kind]
    rows = [_turn_row(turn) for turn in shown]
    for name, own in together:
        rows += _pooled_rows(name, own, kind)
    ends = _turn_ends(shown, [own for _, own in together])
    marks = decades(*ends, kind, MOST_MARKS)
    return [_on_log(row) for row in rows], ends, marks, f"Turns in {AXIS_NAMES[kind]}"


def _turn_row(turn: TurnEntry) -> ForestRow:
    scale = turn.scale
    text = typeset(interval_text(scale, lambda value: estimate_text(value, turn.kind)))
    return ForestRow(
        turn.name, scale.estimate, scale.lower, scale.upper, text, turn.shape.value, strength=turn.probability
    )


def _pooled_rows(name: str, own: PooledTurn, kind: ScaleKind) -> list[ForestRow]:
    typical, new = own.scale, own.new_scale
    shape = own.shape.value

    def text(interval: Interval) -> str:
        return typeset(interval_text(interval, lambda value: estimate_text(value, kind)))

    return [
        ForestRow(f"typical turn{name}", *_three(typical), text(typical), shape, "pooled"),
        ForestRow("turn of a new task", *_three(new), text(new), shape, "reach"),
    ]


def _three(found: Interval) -> tuple[float | None, float | None, float | None]:
    return found.estimate, found.lower, found.upper


def _turn_ends(turns: Sequence[TurnEntry], pooled: Sequence[PooledTurn]) -> tuple[float, float]:
    """All turns of curves; what is pooled may go beyond by a decade."""
    ends = [end for turn in turns for end in (turn.scale.lower, turn.scale.estimate, turn.scale.upper) if end]
    low, high = min(ends), max(ends)
    for own in pooled:
        low = min(low, max(own.scale.lower or low, low / 10))
        high = max(high, min(own.scale.upper or high, high * 10))
    return log_range(low, high, 0.04)


def _on_log(row: ForestRow) -> ForestRow:
    lower, middle, upper = (None if end is None else log10(end) for end in (row.lower, row.estimate, row.upper))
    return ForestRow(row.label, middle, lower, upper, row.text, row.style, row.kind, row.strength)
