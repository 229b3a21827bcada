"""The command `scaleshape`."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from models.errors import InvalidInput, ScaleshapeError
from models.options import EngineName
from service.answers import Answer, Output
from service.batch import Batch
from service.csv_export import header_line
from service.parallel import cores, one_thread_each
from service.progress import Progress
from service.readers.errors import UnreadableFile
from service.readers.opening import FORMATS, SCALES, CurveStream, open_curves
from service.schemas.options import load_options
from service.table_row import TableRow

FAILURES, NOTHING_READ, INTERRUPTED = 1, 2, 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="scaleshape", message="%(prog)s %(version)s")
def main() -> None:
    """Classify scaling curves: positive, inverse, U-shaped, inverted-U or flat, with honest intervals."""


class _ClassPrior(click.ParamType[dict[str, float]]):
    """`positive=.3,inverse=.2,u_shaped=.15,inverted_u=.1,flat=.25`."""

    name = "prior"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return {name.strip(): float(p) for name, p in (part.split("=") for part in value.split(","))}
        except ValueError:
            self.fail(
                f"{value!r} is not of the form positive=.3,inverse=.2,u_shaped=.15,inverted_u=.1,flat=.25", param, ctx
            )


class _BetweenModelScale(click.ParamType[float | str]):
    """A number, `default` or `suite`."""

    name = "scale"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value in ("default", "suite"):
            return value
        try:
            return float(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number, 'default' nor 'suite'", param, ctx)


@main.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "form", flag_value="json", help="One analysis a line (NDJSON), failures too, in input order.")
@click.option("--csv", "form", flag_value="csv", help="One flat row a curve.")
@click.option(
    "--plots", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="A picture of each curve."
)
@click.option("--plot-format", type=click.Choice(["svg", "png"]), default="svg", show_default=True)
@click.option("--explain", is_flag=True, help="A sentence on each curve below its row.")
@click.option("--format", "file_format", type=click.Choice(FORMATS), help="Of the files; detected when not given.")
@click.option(
    "--scale", "axis", type=click.Choice(SCALES), help="The column that is the scale, where there are several."
)
@click.option("--engine", type=click.Choice([name.value for name in EngineName]), help="Default: quadrature.")
@click.option("--smallest-effect", type=float, help="Change that matters, in score units. Default: 0.02 of the range.")
@click.option("--decision-threshold", type=float, help="Probability from which a label is given. Default: 0.8.")
@click.option("--class-prior", type=_ClassPrior(), help="Probabilities before the data: positive=.3,inverse=.2,...")
@click.option("--interval", type=float, help="Level of the intervals. Default: 0.95.")
@click.option("--seed", type=int, help="Default: 0.")
@click.option(
    "--between-model-scale",
    type=_BetweenModelScale(),
    help="Scatter of models around a smooth curve: a number, 'default' or 'suite' (the choice for 20 curves and more).",
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes. Default: one a core.")
@click.pass_context
def analyze(ctx: click.Context, /, files: tuple[str, ...], **given: Any) -> None:
    """Analyse the curves of CSV, JSON or NDJSON files; `-` is standard input.

    Exit code 0: all curves analysed; 1: some or all failed; 2: no curve could be read, or wrong usage.
    """
    one_thread_each()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a name that the terminal's encoding lacks is no reason to fail
    output = Output(given["form"] or "table", given["explain"], _folder(given["plots"]), given["plot_format"])
    told = {name: given[name] for name in OPTION_NAMES if given[name] is not None}
    _check(told)
    try:
        with ExitStack() as stack:
            streams, unreadable = _opened(stack, files, given["file_format"], given["axis"])
            batch = Batch(streams, told, output)
            failed = _show(batch, given["workers"] or cores())
            _tell_messages(streams)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        ctx.exit(INTERRUPTED)
    except ScaleshapeError as error:
        click.echo(f"Error: {error}", err=True)
        ctx.exit(FAILURES)
    ctx.exit(NOTHING_READ if batch.count == 0 else FAILURES if failed or unreadable else 0)


OPTION_NAMES = (
    "engine",
    "smallest_effect",
    "decision_threshold",
    "class_prior",
    "interval",
    "seed",
    "between_model_scale",
)


def _check(told: dict[str, Any]) -> None:
    """Refuse options that no curve could be analysed with."""
    try:
        load_options(told)
    except InvalidInput as error:
        raise click.UsageError(str(error)) from error


def _folder(path: Path | None) -> Path | None:
    if path is not None:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.UsageError(f"--plots {path}: {error.strerror}") from error
    return path


def _opened(
    stack: ExitStack, files: Iterable[str], file_format: str | None, axis: str | None
) -> tuple[list[CurveStream], int]:
    """The files that can be read, and how many cannot; those are told at once."""
    streams, unreadable = [], 0
    for name in files:
        source = sys.stdin.buffer if name == "-" else Path(name)
        try:
            streams.append(stack.enter_context(open_curves(source, file_format, axis)))
        except UnreadableFile as error:
            unreadable += 1
            click.echo(f"Error: {error}" if name in str(error) else f"Error: {name}: {error}", err=True)
    return streams, unreadable


def _show(batch: Batch, processes: int) -> int:
    """Print the answers as they come; returns how many failed."""
    if batch.count == 0:
        return 0
    progress = Progress(batch.count, sys.stderr, shared=sys.stdout.isatty())
    answers = progress.watched(batch.answers(processes))
    if batch.output.form == "table":
        _print_table(answers)
    else:
        _print_lines(answers, header_line() if batch.output.form == "csv" else "")
    return progress.failed


def _print_lines(answers: Iterable[Answer], header: str) -> None:
    click.echo(header, nl=False)
    for answer in answers:
        click.echo(answer.content, nl=False)


def _print_table(answers: Iterable[Answer]) -> None:
    from service.table import print_table

    rows: Iterator[TableRow] = (answer.content for answer in answers if isinstance(answer.content, TableRow))
    if not sys.stdout.isatty():
        print_table(rows, sys.stdout)
        return
    from rich.console import Console

    print_table(rows, sys.stdout, Console())


def _tell_messages(streams: Iterable[CurveStream]) -> None:
    for stream in streams:
        for message in stream.messages():
            click.echo(message, err=True)


if __name__ == "__main__":
    main()
