"""The rows of one curve put together to the document that the schema checks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from models.errors import Problem
from service.csv_export import without_quote
from service.readers.columns import KEY_COLUMNS, Columns, scale_kind_of
from service.readers.items import CurveItem, names_of
from service.readers.loading import rows_text
from service.readers.spool import Row
from service.schemas.points import MOST_POINTS
from service.schemas.scalars import LONGEST_TEXT, MOST_TAGS, is_text, shown

_TRUTH = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
_WORDS = ("kind", "unit")
_NO_TAG = f"a curve has up to {MOST_TAGS} of them, each of one line and up to {LONGEST_TEXT:,} characters"


@dataclass(frozen=True, slots=True)
class Grouped:
    """The rows of one curve: its place among the curves, how many rows it has, and those that are kept."""

    index: int
    count: int
    rows: Sequence[Row]


@dataclass(slots=True)
class LeftOut:
    """Columns that could not become tags, counted over one pass, to be reported once a file."""

    nameless: tuple[int, ...] = ()
    varying: dict[str, int] = field(default_factory=dict)
    unfit: dict[str, int] = field(default_factory=dict)

    def start(self) -> None:
        """Begin a new pass."""
        self.varying, self.unfit = {}, {}

    def messages(self) -> tuple[str, ...]:
        """One message a column."""
        nameless = (f"column {place} has no name and was left out" for place in self.nameless)
        varying = (
            f"column {name} varies within {count} curve{'s'[: count != 1]}, whose tags it was left out of"
            for name, count in self.varying.items()
        )
        unfit = (
            f"column {name} is no tag of {count} curve{'s'[: count != 1]}, which it was left out of: {_NO_TAG}"
            for name, count in self.unfit.items()
        )
        return (*nameless, *varying, *unfit)


def curve_of_rows(group: Grouped, columns: Columns, left_out: LeftOut) -> CurveItem:
    """The item of one curve of a table."""
    numbers = tuple(number for number, _ in group.rows)
    cells = [values for _, values in group.rows]
    keys = _keys(cells[0], columns)
    if group.count > MOST_POINTS:
        message = (
            f"{group.count:,} rows make one curve, more than {MOST_POINTS:,}: give each its task, or split the curve"
        )
        return CurveItem(group.index, None, (Problem(f"from row {numbers[0]}", message),), numbers[:1], names_of(keys))
    width = len(columns.header)
    if ragged := [(number, row[width]) for number, row in group.rows if len(row) > width]:
        problems = tuple(Problem(f"row {number}", too_many_cells(int(found), width)) for number, found in ragged)
        return CurveItem(group.index, None, problems, numbers, names_of(keys))
    axis, axis_problems = _axis(cells, numbers, columns)
    metric, metric_problems = _metric(cells, numbers, columns, keys.get("metric"))
    scale_kind, kind_problems = _constant(cells, numbers, columns.scale_kind, "scale_kind")
    problems = (*axis_problems, *metric_problems, *kind_problems)
    document = {
        **keys,
        "metric": metric,
        "scale_kind": scale_kind_of(axis[0], scale_kind),
        "points": _points(cells, columns, axis[1]),
        "tags": _tags(cells, columns, left_out),
    }
    return CurveItem(
        group.index,
        None if problems else document,
        problems,
        numbers,
        names_of(keys),
        {"scale": axis[0], "name": "metric"},
    )


def too_many_cells(found: int, expected: int) -> str:
    """What is wrong with a row that is longer than the header."""
    return (
        f"has {found:,} cells where the header has {expected:,}: write numbers with a decimal point, and put a text "
        "that holds a comma in quotation marks"
    )


def parsed_cell(cell: str) -> float | str | None:
    """A number where the cell is a finite one, None where it is empty; the rest as it is, for the schema to refuse."""
    if not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        return cell
    return value if math.isfinite(value) and "_" not in cell else cell


def _keys(cells: Sequence[str], columns: Columns) -> dict[str, str]:
    named = zip(KEY_COLUMNS, columns.keys, strict=True)
    return {name: without_quote(cells[place]) for name, place in named if place is not None and cells[place]}


def _points(cells: Sequence[Sequence[str]], columns: Columns, axis: int) -> list[dict[str, Any]]:
    numeric = (("scale", axis), *(pair for pair in columns.points if pair[0] != "model"))
    model = dict(columns.points).get("model")
    points: list[dict[str, Any]] = [{name: parsed_cell(row[place]) for name, place in numeric} for row in cells]
    if model is not None:
        for point, row in zip(points, cells, strict=True):
            point["model"] = without_quote(row[model]) or None
    return points


def _axis(
    cells: Sequence[Sequence[str]], numbers: Sequence[int], columns: Columns
) -> tuple[tuple[str, int], tuple[Problem, ...]]:
    """The first axis that any row has, and a problem where other rows have only another one."""
    used = [axis for axis in columns.scales if any(row[axis[1]] for row in cells)] or list(columns.scales[:1])
    name, place = used[0]
    if len(cells) > 1 and len({row[place] for row in cells}) == 1:
        differs = [other for other, at in used[1:] if len({row[at] for row in cells}) > 1]
        if differs:
            message = f"the same in all rows, but not {differs[0]}: if that is the scale, say --scale {differs[0]}"
            return used[0], (Problem(f"{rows_text(tuple(numbers))}, column {name}", message),)
    for other, other_place in used[1:]:
        strays = tuple(
            number for number, row in zip(numbers, cells, strict=True) if not row[place] and row[other_place]
        )
        if strays:
            message = f"no {name} but {other}, while other rows of the curve have {name}: fill it in, or use --scale"
            return used[0], (Problem(f"{rows_text(strays)}, column {name}", message),)
    return used[0], ()


def _metric(
    cells: Sequence[Sequence[str]], numbers: Sequence[int], columns: Columns, name: str | None
) -> tuple[str | Mapping[str, Any] | None, tuple[Problem, ...]]:
    """The metric's name, or an object where the table says more about it."""
    request: dict[str, Any] = {}
    problems: list[Problem] = []
    for field_name, place in columns.metric:
        value, faults = _constant(cells, numbers, place, field_name, partial(_metric_value, field_name))
        problems += faults
        if value is not None:
            request[field_name] = _metric_value(field_name, value)
    return ({"name": name, **request} if request else name), tuple(problems)


def _metric_value(name: str, cell: str) -> Any:
    if name in _WORDS:
        return cell
    return _TRUTH.get(cell.lower(), cell) if name == "higher_is_better" else parsed_cell(cell)


def _constant(
    cells: Sequence[Sequence[str]],
    numbers: Sequence[int],
    place: int | None,
    name: str,
    value_of: Callable[[str], Any] = str,
) -> tuple[str | None, tuple[Problem, ...]]:
    """The one value that a column has within a curve, however it is written; rows where it is empty do not count."""
    if place is None:
        return None, ()
    first: dict[str, int] = {}
    for number, row in zip(numbers, cells, strict=True):
        if row[place]:
            first.setdefault(row[place], number)
    values: dict[Any, tuple[str, int]] = {}
    for cell, number in first.items():
        values.setdefault(value_of(cell), (cell, number))
    if len(values) <= 1:
        return next(iter(first), None), ()
    (one, one_row), (other, other_row) = list(values.values())[:2]
    message = f"{shown(one)} in row {one_row} but {shown(other)} in row {other_row}: one curve has one {name}"
    return None, (Problem(f"{rows_text(tuple(numbers))}, column {name}", message),)


def _tags(cells: Sequence[Sequence[str]], columns: Columns, left_out: LeftOut) -> dict[str, str]:
    return dict(_constant_tags(cells, columns, left_out))


def _constant_tags(cells: Sequence[Sequence[str]], columns: Columns, left_out: LeftOut) -> Iterator[tuple[str, str]]:
    count = 0
    for name, place in columns.tags:
        value = cells[0][place]
        if any(row[place] != value for row in cells):
            left_out.varying[name] = left_out.varying.get(name, 0) + 1
        elif value and (count == MOST_TAGS or not (is_text(name) and is_text(without_quote(value)))):
            left_out.unfit[name] = left_out.unfit.get(name, 0) + 1
        elif value:
            count += 1
            yield name, without_quote(value)
