"""The database: SQLite in a file, or PostgreSQL. Open it after a fork, not before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, column, create_engine, event, inspect, make_url, select, table, text
from sqlalchemy.exc import ArgumentError

from service.clock import now
from service.database_errors import REMEDY, as_failure
from service.failures import DatabaseUnavailable, SchemaOutdated
from service.settings import InvalidSettings

if TYPE_CHECKING:
    from alembic.config import Config

SCHEMA = "0001"  # revision of the tables in `service.tables`
VERSION_TABLE = "alembic_version"
BUSY_SECONDS = 15  # wait for another writer, below the 30 s that a request may take
CONNECTIONS = 10  # kept open; as many again under load. PostgreSQL allows 100 in all by default
WRITING = "scaleshape_writing"  # execution option of a connection
SQLITE_PRAGMAS = (
    f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA synchronous=FULL",  # an acknowledged commit survives a power cut
    "PRAGMA cache_size=-16000",  # KiB of each connection
)
_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")


@dataclass(frozen=True, slots=True)
class Database:
    """An engine and its rules. `url` holds the password, if there is one; `name` does not."""

    url: str = field(repr=False)
    name: str
    engine: Engine = field(repr=False)
    _turn: Lock = field(default_factory=Lock, repr=False)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database."""
        found = self.engine.url.database
        return Path(found.removeprefix("file:")) if self.dialect == "sqlite" and found else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads. Raises `DatabaseUnavailable`.

        On SQLite all of it sees one state, and a statement that writes fails.
        """
        with as_failure():
            yield from self._transaction(writing=False)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed at the end, or not at all. Raises `DatabaseUnavailable`.

        SQLite has one writer: its threads take turns here, its processes at BEGIN IMMEDIATE.
        """
        with as_failure(), self._alone():
            yield from self._transaction(writing=True)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self.engine.dispose()

    def _transaction(self, *, writing: bool) -> Iterator[Connection]:
        with self.engine.connect().execution_options(**{WRITING: writing}) as connection, connection.begin():
            yield connection

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self.dialect != "sqlite":
            yield
            return
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            raise DatabaseUnavailable(f"the database was not free to write for {BUSY_SECONDS} s: try again")
        try:
            yield
        finally:
            self._turn.release()


def open_database(url: str) -> Database:
    """The database of a URL; nothing is read or made yet, but the folder of a SQLite file.

    Raises InvalidSettings for another URL.
    """
    parsed = _parsed(url)
    shown = parsed.render_as_string(hide_password=True)
    engine = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed)
    return Database(url=parsed.render_as_string(hide_password=False), name=shown, engine=engine)


def is_made(url: str) -> bool:
    """Whether the file of a SQLite database is there; a server's database is not asked. Raises InvalidSettings."""
    parsed = _parsed(url)
    return parsed.get_backend_name() != "sqlite" or Path(str(parsed.database)).exists()


def _parsed(url: str) -> URL:
    """The URL with the driver that is used."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise InvalidSettings(f"the database URL {url!r} cannot be read: write sqlite:///FILE") from error
    if parsed.drivername in _POSTGRESQL:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return parsed
    shown = parsed.render_as_string(hide_password=True)
    raise InvalidSettings(f"the database URL {shown} is neither sqlite:///FILE nor postgresql://host/name")


def _sqlite(url: URL) -> Engine:
    _make_folder(url)
    engine = create_engine(
        url, module=_driver(), pool_size=CONNECTIONS, max_overflow=CONNECTIONS, pool_timeout=BUSY_SECONDS
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _make_folder(url: URL) -> None:
    if url.query.get("uri") or url.database is None:
        return
    folder = Path(url.database).absolute().parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnavailable(f"the database's folder {folder} cannot be made: {error.strerror}") from error


def _driver() -> Any:
    """SQLite as pysqlite3 brings it: the system's may be older than 3.51.3, which can lose data in WAL mode."""
    try:
        return import_module("pysqlite3.dbapi2")
    except ImportError:  # no Linux: what Python brings
        return import_module("sqlite3.dbapi2")


def _configure(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says, not where the driver thinks
    for pragma in SQLITE_PRAGMAS:
        connection.execute(pragma)
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if mode != "wal":  # a read-only database that is in this mode can still be read
        connection.execute("PRAGMA journal_mode=WAL")


def _begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get(WRITING, False)
    connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writing else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _postgresql(url: URL) -> Engine:
    arguments: Mapping[str, Any] = {
        "connect_timeout": 5,
        # Compiling a query takes longer than any of ours takes to run.
        "options": f"-c lock_timeout={BUSY_SECONDS}s -c timezone=UTC -c jit=off",
        "application_name": "scaleshape",
    }
    return create_engine(
        url,
        connect_args={name: value for name, value in arguments.items() if name not in url.query},
        pool_size=CONNECTIONS,
        max_overflow=CONNECTIONS,
        pool_timeout=BUSY_SECONDS,
        pool_pre_ping=True,
    )


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a migration did: revisions before (None: no tables) and after, and where the file was copied to."""

    before: str | None
    after: str
    backup: Path | None = None


def migrate(database: Database, backup_dir: Path | None = None) -> Migrated:
    """Bring the tables up to this version, all of it or nothing; several processes may try at once.

    A SQLite file with tables is copied first: to `backup_dir`, or beside it. Raises SchemaOutdated for tables of a
    later version, DatabaseUnavailable.
    """
    with database.reading() as connection:
        if revision(connection) == SCHEMA:
            return Migrated(SCHEMA, SCHEMA)
    with database.writing() as connection:
        if database.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('scaleshape'))"))
        before = revision(connection)
        if before == SCHEMA:  # another process was faster
            return Migrated(SCHEMA, SCHEMA)
        backup = None if before is None else _backup(database, before, backup_dir)
        _upgrade(connection)
        return Migrated(before, SCHEMA, backup)


def require_current(database: Database) -> None:
    """Raises SchemaOutdated unless the tables are those of this version."""
    with database.reading() as connection:
        found = revision(connection)
    if found != SCHEMA:
        raise SchemaOutdated(f"the database has {found or 'no tables'}, this version needs {SCHEMA}: {REMEDY}")


def revision(connection: Connection) -> str | None:
    """The revision of the tables; None for a database without them."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(select(column("version_num")).select_from(table(VERSION_TABLE))).scalar()
    return None if found is None else str(found)


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.util import CommandError

    try:
        command.upgrade(_alembic(connection), "head")
    except CommandError as error:
        raise SchemaOutdated(f"the database was made by a later version of scaleshape: {error}") from error


def _alembic(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _backup(database: Database, before: str, folder: Path | None) -> Path | None:
    """Copy a SQLite database as it is committed; other writers wait meanwhile."""
    if database.path is None:
        return None
    moment = now().replace(":", "").replace("-", "")
    target = (folder or database.path.parent) / f"{database.path.stem}-{before}-{moment}.db"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnavailable(f"the backup folder {target.parent} cannot be made: {error.strerror}") from error
    driver = _driver()
    with closing(driver.connect(str(database.path))) as source, closing(driver.connect(str(target))) as copy:
        source.backup(copy)
    return target
