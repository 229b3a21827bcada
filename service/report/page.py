"""The report: one HTML file without scripts and without anything from elsewhere, written as it is made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from models.options import UNDETERMINED
from models.results import Analysis
from models.suite_summary import GROUPINGS, SuiteSummary
from models.suite_words import claims_words
from service.number_format import NOTHING, probability_text
from service.palette import palette_css
from service.report.class_map import class_map, counted
from service.report.collection import Collection, Picture, TableEntry, collecting
from service.report.entries import ReportCurve, report_curve
from service.report.interest import INTEREST_WORDS
from service.report.provenance import About, provenance_rows
from service.report.sentences import shape_cards, summary_sentences
from service.report.suite_forests import (
    GROUPING_NAMES,
    MOST_GROUPS,
    MOST_TURNS,
    claims_forest,
    grouped_forest,
    prevalence_forest,
    turn_forest,
)
from service.report.suite_tables import (
    effect_notes,
    effect_table,
    effect_unit,
    false_label_table,
    moderator_notes,
    moderator_table,
    verdict_table,
)
from service.report.texts import LONGEST_MESSAGE, cell, plain, typeset
from service.table_row import TURN_MATTERS, TableRow
from service.table_words import NAMES, ON_ANOTHER_SCALE, Common, left_out_words, telling_tags, warning_words

LONGEST_LINE = 250_000  # characters of a line on what was read: a thousand names of the longest
BUFFERED = 64  # pieces of the template that are written at once


@dataclass(frozen=True, slots=True)
class Cells:
    """A line of the table as text, safe to be copied into a spreadsheet."""

    number: str
    drawn: bool
    task: str
    setting: str
    label: str
    shape: str
    name: str
    probability: str
    change: str
    turn: str
    emergence: str
    warnings: str
    doubt: str
    kept: bool
    failure: str


def report_html(collection: Collection, about: About, summary: SuiteSummary | None = None) -> Iterator[str]:
    """The page in pieces. `summary` is that of the collection's own `suite`, or None where there is none."""
    stream = _environment().get_template("report.html.j2").stream(**_page(collection, about, summary))
    stream.enable_buffering(BUFFERED)
    return iter(stream)


def report_of(
    analyses: Iterable[Analysis | ReportCurve], about: About, summary: SuiteSummary | None = None
) -> Iterator[str]:
    """The report of analyses, and of failures from `report_failure`, in one go."""
    with collecting() as collection:
        for index, one in enumerate(analyses):
            collection.add(one if isinstance(one, ReportCurve) else report_curve(one, index))
        yield from report_html(collection, about, summary)


def suite_parts(collection: Collection, summary: SuiteSummary | None) -> dict[str, Any]:
    """The parts that only a suite has, and the turns."""
    pooled = [] if summary is None else [("", summary.u_turn_uncensored), ("", summary.inverted_u_turn)]
    if summary is not None and summary.u_turn.reason is None:
        pooled.insert(1, (", or beyond", summary.u_turn))
    forests = []
    for kind, shape, turns in collection.turns():
        own = [one for one in pooled if one[1].shape is shape and one[1].scale_kind is kind]
        forests.append((f"{NAMES[shape]} curves", len(turns), turn_forest(turns, own)))
    if summary is None:
        return {"turn_forests": forests, "pooled": False, "turns_left_out": [], "unpooled": []}
    grouped = [(GROUPING_NAMES[name], grouped_forest(summary, name)) for name in _groupings(summary)]
    return {
        "turn_forests": forests,
        "pooled": any(own.reason is None for _, own in pooled),
        "turns_left_out": [
            note
            for name, own in pooled
            for note in left_out_words(f"{NAMES[own.shape]}{name}", own.n_left_out, ON_ANOTHER_SCALE)
        ],
        "unpooled": [(NAMES[own.shape], own) for _, own in pooled if own.reason is not None],
        "fdr": f"{100 * summary.error_control.level:g} %",
        "prevalence": prevalence_forest(summary),
        "grouped": grouped,
        "false_labels": false_label_table(summary),
        "effects": effect_table(summary),
        "effect_unit": effect_unit(summary),
        "effect_notes": effect_notes(summary),
        "moderators": moderator_table(summary),
        "moderator_notes": moderator_notes(summary),
        "verdicts": verdict_table(summary),
        "claims": claims_words(summary.emergence),
        "claims_forest": claims_forest(summary),
    }


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("service.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["line"] = plain
    environment.filters["counted"] = counted
    return environment


def _page(collection: Collection, about: About, summary: SuiteSummary | None) -> dict[str, Any]:
    pictures = collection.pictures()
    common = Common(collection.common(), telling_tags(entry.row for entry in collection.rows()))
    drawn = {picture.index for picture in pictures}
    return {
        "about": about,
        "longest_line": LONGEST_LINE,
        "style": palette_css(dark=False)
        + files("service.report").joinpath("templates", "report.css").read_text("utf-8"),
        "cards": shape_cards(collection, summary),
        "bar": [(label, count) for label, count in counted(collection.names)],
        "sentences": summary_sentences(collection, summary),
        "common": common.sentence(),
        "map": class_map(collection.names),
        "names": {**{shape.value: name for shape, name in NAMES.items()}, UNDETERMINED: UNDETERMINED},
        "interest_words": INTEREST_WORDS,
        "pictures": [_picture(picture, common) for picture in pictures],
        "count": collection.count,
        "analysed": collection.count - collection.failed,
        "rows": (_cells(entry, common, drawn, summary) for entry in collection.rows()),
        "legend": collection.tally.legend(),
        "provenance": provenance_rows(collection),
        "summary": summary,
        "turn_matters": f"{TURN_MATTERS:g}",
        "most_turns": MOST_TURNS,
        "most_groups": MOST_GROUPS,
        **suite_parts(collection, summary),
    }


def _groupings(summary: SuiteSummary) -> list[str]:
    return [name for name in GROUPINGS if name in summary.grouped and summary.grouped[name].groups]


def _picture(picture: Picture, common: Common) -> Mapping[str, str]:
    row = picture.row
    return {
        "number": str(picture.index + 1),
        "task": plain(row.task, 80),
        "setting": plain(common.setting(row), 120),
        "label": row.label,
        "shape": row.shape or "",
        "words": _label(row),
        "explanation": typeset(plain(row.explanation or "", LONGEST_MESSAGE)),
        "svg": picture.svg,
    }


def _label(row: TableRow) -> str:
    name = NAMES[row.shape] if row.shape is not None else ""
    told = f"{name} {row.probability}"
    return f"{UNDETERMINED} ({told})" if row.label == UNDETERMINED else told


def _cells(entry: TableEntry, common: Common, drawn: set[int], summary: SuiteSummary | None) -> Cells:
    row = entry.row
    doubt, kept = _doubt(entry, summary)
    return Cells(
        number=str(entry.index + 1),
        drawn=entry.index in drawn,
        task=cell(row.task),
        setting=cell(common.setting(row)),
        label=row.label,
        shape=row.shape or "",
        name=NAMES[row.shape] if row.shape is not None else "",
        probability=row.probability,
        change=entry.change,
        turn=typeset(" ".join(row.turn)),
        emergence=typeset(" ".join(row.emergence)),
        warnings=warning_words(row),
        doubt=doubt,
        kept=kept,
        failure="" if row.failure is None else cell(row.failure, LONGEST_MESSAGE),
    )


def _doubt(entry: TableEntry, summary: SuiteSummary | None) -> tuple[str, bool]:
    """The probability that the label is false, as the suite judges it, and whether the label is kept."""
    if summary is None or entry.position is None:
        return "", False
    own = summary.error_control.labels[entry.position]
    return (NOTHING if own.false_probability is None else probability_text(own.false_probability)), own.kept
