"""Outcomes of single examples, kept on disk until their curve is built."""

from __future__ import annotations

import hashlib
import math
import tempfile
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from service.readers.errors import too_much
from service.schemas.outcomes import MOST_EXAMPLES, MOST_OUTCOMES

LARGEST_STORE = 2 << 30  # bytes of outcomes of one input
FEWEST_EXAMPLES = 2
ITEMS_DIGITS = 16  # of the digest of the examples' names, in a tag of the curve
AGREEMENT = 1e-6  # of a score with the mean of its outcomes


class Outcomes(NamedTuple):
    """A byte 0 or 1 for each example, in the order of the examples' names, and the digest of the names."""

    values: bytes
    items: bytes


def outcomes_of(values: Mapping[str, object], score: float) -> Outcomes | None:
    """Outcomes from values by the examples' names; None where some are not 0 or 1, or their mean is not the score."""
    if not FEWEST_EXAMPLES <= len(values) <= MOST_EXAMPLES:
        return None
    names = sorted(values)
    given = [values[name] for name in names]
    if not all(isinstance(value, (bool, int, float)) and value in (0, 1) for value in given):
        return None
    found = bytes(int(value == 1) for value in given)
    if not math.isclose(found.count(1) / len(found), score, abs_tol=AGREEMENT):
        return None
    return Outcomes(found, hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).digest())


@dataclass(slots=True)
class OutcomeStore:
    """Outcomes by the number of their score."""

    _file: BinaryIO
    _places: dict[int, tuple[int, int, bytes]] = field(default_factory=dict)
    _size: int = 0

    def __bool__(self) -> bool:
        return bool(self._places)

    def add(self, number: int, outcomes: Outcomes) -> None:
        """Keep the outcomes of a score; raises `TooMuch`."""
        if self._size + len(outcomes.values) > LARGEST_STORE:
            raise too_much(f"more than {LARGEST_STORE >> 20} million outcomes of single examples: split the input")
        self._file.seek(self._size)
        self._file.write(outcomes.values)
        self._places[number] = (self._size, len(outcomes.values), outcomes.items)
        self._size += len(outcomes.values)

    def shared(self, numbers: Sequence[int]) -> bool | None:
        """Whether all these scores have outcomes of the same examples, not too many; None where none has any."""
        places = [self._places[number] for number in numbers if number in self._places]
        if not places:
            return None
        alike = len(places) == len(numbers) and len({items for _, _, items in places}) == 1
        return alike and sum(length for _, length, _ in places) <= MOST_OUTCOMES

    def items(self, number: int) -> str:
        """The examples of a score, in short: other examples have another one."""
        return self._places[number][2].hex()[:ITEMS_DIGITS]

    def read(self, number: int) -> list[int]:
        """The outcomes of a score."""
        start, length, _ = self._places[number]
        self._file.seek(start)
        return array("B", self._file.read(length)).tolist()


@contextmanager
def open_outcomes() -> Iterator[OutcomeStore]:
    """A store in a file that is gone at the end."""
    with tempfile.TemporaryFile() as file:
        yield OutcomeStore(file)
