"""The settings of the server: where they come from, what they may be. Nothing else reads the environment."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from models.errors import ScaleshapeError
from service.parallel import cores

PREFIX = "SCALESHAPE_"
DEFAULT_SERVER = "http://127.0.0.1:8080"  # of the commands that speak to one
CONFIG_FILE = "scaleshape.toml"
KIB, MIB, GIB = 2**10, 2**20, 2**30
ROLES = ("all", "web", "dispatcher", "scheduler", "worker")  # of `serve`
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("auto", "json", "console")
# Variables of the command itself, beside the settings: name -> what it is.
COMMAND_VARIABLES = {
    "SCALESHAPE_CONFIG": "the settings file, as `--config`",
    "SCALESHAPE_SERVER": "the server that `submit` and `reanalyze` speak to, as `--server`",
    "SCALESHAPE_API_KEY": "the key that they send",
}


class InvalidSettings(ScaleshapeError):
    """A setting that cannot be used; the message says which, where it stands and what it may be."""


type Reader = Callable[[Any], Any]


def _text(given: Any) -> str:
    text = str(given).strip()
    if not isinstance(given, str) or "\n" in text:
        raise ValueError("a text of one line")
    return text


def _one_of(*names: str) -> Reader:
    def read(given: Any) -> str:
        if given not in names:
            raise ValueError(f"one of {', '.join(names)}")
        return str(given)

    return read


def _switch(given: Any) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    try:
        return words[str(given).lower()]
    except KeyError:
        raise ValueError("true or false") from None


def _whole(least: int, most: int = 2**31 - 1) -> Reader:
    def read(given: Any) -> int:
        text = str(given).replace("_", "")
        if isinstance(given, bool) or not re.fullmatch(r"\d+", text) or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return read


def _bytes(given: Any) -> int:
    match = re.fullmatch(r"(\d+) ?(KiB|MiB|GiB|)", str(given).replace("_", ""))
    if isinstance(given, bool) or match is None or int(match[1]) == 0:
        raise ValueError("a number of bytes, such as 10MiB")
    return int(match[1]) * {"": 1, "KiB": KIB, "MiB": MIB, "GiB": GIB}[match[2]]


def _rate(given: Any) -> str:
    if not re.fullmatch(r"([1-9]\d*/(second|minute|hour|day))?", str(given)):
        raise ValueError("of the form 600/minute (second, minute, hour or day), or empty for none")
    return str(given)


def _scheduler(given: Any) -> str:
    if not re.fullmatch(r"((tcp|tls)://[^\s/:]+:\d{1,5})?", str(given)):
        raise ValueError("of the form tls://host:8786, or empty for one of its own")
    return str(given)


def _memory(given: Any) -> str:
    _bytes(given)
    return str(given).replace(" ", "")


@dataclass(frozen=True, slots=True)
class Setting:
    """A row of the settings table: `shown` is its default as people read it."""

    name: str
    shown: str
    means: str
    read: Reader

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return PREFIX + self.name.upper()


def _setting[T](default: T, read: Reader, means: str, shown: str | None = None) -> T:
    told = shown if shown is not None else str(default).lower() if isinstance(default, bool) else str(default)
    return field(default=default, metadata={"read": read, "means": means, "shown": told})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings, checked; made by `load_settings`, or by name in tests."""

    database_url: str = _setting(
        "",
        _text,
        "`sqlite:///FILE` or `postgresql://user:password@host/name`",
        "a SQLite file in the user's data folder",
    )
    backup_dir: str = _setting(
        "", _text, "where a SQLite database is copied to before its tables are changed", "beside the database"
    )
    host: str = _setting("127.0.0.1", _text, "address that the server listens on; others than loopback need API keys")
    port: int = _setting(8080, _whole(0, 65535), "port that it listens on; 0: any that is free")
    allow_open: bool = _setting(
        default=False, read=_switch, means="listen on other addresses than loopback without API keys"
    )
    threads: int = _setting(16, _whole(1, 256), "threads of the web process")
    workers: int = field(
        default_factory=cores,
        metadata={"read": _whole(1, 1024), "means": "worker processes on this machine", "shown": "one a core"},
    )
    worker_memory_limit: str = _setting("2GiB", _memory, "memory at which a worker is restarted")
    max_body_bytes: int = _setting(10 * MIB, _bytes, "largest body of one curve, after decompression", "10MiB")
    max_batch_bytes: int = _setting(200 * MIB, _bytes, "largest body of a batch, after decompression", "200MiB")
    max_points: int = _setting(1000, _whole(3), "most points of a curve")
    max_batch_curves: int = _setting(100_000, _whole(1), "most curves of a batch")
    max_queued_curves: int = _setting(500_000, _whole(1), "curves that may wait; above it batches get 503")
    rate_limit: str = _setting("600/minute", _rate, "requests of one key, or of one address without keys; empty: any")
    request_timeout_s: int = _setting(
        30, _whole(1, 3600), "seconds that a request may stand still, and that running ones get at a stop"
    )
    task_wall_limit_s: int = _setting(600, _whole(1), "seconds that one curve may take in a batch")
    max_attempts: int = _setting(4, _whole(1, 100), "times that a curve may kill its worker before it has failed")
    retention_days: int = _setting(0, _whole(0), "days after which batches and analyses are removed; 0: never")
    idempotency_hours: int = _setting(48, _whole(1), "hours for which an Idempotency-Key is remembered")
    scheduler_address: str = _setting("", _scheduler, "the cluster's scheduler: `tls://host:port`", "one of its own")
    tls_ca: str = _setting("", _text, "file of the certificate authority of the cluster (PEM)")
    tls_cert: str = _setting("", _text, "file of this machine's certificate (PEM)")
    tls_key: str = _setting("", _text, "file of its private key (PEM)")
    log_level: str = _setting("info", _one_of(*LOG_LEVELS), f"least level that is logged: {', '.join(LOG_LEVELS)}")
    log_format: str = _setting("auto", _one_of(*LOG_FORMATS), "`json`, `console`, or `auto`: JSON but on a terminal")


SETTINGS: tuple[Setting, ...] = tuple(
    Setting(f.name, f.metadata["shown"], f.metadata["means"], f.metadata["read"]) for f in fields(Settings)
)


def load_settings(given: Mapping[str, Any], environment: Mapping[str, str], config: Path | None = None) -> Settings:
    """The settings: `given` (options of the command; None: not given) before environment, file and default.

    `config`: a TOML file; without one, `scaleshape.toml` of the working folder if it is there.
    """
    told = {
        **_of_file(config),
        **_of_environment(environment),
        **{name: (value, f"option --{name.replace('_', '-')}") for name, value in given.items() if value is not None},
    }
    read = {setting.name: _read(setting, *told[setting.name]) for setting in SETTINGS if setting.name in told}
    if not read.get("database_url"):
        read["database_url"] = f"sqlite:///{_data_folder(environment) / 'scaleshape.db'}"
    return Settings(**read)


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that give another process the same settings."""
    return {PREFIX + name.upper(): str(value) for name, value in asdict(settings).items()}


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _of_file(config: Path | None) -> dict[str, tuple[Any, str]]:
    path = config or Path(CONFIG_FILE)
    if config is None and not path.is_file():
        return {}
    try:
        given = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InvalidSettings(f"the settings file {path} cannot be read: {error}") from error
    return dict(_known({name: (name, value) for name, value in given.items()}, str(path)))


def _of_environment(environment: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    names = [name for name in environment if name.startswith(PREFIX) and name not in COMMAND_VARIABLES]
    return dict(_known({name.removeprefix(PREFIX).lower(): (name, environment[name]) for name in names}, "environment"))


def _known(given: Mapping[str, tuple[str, Any]], place: str) -> Iterator[tuple[str, tuple[Any, str]]]:
    names = {setting.name for setting in SETTINGS}
    for name, (written, value) in given.items():
        if name not in names:
            raise InvalidSettings(f"{place}: {written} is no setting; there are {', '.join(sorted(names))}")
        yield name, (value, f"{place}: {written}")


def _read(setting: Setting, value: Any, place: str) -> Any:
    try:
        return setting.read(value)
    except ValueError as error:
        raise InvalidSettings(f"{place} is {value!r}, but must be {error}") from None


def _data_folder(environment: Mapping[str, str]) -> Path:
    home = environment.get("XDG_DATA_HOME") or str(Path(environment.get("HOME", "~")).expanduser() / ".local/share")
    return Path(home) / "scaleshape"
