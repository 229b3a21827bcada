"""Per-example outcomes and clusters of a point: long lists, checked as wholes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from service.schemas.scalars import Refused, shown, text

MOST_EXAMPLES = 200_000  # of one point; the largest published test sets have tens of thousands
MOST_OUTCOMES = 5_000_000  # of one curve; they fill a request of 10 MiB


def outcomes(value: Any) -> bytes:
    """A byte 0 or 1 for each example."""
    listed = _list(value, "outcomes, 0 or 1 for each example")
    if not set(map(type, listed)) <= {int, float} or not set(listed) <= {0, 1}:
        raise Refused(_first(listed, lambda entry: type(entry) in (int, float) and entry in (0, 1), "0 or 1"))
    return bytes(map(int, listed))


def clusters(value: Any) -> tuple[int, ...]:
    """Numbers 0, 1, … of the clusters in the order of their first examples; submitted as strings or whole numbers."""
    listed = _list(value, "cluster names, one for each example")
    if not set(map(type, listed)) <= {int, str} and not all(map(_name, listed)):
        raise Refused(_first(listed, _name, "a string or a whole number"))
    numbers: dict[Any, int] = {}
    found = tuple(numbers.setdefault(entry, len(numbers)) for entry in listed)
    for name in numbers:
        if isinstance(name, str):
            text(name)
    return found


def _name(value: Any) -> bool:
    return type(value) in (int, str) or (type(value) is float and value.is_integer())


def _first(listed: Sequence[Any], fits: Callable[[Any], bool], wanted: str) -> str:
    """The reason why a list is refused: its first entry that does not fit."""
    index, wrong = next((index, entry) for index, entry in enumerate(listed) if not fits(entry))
    return f"{shown(wrong)} at index {index} is not {wanted}"


def _list(value: Any, wanted: str) -> Sequence[Any]:
    if not isinstance(value, list) or not value:
        raise Refused(f"{shown(value) if value != [] else 'an empty list'} is not a list of {wanted}")
    if len(value) > MOST_EXAMPLES:
        raise Refused(f"{len(value):,} examples are more than {MOST_EXAMPLES:,}: give n_correct and n_examples instead")
    return value
