"""`scaleshape analyze`: files in, answers out, without a server."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.curve import ScalingCurve
from models.errors import InvalidInput, ScaleshapeError
from service.answers import Answer, Form, Output
from service.batch import Batch
from service.commands.curve_options import curve_options, told_options
from service.commands.inputs import (
    FAILURES,
    NOTHING_READ,
    input_options,
    opened,
    tell,
    tell_messages,
    told_input,
)
from service.commands.outputs import check_report, chosen_form, forgive_encoding, made_folder, not_written, plot_format
from service.commands.settings import INTERRUPTED
from service.csv_export import header_line
from service.curve_export import check_export, export_curves
from service.parallel import cores, one_thread_each
from service.progress import Progress
from service.readers.items import CurveStream
from service.readers.load_report import MOST_EXAMPLES
from service.readers.loading import load_item
from service.table_row import TableRow

if TYPE_CHECKING:
    from service.report.writing import ReportFile


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="One analysis a line (NDJSON), failures too, in input order.")
@click.option("--csv", "as_csv", is_flag=True, help="One flat row a curve.")
@click.option(
    "--plots", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="A picture of each curve."
)
@click.option("--plot-format", type=click.Choice(["svg", "png"]), help="Of the pictures. Default: svg.")
@click.option("--explain", is_flag=True, help="A sentence on each curve below its row.")
@input_options
@click.option(
    "--export",
    type=click.Path(path_type=Path),
    metavar="F",
    help="Write the curves to F.csv (tidy), F.jsonl or the folder F (Every Eval Ever).",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="F.html",
    help="A report on all curves beside the output: one HTML file.",
)
@curve_options
@click.option("--workers", type=click.IntRange(min=1), help="Processes. Default: one a core.")
@click.pass_context
def analyze(ctx: click.Context, /, files: tuple[str, ...], **given: Any) -> None:
    """Analyse the curves in FILEs: tables, JSON of curves, results of harnesses, folders; `-` is standard input.

    Several files are one input: harnesses' results of one family on one task make one curve, whichever file they stand
    in. Tables and JSON of curves are read file by file: the points of a curve stand in one of them.

    Exit code 0: all curves analysed; 1: some or all failed, or a file could not be read; 2: no
    curve could be read, or wrong usage.
    """
    one_thread_each()
    forgive_encoding()
    folder, reported = made_folder("--plots", given["plots"]), given["report"] is not None
    output = Output(_form(given), given["explain"], folder, plot_format(given), reported)
    told = told_options(given)
    wanted = told_input(given)
    _check_export(given["export"])
    check_report(given["report"], (*files, given["export"]))
    try:
        with ExitStack() as stack:
            streams, unreadable = opened(stack, files, wanted)
            _export(streams, given["export"])
            batch = Batch(streams, told, output)
            report = _report(stack, given["report"], given["interval"])
            failed = _show(batch, given["workers"] or cores(), report)
            tell_messages(streams)
            _finish(report, files, streams)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        ctx.exit(INTERRUPTED)
    except ScaleshapeError as error:
        click.echo(f"Error: {error}", err=True)
        ctx.exit(FAILURES)
    ctx.exit(NOTHING_READ if batch.count == 0 else FAILURES if failed or unreadable else 0)


def _form(given: Mapping[str, Any]) -> Form:
    form = chosen_form(given)
    if form is not None and given["explain"]:
        raise click.UsageError("--explain adds to the table: without it, --json has the sentence under summary")
    return form or "table"


def _check_export(path: Path | None) -> None:
    try:
        if path is not None:
            check_export(path)
    except InvalidInput as error:
        raise click.UsageError(f"--export {error}") from error


def _export(streams: Sequence[CurveStream], path: Path | None) -> None:
    """Write the curves that can be read; the others are told when they fail in the analysis."""

    def curves() -> Iterator[ScalingCurve]:
        for stream in streams:
            for item in stream.items():
                with suppress(InvalidInput):
                    yield load_item(item).curve

    if path is None or not streams:
        return
    try:
        count = export_curves(curves, path, tell=lambda note: tell([note]))
    except OSError as error:
        raise not_written("--export", path, error) from error
    tell([f"{count:,} curve{'s'[: count != 1]} written to {path}"])


def _report(stack: ExitStack, path: Path | None, interval: float | None) -> ReportFile | None:
    """The report, where it is wanted; that it cannot be written is told before anything is analysed."""
    if path is None:
        return None
    from service.report.writing import report_file

    try:
        return stack.enter_context(report_file(path, interval))
    except OSError as error:
        raise not_written("--report", path, error) from error


def _finish(report: ReportFile | None, files: Sequence[str], streams: Sequence[CurveStream]) -> None:
    """Write the report, unless there is no curve to report on."""
    if report is None or report.collection.count == 0:
        return
    reports = [stream.report for stream in streams if stream.report is not None]
    known = [line for found in reports for line in found.lines(MOST_EXAMPLES)]
    short = {line for found in reports for line in found.lines()}
    messages = [message for stream in streams for message in stream.messages() if message not in short]
    try:
        report.finish(files, [*known, *messages])
    except OSError as error:
        raise ScaleshapeError(f"the report {report.path} cannot be written: {error.strerror}") from error
    tell([f"report written to {report.path}"])


def _show(batch: Batch, processes: int, report: ReportFile | None) -> int:
    """Print the answers as they come; returns how many failed."""
    if batch.count == 0:
        return 0
    progress = Progress(batch.count, sys.stderr, shared=sys.stdout.isatty())
    answers = progress.watched(batch.answers(processes))
    if report is not None:
        answers = report.watched(answers)
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
