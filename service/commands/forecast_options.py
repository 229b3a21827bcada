"""Options that `forecast` and `backtest` share: which curves, and what is taken as known."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from models.errors import InvalidInput, ScaleshapeError
from service.answers import Entry
from service.commands.choosing import choosing_options, is_chosen, told_choice
from service.commands.curve_options import BetweenModelScale, ClassPrior
from service.commands.inputs import NONE_CHOSEN
from service.progress import Progress
from service.readers.opening import CurveStream

FEW = 8  # curves that this process does sooner than others could be started for them

_OPTIONS = (
    click.option(
        "--turn-hazard",
        type=float,
        help="Turns per decade of scale, before the data. Default: 0.03, or learnt from 20 curves and more.",
    ),
    click.option(
        "--item-correlation",
        type=float,
        help="Of two models' sampling errors on the same items. Default: 0.5, or learnt from 20 curves and more.",
    ),
    click.option(
        "--smallest-effect",
        type=float,
        help="Change that matters, in score units (of percent: as a fraction). Default: 0.02 of the range.",
    ),
    click.option("--class-prior", type=ClassPrior(), help="Probabilities before the data: positive=.3,inverse=.2,..."),
    click.option(
        "--between-model-scale",
        type=BetweenModelScale(),
        help="Scatter of models around a smooth curve: a number, 'default' or 'suite' "
        "(the choice for 20 curves and more).",
    ),
    click.option("--seed", type=int, help="Default: 0."),
    click.option("--workers", type=click.IntRange(min=1), help="Processes. Default: one a core."),
)
_TOLD = ("smallest_effect", "class_prior", "between_model_scale", "seed")


def forecast_options[F: Callable[..., Any]](command: F) -> F:
    """Adds the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return choosing_options(command)


def told_of(given: Mapping[str, Any]) -> Any:
    """What is asked of all curves; options that no curve could be forecast with are wrong usage."""
    from service.forecasting import Told
    from service.schemas.forecasts import load_forecast_options
    from service.schemas.options import load_options

    options = {name: given[name] for name in _TOLD if given[name] is not None}
    own = {"turn_hazard_per_decade": given["turn_hazard"], "item_correlation": given["item_correlation"]}
    try:
        load_options(options)
        read = load_forecast_options(own)
    except InvalidInput as error:
        raise click.UsageError(str(error)) from error
    return Told(options, read.get("item_correlation"), read.get("turn_hazard_per_decade"))


def chosen_entries(streams: Sequence[CurveStream], given: Mapping[str, Any]) -> tuple[list[Entry], list[Entry]]:
    """All curves of the files, and those that are chosen; raises `ScaleshapeError` where none of them is."""
    everything = list(_entries(streams))
    wanted = told_choice(given, (entry.item for entry in everything))
    chosen = [entry for entry in everything if is_chosen(wanted, entry.item)]
    if everything and not chosen:
        raise ScaleshapeError(NONE_CHOSEN)
    return everything, chosen


@dataclass(frozen=True, slots=True)
class Counted[R]:
    """An answer that is counted in passing; the label is None where it is a failure."""

    label: str | None
    content: R


def watched[R](answers: Iterable[R], count: int, failed: type[Any]) -> Iterator[R]:
    """Answers as they come, with progress on a terminal."""
    progress = Progress(count, sys.stderr, shared=False)
    counted = (Counted(None if isinstance(answer, failed) else "", answer) for answer in answers)
    return (one.content for one in progress.watched(counted))


def _entries(streams: Sequence[CurveStream]) -> Iterator[Entry]:
    index = 0
    for stream in streams:
        for item in stream.items():
            yield Entry(index, item, stream.options)
            index += 1
