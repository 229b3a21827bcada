from datetime import UTC, datetime
from typing import Any

import pytest

from service.pages.progress import suite_progress
from service.store.batches import STATES, Batch

BEGAN = "2026-01-01T12:00:00.000Z"


def batch(counts: dict[str, int], **more: Any) -> Batch:
    full = dict.fromkeys(STATES, 0) | counts
    fields: dict[str, Any] = {
        "id": "b",
        "created_at": BEGAN,
        "kind": "batch",
        "status": "running",
        "phase": "analysis",
        "options": {},
        "source": {},
        "started_at": BEGAN,
        "finished_at": None,
        "cancel_asked": False,
    }
    return Batch(**{**fields, **more}, counts={"total": sum(full.values()), **full})


def at(seconds: int) -> datetime:
    return datetime(2026, 1, 1, 12, seconds // 60, seconds % 60, tzinfo=UTC)


def test_a_suite_under_way_says_how_much_is_done_and_when_it_may_end() -> None:
    told = suite_progress(batch({"succeeded": 49, "failed": 1, "queued": 50}), at(20))
    assert (told.percent, told.words, told.ends) == (
        50,
        "Being analysed: 50 of 100 curves done",
        "about 20 seconds left",
    )
    assert told.counts == (("analysed", 49), ("failed", 1), ("waiting", 50))


@pytest.mark.parametrize(
    ("done", "seconds", "said"), [(10, 60, "about 9 minutes left"), (99, 60, "almost done"), (3, 1, "")]
)
def test_the_end_is_told_as_exactly_as_it_is_known(done: int, seconds: int, said: str) -> None:
    assert suite_progress(batch({"succeeded": done, "queued": 100 - done}), at(seconds)).ends == said


def test_a_suite_goes_by_the_name_of_its_file_or_by_its_size() -> None:
    assert suite_progress(batch({"queued": 2}, source={"name": "a\nb.csv"})).title == "a b.csv"
    assert suite_progress(batch({"queued": 2})).title == "2 curves"


def test_a_finished_suite_is_not_open_and_never_says_when_it_ends() -> None:
    told = suite_progress(batch({"succeeded": 2}, status="succeeded", finished_at=BEGAN))
    assert (told.open, told.percent, told.ends, told.words) == (False, 100, "", "Done")


def test_less_than_everything_is_never_a_hundred_percent() -> None:
    assert suite_progress(batch({"succeeded": 9999, "queued": 1}), at(30)).percent == 99
