"""Curves that are handed to a worker together, and how many of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Purpose = Literal["evidence", "analysis"]  # first pass over a suite's sample; the analyses themselves

SECONDS = 1.6  # of work in a chunk: handing one over costs some 10 ms, and a cancel waits for the end of one
MOST = 64  # curves in a chunk
UNKNOWN_SECONDS = 0.03  # a curve of 8 points under the fast engine
RATIO = 0.3  # weight of the newest chunk in the average time of a curve
SHARES = 2  # chunks that each worker still gets of what is left, so that all of them end together


@dataclass(frozen=True, slots=True)
class Order:
    """One curve to be worked on. `content` is what the worker gets; `standalone` as of the analysis that comes."""

    task_id: int
    attempt: int
    content: Mapping[str, Any]
    analysis_id: str = ""
    standalone: bool = False
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """Orders of one batch for one worker."""

    purpose: Purpose
    batch_id: str
    orders: tuple[Order, ...]

    @property
    def alone(self) -> bool:
        """Whether there is one curve only, which then is to blame for what happens to the worker."""
        return len(self.orders) == 1

    @property
    def slow(self) -> bool:
        """Whether a curve takes minutes."""
        return any(order.slow for order in self.orders)

    @property
    def attempts(self) -> dict[int, int]:
        """Attempt of each task."""
        return {order.task_id: order.attempt for order in self.orders}

    def singles(self) -> list[Chunk]:
        """Each order by itself."""
        return [replace(self, orders=(order,)) for order in self.orders]

    def again(self) -> Chunk:
        """The same with one more attempt counted."""
        return replace(self, orders=tuple(replace(order, attempt=order.attempt + 1) for order in self.orders))


@dataclass(frozen=True, slots=True)
class Limits:
    """How often a curve may kill its worker, and how many seconds it may take."""

    attempts: int = 4
    seconds: float = 600.0


@dataclass(slots=True)
class Pace:
    """Measured time of a curve, for each batch and purpose."""

    _seconds: dict[tuple[str, Purpose], float] = field(default_factory=dict)

    def note(self, chunk: Chunk, seconds: float) -> None:
        """A chunk came back after so long."""
        each = seconds / len(chunk.orders)
        key = (chunk.batch_id, chunk.purpose)
        self._seconds[key] = (1 - RATIO) * self._seconds.get(key, each) + RATIO * each

    def size(self, batch_id: str, purpose: Purpose, left: int, workers: int) -> int:
        """Curves of the next chunk, when so many are left for so many workers."""
        each = self._seconds.get((batch_id, purpose), UNKNOWN_SECONDS)
        by_time = round(SECONDS / max(each, SECONDS / MOST))
        return max(1, min(by_time, math.ceil(left / (SHARES * max(1, workers)))))

    def forget(self, batch_ids: set[str]) -> None:
        """Drop all but these batches."""
        self._seconds = {key: value for key, value in self._seconds.items() if key[0] in batch_ids}
