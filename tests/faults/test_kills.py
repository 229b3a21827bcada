from pathlib import Path

import pytest

from benchmarks.faults.kills import kill_rounds
from benchmarks.faults.report import LIMITS
from benchmarks.served import ROLES

pytestmark = pytest.mark.slow

KILLS = 5
BUSY = 2.0  # times the aim that a recovery may take on a machine that runs other tests too
START = 4.0  # seconds more: a new process imports its libraries first


def test_what_was_acknowledged_ends_once_however_often_each_role_is_killed(database_url: str, tmp_path: Path) -> None:
    done = kill_rounds(ROLES, database_url, tmp_path / "service", KILLS, seed=1)
    assert done[0].broken == ()
    assert done[0].curves > KILLS * len(ROLES)
    for each in done:
        assert len(each.recoveries) == KILLS
        assert max(each.recoveries) <= BUSY * LIMITS[each.role] + START, each
