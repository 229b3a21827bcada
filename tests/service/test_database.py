import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, column, event, func, inspect, select, table, text, update
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from service import database as module
from service.database import SCHEMA, Database, Migrated, migrate, open_database, require_current
from service.failures import DatabaseUnavailable, SchemaOutdated
from service.settings import InvalidSettings
from service.store import keys
from service.tables import api_keys, documents, metadata

VERSION = table("alembic_version", column("version_num"))
ROOT = Path(__file__).resolve().parents[2]


def count(database: Database) -> int:
    with database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(api_keys)) or 0


def fill(connection: Connection, number: int = 1) -> None:
    for _ in range(number):
        keys.create(connection, "x" * 500, ["read"])


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    """A database without tables."""
    with closing(open_database(empty_url)) as database:
        yield database


def test_the_migrated_tables_are_those_that_the_code_describes(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_schema_is_the_head_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "service/migrations"))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA


def test_a_migrated_database_is_current_and_migrating_it_again_does_nothing(empty: Database) -> None:
    with pytest.raises(SchemaOutdated, match="scaleshape db upgrade"):
        require_current(empty)
    assert migrate(empty) == Migrated(None, SCHEMA)
    require_current(empty)
    assert count(empty) == 0
    assert migrate(empty) == Migrated(SCHEMA, SCHEMA)


def test_a_migration_that_fails_leaves_nothing(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as failing:
        failing.setattr("alembic.op.create_index", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            migrate(empty)
    with empty.reading() as connection:
        assert not inspect(connection).get_table_names()
    assert migrate(empty) == Migrated(None, SCHEMA)


def test_processes_that_migrate_at_once_do_it_once(empty: Database) -> None:
    code = "import sys; from service.database import *; print(migrate(open_database(sys.argv[1])).before)"
    command = [sys.executable, "-W", "error", "-c", code, empty.url]
    many = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(4)]
    assert sorted(process.communicate()[0].strip() for process in many) == [SCHEMA] * 3 + ["None"]
    require_current(empty)


def test_tables_of_a_later_version_are_left_alone(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(update(VERSION).values(version_num="9999"))
    with pytest.raises(SchemaOutdated, match="9999"):
        require_current(database)
    with pytest.raises(SchemaOutdated, match="later version"):
        migrate(database)


def test_missing_tables_are_told_with_the_remedy(empty: Database) -> None:
    with pytest.raises(SchemaOutdated, match="scaleshape db upgrade"):
        count(empty)


@pytest.mark.parametrize("folder", [None, "backups/deep"])
def test_a_sqlite_file_is_copied_before_its_tables_change(tmp_path: Path, folder: str | None) -> None:
    target = None if folder is None else tmp_path / folder
    with closing(open_database(f"sqlite:///{tmp_path}/data.db")) as database:
        migrate(database)
        with database.writing() as connection:
            fill(connection)
            connection.execute(update(VERSION).values(version_num="0000"))
        with pytest.raises(SchemaOutdated):  # no migration leads from there
            migrate(database, target)
    (copy,) = (target or tmp_path).glob("data-0000-*.db")
    with closing(open_database(f"sqlite:///{copy}")) as copied:
        assert count(copied) == 1


def test_nothing_of_a_transaction_that_fails_is_kept(database: Database) -> None:
    def fail(connection: Connection) -> None:
        fill(connection)
        connection.execute(documents.insert(), {"analysis_id": "no such", "document": b""})

    with pytest.raises(IntegrityError), database.writing() as connection:
        fail(connection)
    assert count(database) == 0
    with database.writing() as connection:
        fill(connection)
    assert count(database) == 1


def test_reading_does_not_write(tmp_path: Path) -> None:
    with closing(open_database(f"sqlite:///{tmp_path}/data.db")) as database:
        migrate(database)
        with pytest.raises(DatabaseUnavailable, match="read-only"), database.reading() as connection:
            fill(connection)
        assert count(database) == 0


def test_faults_of_a_statement_stay_what_they_are(database: Database) -> None:
    with pytest.raises((OperationalError, ProgrammingError)), database.reading() as connection:
        connection.execute(text("SELECT FROM WHERE"))
    with pytest.raises(IntegrityError), database.writing() as connection:
        connection.execute(documents.insert(), {"analysis_id": "no such", "document": b""})


def test_an_open_reader_sees_the_state_at_its_start_and_does_not_hold_up_a_writer(tmp_path: Path) -> None:
    with closing(open_database(f"sqlite:///{tmp_path}/data.db")) as database:
        migrate(database)
        with database.reading() as reader:
            before = reader.scalar(select(func.count()).select_from(api_keys))
            with database.writing() as connection:
                fill(connection)
            assert reader.scalar(select(func.count()).select_from(api_keys)) == before == 0
        assert count(database) == 1


def test_a_full_sqlite_database_is_told_and_keeps_no_half(tmp_path: Path) -> None:
    with closing(open_database(f"sqlite:///{tmp_path}/data.db")) as database:
        migrate(database)
        with database.writing() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        event.listen(database.engine, "begin", lambda c: c.exec_driver_sql(f"PRAGMA max_page_count={pages + 5}"))
        with pytest.raises(DatabaseUnavailable, match="is full") as caught, database.writing() as connection:
            fill(connection, 200)
        assert caught.value.retry_after > 0
        assert count(database) == 0
        with database.writing() as connection:
            fill(connection)
        assert count(database) == 1
        with database.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_a_read_only_sqlite_file_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "data.db"
    with closing(open_database(f"sqlite:///{path}")) as database:
        migrate(database)
        with database.writing() as connection:
            fill(connection)
        with closing(open_database(f"sqlite:///file:{path}?mode=ro&uri=true")) as read_only:
            assert count(read_only) == 1
            assert migrate(read_only) == Migrated(SCHEMA, SCHEMA)
            with pytest.raises(DatabaseUnavailable, match="is read-only"), read_only.writing() as connection:
                fill(connection)
        assert count(database) == 1


def test_a_locked_sqlite_file_is_told_after_the_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(open_database(f"sqlite:///{tmp_path}/data.db")) as one:
        migrate(one)
        short = tuple(pragma.replace("15000", "50") for pragma in module.SQLITE_PRAGMAS)
        monkeypatch.setattr(module, "SQLITE_PRAGMAS", short)
        with closing(open_database(one.url)) as other, one.writing() as connection:
            fill(connection)
            with pytest.raises(DatabaseUnavailable, match="is locked by another process"), other.writing():
                pytest.fail("two writers")
            assert count(other) == 0
        monkeypatch.setattr(module, "BUSY_SECONDS", 0.05)
        with one.writing(), pytest.raises(DatabaseUnavailable, match="was not free to write"):
            in_thread(one)


def in_thread(database: Database) -> None:
    """Write in another thread; its error is raised here."""
    errors: list[DatabaseUnavailable] = []

    def write() -> None:
        try:
            with database.writing() as connection:
                fill(connection)
        except DatabaseUnavailable as error:
            errors.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "data.db"
    path.write_bytes(b"not a database" * 1000)
    with closing(open_database(f"sqlite:///{path}")) as database, pytest.raises(DatabaseUnavailable, match="damaged"):
        count(database)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseUnavailable, match="cannot be made"):
        open_database(f"sqlite:///{tmp_path}/file/data.db")
    with (
        closing(open_database(f"sqlite:///{tmp_path}")) as database,
        pytest.raises(DatabaseUnavailable, match="cannot be opened"),
    ):
        count(database)


def test_the_folder_of_a_new_sqlite_file_belongs_to_its_user_alone(tmp_path: Path) -> None:
    with closing(open_database(f"sqlite:///{tmp_path}/new/data.db")) as database:
        migrate(database)
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0


def test_a_commit_survives_a_power_cut(tmp_path: Path) -> None:
    with closing(open_database(f"sqlite:///{tmp_path}/data.db")) as database, database.writing() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        version = connection.exec_driver_sql("SELECT sqlite_version()").scalar_one()
    assert tuple(map(int, version.split("."))) > (3, 51, 2)  # earlier ones can corrupt a file in WAL mode


def test_a_read_only_postgresql_is_still_read(postgres: str) -> None:
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as session:
        session.execute("CREATE DATABASE read_only")
        session.execute("ALTER DATABASE read_only SET default_transaction_read_only = on")
    with closing(open_database(f"{postgres}/read_only")) as database:
        with pytest.raises(DatabaseUnavailable, match="is read-only"):
            migrate(database)
        with database.reading() as connection:
            assert connection.scalar(text("SELECT 1")) == 1


def test_a_postgresql_that_is_not_there_is_told(tmp_path: Path) -> None:
    url = "postgresql://someone:secret@127.0.0.1:9/none"
    with closing(open_database(url)) as database:
        with pytest.raises(DatabaseUnavailable, match="cannot be reached") as caught:
            count(database)
        assert "secret" not in f"{caught.value} {database!r} {database.name}"
        assert "secret" in database.url


@pytest.mark.parametrize("url", ["", "sqlite://", "sqlite:///:memory:", "mysql://host/name", "no url"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(InvalidSettings, match="database URL"):
        open_database(url)


def test_a_broken_postgresql_connection_is_told_and_replaced(postgres: str) -> None:
    with closing(open_database(f"{postgres}/postgres")) as database:
        broken = pytest.raises(DatabaseUnavailable, match=r"is stopping or restarting|cannot be reached")
        with broken, database.reading() as connection:
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        with database.reading() as connection:
            assert connection.scalar(text("SELECT 1")) == 1
