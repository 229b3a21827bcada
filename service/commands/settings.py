"""From a command's options to settings, and from errors to exit codes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.errors import ScaleshapeError
from service.settings import InvalidSettings, Settings, load_settings

if TYPE_CHECKING:
    from service.database import Database, Migrated

INTERRUPTED = 130  # exit code of Ctrl-C
FAILED, USAGE = 1, 2


def config_option[F: Callable[..., Any]](command: F) -> F:
    """Adds `--config`."""
    return click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        envvar="SCALESHAPE_CONFIG",
        help="Settings file (TOML). Default: scaleshape.toml of the working folder, if there is one.",
    )(command)


def database_option[F: Callable[..., Any]](command: F) -> F:
    """Adds `--database-url` and `--config`."""
    text = "sqlite:///FILE or postgresql://… Default: a file in your data folder."
    return click.option("--database-url", metavar="URL", help=text)(config_option(command))


def settings_of(config: Path | None, **given: Any) -> Settings:
    """Settings, with the options of a command before all else."""
    return load_settings(given, os.environ, config)


@contextmanager
def told_errors() -> Iterator[None]:
    """Ends the command with a message and an exit code: 2 for settings that cannot be used, 1 for all else."""
    try:
        yield
    except ScaleshapeError as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(USAGE if isinstance(error, InvalidSettings) else FAILED) from error


@contextmanager
def current_database(config: Path | None, database_url: str | None, *, made: bool = True) -> Iterator[Database]:
    """The database of a command, with tables of this version, which SQLite's are brought to.

    `made`: a file of SQLite must be there already.
    """
    from service.serve import opened_database

    with told_errors():
        settings = settings_of(config, database_url=database_url)
        with opened_database(settings, made=made, told=told_change) as database:
            yield database


def told_change(migrated: Migrated) -> None:
    """Says on standard error what became of the tables."""
    if migrated.before != migrated.after:
        done = "made" if migrated.before is None else "changed"
        click.echo(f"tables {done}" + (f", backup: {migrated.backup}" if migrated.backup else ""), err=True)
