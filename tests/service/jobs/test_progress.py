from datetime import UTC, datetime, timedelta

from service.jobs.progress import estimate

BEGAN = datetime(2026, 5, 1, 12, tzinfo=UTC)
STARTED = "2026-05-01T12:00:00.000Z"


def counts(succeeded: int, failed: int, total: int) -> dict[str, int]:
    waiting = total - succeeded - failed
    return {
        "total": total, "queued": waiting, "running": 0, "succeeded": succeeded, "failed": failed, "cancelled": 0,
    }  # fmt: skip


def test_the_end_is_where_the_rate_so_far_leads() -> None:
    found = estimate(counts(20, 5, 100), STARTED, None, BEGAN + timedelta(seconds=10))
    assert found.share == 0.25
    assert found.estimated_end_at == "2026-05-01T12:00:40.000Z"


def test_nothing_is_promised_before_a_few_curves_are_done_nor_without_a_start() -> None:
    assert estimate(counts(0, 0, 100), None, None).estimated_end_at is None
    assert estimate(counts(4, 90, 100), STARTED, None, BEGAN + timedelta(seconds=10)).estimated_end_at is None


def test_a_clock_that_was_set_back_gives_no_estimate() -> None:
    found = estimate(counts(20, 0, 100), STARTED, None, BEGAN - timedelta(hours=1))
    assert (found.share, found.estimated_end_at) == (0.2, None)


def test_an_ended_batch_is_whole_and_has_no_estimate() -> None:
    found = estimate(counts(50, 0, 100), STARTED, "2026-05-01T12:05:00.000Z", BEGAN + timedelta(hours=1))
    assert (found.share, found.estimated_end_at) == (1.0, None)
    assert estimate(counts(0, 0, 0), STARTED, None).share == 1.0
