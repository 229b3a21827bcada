"""`scaleshape serve`: the server."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import click

from service.commands.settings import config_option, settings_of, told_errors
from service.parallel import one_thread_each
from service.processes import die_with
from service.settings import LOG_FORMATS, LOG_LEVELS, ROLES


@click.command()
@click.option("--role", type=click.Choice(ROLES), default="all", show_default=True, help="One process of a cluster.")
@click.option("--host", help="Address to listen on. Default: 127.0.0.1; others need API keys.")
@click.option("--port", help="Default: 8080; 0: any that is free.")
@click.option("--database-url", metavar="URL", help="sqlite:///FILE or postgresql://…; default: in your data folder.")
@click.option(
    "--scheduler",
    "--scheduler-address",
    "scheduler_address",
    metavar="URL",
    help="tls://host:8786: the scheduler of a cluster.",
)
@click.option("--tls-ca", metavar="FILE", help="Certificate authority of the cluster (PEM).")
@click.option("--tls-cert", metavar="FILE", help="Certificate of this machine (PEM).")
@click.option("--tls-key", metavar="FILE", help="Its private key (PEM).")
@click.option("--workers", help="Worker processes of this machine. Default: one a core.")
@click.option("--threads", help="Threads of the web process. Default: 16.")
@click.option("--allow-open", is_flag=True, default=None, help="Listen on any address without API keys.")
@click.option("--log-level", type=click.Choice(LOG_LEVELS))
@click.option("--log-format", type=click.Choice(LOG_FORMATS))
@config_option
@click.option("--socket", "descriptor", type=int, hidden=True)
@click.option("--parent", type=int, hidden=True)
@click.option("--restarted", is_flag=True, hidden=True)
@click.pass_context
def serve(ctx: click.Context, /, role: str, config: Path | None, **given: Any) -> None:
    """Run the server: the API, its database, and the processes that analyse batches. Stop it with Ctrl-C.

    All settings: docs/operations.md.
    """
    from service.serve import serve as run

    one_thread_each()
    parent, descriptor, restarted = (given.pop(name) for name in ("parent", "descriptor", "restarted"))
    if parent is not None:
        die_with(parent)
    with told_errors():
        settings = settings_of(config, **given)
        listening = None if descriptor is None else socket.socket(fileno=descriptor)
        code = run(role, settings, listening, announced=restarted)
    ctx.exit(code)
