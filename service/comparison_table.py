"""A comparison as a person reads it in a terminal: the curves, then every pair of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from models.curve import ScaleKind
from models.options import UNDETERMINED, Shape
from models.results import Interval
from models.suite_curve import FRACTION_OF_RANGE
from service.comparisons import Compared, factor_words
from service.number_format import NOTHING, estimate_text, number_text, probability_text
from service.suite_table import Section, interval_words
from service.table_words import NAMES

EFFECTS = ("net_change", "largest_fall", "largest_rise", "change_per_decade")
TURNS = {"turn_ratio": "turn, second over first", "inverted_turn_ratio": "inverted turn, second over first"}
PAIRED = {"mean_difference": "mean over common scales", "net_change_difference": "net change"}


def comparison_sections(document: Mapping[str, Any], compared: Sequence[Compared]) -> Iterator[Section]:
    """What `service.comparisons.comparison_document` found, for the curves that it was given."""
    yield _curves(document["curves"])
    for difference in document["differences"]:
        kind = compared[difference["first"]].analysis.curve.scale_kind
        yield _pair(difference, kind)


def _curves(curves: Sequence[Mapping[str, Any]]) -> Section:
    rows = [("no.", "curve", "label", "probability")]
    for number, curve in enumerate(curves, start=1):
        shape = NAMES[Shape(curve["most_probable"])]
        label = f"{UNDETERMINED} ({shape})" if curve["label"] == UNDETERMINED else shape
        rows.append((str(number), curve["name"], label, probability_text(curve["probability"])))
    return Section("Curves", rows)


def _pair(difference: Mapping[str, Any], kind: ScaleKind) -> Section:
    first, second = difference["first"] + 1, difference["second"] + 1
    names = factor_words(difference["differs_in"])
    rows = [("", "second less first")]
    rows.append(("shapes differ with probability", probability_text(difference["probability_shapes_differ"])))
    rows += _effects(difference)
    rows += [(title, _text(difference[name], number_text)) for name, title in TURNS.items() if _there(difference[name])]
    rows += _crossing(difference["crossing"], kind)
    rows += _paired(difference["paired"])
    return Section(f"{second} against {first}: {f'another {names}' if names else 'the same by name'}", rows)


def _effects(difference: Mapping[str, Any]) -> list[tuple[str, str]]:
    if difference["unit"] is None:
        return [("changes", "not comparable: the metrics have different units")]
    factor, unit = (100.0, " (% of the range)") if difference["unit"] == FRACTION_OF_RANGE else (1.0, "")
    write = partial(_scaled, factor=factor)
    return [(f"{name.replace('_', ' ')}{unit}", _text(difference[name], write)) for name in EFFECTS]


def _crossing(crossing: Mapping[str, Any], kind: ScaleKind) -> list[tuple[str, str]]:
    ends = (crossing["probability_second_better_at_start"], crossing["probability_second_better_at_end"])
    if None in ends:
        return [("crossing", f"not comparable: {crossing['reason'].replace('_', ' ')}")]
    better = ("second is better at the smallest, the largest scale", ", ".join(map(probability_text, ends)))
    if crossing["probability"] is None:
        return [("crossing", crossing["reason"].replace("_", " ")), better]
    place = _text(crossing["scale"], partial(estimate_text, kind=kind))
    return [("curves cross with probability", probability_text(crossing["probability"])), ("  first at", place), better]


def _paired(paired: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if paired is None:
        return []
    rows = [(f"on the same {paired['n_examples']:,} items (%)", "")]
    for name, title in PAIRED.items():
        found = paired[name]
        if found is not None:
            gain = "" if found["gain"] is None else f", {number_text(found['gain'], 2)} times as precise as unpaired"
            rows.append((f"  {title}", f"{_text(found, partial(_scaled, factor=100.0))}{gain}"))
    return rows


def _there(interval: Mapping[str, Any]) -> bool:
    return interval["estimate"] is not None


def _text(interval: Mapping[str, Any], write: Any) -> str:
    """Median and interval, or why there is none."""
    if interval["estimate"] is None:
        return str(interval.get("reason", NOTHING)).replace("_", " ")
    return interval_words(Interval(interval["estimate"], interval["lower"], interval["upper"]), write)


def _scaled(value: float, factor: float) -> str:
    return number_text(factor * value, 2)
