"""How far a suite is, in words and shares."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil

from service.jobs.progress import estimate
from service.report.texts import count_text, plain
from service.store.batches import ENDED, OPEN, Batch

STATUS_WORDS = {
    "queued": "Waiting",
    "running": "Being analysed",
    "succeeded": "Done",
    "cancelled": "Cancelled",
    "failed": "Failed",
}
COUNT_WORDS = {
    "succeeded": "analysed",
    "failed": "failed",
    "cancelled": "cancelled",
    "running": "running",
    "queued": "waiting",
}
ALMOST = 3  # seconds to the end below which no number is told
SCALE_WORDS = "learning from a sample how much models scatter around a smooth curve"


@dataclass(frozen=True, slots=True)
class SuiteProgress:
    """A suite as lists and its page show it. `percent` is rounded down, so that 100 means done."""

    identifier: str
    title: str
    status: str
    words: str
    open: bool
    stopping: bool
    percent: int
    total: int
    counts: tuple[tuple[str, int], ...]
    ends: str
    created_at: str


def suite_progress(batch: Batch, present: datetime | None = None) -> SuiteProgress:
    """What there is to tell of a batch now."""
    moment = present or datetime.now(UTC)
    found = estimate(batch.counts, batch.started_at, batch.finished_at, moment)
    running = batch.status in OPEN
    return SuiteProgress(
        identifier=batch.id,
        title=suite_title(batch),
        status=batch.status,
        words=_words(batch),
        open=running,
        stopping=running and batch.cancel_asked,
        percent=int(100 * found.share),
        total=batch.counts["total"],
        counts=tuple((word, batch.counts[state]) for state, word in COUNT_WORDS.items() if batch.counts[state]),
        ends=_ends(found.estimated_end_at, moment) if running else "",
        created_at=moment_words(batch.created_at),
    )


def suite_title(batch: Batch) -> str:
    """The name of the file that it came from, or what it is."""
    name = batch.source.get("name")
    if isinstance(name, str) and name.strip():
        return plain(name)
    return "Stored curves again" if batch.kind == "again" else count_text(batch.counts["total"], "curve")


def moment_words(stamp: str) -> str:
    """`2026-11-21 08:00 UTC`."""
    return f"{stamp[:10]} {stamp[11:16]} UTC"


def _words(batch: Batch) -> str:
    if batch.status == "running" and batch.phase == "scale":
        return f"{STATUS_WORDS['running']}: {SCALE_WORDS}"
    done = sum(batch.counts[state] for state in ENDED)
    if batch.status in OPEN:
        return f"{STATUS_WORDS[batch.status]}: {done:,} of {count_text(batch.counts['total'], 'curve')} done"
    return STATUS_WORDS.get(batch.status, batch.status)


def _ends(estimated: str | None, present: datetime) -> str:
    if estimated is None:
        return ""
    seconds = (datetime.fromisoformat(estimated) - present).total_seconds()
    if seconds < ALMOST:
        return "almost done"
    if seconds < 90:
        return f"about {ceil(seconds)} seconds left"
    return f"about {ceil(seconds / 60)} minutes left" if seconds < 5400 else f"about {seconds / 3600:.1f} hours left"
