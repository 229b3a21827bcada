"""Lists of curves in a request: ids of stored analyses, or curves as they are submitted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from models.errors import InvalidInput, Problem
from models.options import EngineName
from service.analyses import Asked, asked_curve
from service.schemas.problems import unknown
from service.schemas.scalars import shown
from service.settings import Settings

_ID = re.compile("[0-9a-f]{64}")


def load_object(document: Any, fields: tuple[str, ...]) -> Mapping[str, Any]:
    """An object with no other fields than these, without those that are null; raises `InvalidInput`."""
    if not isinstance(document, Mapping):
        raise InvalidInput([Problem("", f"{shown(document)} is not an object with {' or '.join(fields)}")])
    problems = [Problem(f"/{name}", unknown(name, fields)) for name in document if name not in fields]
    if problems:
        raise InvalidInput(problems)
    return {name: value for name, value in document.items() if value is not None}


def load_ids(asked: Any, fewest: int, most: int) -> tuple[str, ...]:
    """Ids of analyses, each once, in their order; raises `InvalidInput`."""
    ids = _list(asked, "/ids", fewest, most)
    problems = [
        Problem(f"/ids/{index}", f"{shown(identifier)} is not an id: 64 hexadecimal digits")
        for index, identifier in enumerate(ids)
        if not isinstance(identifier, str) or not _ID.fullmatch(identifier)
    ]
    if not problems and len(set(ids)) < len(ids):
        problems = [Problem("/ids", "an id is given more than once: keep one")]
    if problems:
        raise InvalidInput(problems)
    return tuple(ids)


def load_curves(asked: Any, fewest: int, most: int, settings: Settings) -> tuple[Asked, ...]:
    """Curves as `POST /analyses` takes them, checked; raises `InvalidInput` with every problem found."""
    found, problems = [], []
    for index, document in enumerate(_list(asked, "/curves", fewest, most)):
        try:
            one = asked_curve(document, settings)
            found.append(one)
            if one.loaded.options.get("engine") == EngineName.NUTS:
                message = "nuts is too slow here: send the curve to /v1/analyses, then its id"
                problems.append(Problem(f"/curves/{index}/options/engine", message))
        except InvalidInput as error:
            problems += [Problem(f"/curves/{index}{problem.pointer}", problem.message) for problem in error.problems]
    if problems:
        raise InvalidInput(problems)
    return tuple(found)


def _list(asked: Any, place: str, fewest: int, most: int) -> list[Any]:
    if not isinstance(asked, list):
        raise InvalidInput([Problem(place, f"{shown(asked)} is not a list")])
    if not fewest <= len(asked) <= most:
        raise InvalidInput([Problem(place, f"{len(asked):,} given, where {fewest} to {most:,} are taken")])
    return asked
