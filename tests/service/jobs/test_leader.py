import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from service.database import Database, migrate, open_database
from service.jobs.leader import BEAT_EVERY, DEAD_AFTER, Leadership
from service.jobs.queue import Deposed, leader, take_over


class Clock:
    """A monotonic clock of one process, in the hands of the test."""

    def __init__(self, start: float = 0.0) -> None:
        self.now = start

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    with closing(open_database(f"sqlite:///{tmp_path}/lead.db")) as database:
        migrate(database)
        yield database


def test_the_first_dispatcher_leads_at_once_and_a_second_follows(database: Database) -> None:
    first, second = Leadership(database, Clock()), Leadership(database, Clock(1e6))
    assert first.lead()
    assert not second.lead()
    assert (first.generation, second.generation) == (1, None)


def test_a_leader_that_gives_signs_of_life_stays(database: Database) -> None:
    ours, theirs = Clock(), Clock(5e5)
    first, second = Leadership(database, ours), Leadership(database, theirs)
    for _ in range(20):
        ours.now += BEAT_EVERY
        theirs.now += BEAT_EVERY
        assert first.lead()
        assert not second.lead()


def test_a_silent_leader_is_followed_by_another_and_learns_of_it(database: Database) -> None:
    ours, theirs = Clock(), Clock()
    first, second = Leadership(database, ours), Leadership(database, theirs)
    assert first.lead()
    assert not second.lead()
    theirs.now += DEAD_AFTER
    assert second.lead()
    assert second.generation == 2
    ours.now += BEAT_EVERY
    with pytest.raises(Deposed):
        first.lead()
    first.follow()
    assert not first.lead()


def test_of_two_who_see_the_same_dead_leader_one_leads(database: Database) -> None:
    gone = Leadership(database, Clock())
    assert gone.lead()
    clocks = Clock(), Clock()
    rivals = [Leadership(database, clock) for clock in clocks]
    assert [rival.lead() for rival in rivals] == [False, False]
    for clock in clocks:
        clock.now += DEAD_AFTER
    assert [rival.lead() for rival in rivals] == [True, False]


def test_after_an_orderly_stop_the_next_begins_at_once(database: Database) -> None:
    first, second = Leadership(database, Clock()), Leadership(database, Clock())
    assert first.lead()
    first.resign()
    assert second.lead()
    with database.reading() as connection:
        found = leader(connection)
    assert found is not None
    assert found.generation == 2


def test_a_dispatcher_that_was_suspended_does_not_write_over_its_successor(database: Database) -> None:
    first = Leadership(database, Clock())
    assert first.lead()
    later = Clock()
    second = Leadership(database, later)
    second.lead()
    later.now += DEAD_AFTER
    assert second.lead()
    with pytest.raises(Deposed):
        first.resign()
    with database.reading() as connection:
        found = leader(connection)
    assert found is not None
    assert found.owner


def test_the_successor_of_a_process_that_has_died_here_does_not_wait(sqlite: Database) -> None:
    code = "import os, sys; from service.database import open_database; from service.jobs.leader import Leadership; "
    code += "assert Leadership(open_database(sys.argv[1])).lead(); os._exit(9)"
    died = subprocess.run([sys.executable, "-c", code, sqlite.url], check=False)
    assert died.returncode == 9
    successor = Leadership(sqlite, Clock())
    assert successor.lead()
    assert successor.generation == 2


@pytest.mark.parametrize("system", ["", "another machine"])
def test_a_process_elsewhere_is_dead_only_after_silence(sqlite: Database, system: str) -> None:
    with sqlite.writing() as connection:
        take_over(connection, None, f"host 999999999 {system}")
    clock = Clock()
    follower = Leadership(sqlite, clock)
    assert not follower.lead()
    clock.now += DEAD_AFTER
    assert follower.lead()
