"""Databases for tests: fresh ones of both kinds, PostgreSQL on a server that the test run starts and stops.

A test that asks for `database` or `database_url` runs on SQLite and on PostgreSQL.
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

from service.database import Database, migrate, open_database

BINARIES = Path("/usr/lib/postgresql")
USER = "postgres"
KINDS = ("sqlite", "postgresql")
# A test server may lose everything when it stops; its durability is PostgreSQL's to test.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "shared_buffers=32MB")


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
