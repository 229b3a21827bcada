"""Options of an analysis, shared by the commands that ask for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from models.errors import InvalidInput
from models.options import EngineName
from service.schemas.options import load_options

OPTION_NAMES = (
    "engine",
    "smallest_effect",
    "decision_threshold",
    "class_prior",
    "interval",
    "seed",
    "between_model_scale",
)


class ClassPrior(click.ParamType[dict[str, float]]):
    """`positive=.3,inverse=.2,u_shaped=.15,inverted_u=.1,flat=.25`."""

    name = "prior"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Probabilities by name."""
        try:
            return {name.strip(): float(p) for name, p in (part.split("=") for part in value.split(","))}
        except ValueError:
            self.fail(
                f"{value!r} is not of the form positive=.3,inverse=.2,u_shaped=.15,inverted_u=.1,flat=.25", param, ctx
            )


class BetweenModelScale(click.ParamType[float | str]):
    """A number, `default` or `suite`."""

    name = "scale"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A number or one of the two words."""
        if value in ("default", "suite"):
            return value
        try:
            return float(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number, 'default' nor 'suite'", param, ctx)


_OPTIONS = (
    click.option("--engine", type=click.Choice([name.value for name in EngineName]), help="Default: quadrature."),
    click.option(
        "--smallest-effect",
        type=float,
        help="Change that matters, in score units (of percent: as a fraction). Default: 0.02 of the range.",
    ),
    click.option("--decision-threshold", type=float, help="Probability from which a label is given. Default: 0.8."),
    click.option("--class-prior", type=ClassPrior(), help="Probabilities before the data: positive=.3,inverse=.2,..."),
    click.option("--interval", type=float, help="Level of the intervals. Default: 0.95."),
    click.option("--seed", type=int, help="Default: 0."),
    click.option(
        "--between-model-scale",
        type=BetweenModelScale(),
        help="Scatter of models around a smooth curve: a number, 'default' or 'suite' "
        "(the choice for 20 curves and more).",
    ),
)


def curve_options[F: Callable[..., Any]](command: F) -> F:
    """Adds the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def told_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Those that were given, by contract name; options that no curve could be analysed with are wrong usage."""
    told = {name: given[name] for name in OPTION_NAMES if given[name] is not None}
    try:
        load_options(told)
    except InvalidInput as error:
        raise click.UsageError(str(error)) from error
    return told
