"""What `scaleshape serve` does: make the database ready, then run one role, or all of them under a supervisor."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from service.logs import configure_logs, logger
from service.parallel import one_thread_each
from service.processes import name_process
from service.settings import InvalidSettings, Settings, environment_of, is_loopback
from service.supervisor import Role, Supervisor

if TYPE_CHECKING:
    from service.database import Database, Migrated

SERVING = ("all", "web")
WITH_DATABASE = (*SERVING, "dispatcher")
BACKLOG = 2048  # connections that wait while the web process is started again
PATIENCE = {"dispatcher": 10.0, "worker": 8.0, "scheduler": 5.0}  # seconds to stop, before a role is killed
DRAIN_MARGIN = 3.0  # seconds that the web process gets beyond those of its requests
LOOPBACK = "127.0.0.1"
FORKED = {
    "web": "scaleshape-web",
    "worker": "scaleshape-work",
}  # forks, and their names: `all` is on their command line
FEW_ARENAS = {"MALLOC_ARENA_MAX": "2"}  # glibc gives each of many threads an arena that never shrinks
EXAMPLE = (
    '{"task": "example", "metric": "accuracy", "points": [{"scale": 1e8, "score": 0.8, "n_examples": 500}, '
    '{"scale": 1e9, "score": 0.2, "n_examples": 500}, {"scale": 1e10, "score": 0.25, "n_examples": 500}, '
    '{"scale": 1e11, "score": 0.85, "n_examples": 500}]}'
)


def serve(role: str, settings: Settings, listening: socket.socket | None = None, *, announced: bool = False) -> int:
    """Run a role until it is told to stop; the exit code.

    `listening` is a socket that the supervisor has opened; `announced`: the address has been printed already.
    """
    configure_logs(settings.log_level, settings.log_format, role)
    if role in SERVING:  # before the database is touched: a server that has the port may be at work on it
        listening = listening or open_socket(settings)
    with_keys = role in WITH_DATABASE and make_ready(settings, role)
    if listening is None:
        return _background(role, settings)
    if role == "all":
        return _supervise(settings, listening)
    _web(settings, listening, with_keys=None if announced else with_keys)
    return 0


def make_ready(settings: Settings, role: str = "all") -> bool:
    """Make the database ready, and refuse to serve others without keys; whether there are API keys."""
    from service.store import keys, retention

    with opened_database(settings) as database:
        with database.reading() as connection:
            with_keys = keys.any_valid(connection)
        if role in SERVING:
            refuse_exposure(settings, with_keys=with_keys)
        if role == "all" and database.dialect == "sqlite":  # no other web process is at work:
            retention.remove_abandoned(database, None)  # batches that nobody acknowledged are left over from a crash
    return with_keys


@contextmanager
def opened_database(
    settings: Settings, *, made: bool = False, told: Callable[[Migrated], None] | None = None
) -> Iterator[Database]:
    """The database with tables of this version: SQLite's are changed after a backup, PostgreSQL's refused.

    `made`: a file of SQLite must be there already. `told` hears of changed tables, else the log.
    Raises SchemaOutdated, DatabaseUnavailable, InvalidSettings.
    """
    from service.database import is_made, migrate, open_database, require_current

    if made and not is_made(settings.database_url):
        raise InvalidSettings(
            f"there is no database {settings.database_url}: `scaleshape serve` makes one; is it another --database-url?"
        )
    database = open_database(settings.database_url)
    try:
        if database.dialect == "sqlite":
            (told or _tell)(migrate(database, Path(settings.backup_dir) if settings.backup_dir else None))
        else:
            require_current(database)
        yield database
    finally:
        database.close()


def refuse_exposure(settings: Settings, *, with_keys: bool) -> None:
    """Raises InvalidSettings for an address that others can reach, unless there are keys or it is wanted so."""
    if not (with_keys or settings.allow_open or is_loopback(settings.host)):
        raise InvalidSettings(
            f"the server would listen on {settings.host}, where others can reach it, and there is no API key: "
            "make one by `scaleshape keys create`, or say --allow-open"
        )


def open_socket(settings: Settings) -> socket.socket:
    """The socket that the web process accepts from; it stays open while that process is started again."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise InvalidSettings(
            f"the server cannot listen on {settings.host}, port {settings.port}: {error.strerror}; "
            "give another --port, or 0 for any that is free"
        ) from error


def announcement(address: str, *, with_keys: bool) -> str:
    """Where the server is, and how to try it."""
    key = " -H 'Authorization: Bearer sk_…'" if with_keys else ""
    option = " --api-key sk_…" if with_keys else ""
    return f"""scaleshape serves {address} (documentation: {address}/docs)
Try it:
  curl -s {address}/v1/analyses{key} -H 'Content-Type: application/json' -d '{EXAMPLE}'
  scaleshape submit FILE.csv --server {address}{option} --wait
Stop it with Ctrl-C.
"""


def address_of(host: str, port: int) -> str:
    """The URL under which this machine reaches the server."""
    reached = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(host, host)  # noqa: S104 - nothing is bound here
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def _supervise(settings: Settings, listening: socket.socket) -> int:
    """All roles on this machine; with the address of a cluster's scheduler, those that are not of the cluster."""
    names = ("dispatcher",) if settings.scheduler_address else ("dispatcher", "worker", "scheduler")
    held = held_port()
    address = settings.scheduler_address or f"tcp://{LOOPBACK}:{held.getsockname()[1]}"
    one_thread_each()  # the workers are forks of this process
    environment = {**FEW_ARENAS, **os.environ, **environment_of(replace(settings, scheduler_address=address))}
    number = listening.detach()  # the supervisor closes it
    web = Role(
        name="web",
        command=(*_arguments("web"), "--socket", str(number)),
        environment=environment,
        patience=settings.request_timeout_s + DRAIN_MARGIN,
        inherited=(number,),
        remains=True,
        forked=partial(_main, FORKED["web"]),
    )
    # `-P`: a folder `service` where the server is started does not stand in for ours.
    python = (sys.executable, "-P", "-m", "service.cli")
    others = [
        Role(
            name=name,
            command=_arguments(name) if name in FORKED else (*python, *_arguments(name)),
            environment=environment,
            patience=PATIENCE[name],
            forked=partial(_main, FORKED[name]) if name in FORKED else None,
        )
        for name in names
    ]
    if sys.platform != "linux":  # elsewhere the scheduler could not listen there
        held.close()
    supervisor = Supervisor([web, *others], _load)
    with held:
        code = supervisor.run()
    if supervisor.is_loading:  # its thread is inside the compiler, which would not survive the end of the interpreter
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _arguments(role: str) -> tuple[str, ...]:
    return ("serve", "--role", role, "--parent", str(os.getpid()))


def _load() -> None:
    from service.web import load

    load()


def _main(name: str, arguments: Sequence[str]) -> None:
    """The command `scaleshape` inside this process, which gets a name of its own."""
    from service.cli import main

    name_process(name)
    main(list(arguments))


def held_port() -> socket.socket:
    """A socket with a port that nobody else is given while it is open, and at which a server with SO_REUSEADDR listens.

    The scheduler listens seconds later, and again after each restart: another program could have the port by then.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((LOOPBACK, 0))
    return held


def _web(settings: Settings, listening: socket.socket, *, with_keys: bool | None) -> None:
    """`with_keys`: None where the address is known to the user already."""
    from service.web import serve_web

    address = address_of(settings.host, listening.getsockname()[1])

    def ready() -> None:
        if with_keys is not None and sys.stdout is not None:
            with suppress(OSError):  # a server does not need anybody to read its greeting
                sys.stdout.write(announcement(address, with_keys=with_keys))
                sys.stdout.flush()
        logger("web").info("ready", address=address)

    serve_web(settings, listening, ready)


def _tell(migrated: Migrated) -> None:
    if migrated.before != migrated.after:
        log = logger("database")
        log.info("tables made" if migrated.before is None else "tables changed", backup=str(migrated.backup or ""))


def _background(role: str, settings: Settings) -> int:
    """Each imports what it needs alone, which is much for the dispatcher and little for the scheduler."""
    if role == "dispatcher":
        from service.jobs.dispatching import run

        return run(settings)
    from service.jobs.cluster import run_scheduler, run_workers

    return run_scheduler(settings) if role == "scheduler" else run_workers(settings)
