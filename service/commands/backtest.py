"""`scaleshape backtest`: the largest models hidden and forecast."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
import orjson

from models.errors import ScaleshapeError
from service.answers import Entry
from service.commands.forecast_options import FEW, chosen_entries, forecast_options, told_of, watched
from service.commands.inputs import (
    FAILURES,
    NOTHING_READ,
    input_options,
    opened,
    tell_messages,
    told_input,
)
from service.commands.settings import INTERRUPTED
from service.compiling import compiled_ahead
from service.parallel import Job, Workers, cores, one_thread_each

if TYPE_CHECKING:
    from models.backtest import Backtest
    from service.forecasting import Backtesting, Learning, Outcome


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="The whole backtest as JSON, every forecast included.")
@click.option(
    "--hide", "hidden", type=int, default=1, show_default=True, help="How many of the largest scales are hidden."
)
@forecast_options
@input_options
@click.pass_context
def backtest(ctx: click.Context, /, files: tuple[str, ...], **given: Any) -> None:
    """Hide the largest models of each curve in FILEs, forecast them from the others, and compare.

    Absolute error, CRPS and coverage beside those of the last value, a straight line on the logit, a logistic and a
    broken neural scaling law, all by least squares. Exit code 0: all curves backtested; 1: some failed, they are too
    few, or a file could not be read; 2: no curve could be read, or wrong usage.
    """
    one_thread_each()
    work, wanted = _backtesting(given), told_input(given)
    try:
        with ExitStack() as stack:
            streams, unreadable = opened(stack, files, wanted)
            everything, chosen = chosen_entries(streams, given)
            found = _found(work, chosen, given["workers"] or cores()) if chosen else None
            tell_messages(streams)
            failed = 0 if found is None else _show(found, as_json=given["as_json"])
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        ctx.exit(INTERRUPTED)
    except ScaleshapeError as error:
        click.echo(f"Error: {error}", err=True)
        ctx.exit(FAILURES)
    ctx.exit(NOTHING_READ if not everything else FAILURES if failed or unreadable else 0)


def _backtesting(given: dict[str, Any]) -> Backtesting:
    from service.forecasting import Backtesting
    from service.schemas.forecasts import hidden_scales
    from service.schemas.scalars import Refused

    try:
        return Backtesting(told_of(given), hidden_scales(given["hidden"]))
    except Refused as error:
        raise click.UsageError(f"--hide: {error}") from error


def _found(work: Backtesting, chosen: Sequence[Entry], processes: int) -> Backtest:
    """What the visible scores of the suite teach, then every curve."""
    from models.options import Options
    from models.suite_learning import FEWEST_CURVES
    from service.backtests import gathered
    from service.forecasting import Failed, given_of, learnt_from, sampled

    with Workers(processes, FEW, compiled_ahead(processes)) as workers:
        if len(chosen) >= FEWEST_CURVES:
            learning = workers.ordered(Job(work.learning, _nothing), sampled(chosen))
            work = replace(work, suite=learnt_from(learning, given_of(work.told.options, work.told), Options()))
        outcomes: list[Outcome] = list(
            watched(workers.ordered(Job(work.answer, work.died), chosen), len(chosen), Failed)
        )
    for outcome in outcomes:
        if isinstance(outcome, Failed):
            click.echo(f"Error: {outcome.label}: {outcome.error}", err=True)
    return gathered(outcomes, work)


def _nothing(_entry: Entry, _exit_code: int | None) -> Learning | None:
    """A curve on which a process died teaches nothing; it is reported where it is backtested."""
    return None


def _show(found: Backtest, *, as_json: bool) -> int:
    """Print a backtest; returns how many curves failed."""
    from service.backtests import FAILED
    from service.forecast_table import backtest_sections
    from service.schemas.records import encoded
    from service.suite_table import print_sections

    if as_json:
        click.echo(orjson.dumps(encoded(found)))
    else:
        print_sections(backtest_sections(found))
    return sum(each.reason == FAILED for each in found.left_out)
