"""Databases for tests: fresh ones of both kinds, PostgreSQL on a server that the test run starts and stops.

A test that asks for `database` or `database_url` runs on SQLite and on PostgreSQL.

How tests are shared out where several processes run them (`pytest -n auto`): those that start services and wait for
them take little of the processor, but want it at once. They run one after another in one process, and all other tests
stand back for them. So there is room for one process more than cores.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from service.database import Database, migrate, open_database

# The same examples in every run, and no look at the clock: a first example compiles, and a busy machine is slow.
settings.register_profile("scaleshape", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("scaleshape")

BINARIES = Path("/usr/lib/postgresql")
USER = "postgres"
KINDS = ("sqlite", "postgresql")
# A test server may lose everything when it stops; its durability is PostgreSQL's to test.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "shared_buffers=32MB")

STAND_BACK = 15  # added to the niceness; workers of a service under test add 10
WAITING = (
    "browser/",
    "faults/",
    "service/jobs/test_cluster",
    "service/test_serve",
    "service/test_supervisor",
    "test_deploy",
)
LONG = ("contract/test_fuzzing", "golden/", "statistical/", "models/", "service/test_cli")
# Each of their tests may run anywhere; those of other files stay together, with what they share.
APART = (
    "models/test_group_sampling",
    "statistical/test_calibration.py::test_true_parameters",
    "statistical/test_calibration.py::test_intervals",
    "statistical/test_shared_items",
    "statistical/test_suites",
)


class NoPostgres(Exception):
    """There is no server to start."""


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a server without the name of a database; it is stopped at the end."""
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="scaleshape-pg-"))
    port = _free_port()
    try:
        folder.chmod(0o755)
        _give(folder)
        _run(binaries / "initdb", "-D", folder / "data", "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        options = f"-h 127.0.0.1 -p {port} -k {folder} " + " ".join(f"-c {setting}" for setting in FAST)
        _run(binaries / "pg_ctl", "-D", folder / "data", "-w", "-t", "60", "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql://{USER}@127.0.0.1:{port}"
        finally:
            _run(binaries / "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The server's URL; without a server the test is skipped, but on a build server it fails."""
    try:
        _binaries()
    except NoPostgres as error:
        if os.environ.get("CI"):
            pytest.fail(f"{error}: install Debian's postgresql")
        pytest.skip(f"NOT TESTED ON POSTGRESQL: {error}")
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> str:
    """Name of a migrated database that others are copied from, which is faster than to migrate each."""
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE template_scaleshape")
    with closing(open_database(f"{postgres}/template_scaleshape")) as database:
        migrate(database)
    return "template_scaleshape"


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> Iterator[str]:
    """URL of a database without tables; `kind` is "sqlite" or "postgresql"."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
    else:
        yield from _created(request.getfixturevalue("postgres"), "template1")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of database in turn."""
    return str(request.param)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> Iterator[str]:
    """URL of a migrated database that nobody else uses."""
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path}/test.db"
        with closing(open_database(url)) as database:
            migrate(database)
        yield url
    else:
        template = request.getfixturevalue("postgres_template")
        yield from _created(request.getfixturevalue("postgres"), template)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database that nobody else uses; the test runs on both kinds."""
    with closing(open_database(database_url)) as opened:
        yield opened


def _created(server: str, template: str) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        yield f"{server}/{name}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def _binaries() -> Path:
    found = sorted(BINARIES.glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise NoPostgres(f"no PostgreSQL server in {BINARIES}")
    return found[-1].parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _give(folder: Path) -> None:
    """The server refuses to run as root."""
    if os.geteuid() == 0:
        shutil.chown(folder, USER)


def _run(*command: object) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        user=USER if os.geteuid() == 0 else None,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.returncode == 0, f"{command[0]}: {done.stderr}"


def pytest_xdist_auto_num_workers() -> int:
    """One more than cores, each of whose processes keeps to one core: threads of linear algebra wait by spinning."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    return len(os.sched_getaffinity(0)) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """In the order of the collection, in the groups of `group`."""
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    config.option.loadscopereorder = False
    scheduling = LoadScopeScheduling(config, log)
    scheduling._split_scope = group  # noqa: SLF001 - xdist reads its own groups from the ids of tests, which it changes
    return scheduling


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits goes first, then what is long; the short ones at the end fill the processes evenly."""
    items.sort(key=lambda item: 0 if _is_in(WAITING, item.nodeid) else 1 if _is_in(LONG, item.nodeid) else 2)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """From its first other test on, a process stands back."""
    if "PYTEST_XDIST_WORKER" in os.environ and not _is_in(WAITING, item.nodeid) and os.nice(0) < STAND_BACK:
        os.nice(STAND_BACK)


def group(nodeid: str) -> str:
    """Tests of one group run one after another in one process."""
    if _is_in(WAITING, nodeid):
        return "waiting"
    if _is_in(("golden/test_engines_agree",), nodeid):  # a curve model is compiled once in a process
        return nodeid.rpartition("-")[2]
    return nodeid if _is_in(APART, nodeid) else nodeid.split("::", maxsplit=1)[0]


def _is_in(places: tuple[str, ...], nodeid: str) -> bool:
    return nodeid.startswith(tuple(f"tests/{place}" for place in places))
