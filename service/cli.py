"""The command `scaleshape`."""

from __future__ import annotations

import click

from service.commands.analyze import analyze
from service.commands.backtest import backtest
from service.commands.compare import compare
from service.commands.database import db, purge
from service.commands.forecast import forecast
from service.commands.keys import keys
from service.commands.meta import meta
from service.commands.metrics import metrics
from service.commands.openapi import openapi
from service.commands.plan import plan
from service.commands.reanalyze import reanalyze
from service.commands.serve import serve
from service.commands.submit import submit


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="scaleshape", message="%(prog)s %(version)s")
def main() -> None:
    """Classify scaling curves: positive, inverse, U-shaped, inverted-U or flat, with honest intervals."""


for _command in (
    analyze,
    meta,
    compare,
    metrics,
    forecast,
    backtest,
    plan,
    serve,
    submit,
    reanalyze,
    keys,
    db,
    purge,
    openapi,
):
    main.add_command(_command)


if __name__ == "__main__":
    main()
