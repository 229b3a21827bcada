import subprocess
import sys
import time
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
    limit = BUSY * (LIMITS[role] + seconds_of_imports()) + START
    assert max(done.recoveries) <= limit, (done.recoveries, limit)


def seconds_of_imports() -> float:
    """How long a new process takes to import the service on this machine, with what else runs on it."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import service.app, service.use_cases"], check=True, timeout=120)
    return time.monotonic() - began
