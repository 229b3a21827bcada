from hypothesis import given
from hypothesis import strategies as st

from service.jobs.chunks import MOST, Chunk, Order, Pace


def chunk_of(count: int, batch_id: str = "b") -> Chunk:
    return Chunk("analysis", batch_id, tuple(Order(number, 0, {}) for number in range(count)))


def test_a_few_curves_are_shared_out_one_by_one() -> None:
    assert Pace().size("b", "analysis", left=3, workers=2) == 1


def test_many_quick_curves_go_in_the_largest_chunk_and_slow_ones_alone() -> None:
    pace = Pace()
    pace.note(chunk_of(32, "quick"), 0.32)
    pace.note(chunk_of(1, "slow"), 12.0)
    assert pace.size("quick", "analysis", left=10_000, workers=2) == MOST
    assert pace.size("slow", "analysis", left=10_000, workers=2) == 1


def test_the_pace_of_a_batch_is_forgotten_with_it() -> None:
    pace = Pace()
    before = pace.size("b", "analysis", left=10_000, workers=2)
    pace.note(chunk_of(1), 12.0)
    pace.forget(set())
    assert pace.size("b", "analysis", left=10_000, workers=2) == before > 1


@given(seconds=st.floats(1e-6, 1e4), left=st.integers(1, 10**6), workers=st.integers(0, 500))
def test_a_chunk_has_at_least_one_curve_and_never_too_many(seconds: float, left: int, workers: int) -> None:
    pace = Pace()
    pace.note(chunk_of(1), seconds)
    assert 1 <= pace.size("b", "analysis", left, workers) <= min(MOST, left)


def test_a_chunk_is_parted_into_single_curves_and_counts_its_attempts() -> None:
    chunk = chunk_of(3)
    assert [part.orders[0].task_id for part in chunk.singles()] == [0, 1, 2]
    assert all(part.alone for part in chunk.singles())
    assert not chunk.alone
    assert chunk.again().attempts == {0: 1, 1: 1, 2: 1}
