"""`scaleshape forecast`: the scores of larger language models."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
import orjson

from models.errors import InvalidInput, Problem, ScaleshapeError
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
from service.number_format import scale_of
from service.parallel import Job, Workers, cores, one_thread_each

if TYPE_CHECKING:
    from models.forecast import Forecast
    from service.forecasting import Failed, Forecasting, Learning

_OPTIONS = {"scales": "--at", "n_examples": "--n-examples"}  # by the fields of a request


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="One forecast a line (NDJSON).")
@click.option(
    "--at",
    "scales",
    multiple=True,
    metavar="SCALE",
    help="A larger scale: 5e11 or 500B; may be given again. Default: one typical step beyond the largest model.",
)
@click.option("--n-examples", type=int, help="Size of the new models' test set. Default: that of the curve.")
@forecast_options
@input_options
@click.pass_context
def forecast(ctx: click.Context, /, files: tuple[str, ...], **given: Any) -> None:
    """Forecast how larger language models of the same family will score on the curves in FILEs.

    Intervals hold the scatter of models and the error of the test. With 20 curves and more, what is typical of them
    is learnt from all of them, also where few are chosen. Exit code 0: all forecast; 1: some failed, or a file
    could not be read; 2: no curve could be read, or wrong usage.
    """
    one_thread_each()
    work, wanted = _forecasting(given), told_input(given)
    try:
        with ExitStack() as stack:
            streams, unreadable = opened(stack, files, wanted)
            everything, chosen = chosen_entries(streams, given)
            found, failed = _forecasts(work, everything, chosen, given["workers"] or cores())
            tell_messages(streams)
            _show(found, as_json=given["as_json"])
            _tell_failures(failed, as_json=given["as_json"])
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        ctx.exit(INTERRUPTED)
    except ScaleshapeError as error:
        click.echo(f"Error: {error}", err=True)
        ctx.exit(FAILURES)
    ctx.exit(NOTHING_READ if not everything else FAILURES if failed or unreadable else 0)


def _forecasting(given: dict[str, Any]) -> Forecasting:
    from service.forecasting import Forecasting
    from service.schemas.forecasts import load_wanted

    try:
        scales = [scale_of(text) for text in given["scales"]]
        wanted = load_wanted(scales or [1.0], given["n_examples"])
    except InvalidInput as error:
        raise click.UsageError("; ".join(_by_option(problem) for problem in error.problems)) from error
    except ValueError as error:
        raise click.UsageError(f"--at: {error}") from error
    return Forecasting(told_of(given), wanted.scales if scales else (), wanted.n_examples)


def _by_option(problem: Problem) -> str:
    """A problem of a request, by the option that it came from."""
    field = problem.pointer.split("/")[1] if problem.pointer else ""
    return f"{_OPTIONS[field]}: {problem.message}" if field in _OPTIONS else str(problem)


def _forecasts(
    work: Forecasting, everything: Sequence[Entry], chosen: Sequence[Entry], processes: int
) -> tuple[list[Forecast], list[Failed]]:
    """What the suite teaches, then the forecasts of the chosen curves."""
    from models.options import Options
    from models.suite_learning import FEWEST_CURVES
    from service.forecasting import Failed, given_of, learnt_from, sampled

    with Workers(processes, FEW, compiled_ahead(processes)) as workers:
        if chosen and len(everything) >= FEWEST_CURVES:
            learning = workers.ordered(Job(work.learning, _nothing), sampled(everything))
            work = replace(work, suite=learnt_from(learning, given_of(work.told.options, work.told), Options()))
        answers = list(watched(workers.ordered(Job(work.answer, work.died), chosen), len(chosen), Failed))
    forecasts = [answer for answer in answers if not isinstance(answer, Failed)]
    return forecasts, [answer for answer in answers if isinstance(answer, Failed)]


def _nothing(_entry: Entry, _exit_code: int | None) -> Learning | None:
    """A curve on which a process died teaches nothing; it is reported where it is forecast."""
    return None


def _show(found: Sequence[Forecast], *, as_json: bool) -> None:
    from service.forecast_table import forecast_sections
    from service.schemas.records import encoded
    from service.suite_table import print_sections

    if as_json:
        for each in found:
            click.echo(orjson.dumps(encoded(each)))
    elif found:
        print_sections(forecast_sections(found))


def _tell_failures(failed: Sequence[Failed], *, as_json: bool) -> None:
    for each in failed:
        if as_json:
            click.echo(orjson.dumps(_failure(each)))
        click.echo(f"Error: {each.label}: {each.error}", err=True)


def _failure(failed: Failed) -> dict[str, Any]:
    from service.errors import problem_document

    return {
        "status": "failed",
        "index": failed.index,
        "curve": dict(failed.names),
        "error": problem_document(failed.error),
    }
