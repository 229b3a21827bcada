"""The class map of a suite: a sign for each curve of a small one, shares of the labels for a large one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.number_format import probability_text
from service.pages.rendering import LABEL_NAMES
from service.report.class_map import ClassMap, MapCurve, class_map
from service.report.texts import plain
from service.store.suite_rows import FACETS, Counted, SuiteRow

MOST_SIGNS = 500  # curves up to which each has a sign of its own, with a link
MOST_BARS = 24  # groups that are shown as bars, the largest
BAR_WIDTH = 100.0
LONGEST_GROUP = 60
ORDER = tuple(LABEL_NAMES)


@dataclass(frozen=True, slots=True)
class LinkedCurve(MapCurve):
    """A curve of the map with the id of its analysis; "" where it has none."""

    identifier: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar, by label."""

    label: str
    count: int
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Bar:
    """Curves of a group by label; `name` and `value` say which part of the setting makes the group."""

    words: str
    count: int
    parts: tuple[Part, ...]
    facet: str = ""
    value: str = ""


def sign_map(rows: Sequence[SuiteRow]) -> ClassMap:
    """The map with a sign for each curve."""
    return class_map([_linked(row) for row in rows])


def label_bar(counts: Mapping[str, int], words: str = "") -> Bar:
    """All curves by label, in one bar of a hundred."""
    total = sum(counts.values())
    parts, start = [], 0.0
    for label in ORDER:
        if counts.get(label):
            width = BAR_WIDTH * counts[label] / total
            parts.append(Part(label, counts[label], round(start, 3), round(width, 3)))
            start += width
    return Bar(words, total, tuple(parts))


def group_bars(counted: Counted) -> list[dict[str, Any]]:
    """For every part of the setting that differs, a bar for each of its values."""
    found = []
    for place, name in enumerate(FACETS):
        groups: dict[str, dict[str, int]] = {}
        for group in counted.groups:
            own = groups.setdefault(group.setting[place], {})
            own[group.label] = own.get(group.label, 0) + group.count
        if len(groups) > 1:
            largest = sorted(groups.items(), key=lambda item: (-sum(item[1].values()), item[0]))
            bars = [_group_bar(name, value, counts) for value, counts in largest[:MOST_BARS]]
            found.append({"name": name, "bars": bars, "more": len(groups) - len(bars)})
    return found


def _group_bar(facet: str, value: str, counts: Mapping[str, int]) -> Bar:
    bar = label_bar(counts)
    return Bar(plain(value, LONGEST_GROUP) or "not given", bar.count, bar.parts, facet, value)


def _linked(row: SuiteRow) -> LinkedCurve:
    setting = tuple(row.names.get(name, "") for name in FACETS)
    name = LABEL_NAMES[row.label]
    if row.probability is not None and row.most_probable is not None:
        chance = probability_text(row.probability)
        shape = LABEL_NAMES[row.most_probable]
        name = f"{shape} {chance}" if row.label == row.most_probable else f"{name}, most probably {shape} {chance}"
    task = plain(row.names.get("task", "") or f"curve {row.position + 1}")
    hint = f"{', '.join(part for part in (task, *setting) if part)}: {name}"
    return LinkedCurve(task, setting, row.label, row.most_probable or "", plain(hint), row.analysis_id or "")
