"""`scaleshape meta`: files analysed and summed up as one suite."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click
import orjson

from models.errors import InvalidInput, ScaleshapeError
from service.answers import Output
from service.batch import Batch
from service.commands.curve_options import curve_options, told_options
from service.commands.inputs import (
    FAILURES,
    NOTHING_READ,
    input_options,
    opened,
    tell_messages,
    told_input,
)
from service.commands.settings import INTERRUPTED
from service.parallel import cores, one_thread_each
from service.progress import Progress
from service.table_row import TableRow

if TYPE_CHECKING:
    from models.suite_summary import SuiteOptions
    from service.suite_documents import PlacedCurve

GROUPINGS = ("metric", "task_group", "model_family", "prompting")
GROUP_ENGINES = ("slices", "nuts")
METHODS = ("reml", "paule_mandel", "dersimonian_laird")


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="The whole summary as JSON.")
@click.option(
    "--by",
    "groups",
    multiple=True,
    type=click.Choice([*GROUPINGS, "none"]),
    help="Groups of curves whose shapes are counted apart; all four unless given.",
)
@click.option(
    "--group-engine", type=click.Choice(GROUP_ENGINES), help="Sampler of the groups; nuts: PyMC, the reference."
)
@click.option("--fdr-level", type=float, help="Largest expected share of false labels among those kept. Default: 0.05.")
@click.option("--method", type=click.Choice(METHODS), help="Estimator of the variance between curves. Default: reml.")
@input_options
@curve_options
@click.option("--workers", type=click.IntRange(min=1), help="Processes. Default: one a core.")
@click.pass_context
def meta(ctx: click.Context, /, files: tuple[str, ...], **given: Any) -> None:
    """Sum up the curves in FILEs as one suite: how common each shape is, which labels to trust, what is typical.

    Curves are analysed as `analyze` does it. Exit code 0: all curves analysed; 1: some failed, they are too few, or a
    file could not be read; 2: no curve could be read, or wrong usage.
    """
    one_thread_each()
    told, wanted, options = told_options(given), told_input(given), _suite_options(given)
    try:
        with ExitStack() as stack:
            streams, unreadable = opened(stack, files, wanted)
            batch = Batch(streams, told, Output("suite"))
            failed = _show(batch, given["workers"] or cores(), options, as_json=given["as_json"])
            tell_messages(streams)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        ctx.exit(INTERRUPTED)
    except ScaleshapeError as error:
        click.echo(f"Error: {error}", err=True)
        ctx.exit(FAILURES)
    ctx.exit(NOTHING_READ if batch.count == 0 else FAILURES if failed or unreadable else 0)


def _suite_options(given: dict[str, Any]) -> SuiteOptions:
    from service.schemas.suite_options import load_suite_options

    groups = given["groups"]
    asked = {
        "interval": given["interval"],
        "fdr_level": given["fdr_level"],
        "method": given["method"],
        "group_engine": given["group_engine"],
        "group_by": None if not groups else [name for name in groups if name != "none"],
    }
    try:
        return load_suite_options(asked)
    except InvalidInput as error:
        raise click.UsageError(str(error)) from error


def _show(batch: Batch, processes: int, options: SuiteOptions, *, as_json: bool) -> int:
    """Print the summary of all curves that can be analysed; returns how many cannot."""
    if batch.count == 0:
        return 0
    from models.suite_summary import FEWEST_CURVES, summary_of_curves

    curves, failed = _curves(batch, processes)
    if len(curves) < FEWEST_CURVES:
        analysed = "1 curve is" if len(curves) == 1 else f"{len(curves)} curves are"
        raise ScaleshapeError(f"{analysed} analysed: a suite has at least {FEWEST_CURVES}")
    summary = summary_of_curves([placed.curve for placed in curves], options)
    if as_json:
        from service.suite_documents import summary_document

        click.echo(orjson.dumps(summary_document(summary, curves, options)))
        return failed
    from service.suite_table import print_sections, summary_sections

    print_sections(summary_sections(summary))
    return failed


def _curves(batch: Batch, processes: int) -> tuple[list[PlacedCurve], int]:
    """The analysed curves; those that cannot be are told as they come."""
    from service.suite_documents import PlacedCurve

    progress = Progress(batch.count, sys.stderr, shared=False)
    curves = []
    for answer in progress.watched(batch.answers(processes)):
        if isinstance(answer.content, PlacedCurve):
            curves.append(answer.content)
        elif isinstance(answer.content, TableRow):
            click.echo(f"Error: {answer.content.task}: {answer.content.failure}", err=True)
    return curves, progress.failed
