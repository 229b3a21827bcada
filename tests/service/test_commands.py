"""The commands about a server, but for `serve` itself; the server is an app without a network between."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
import structlog
import yaml
from click.testing import CliRunner, Result

from service.app import create_app
from service.cli import main
from service.client import Client
from service.client_requests import ServerAnswer
from service.database import Database
from service.serve import make_ready
from service.settings import Settings
from service.store import batches, keys
from service.store.batches import NewBatch, NewTask
from tests.service.readers.result_files import old_results, share

ROOT = Path(__file__).resolve().parents[2]
PALM = str(ROOT / "data/palm_quote_repetition.csv")
BAD = "task,metric,parameters,score,n_examples\nfew,accuracy,1e8,.5,100\n"


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, list(arguments), input=stdin)


@pytest.fixture
def quiet() -> Iterator[None]:
    """The app's log, which is not configured here, does not go to standard output."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()


@pytest.fixture
def connected(database: Database, monkeypatch: pytest.MonkeyPatch, quiet: None) -> Database:
    """Commands reach an app over this database, whatever server they name."""
    app = create_app(Settings(database_url=database.url, rate_limit=""), database)
    monkeypatch.setattr("service.client.Client", partial(Client, transport=httpx.WSGITransport(app)))
    return database


def test_a_new_key_is_printed_alone_and_lets_its_owner_in(database: Database) -> None:
    made = run("keys", "create", "--name", "me", "--database-url", database.url)
    assert made.exit_code == 0
    (text,) = made.stdout.splitlines()
    with database.reading() as connection:
        key = keys.verify(connection, text)
    assert key is not None
    assert (key.name, key.scopes) == ("me", ("read", "write"))
    assert "not shown again" in made.stderr


def test_the_list_shows_each_key_without_its_secret_and_what_became_of_it(database: Database) -> None:
    texts = [
        run("keys", "create", "--name", name, "--scope", "read", "--database-url", database.url).stdout.strip()
        for name in ("one", "two")
    ]
    first = texts[0].split("_")[1]
    assert run("keys", "revoke", first, "--database-url", database.url).exit_code == 0
    listed = run("keys", "list", "--database-url", database.url).stdout
    assert [("revoked" in line, line.split()[-1]) for line in listed.splitlines()] == [(True, "one"), (False, "two")]
    assert all(text.split("_")[2] not in listed for text in texts)
    assert make_ready(Settings(database_url=database.url)) is True


def test_a_key_is_revoked_once(database: Database) -> None:
    again = run("keys", "revoke", "0" * 16, "--database-url", database.url)
    assert again.exit_code == 1
    assert "there is no valid key" in again.stderr


def test_upgrade_makes_the_tables_of_a_new_database_and_leaves_them_at_the_second_time(empty_url: str) -> None:
    first, second = (run("db", "upgrade", "--database-url", empty_url) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "tables made -> " in first.stdout
    assert "is up to date" in second.stdout


@pytest.mark.parametrize(
    "arguments", [("keys", "list"), ("keys", "revoke", "0" * 16), ("purge", "--before", "2026-01-01")]
)
def test_a_database_that_is_not_there_is_not_made_to_look_into_it(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(*arguments, "--database-url", f"sqlite:///{tmp_path}/new/none.db")
    assert done.exit_code == 2
    assert "there is no database" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 101])
def test_a_key_has_a_name_that_can_be_printed(tmp_path: Path, name: str) -> None:
    done = run("keys", "create", "--name", name, "--database-url", f"sqlite:///{tmp_path}/none.db")
    assert done.exit_code == 2
    assert "is no name of 1 to 100 printed characters" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_first_key_is_all_that_is_printed(tmp_path: Path) -> None:
    made = run("keys", "create", "--name", "me", "--database-url", f"sqlite:///{tmp_path}/new.db")
    assert made.stdout.splitlines()[0].startswith("sk_")
    assert len(made.stdout.splitlines()) == 1
    assert "tables made" in made.stderr


def test_a_key_that_could_not_be_printed_is_none(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    command = [sys.executable, "-m", "service.cli", "keys", "create", "--name", "lost", "--database-url", url]
    with Path("/dev/full").open("w") as full:
        assert subprocess.run(command, stdout=full, stderr=subprocess.DEVNULL, check=False).returncode == 1
    assert "there are no keys" in run("keys", "list", "--database-url", url).stderr


def test_a_password_is_not_printed() -> None:
    done = run("db", "upgrade", "--database-url", "postgresql://me:secret@127.0.0.1:1/none")
    assert done.exit_code == 1
    assert "secret" not in done.output


def test_a_database_url_that_cannot_be_used_is_wrong_usage() -> None:
    done = run("keys", "list", "--database-url", "mysql://host/name")
    assert done.exit_code == 2
    assert "neither sqlite:///FILE nor postgresql://" in done.stderr


def test_purge_removes_what_ended_before_a_date(database: Database) -> None:
    with database.writing() as connection:
        batch = batches.begin(connection, NewBatch())
        batches.add_tasks(connection, batch, [NewTask(position=0, error={"detail": "bad"})])
        batches.release(connection, batch, "analysis", 1)
        batches.ask_cancel(connection, batch)
    early = run("purge", "--before", "2020-01-01", "--database-url", database.url)
    assert early.stdout == "removed: 0 batches, 0 analyses\n"
    late = run("purge", "--before", "2999-01-01T00:00:00", "--database-url", database.url)
    assert late.stdout == "removed: 1 batches, 0 analyses\n"


def test_purge_refuses_what_is_no_date() -> None:
    assert run("purge", "--before", "yesterday").exit_code == 2


def test_openapi_prints_the_contract() -> None:
    printed = run("openapi")
    assert printed.exit_code == 0
    assert yaml.safe_load(printed.stdout)["openapi"].startswith("3.1")


def test_submit_prints_the_id_of_the_batch_and_what_the_reader_has_to_say(connected: Database) -> None:
    done = run("submit", PALM, "--server", "http://localhost", "--seed", "4")
    assert done.exit_code == 0
    with connected.reading() as connection:
        batch = batches.get(connection, done.stdout.strip())
    assert batch is not None
    assert batch.options == {"seed": 4}
    assert batch.counts["total"] == 1


def test_submit_packs_a_folder_and_sends_the_models_table_with_it(connected: Database, tmp_path: Path) -> None:
    folder, table = tmp_path / "results", tmp_path / "models.csv"
    (folder / "deep").mkdir(parents=True)
    for i in range(3):
        results = json.dumps(old_results(f"house-{i}", {"piqa": share(90 * (i + 1), 312)}))
        (folder / "deep" / f"{i}.json").write_text(results)
    table.write_text("model,model_family,parameters\n" + "".join(f"house-{i},house,1e{8 + i}\n" for i in range(3)))
    assert run("submit", str(folder), "--server", "http://localhost").exit_code == 2
    done = run("submit", str(folder), "--server", "http://localhost", "--models", str(table))
    assert done.exit_code == 0
    assert "Read 3 files (3 lm-eval): 1 curve of 3 points" in done.stderr
    assert run("submit", PALM, "--models", "nowhere.csv").exit_code == 2


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)])
def test_submit_that_waits_prints_failures_in_place_as_analyze_does(
    connected: Database, form: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client, "wait", lambda client, batch, **_: client.batch(batch))  # there is no dispatcher
    submitted = run("submit", "-", "--server", "http://localhost", "--wait", *form, stdin=BAD)
    analyzed = run("analyze", "-", *form, stdin=BAD)
    if form == ("--json",):
        ours, theirs = json.loads(submitted.stdout), json.loads(analyzed.stdout)
        assert (ours["status"], ours["index"], ours["rows"]) == ("failed", 0, [2, 2])
        assert ours["error"]["errors"] == theirs["error"]["errors"]
    else:
        assert submitted.stdout == analyzed.stdout
    assert (submitted.exit_code, analyzed.exit_code) == (1, 1)


def test_a_file_that_the_server_refuses_is_exit_code_two(connected: Database) -> None:
    done = run("submit", "-", "--server", "http://localhost", stdin='{"curves": []}')
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: ")
    assert done.stdout == ""


def test_a_file_that_is_not_there_is_exit_code_two(connected: Database) -> None:
    done = run("submit", "nowhere.csv", "--server", "http://localhost")
    assert done.exit_code == 2
    assert "nowhere.csv cannot be opened" in done.stderr


def test_a_server_that_does_not_answer_is_exit_code_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.client.Client", partial(Client, patience=0.5))
    done = run("submit", PALM, "--server", "http://127.0.0.1:9")
    assert done.exit_code == 1
    assert "http://127.0.0.1:9 cannot be reached" in done.stderr


def test_a_key_is_needed_where_the_server_has_keys(connected: Database) -> None:
    text = run("keys", "create", "--name", "me", "--database-url", connected.url).stdout.strip()
    assert run("submit", PALM, "--server", "http://localhost").exit_code == 2
    assert run("submit", PALM, "--server", "http://localhost", "--api-key", text).exit_code == 0


def test_a_folder_with_names_of_any_bytes_is_packed(connected: Database, tmp_path: Path) -> None:
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / os.fsdecode(b"bad\xff.csv")).write_bytes(Path(PALM).read_bytes())
    assert run("submit", str(folder), "--server", "http://localhost").exit_code == 0


def test_too_many_requests_are_no_fault_of_the_file(connected: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def often(*_: object, **__: object) -> None:
        raise ServerAnswer({"detail": "more than 600/minute"}, 429)

    monkeypatch.setattr(Client, "submit", often)
    assert run("submit", PALM, "--server", "http://localhost").exit_code == 1


def test_ctrl_c_before_the_answer_is_told_as_such(connected: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "submit", interrupted)
    done = run("submit", PALM, "--server", "http://localhost")
    assert (done.exit_code, done.stderr) == (130, "interrupted\n")


def test_a_database_that_is_named_wins_over_a_server_of_the_environment(
    connected: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALESHAPE_SERVER", "http://127.0.0.1:9")
    done = run("reanalyze", "--database-url", connected.url, "--task", "none such")
    assert (done.exit_code, "no stored analysis fits" in done.stderr) == (1, True)
    both = run("reanalyze", "--database-url", connected.url, "--server", "http://127.0.0.1:9")
    assert (both.exit_code, "give one" in both.stderr) == (2, True)


def test_a_form_of_the_results_needs_waiting_for_them() -> None:
    assert "need --wait" in run("submit", PALM, "--json").stderr


def test_two_forms_of_the_results_are_wrong_usage() -> None:
    result = run("submit", PALM, "--wait", "--json", "--csv")
    assert (result.exit_code, "give one of them" in result.stderr) == (2, True)


def test_options_that_cannot_be_used_are_refused_before_anything_is_sent() -> None:
    assert run("submit", PALM, "--interval", "2").exit_code == 2


@pytest.mark.parametrize("way", ["server", "database"])
def test_reanalyze_puts_stored_curves_into_the_queue(connected: Database, way: str) -> None:
    with Client("http://localhost", transport=httpx.WSGITransport(create_app(Settings(), connected))) as client:
        points = [{"scale": 10.0**k, "score": 0.1 * k - 0.5, "n_examples": 500} for k in range(7, 12)]
        for task in ("one", "two"):
            client.analyse({"task": task, "metric": "accuracy", "points": points})
    target = ("--server", "http://localhost") if way == "server" else ("--database-url", connected.url)
    done = run("reanalyze", "--task", "one", *target)
    assert done.exit_code == 0, done.output
    with connected.reading() as connection:
        batch = batches.get(connection, done.stdout.strip())
    assert batch is not None
    assert (batch.kind, batch.counts["total"]) == ("again", 1)


@pytest.mark.parametrize("way", ["server", "database"])
def test_reanalyze_tells_when_nothing_fits(connected: Database, way: str) -> None:
    target = ("--server", "http://localhost") if way == "server" else ("--database-url", connected.url)
    done = run("reanalyze", "--task", "none", *target)
    assert done.exit_code != 0
    assert "no stored analysis fits" in done.stderr


def test_reanalyze_waits_for_a_server_alone() -> None:
    assert "--wait needs --server" in run("reanalyze", "--wait").stderr
