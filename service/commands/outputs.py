"""The form of the output, and files beside it: what cannot be written is told before the work."""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import click


def check_file(option: str, path: Path | None) -> None:
    """Raise `UsageError` where no file can be written at a path; what stands there stays as it is."""
    if path is None or (path.exists() and not path.is_file()):  # a device or a pipe is not tried out
        return
    try:
        with path.open("ab") if path.exists() else tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise not_written(option, path, error) from error


def made_folder(option: str, path: Path | None) -> Path | None:
    """The folder, made where it is not there; raises `UsageError` where no file can be written in it."""
    if path is None:
        return None
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise not_written(option, path, error) from error


def plot_format(given: Mapping[str, Any]) -> Literal["svg", "png"]:
    """The form of pictures; raises `UsageError` where one is asked for without a folder for them."""
    asked: Literal["svg", "png"] | None = given["plot_format"]
    if asked is not None and given["plots"] is None:
        raise click.UsageError("--plot-format is that of pictures: give a folder for them, --plots DIR")
    return asked or "svg"


def chosen_form(given: Mapping[str, Any]) -> Literal["json", "csv"] | None:
    """What --json or --csv ask for; None for the table. Raises `UsageError` for both of them."""
    if given["as_json"] and given["as_csv"]:
        raise click.UsageError("--json and --csv are two forms of one output: give one of them")
    return "json" if given["as_json"] else "csv" if given["as_csv"] else None


def not_written(option: str, path: Path, error: OSError) -> click.UsageError:
    """What is told of a path that cannot be written."""
    return click.UsageError(f"{option} {path}: {error.strerror}")


def check_report(path: Path | None, others: Iterable[str | Path | None]) -> None:
    """Raises `UsageError` where a report would take the place of an input or of the curves that are written."""
    if path is not None and path.resolve() in {Path(other).resolve() for other in others if other is not None}:
        raise click.UsageError(f"--report {path} is also another file of this command: give it a name of its own")


def forgive_encoding() -> None:
    """Print signs that the terminal's encoding lacks as question marks: a name is no reason to fail."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
