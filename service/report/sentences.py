"""The summary of a report in words, each with its numbers."""

from __future__ import annotations

from collections.abc import Iterator

from models.curve import ScaleKind
from models.options import UNDETERMINED, Shape
from models.pooling import PooledTurn
from models.results import Interval
from models.suite_curve import FRACTION_OF_RANGE
from models.suite_summary import SuiteSummary
from service.number_format import estimate_text, interval_text, scale_text
from service.plots import AXIS_NAMES
from service.report.collection import Collection
from service.report.texts import count_text, listed, plain, share_ends, share_text, share_with_ends, signed, typeset
from service.table_words import FAILED, NAMES

FEW_FOR_A_LIST = 4  # values of a part of the setting that are named rather than counted
SETTING_NOUNS = ("metric", "prompting", "model family")
SETTING_NOUNS_MANY = ("metrics", "promptings", "model families")
RARE = 0.02  # prevalence below which a shape shares a clause with other rare ones


def summary_sentences(collection: Collection, summary: SuiteSummary | None) -> list[str]:
    """Paragraphs, plain text."""
    paragraphs = [_about(collection), _labels(collection)]
    if summary is not None:
        paragraphs += [_prevalence(summary), _errors(summary), " ".join(_turns(summary)), _change(summary)]
    return [paragraph for paragraph in paragraphs if paragraph]


def _about(collection: Collection) -> str:
    tasks = len({curve.task for curve in collection.names})
    text = f"{count_text(collection.count, 'scaling curve')} of {count_text(tasks, 'task')}{_ranges(collection)}"
    parts = listed([part for place, values in enumerate(collection.settings) if (part := _part(values, place))])
    return f"{text}: {parts}." if parts else f"{text}."


def _ranges(collection: Collection) -> str:
    texts = [
        f"{scale_text(low, kind)} to {scale_text(high, kind)}{_axis(kind)}"
        for kind, (low, high) in collection.ranges.items()
    ]
    return f", {listed(texts)}" if texts else ""


def _axis(kind: ScaleKind) -> str:
    return "" if kind is ScaleKind.OTHER else f" {AXIS_NAMES[kind]}"


def _part(values: set[str], place: int) -> str:
    """`Metric: accuracy`, `2 metrics (accuracy, f1)`, `17 promptings`."""
    named = sorted(plain(value, 60) for value in values if value)
    if not named:
        return ""
    if len(named) == 1:
        return f"{SETTING_NOUNS[place]} {named[0]}"
    many = f"{len(named):,} {SETTING_NOUNS_MANY[place]}"
    return f"{many} ({', '.join(named)})" if len(named) <= FEW_FOR_A_LIST else many


def _labels(collection: Collection) -> str:
    labels = collection.labels
    parts = [f"{labels[shape]:,} {name}" for shape, name in NAMES.items() if labels[shape]]
    labelled = sum(labels[shape] for shape in NAMES)
    first = f"{count_text(labelled, 'curve')} got a label: {listed(parts)}." if parts else "No curve got a label."
    rest = []
    if labels[UNDETERMINED]:
        rest.append(
            f"{labels[UNDETERMINED]:,} stayed undetermined: these models and test sets do not settle their shape."
        )
    if labels[FAILED]:
        rest.append(f"{labels[FAILED]:,} could not be analysed; the table says why.")
    return " ".join((first, *rest))


def _prevalence(summary: SuiteSummary) -> str:
    shapes = summary.prevalence.shapes
    common = [(NAMES[shape], found) for shape, found in shapes.items() if (found.estimate or 0.0) >= RARE]
    common.sort(key=lambda one: -(one[1].estimate or 0.0))
    texts = [f"{share_text(found.estimate or 0.0)} {name} ({share_ends(found)})" for name, found in common]
    rare = [(NAMES[shape], found) for shape, found in shapes.items() if (found.estimate or 0.0) < RARE]
    if not texts:
        return ""
    text = f"With every curve's own uncertainty counted in, the suite is {listed(texts)}"
    if rare:
        most = share_text(max(found.upper or 0.0 for _, found in rare))
        text += f"; {listed([name for name, _ in rare])} at most {most}{' each' if len(rare) > 1 else ''}"
    return f"{text}."


def _errors(summary: SuiteSummary) -> str:
    control = summary.error_control
    own = control.all_labels
    if own.n_labels == 0:
        return ""
    text = f"Of the {own.n_labels:,} labels about {own.expected_false:.2g} are expected to be false"
    if own.n_kept == own.n_labels:
        return f"{text}, within a false discovery rate of {100 * control.level:g} %: all can be kept."
    return (
        f"{text}. At a false discovery rate of {100 * control.level:g} %, {own.n_kept:,} of them are kept, with about "
        f"{own.expected_false_kept:.2g} false ones."
    )


def _turns(summary: SuiteSummary) -> Iterator[str]:
    for name, own in (("U", summary.u_turn_uncensored), ("inverted U", summary.inverted_u_turn)):
        yield _turn(name, own)


def _turn(name: str, own: PooledTurn) -> str:
    kind = own.scale_kind
    if own.reason is not None or own.scale.estimate is None or kind is None:
        return ""

    def text(interval: Interval) -> str:
        return interval_text(interval, lambda value: estimate_text(value, kind))

    article = "an" if name.startswith("inv") else "a"
    return f"Where the curve is {article} {name}, it typically turns at {typeset(text(own.scale))}{_axis(kind)}."


def _change(summary: SuiteSummary) -> str:
    net = next(effect for effect in summary.effects if effect.name == "net_change")
    found, new = net.pooled.estimate, net.pooled.prediction
    if found.estimate is None or found.lower is None or found.upper is None or net.unit != FRACTION_OF_RANGE:
        return ""
    middle, lower, upper = (signed(100 * end, 1) for end in (found.estimate, found.lower, found.upper))
    text = f"From the smallest to the largest model performance changes by {middle} points of 100 on average"
    text += f" ({lower} to {upper})"
    if new.lower is not None and new.upper is not None:
        ends = f"{signed(100 * new.lower, 0)} to {signed(100 * new.upper, 0)}"
        text += f"; a new task of this kind may lie anywhere from {ends}"
    return f"{text}."


def shape_cards(collection: Collection, summary: SuiteSummary | None) -> list[dict[str, str]]:
    """Labels with their counts and prevalence, for the cards on top of the page."""
    cards = []
    for label in (*Shape, UNDETERMINED, FAILED):
        count = collection.labels[label]
        found = summary.prevalence.shapes.get(label) if summary is not None and isinstance(label, Shape) else None
        if label == FAILED and not count:
            continue
        share = "" if found is None or found.estimate is None else share_with_ends(found)
        name = NAMES[label] if isinstance(label, Shape) else label
        cards.append({"label": str(label), "name": name, "count": f"{count:,}", "share": share})
    return cards
