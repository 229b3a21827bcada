"""Frozen records to plain values: every number finite or null, every null with its reason.

An object explains its nulls by its own `reason`; a null scalar elsewhere has `<field>_reason` beside it. Reasons of
what has a value are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from math import isfinite
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


def encoded(value: Any) -> Any:
    """A record, and all below it, as dicts, lists, strings, finite numbers, truth values and nulls."""
    return _writer(value.__class__)(value)


def finite(value: float) -> float:
    """The number itself; raises `EngineError` where it is none, for NaN must not cross the border."""
    if not isfinite(value):
        raise EngineError(f"an analysis came to {value!r} where a number belongs")
    return float(value)


@cache
def _writer(kind: type[Any]) -> Callable[[Any], Any]:
    """What writes values of one class: plain ones, records, enums, numpy's scalars, sequences, mappings."""
    if kind is float:
        return finite
    if kind in (int, bool, str):
        return _same
    if kind in (tuple, list):
        return _sequence
    if is_dataclass(kind):
        return _record_writer(_layout(kind))
    if issubclass(kind, Enum):
        return attrgetter("value")
    return _numpy_scalar if issubclass(kind, np.generic) else _mapping


@dataclass(frozen=True, slots=True)
class _Layout:
    """How records of one class are written: names of the values, and of those with a reason of their own."""

    names: tuple[str, ...]
    values: Callable[[Any], tuple[Any, ...]]
    explained: frozenset[str]
    explains_itself: bool


def _record_writer(layout: _Layout) -> Callable[[Any], dict[str, Any]]:
    names, values, explains_itself = layout.names, layout.values, layout.explains_itself

    def write(value: Any) -> dict[str, Any]:
        items = values(value)
        document: dict[str, Any] = {}
        reason = value.reason if explains_itself else None
        for name, item in zip(names, items, strict=True):
            kind = item.__class__
            if kind is float and isfinite(item):  # most values are
                document[name] = item
            elif item is not None:
                document[name] = _writer(kind)(item)
            else:
                document[name] = None
                if reason is None:
                    document[f"{name}_reason"] = _own_reason(value, name, layout)
        if reason is not None:
            document["reason"] = reason
        return document

    return write


def _own_reason(value: Any, name: str, layout: _Layout) -> str:
    given: str | None = getattr(value, f"{name}_reason") if name in layout.explained else None
    if given is not None:
        return given
    return NOT_GIVEN if isinstance(value, PointReport) and name in _SUBMITTED else NOT_APPLICABLE


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


def _numpy_scalar(value: Any) -> Any:
    return encoded(value.item())


def _sequence(value: Sequence[Any]) -> list[Any]:
    return [_writer(item.__class__)(item) for item in value]


def _mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): _writer(item.__class__)(item) for key, item in value.items()}


def _same(value: Any) -> Any:
    return value
