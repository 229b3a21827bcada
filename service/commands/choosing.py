"""Which curves of its files a command looks at, by their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from models.metrics import ALIASES
from service.readers.items import CurveItem

NAMES = ("task", "metric", "model_family", "prompting")  # of a curve, by which it is chosen

_OPTIONS = (
    click.option("--task", multiple=True, help="Only curves of this task; may be given again."),
    click.option("--metric", multiple=True, help="Only curves with this metric."),
    click.option("--family", "model_family", multiple=True, help="Only curves of this model family."),
    click.option("--prompting", multiple=True, help="Only curves with this prompting."),
)
type Chosen = Mapping[str, frozenset[str]]


def choosing_options[F: Callable[..., Any]](command: F) -> F:
    """Adds the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def told_choice(given: Mapping[str, Any], items: Iterable[CurveItem]) -> Chosen:
    """The names that the options allow; `items` are the curves that there are, read only as far as needed.

    A metric that none of the curves with the other names has by this name may be called by an alias.
    """
    chosen = {name: frozenset(given[name]) for name in NAMES if given[name]}
    missing = set(chosen.get("metric", ()))
    others = {name: values for name, values in chosen.items() if name != "metric"}
    named: set[str] = set()
    for item in items if missing else ():
        if is_chosen(others, item):
            named.add(item.names.get("metric", ""))
            if missing <= named:
                return chosen
    meant = {ALIASES.get(name, name) for name in missing - named}
    also = (name for name in named if ALIASES.get(name, name) in meant)
    return {**chosen, "metric": chosen["metric"].union(also)} if meant else chosen


def is_chosen(chosen: Chosen, item: CurveItem) -> bool:
    """Whether a curve has one of the names wherever some are asked for."""
    return all(item.names.get(name, "") in values for name, values in chosen.items())
