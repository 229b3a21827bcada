"""Strict JSON: what the standard library forgives (repeated keys, endless depth) is a problem with a place."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from models.errors import Problem
from service.readers.items import CurveItem, names_of
from service.schemas.problems import escaped
from service.schemas.scalars import shown


class RepeatedKeys(dict[str, Any]):
    """An object of which some key was given more than once."""

    repeated: tuple[str, ...] = ()


class NotJson(ValueError):
    """Text that is not JSON; the message says where and why."""


def parsed(text: str) -> Any:
    """The value of a JSON text. Objects with repeated keys come as `RepeatedKeys`; raises `NotJson`.

    NaN and Infinity come as such and 1e400 as a string: the schema refuses them where they stand, by JSON pointer.
    """
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_float=_float)
    except json.JSONDecodeError as error:
        raise NotJson(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise NotJson("nested deeper than a curve can be") from None
    except ValueError:  # the interpreter's limit on the digits of an integer
        raise NotJson("an integer has too many digits") from None
    if _SURROGATE.search(text):
        _check_unicode(value)
    return value


def strict(content: bytes) -> Any:
    """The value of a JSON text in bytes, without repeated keys; raises `NotJson` or `UnicodeDecodeError`.

    A fast parser keeps one of several equal keys. Written out again, the text then has fewer keys: counting them says
    whether the strict parser must look. A text with other spacing around colons only takes longer.
    """
    try:
        value = orjson.loads(content)
        if content.count(_KEY_END) == orjson.dumps(value).count(_KEY_END):
            return value
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        pass
    value = parsed(content.decode("utf-8-sig"))
    for problem in repeated_keys(value):
        raise NotJson(str(problem))
    return value


_KEY_END = b'":'


def curve_item(index: int, value: Any, rows: tuple[int, ...] = ()) -> CurveItem:
    """The item for a parsed JSON value that should be a curve."""
    if not isinstance(value, Mapping):
        return bad_item(index, f"{shown(value)} is not a curve: an object with task, metric and points is", rows)
    problems = tuple(repeated_keys(value))
    return CurveItem(index, None if problems else value, problems, rows, names_of(value))


def bad_item(index: int, message: str, rows: tuple[int, ...]) -> CurveItem:
    """The item for a text of which nothing could be read."""
    return CurveItem(index, None, (Problem("", message),), rows)


def repeated_keys(value: Any, pointer: str = "") -> Iterator[Problem]:
    """A problem for each key that was given more than once in an object; `pointer` is that of the value."""
    waiting = [(pointer, value)] if type(value) in _CONTAINERS else []
    while waiting:
        pointer, current = waiting.pop()
        if isinstance(current, RepeatedKeys):
            for key in current.repeated:
                yield Problem(f"{pointer}/{escaped(key)}", "given more than once in one object: keep one")
        pairs = current.items() if isinstance(current, dict) else enumerate(current)
        waiting += [(f"{pointer}/{escaped(str(key))}", inner) for key, inner in pairs if type(inner) in _CONTAINERS]


def _check_unicode(value: Any) -> None:
    """Raises `NotJson` where half of a surrogate pair stands alone: no text can hold it (RFC 8259, section 8.2)."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = f"\\u{ord(error.object[error.start]):04x}"
        raise NotJson(f"the escape {half} is half of a surrogate pair, which is no character") from None
    except RecursionError:
        raise NotJson("nested deeper than a curve can be") from None


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_CONTAINERS = (dict, RepeatedKeys, list)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) == len(pairs):
        return document
    times = Counter(key for key, _ in pairs)
    marked = RepeatedKeys(document)
    marked.repeated = tuple(key for key in document if times[key] > 1)
    return marked


def _float(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else text
