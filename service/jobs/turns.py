"""Whose turn it is among the batches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from service.jobs.queue import ActiveBatch


@dataclass(slots=True)
class Turns:
    """One batch after another, in the order in which they came."""

    _last: str = ""  # the batch that had its turn

    def order(self, found: Sequence[ActiveBatch]) -> list[ActiveBatch]:
        """The batches, from the one whose turn it is."""
        place = next((place for place, batch in enumerate(found, start=1) if batch.id == self._last), 0)
        return [*found[place:], *found[:place]]

    def had(self, batch: ActiveBatch) -> None:
        """A batch had its turn."""
        self._last = batch.id


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
