from pathlib import Path

import pytest

from benchmarks.faults.kills import kill_round
from benchmarks.faults.report import LIMITS
from benchmarks.served import ROLES

pytestmark = pytest.mark.slow

KILLS = 5
BUSY = 2.0  # times the aim that a recovery may take on a machine that runs other tests too
START = 4.0  # seconds more: a new process imports its libraries first


@pytest.mark.parametrize("role", ROLES)
def test_what_was_acknowledged_ends_once_however_often_a_role_is_killed(
    role: str, database_url: str, tmp_path: Path
) -> None:
    done = kill_round(role, database_url, tmp_path / "service", KILLS, seed=1)
    assert done.broken == ()
    assert len(done.recoveries) == KILLS
    assert done.curves > KILLS
    assert max(done.recoveries) <= BUSY * LIMITS[role] + START, done.recoveries
