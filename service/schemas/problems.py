"""From marshmallow's nested messages to problems with JSON pointers."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from models.errors import Problem

UNKNOWN_FIELD = "Unknown field."  # marshmallow's message, which does not say what was meant


def given(document: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a document that are not null: null is the same as not given."""
    return {name: value for name, value in document.items() if value is not None}


def problems_of(messages: Any, known: Mapping[str, Iterable[str]], pointer: str = "") -> Iterator[Problem]:
    """Each message of a `ValidationError` with its pointer; `known` are the fields of the object at a pointer."""
    if isinstance(messages, Mapping):
        for key, inner in sorted(messages.items(), key=_order):
            yield from problems_of(inner, known, pointer if key == "_schema" else f"{pointer}/{escaped(str(key))}")
        return
    for message in [messages] if isinstance(messages, str) else messages:
        parent, _, name = pointer.rpartition("/")
        yield Problem(pointer, unknown(name, known[parent]) if message == UNKNOWN_FIELD else message)


def _order(entry: tuple[Any, Any]) -> tuple[bool, str]:
    """Known fields as they come, then unknown ones by name: marshmallow looks at a set of these."""
    key, inner = entry
    strange = inner == [UNKNOWN_FIELD]
    return strange, str(key) if strange else ""


def unknown(name: str, known: Iterable[str], what: str = "field") -> str:
    """The message for an unknown field, with the field that was probably meant."""
    names = tuple(known)
    near = difflib.get_close_matches(name.lower(), names, n=1)
    return f"unknown {what}: did you mean {near[0]}?" if near else f"unknown {what}: known are {', '.join(names)}"


def escaped(key: str) -> str:
    """One part of a JSON pointer (RFC 6901, section 3)."""
    return key.replace("~", "~0").replace("/", "~1")
