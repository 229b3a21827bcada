"""Curves written to a file: a tidy CSV, or records of Every Eval Ever."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from models.curve import ScaleKind, ScalePoint, ScalingCurve
from models.errors import InvalidInput, Problem
from service.csv_export import table_line
from service.every_eval_ever import names_in_records, records
from service.longer_names import LongerNames
from service.readers.columns import DISTRACTOR_COLUMNS, KEY_COLUMNS, METRIC_COLUMNS, POINT_COLUMNS
from service.without_outcomes import WithoutOutcomes

CSV, LINES = ".csv", (".jsonl", ".ndjson")
LONGEST_NAME = 100  # characters of a file name made from a model's
_AXES = {
    ScaleKind.PARAMETERS: "parameters",
    ScaleKind.TRAINING_FLOPS: "training_flops",
    ScaleKind.TRAINING_TOKENS: "training_tokens",
    ScaleKind.OTHER: "scale",
}
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")

type Curves = Callable[[], Iterable[ScalingCurve]]
"""The curves, from the first one each time."""


def check_export(path: Path) -> None:
    """Raise `InvalidInput` where the name says no form that curves can be written in."""
    if path.suffix.lower() not in ("", CSV, *LINES):
        message = (
            f"{path}: give a name that ends in .csv for a tidy table, in .jsonl for Every Eval Ever with one model a "
            "line, or the name of a folder for Every Eval Ever with one file a model"
        )
        raise InvalidInput([Problem("", message)])


def export_curves(
    given: Curves, path: Path, retrieved: float | None = None, tell: Callable[[str], None] | None = None
) -> int:
    """Write curves in the form that the name says; returns how many. `retrieved`: time of the records, now if None.

    Scores are fractions; outcomes of single examples are left out. Curves that the form could not keep apart have
    longer names of their tasks. `tell` is told of both. Raises `InvalidInput`, and `OSError` as it comes.
    """
    check_export(path)
    curves = WithoutOutcomes(given)
    count = _written(curves, path, time.time() if retrieved is None else retrieved, tell)
    if tell is not None and curves.note():
        tell(curves.note())
    return count


def _written(curves: Curves, path: Path, retrieved: float, tell: Callable[[str], None] | None) -> int:
    if path.suffix.lower() == CSV:
        return _write_csv(curves, path, tell)
    names_of_tasks = LongerNames(names_in_records)
    for curve in curves():
        names_of_tasks.learn(curve)
    made = records(curves(), retrieved, names_of_tasks.task)
    with made as (count, found):
        if path.suffix:
            with path.open("wb") as file:
                file.writelines(orjson.dumps(record) + b"\n" for record in found)
        else:
            _write_folder(found, path)
    if tell is not None:
        names_of_tasks.tell(tell, "records keep")
    return count


def _write_csv(curves: Curves, path: Path, tell: Callable[[str], None] | None) -> int:
    """A row a point; the first pass finds the columns that are needed, and curves of one name."""
    axes: dict[str, None] = {}
    tags: dict[str, None] = {}
    names_of_tasks = LongerNames()
    distracted = False
    for curve in curves():
        names_of_tasks.learn(curve)
        axes[_AXES[curve.scale_kind]] = None
        tags |= dict.fromkeys(curve.tags)
        distracted = distracted or any(point.distractor_share is not None for point in curve.points)
    kept = [name for name in POINT_COLUMNS if distracted or name not in DISTRACTOR_COLUMNS]
    columns = (*KEY_COLUMNS, *axes, *kept, *METRIC_COLUMNS[:-1])
    names = (*columns, *(tag for tag in tags if tag not in columns))
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(table_line(names))
        for curve in curves():
            count += 1
            task = names_of_tasks.task(curve)
            file.writelines(table_line(map(row.get, names)) for row in _rows(curve, task))
    if tell is not None:
        names_of_tasks.tell(tell)
    return count


def _rows(curve: ScalingCurve, task: str) -> Iterator[Mapping[str, Any]]:
    metric = curve.metric
    common = {**curve.tags, "suite": curve.suite, "task": task, "metric": metric.name, "kind": metric.kind.value}
    common |= {"prompting": curve.prompting, "model_family": curve.model_family}
    common |= {name: getattr(metric, name) for name in METRIC_COLUMNS[1:-1]}
    for point in curve.points:
        yield {**common, **_point_cells(point), _AXES[curve.scale_kind]: point.scale}


def _point_cells(point: ScalePoint) -> dict[str, Any]:
    cells = {name: getattr(point, name) for name in POINT_COLUMNS if name != "model"}
    return {**cells, "model": point.language_model}


def _write_folder(found: Iterable[Mapping[str, Any]], folder: Path) -> None:
    """One file a model, numbered where two models have names that make the same one."""
    folder.mkdir(parents=True, exist_ok=True)
    used: dict[str, int] = {}
    for record in found:
        name = _UNSAFE.sub("_", str(record["model_info"]["id"]))[:LONGEST_NAME].strip(".") or "model"
        used[name.lower()] = used.get(name.lower(), 0) + 1
        number = used[name.lower()]
        file = folder / (f"{name}.json" if number == 1 else f"{name}~{number}.json")
        file.write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2))
