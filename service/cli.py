"""The command `scaleshape`."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

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
from service.commands.settings import FAILED
from service.commands.submit import submit

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # why nothing more can be written


class _Commands(click.Group):
    """Ends with a message where standard output takes no more."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run, and hand on all that was printed."""
        try:
            try:
                return super().main(*args, **kwargs)
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()
        except OSError as error:
            if error.errno not in FULL:
                raise
            # What is left in the buffer would be tried again at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            click.echo(f"Error: the output cannot be written: {error.strerror}", err=True)
            raise SystemExit(FAILED) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
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
