"""Whose turn it is among the batches, and among the chunks that are ready."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from service.jobs.chunks import Chunk
from service.jobs.queue import ActiveBatch


@dataclass(slots=True)
class Turns:
    """One batch after another, in the order in which they came; slow ones keep theirs while they have to wait."""

    _last: str = ""  # the batch that had its turn
    _last_slow: str = ""  # the slow one

    def order(self, found: Sequence[ActiveBatch]) -> list[ActiveBatch]:
        """The batches, from the one whose turn it is."""
        slow = iter(_after(self._last_slow, [batch for batch in found if batch.slow]))
        return [next(slow) if batch.slow else batch for batch in _after(self._last, found)]

    def had(self, batch: ActiveBatch) -> None:
        """A batch had its turn."""
        self._last = batch.id
        if batch.slow:
            self._last_slow = batch.id


def parted(ready: Iterable[Chunk], working: Iterable[Chunk], workers: int) -> tuple[list[Chunk], list[Chunk]]:
    """The chunks that may go to a worker, and the slow ones that have to wait: of several workers one is for others."""
    places = max(0, workers - 1 - sum(chunk.slow for chunk in working)) if workers > 1 else math.inf
    may_go: list[Chunk] = []
    held: list[Chunk] = []
    for chunk in ready:
        (held if chunk.slow and places <= 0 else may_go).append(chunk)
        places -= chunk.slow
    return may_go, held


@dataclass(slots=True)
class Glances:
    """Which batches were looked at for curves that need no worker, while there was none for them."""

    _number: dict[str, float] = field(default_factory=dict)  # infinite: its next curves need a worker

    def next(self, waiting: Iterable[ActiveBatch]) -> ActiveBatch | None:
        """The batch to look at, one that was looked at least: large ones do not keep small ones."""
        least = min((batch for batch in waiting if batch.phase == "analysis"), key=self._seen, default=None)
        return None if least is None or self._seen(least) == math.inf else least

    def had(self, batch: ActiveBatch, *, needs_worker: bool) -> None:
        """A batch was looked at."""
        self._number[batch.id] = math.inf if needs_worker else self._seen(batch) + 1

    def forget(self, batch_ids: set[str]) -> None:
        """Drop all but these batches."""
        self._number = {key: value for key, value in self._number.items() if key in batch_ids}

    def _seen(self, batch: ActiveBatch) -> float:
        return self._number.get(batch.id, 0)


def _after(batch_id: str, found: Sequence[ActiveBatch]) -> list[ActiveBatch]:
    place = next((place for place, batch in enumerate(found, start=1) if batch.id == batch_id), 0)
    return [*found[place:], *found[:place]]
