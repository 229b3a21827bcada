"""Frozen records to plain values: every number finite or null, every null with its reason.

An object explains its nulls by its own `reason`; a null scalar elsewhere has `<field>_reason` beside it. Reasons of
what has a value are left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Any

import numpy as np

from models.errors import EngineError
from models.results import PointReport

NOT_GIVEN = "not_given"
NOT_APPLICABLE = "not_applicable"
_SUBMITTED = ("model", "n_examples", "stderr", "n_correct")  # of a point: null means that nobody sent them
# The contract's order where it is not that of the record.
_ORDER: Mapping[type, tuple[str, ...]] = {
    PointReport: (
        "model",
        "scale",
        "score",
        "n_examples",
        "stderr",
        "n_correct",
        "interval",
        "wilson",
        "resolution",
        "below_resolution",
        "n_needed",
        "fitted",
    )
}


@dataclass(frozen=True, slots=True)
class _Layout:
    """How records of one class are written: names of the values, and of those with a reason of their own."""

    names: tuple[str, ...]
    values: Callable[[Any], tuple[Any, ...]]
    explained: frozenset[str]
    explains_itself: bool


def encoded(value: Any) -> Any:
    """A record, and all below it, as dicts, lists, strings, finite numbers, truth values and nulls."""
    write = _WRITERS.get(type(value))
    return _other(value) if write is None else write(value)


def finite(value: float) -> float:
    """The number itself; raises `EngineError` where it is none, for NaN must not cross the border."""
    if not math.isfinite(value):
        raise EngineError(f"an analysis came to {value!r} where a number belongs")
    return float(value)


def _record(value: Any) -> dict[str, Any]:
    layout = _layout(value.__class__)
    document: dict[str, Any] = {}
    reason = value.reason if layout.explains_itself else None
    for name, item in zip(layout.names, layout.values(value), strict=True):
        if item is not None:
            document[name] = encoded(item)
            continue
        document[name] = None
        if reason is None:
            document[f"{name}_reason"] = _own_reason(value, name, layout)
    if reason is not None:
        document["reason"] = reason
    return document


def _own_reason(value: Any, name: str, layout: _Layout) -> str:
    given: str | None = getattr(value, f"{name}_reason") if name in layout.explained else None
    if given is not None:
        return given
    return NOT_GIVEN if isinstance(value, PointReport) and name in _SUBMITTED else NOT_APPLICABLE


@cache
def _layout(kind: type[Any]) -> _Layout:
    declared = [field.name for field in fields(kind)]
    explained = frozenset(name for name in declared if f"{name}_reason" in declared)
    reasons = {"reason", *(f"{name}_reason" for name in explained)}
    written = [name for name in declared if name not in reasons]
    first = _ORDER.get(kind, ())
    names = (*first, *(name for name in written if name not in first))
    return _Layout(names, _getter(names), explained, "reason" in declared)


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """`attrgetter` gives a tuple for two names or more only."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)


def _other(value: Any) -> Any:
    """Values whose class is not known beforehand: records, enums, numpy's scalars, mappings."""
    if is_dataclass(value):
        return _record(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic):
        return encoded(value.item())
    return {str(key): encoded(item) for key, item in value.items()}


def _sequence(value: tuple[Any, ...]) -> list[Any]:
    return [encoded(item) for item in value]


def _same(value: Any) -> Any:
    return value


_WRITERS: Mapping[type, Callable[[Any], Any]] = {
    float: finite,
    int: _same,
    bool: _same,
    str: _same,
    tuple: _sequence,
    list: _sequence,
    dict: lambda value: {str(key): encoded(item) for key, item in value.items()},
}
