"""`scaleshape compare`: curves of files against each other."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import click
import orjson

from models.errors import InvalidInput, Problem, ScaleshapeError
from models.options import DEFAULT_INTERVAL
from service.answers import Output
from service.batch import Batch
from service.commands.choosing import NAMES, choosing_options, is_chosen, told_choice
from service.commands.curve_options import curve_options, told_options
from service.commands.inputs import (
    FAILURES,
    NONE_CHOSEN,
    NOTHING_READ,
    input_options,
    opened,
    tell_messages,
    told_input,
)
from service.commands.settings import INTERRUPTED
from service.parallel import cores, one_thread_each

if TYPE_CHECKING:
    from service.comparisons import Compared


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="One comparison a line (NDJSON).")
@choosing_options
@click.option(
    "--by", type=click.Choice(NAMES), help="Compare those that differ in this alone, set by set; else all chosen ones."
)
@input_options
@curve_options
@click.option("--workers", type=click.IntRange(min=1), help="Processes. Default: one a core.")
@click.pass_context
def compare(ctx: click.Context, /, files: tuple[str, ...], **given: Any) -> None:
    """Compare curves in FILEs: labels, whether the shapes differ, differences of changes and turns, where they cross.

    Curves with outcomes of the same items are compared item by item, too. Exit code 0: compared; 1: some of the curves
    failed, they cannot be compared, or a file could not be read; 2: no curve could be read, or wrong usage.
    """
    one_thread_each()
    told, wanted = told_options(given), told_input(given)
    try:
        with ExitStack() as stack:
            streams, unreadable = opened(stack, files, wanted)
            chosen = told_choice(given, (item for stream in streams for item in stream.items()))
            batch = Batch(streams, told, Output("json"), partial(is_chosen, chosen))
            found, failed = _analyses(batch, given["workers"] or cores())
            tell_messages(streams)
            if batch.count:
                _check_number(len(found), failed, given["by"])
                _show(_sets(found, given["by"]), given["interval"] or DEFAULT_INTERVAL, as_json=given["as_json"])
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        ctx.exit(INTERRUPTED)
    except ScaleshapeError as error:
        click.echo(f"Error: {error}", err=True)
        ctx.exit(FAILURES)
    ctx.exit(NOTHING_READ if batch.count == 0 else FAILURES if failed or unreadable else 0)


def _analyses(batch: Batch, processes: int) -> tuple[list[Compared], int]:
    """The analyses of the chosen curves, and how many of these failed."""
    from service.comparisons import Compared
    from service.schemas.decoding import analysis_of

    found, failed = [], 0
    for answer in batch.answers(processes):
        document = orjson.loads(str(answer.content))
        if answer.label is None:
            failed += 1
            click.echo(f"Error: {document['curve'].get('task', '')}: {document['error']['detail']}", err=True)
            continue
        found.append(Compared(document["id"], analysis_of(document)))
    return found, failed


def _check_number(count: int, failed: int, factor: str | None) -> None:
    """Raise `ScaleshapeError` where so many analysed curves cannot be compared."""
    from models.comparison import MOST_CURVES
    from service.comparisons import FEWEST_CURVES

    if count + failed == 0:
        raise ScaleshapeError(NONE_CHOSEN)
    if count < FEWEST_CURVES or (factor is None and count > MOST_CURVES):
        curves = "1 chosen curve is" if count == 1 else f"{count} chosen curves are"
        raise ScaleshapeError(
            f"{curves} analysed: a comparison takes {FEWEST_CURVES} to {MOST_CURVES}, see --task and --by"
        )


def _sets(found: list[Compared], factor: Any) -> list[list[Compared]]:
    """What is compared with each other."""
    from models.comparison import matched

    if factor is None:
        return [found]
    sets = [[found[i] for i in members] for members in matched([each.analysis.curve for each in found], factor)]
    if not sets:
        name = factor.replace("_", " ")
        raise InvalidInput([Problem("", f"no two of the {len(found)} curves differ in nothing but the {name}")])
    return sets


def _show(sets: Sequence[list[Compared]], level: float, *, as_json: bool) -> None:
    from service.comparison_table import comparison_sections
    from service.comparisons import comparison_document
    from service.suite_table import print_sections

    among = [each.analysis.curve for compared in sets for each in compared]
    for number, compared in enumerate(sets):
        document = comparison_document(compared, level, among)
        if as_json:
            click.echo(orjson.dumps(document))
            continue
        if number:
            click.echo()
        print_sections(comparison_sections(document, compared))
