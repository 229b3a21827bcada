import os
import re
import shlex
import tomllib
from dataclasses import asdict, fields
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cli import main
from service.settings import COMMAND_VARIABLES, SETTINGS, InvalidSettings, Settings, environment_of, load_settings

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = (ROOT / "docs/operations.md").read_text()


def test_an_option_goes_before_the_environment_that_before_the_file_and_that_before_the_default(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('port = 1\nthreads = 2\nlog_level = "debug"\nhost = "::1"\n')
    environment = {"SCALESHAPE_PORT": "3", "SCALESHAPE_THREADS": "4"}
    settings = load_settings({"port": "5", "host": None}, environment, file)
    assert (settings.port, settings.threads, settings.log_level) == (5, 4, "debug")
    assert settings.host == "::1"
    assert settings.max_points == Settings().max_points


def test_the_settings_file_of_the_working_folder_is_read_without_being_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scaleshape.toml").write_text('max_body_bytes = "3 MiB"\n')
    monkeypatch.chdir(tmp_path)
    assert load_settings({}, {}).max_body_bytes == 3 * 2**20


@pytest.mark.parametrize(
    ("home", "place"),
    [({"XDG_DATA_HOME": "/data"}, "/data"), ({"HOME": "/somebody"}, "/somebody/.local/share")],
)
def test_the_database_is_a_file_in_the_users_data_folder_unless_it_is_given(home: dict[str, str], place: str) -> None:
    assert load_settings({}, home).database_url == f"sqlite:///{place}/scaleshape/scaleshape.db"
    assert load_settings({"database_url": "postgresql://host/name"}, home).database_url == "postgresql://host/name"


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("SCALESHAPE_PORT", "http", "environment: SCALESHAPE_PORT is 'http', but must be a whole number from 0 to"),
        ("SCALESHAPE_PORT", "-1", "must be a whole number"),
        ("SCALESHAPE_PORT", "65536", "must be a whole number from 0 to 65535"),
        ("SCALESHAPE_THREADS", "0", "must be a whole number from 1"),
        ("SCALESHAPE_THREADS", "1.5", "must be a whole number"),
        ("SCALESHAPE_ALLOW_OPEN", "perhaps", "must be true or false"),
        ("SCALESHAPE_MAX_BODY_BYTES", "10 MB", "must be a number of bytes, such as 10MiB"),
        ("SCALESHAPE_MAX_BODY_BYTES", "0", "must be a number of bytes"),
        ("SCALESHAPE_WORKER_MEMORY_LIMIT", "much", "must be a number of bytes"),
        ("SCALESHAPE_RATE_LIMIT", "often", "must be of the form 600/minute"),
        ("SCALESHAPE_SCHEDULER_ADDRESS", "host:8786", "must be of the form tls://host:8786"),
        ("SCALESHAPE_LOG_LEVEL", "loud", "must be one of debug, info, warning, error"),
        ("SCALESHAPE_HOST", "a\nb", "must be a text of one line"),
        ("SCALESHAPE_PROT", "8080", "SCALESHAPE_PROT is no setting; there are allow_open, "),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_by_name(variable: str, value: str, words: str) -> None:
    with pytest.raises(InvalidSettings) as error:
        load_settings({}, {variable: value})
    assert words in str(error.value)


@pytest.mark.parametrize("text", ["port = 8080\nport = 8081", "colour = 3", "port = true", 'allow_open = "so"'])
def test_a_settings_file_with_a_fault_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    with pytest.raises(InvalidSettings, match=str(file)):
        load_settings({}, {}, file)


def test_a_settings_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="cannot be read"):
        load_settings({}, {}, tmp_path / "none.toml")


def test_variables_of_the_command_itself_are_no_settings() -> None:
    assert load_settings({}, dict.fromkeys(COMMAND_VARIABLES, "x")) == load_settings({}, {})


@given(
    port=st.integers(0, 65535), open_=st.booleans(), size=st.integers(1, 2**40), rate=st.sampled_from(["", "5/hour"])
)
def test_another_process_gets_the_same_settings_by_its_environment(
    *, port: int, open_: bool, size: int, rate: str
) -> None:
    settings = load_settings(
        {"port": port, "allow_open": open_, "max_body_bytes": size, "rate_limit": rate}, {"HOME": "/somebody"}
    )
    assert load_settings({}, environment_of(settings)) == settings


def test_defaults_are_values_that_would_be_accepted() -> None:
    defaults = asdict(Settings())
    assert {setting.name: setting.read(defaults[setting.name]) for setting in SETTINGS} == defaults
    assert [setting.name for setting in SETTINGS] == [field.name for field in fields(Settings)]


def test_operations_lists_every_setting_with_its_default_and_meaning() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", OPERATIONS, flags=re.MULTILINE)
    shown = {name: (default.strip("`"), means) for name, default, means in rows}
    wanted = {setting.name: (setting.shown or "empty", setting.means) for setting in SETTINGS}
    assert {name: shown.get(name) for name in wanted} == wanted


def test_operations_shows_commands_that_exist() -> None:
    shown = re.findall(r"^scaleshape (.+?)(?: +#.*)?$", OPERATIONS, flags=re.MULTILINE)
    assert len(shown) > 8
    for line in shown:
        arguments = shlex.split(line.replace("…", ""))
        command: click.Command = main
        while isinstance(command, click.Group):
            name, found, arguments = command.resolve_command(click.Context(command), arguments)
            assert found is not None, name
            command = found
        assert command.make_context(command.name, list(arguments)).params


def test_operations_lists_every_variable_of_the_command() -> None:
    assert [name for name in COMMAND_VARIABLES if f"`{name}`" not in OPERATIONS] == []


def test_the_example_settings_file_of_operations_can_be_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", OPERATIONS, flags=re.DOTALL)
    file = tmp_path / "scaleshape.toml"
    file.write_text(example)
    settings = asdict(load_settings({}, {}, file))
    assert tomllib.loads(example).keys() <= settings.keys()


def test_nothing_else_of_the_service_reads_the_environment() -> None:
    hand_it_on = {"service/commands/settings.py", "service/serve.py", "service/processes.py"}
    set_threads = {"service/parallel.py"}
    readers = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "service").rglob("*.py")
        if re.search(r"\bos\.(environ|getenv)\b", path.read_text())
    }
    assert readers <= hand_it_on | set_threads
    assert os.environ.keys() >= {"PATH"}
