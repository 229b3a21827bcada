"""From a stored document back to the analysis that it was made of: the inverse of `analysis_document`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from models.errors import InvalidInput
from models.results import Analysis
from service.failures import Conflict
from service.schemas.curve import load_curve
from service.schemas.options import load_options
from service.schemas.records import NOT_APPLICABLE

type Decode = Callable[[Any], Any]


class UnreadableDocument(Conflict):
    """A document that lacks a part that every analysis of this version has."""


def analysis_of(document: Mapping[str, Any]) -> Analysis:
    """The analysis of a document, with the options as they were resolved and the warnings from reading among its own.

    Raises `UnreadableDocument`. Written again it gives the same document.
    """
    parts = {name: decode for name, decode in _parts().items() if name in document}
    try:
        return Analysis(
            curve=load_curve(document["curve"]).curve,
            options=load_options(document["options"]),
            **{name: decode(document[name]) for name, decode in parts.items()},
        )
    except (KeyError, TypeError, ValueError, InvalidInput) as error:
        message = f"the document is not one of this version ({type(error).__name__}: {error}): analyse the curve again"
        raise UnreadableDocument(message) from error


@cache
def _parts() -> Mapping[str, Decode]:
    hints = get_type_hints(Analysis)
    return {name: _decoder(hint) for name, hint in hints.items() if name not in ("curve", "options")}


@dataclass(frozen=True, slots=True)
class _Reading:
    """How records of one class are read: a decoder for each value, and which values have a reason of their own."""

    kind: type[Any]
    values: tuple[tuple[str, Decode], ...]
    optional: frozenset[str]
    explained: tuple[str, ...]
    explains_itself: bool

    def __call__(self, document: Mapping[str, Any]) -> Any:
        """The record; what a document does not name takes the record's default."""
        given = {
            name: decode(document[name])
            for name, decode in self.values
            if name in document or name not in self.optional
        }
        for name in self.explained:
            reason = document.get(f"{name}_reason")
            given[f"{name}_reason"] = None if reason == NOT_APPLICABLE else reason
        if self.explains_itself:
            given["reason"] = document.get("reason")
        return self.kind(**given)


@cache
def _decoder(hint: Any) -> Decode:
    """The decoder of a field's type: records, optional values, tuples, mappings and enums; others are plain already."""
    if is_dataclass(hint):
        return _reading(hint)
    arguments = get_args(hint)
    if isinstance(hint, UnionType):
        return _optional(_decoder(next(kind for kind in arguments if kind is not NoneType)))
    if get_origin(hint) is tuple:
        return _tuple(_decoder(arguments[0]))
    if get_origin(hint) is Mapping:
        return _mapping(_decoder(arguments[0]), _decoder(arguments[1]))
    return hint if hint is float or issubclass(hint, Enum) else _same


def _reading(kind: Any) -> _Reading:
    hints = get_type_hints(kind)
    declared = fields(kind)
    explained = tuple(name for name in hints if f"{name}_reason" in hints)
    reasons = {"reason", *(f"{name}_reason" for name in explained)}
    return _Reading(
        kind,
        tuple((name, _decoder(hint)) for name, hint in hints.items() if name not in reasons),
        frozenset(f.name for f in declared if f.default is not MISSING or f.default_factory is not MISSING),
        explained,
        "reason" in hints,
    )


def _optional(decode: Decode) -> Decode:
    return lambda value: None if value is None else decode(value)


def _tuple(decode: Decode) -> Decode:
    return lambda value: tuple(map(decode, value))


def _mapping(key: Decode, decode: Decode) -> Decode:
    return lambda value: {key(name): decode(item) for name, item in value.items()}


def _same(value: Any) -> Any:
    return value
