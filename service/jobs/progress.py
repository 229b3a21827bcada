"""How far a batch has come, and when it may end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from service.clock import stamp

ENDED = ("succeeded", "failed", "cancelled")
FEWEST = 5  # analysed curves from which a rate is worth telling


@dataclass(frozen=True, slots=True)
class Progress:
    """Share of the curves that have ended, in [0, 1], and when the last may: None as long as nobody knows."""

    share: float
    estimated_end_at: str | None


def estimate(
    counts: Mapping[str, int], started_at: str | None, finished_at: str | None, present: datetime | None = None
) -> Progress:
    """Progress from the counts of a batch and the time it has taken; `present` is the wall clock unless given."""
    total = counts["total"]
    ended = sum(counts[state] for state in ENDED)
    share = 1.0 if finished_at is not None or not total else min(1.0, ended / total)
    if finished_at is not None or started_at is None or counts["succeeded"] < FEWEST:
        return Progress(share, None)
    moment = present or datetime.now(UTC)
    elapsed = (moment - datetime.fromisoformat(started_at)).total_seconds()
    if elapsed <= 0:  # the clock was set back
        return Progress(share, None)
    seconds = elapsed * (total - ended) / ended
    return Progress(share, stamp(moment + timedelta(seconds=seconds)))
