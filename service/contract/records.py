"""JSON schemas of the result records, read off the records themselves so that they cannot drift apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from models.options import Shape
from models.pooling import PooledTurn
from models.results import (
    Classification,
    Decomposition,
    Diagnostics,
    Effects,
    Emergence,
    Fit,
    Frequentist,
    PointReport,
    Provenance,
    Turn,
)

Schema = dict[str, Any]

ROOTS: tuple[type, ...] = (
    Classification,
    Effects,
    Turn,
    Emergence,
    Decomposition,
    PointReport,
    Fit,
    Frequentist,
    Diagnostics,
    Provenance,
)
REASON = {"type": "string", "description": "Why a value is null; a stable code."}
_PLAIN: Mapping[type, Schema] = {
    float: {"type": "number"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    str: {"type": "string"},
}
_SOMETIMES: Mapping[type, frozenset[str]] = {
    # Figures that only one engine has are left out by the other.
    Diagnostics: frozenset({"r_hat", "ess_bulk", "ess_tail", "divergences", "bfmi"}),
    PooledTurn: frozenset({"n_left_out"}),  # summaries that were kept before it was counted lack it
}


def reference(name: str) -> Schema:
    """A reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def record_schemas(roots: tuple[type, ...] = ROOTS) -> dict[str, Schema]:
    """The schema of every record that these are made of, by class name."""
    found: dict[str, Schema] = {}
    waiting: list[type] = list(roots)
    while waiting:
        record = waiting.pop()
        if record.__name__ not in found:
            found[record.__name__] = _record(record, waiting)
    if "Provenance" in found:
        found["Provenance"] = _with_time(found["Provenance"])
    return dict(sorted(found.items()))


def _with_time(provenance: Schema) -> Schema:
    """Provenance as it is returned: how long it took is added when the document is written."""
    elapsed = {"type": "number", "minimum": 0, "description": "Seconds."}
    properties = {**provenance["properties"], "elapsed_s": elapsed}
    return {**provenance, "properties": properties, "required": [*provenance["required"], "elapsed_s"]}


def _record(record: type, waiting: list[type]) -> Schema:
    hints = get_type_hints(record)
    names = [field.name for field in fields(record)]
    written = [name for name in names if name != "reason" and not _is_reason(name, names)]
    properties = {name: _of(hints[name], waiting) for name in written}
    properties |= {f"{name}_reason": REASON for name in written if _nullable(hints[name])}
    if "reason" in names:
        properties["reason"] = REASON
    required = [name for name in written if name not in _SOMETIMES.get(record, ())]
    return {
        "type": "object",
        "description": (record.__doc__ or "").strip().partition("\n")[0],
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _is_reason(name: str, names: list[str]) -> bool:
    return name.endswith("_reason") and name.removesuffix("_reason") in names


def _nullable(hint: Any) -> bool:
    return NoneType in get_args(hint)


def _of(hint: Any, waiting: list[type]) -> Schema:
    """Schema of a value; records are referred to and put among the waiting."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _nullable_schema([_of(part, waiting) for part in inside if part is not NoneType])
    if origin is Literal:
        return {"enum": list(inside)}
    if origin is tuple:
        return {"type": "array", "items": _of(inside[0], waiting)}
    if origin is Mapping:
        return _mapping(inside[0], _of(inside[1], waiting))
    return _of(origin, waiting) if origin is not None else _of_class(hint, waiting)


def _of_class(kind: type, waiting: list[type]) -> Schema:
    if is_dataclass(kind):
        waiting.append(kind)
        return reference(kind.__name__)
    return {"enum": [member.value for member in kind]} if issubclass(kind, StrEnum) else dict(_PLAIN[kind])


def _mapping(key: type, value: Schema) -> Schema:
    if key is not Shape:
        return {"type": "object", "additionalProperties": value}
    names = [shape.value for shape in Shape]
    return {
        "type": "object",
        "properties": dict.fromkeys(names, value),
        "required": names,
        "additionalProperties": False,
    }


def _nullable_schema(schemas: list[Schema]) -> Schema:
    (schema,) = schemas
    if "type" in schema and isinstance(schema["type"], str):
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}
