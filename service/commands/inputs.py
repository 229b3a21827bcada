"""Files of curves, as the commands take them that need no server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from service.readers.errors import UnreadableFile
from service.readers.models_table import ModelsTable, read_models
from service.readers.opening import FORMATS, SCALES, CurveStream, open_curves

FAILURES, NOTHING_READ = 1, 2  # exit codes
NONE_CHOSEN = "no curve is chosen: look at the names that analyze shows"

_OPTIONS = (
    click.option("--format", "file_format", type=click.Choice(FORMATS), help="Of the files; detected when not given."),
    click.option(
        "--scale", "axis", type=click.Choice(SCALES), help="The column that is the scale, where there are several."
    ),
    click.option(
        "--models",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="CSV",
        help="Table of language models: model, model_family, parameters, training_tokens, ...",
    ),
)


def input_options[F: Callable[..., Any]](command: F) -> F:
    """Adds the options that say how files are read to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def told_input(given: Mapping[str, Any]) -> dict[str, Any]:
    """What the options say, as `open_curves` takes it; a models table that cannot be read is wrong usage."""
    return {"format_name": given["file_format"], "scale": given["axis"], "models": _models(given["models"])}


def opened(stack: ExitStack, files: Sequence[str], wanted: Mapping[str, Any]) -> tuple[list[CurveStream], int]:
    """What can be read, with its load report, and how many files cannot; those are told at once."""
    sources = [Path(name) for name in files if name != "-"]
    missing = [path for path in sources if not path.exists()] if len(sources) > 1 else []
    for path in missing:
        click.echo(f"Error: {path} cannot be opened: there is no such file", err=True)
    there = [path for path in sources if path not in missing]
    inputs: list[tuple[str, Any]] = [("-", sys.stdin.buffer)] * files.count("-")
    inputs += [(str(there[0]), there[0] if len(there) == 1 else there)] if there else []
    streams, unreadable = [], len(missing)
    for name, source in inputs:
        try:
            stream = stack.enter_context(open_curves(source, **wanted))
        except UnreadableFile as error:
            unreadable += 1
            click.echo(f"Error: {error}" if name in str(error) else f"Error: {name}: {error}", err=True)
            continue
        streams.append(stream)
        if stream.report is not None:
            tell(stream.report.lines())
            unreadable += stream.report.count("unreadable")
    return streams, unreadable


def tell(lines: Iterable[str]) -> None:
    """Print lines that are no results."""
    for line in lines:
        click.echo(line, err=True)


def tell_messages(streams: Iterable[CurveStream]) -> None:
    """Print what came up while the curves were read; a load report was told before."""
    for stream in streams:
        told = set() if stream.report is None else set(stream.report.lines())
        tell(message for message in stream.messages() if message not in told)


def _models(path: Path | None) -> ModelsTable | None:
    try:
        return None if path is None else read_models(path)
    except UnreadableFile as error:
        raise click.UsageError(f"--models {path}: {error}") from error
