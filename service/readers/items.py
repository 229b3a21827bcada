"""What every reader yields: one submitted curve, good or bad, with its place in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from models.errors import Problem
from service.readers.load_report import LoadReport

NAMES = ("task", "metric", "prompting", "model_family", "suite")
LABEL_NAMES = NAMES[:4]


@dataclass(frozen=True, slots=True)
class CurveItem:
    """One curve of a file: a `document` for the schema, or the `problems` that left none.

    `rows`: of a table, the file's row of each point (the header is row 1); of NDJSON, its line; otherwise empty.
    `columns`: of a table, the columns from which document fields came under another name; None elsewhere.
    `file`: the file it came from, where an input has several that hold curves.
    """

    index: int
    document: Mapping[str, Any] | None
    problems: tuple[Problem, ...] = ()
    rows: tuple[int, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] | None = None
    file: str = ""

    @property
    def label(self) -> str:
        """What a message calls the curve."""
        parts = [self.names[name] for name in LABEL_NAMES if name in self.names]
        if parts:
            return ", ".join(parts)
        return f"line {self.rows[0]}" if self.rows else f"curve {self.index + 1}"


@dataclass(frozen=True, slots=True)
class CurveStream:
    """The curves of one file. `items()` starts from the first curve each time it is called.

    `count` includes bad curves; `options` are those of a whole JSON batch, unchecked; `messages()` are about the file
    and complete after one pass over the items. `report` is the load report of results files; None where one file holds
    curves as they are.
    """

    format: str
    count: int
    items: Callable[[], Iterator[CurveItem]]
    options: Mapping[str, Any] = field(default_factory=dict)
    messages: Callable[[], tuple[str, ...]] = tuple
    report: LoadReport | None = None


def names_of(document: Mapping[str, Any]) -> dict[str, str]:
    """The names that identify a submitted curve, as far as they can be read."""
    metric = document.get("metric")
    named = {**document, "metric": metric.get("name") if isinstance(metric, Mapping) else metric}
    return {name: value for name in NAMES if isinstance(value := named.get(name), str) and value}
