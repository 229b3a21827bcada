"""`scaleshape submit`: a file to a server, and its results back."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click
import orjson

from service.commands.curve_options import curve_options, told_options
from service.commands.outputs import chosen_form, forgive_encoding
from service.commands.remote import Watching, connected, key_option
from service.commands.settings import FAILED, INTERRUPTED
from service.readers.opening import FORMATS, SCALES
from service.settings import DEFAULT_SERVER

if TYPE_CHECKING:
    from service.client import Client
    from service.table_row import TableRow


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--server", envvar="SCALESHAPE_SERVER", default=DEFAULT_SERVER, show_default=True, metavar="URL")
@key_option
@click.option("--wait", is_flag=True, help="Wait for the results and print them.")
@click.option("--json", "as_json", is_flag=True, help="With --wait: one analysis a line (NDJSON), failures too.")
@click.option("--csv", "as_csv", is_flag=True, help="With --wait: one flat row a curve.")
@click.option("--format", "file_format", type=click.Choice(FORMATS), help="Of the file; detected when not given.")
@click.option("--scale", "axis", type=click.Choice(SCALES), help="The column that is the scale.")
@click.option(
    "--models",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="CSV",
    help="Table of language models: model, model_family, parameters, training_tokens, ...",
)
@curve_options
@click.pass_context
def submit(ctx: click.Context, /, file: str, server: str, **given: Any) -> None:
    """Hand the curves of FILE (a folder is packed; `-` is standard input) to a server, which analyses them.

    Prints the batch's id, or with --wait the results. Exit code 0: all is well; 1: some or all curves failed, or the
    server does not answer; 2: the server refused the file.
    """
    form = chosen_form(given)
    if form and not given["wait"]:
        raise click.UsageError("--json and --csv need --wait")
    options = told_options(given)
    source: BinaryIO | Path = sys.stdin.buffer if file == "-" else Path(file)
    with connected(server, given["api_key"]) as client:
        state = client.submit(
            source,
            options=options,
            file_format=given["file_format"],
            scale=given["axis"],
            models=given["models"],
        )
        for message in state.messages:
            click.echo(message, err=True)
        if not given["wait"]:
            click.echo(state.id)
            return
        click.echo(f"batch {state.id}", err=True)
        ctx.exit(_results(client, state.id, form, server))


def _results(client: Client, batch: str, form: str | None, server: str) -> int:
    forgive_encoding()
    try:
        state = client.wait(batch, seen=Watching().seen)
    except KeyboardInterrupt:
        click.echo(f"\nnot waiting any longer; the batch goes on: {server}/v1/batches/{batch}", err=True)
        return INTERRUPTED
    if form == "json":
        for document in client.results(batch):
            click.echo(orjson.dumps(document).decode())
    elif form == "csv":
        with io.TextIOWrapper(client.results_csv(batch), encoding="utf-8", newline="") as lines:
            for line in lines:
                click.echo(line, nl=False)
    else:
        from service.table import print_table

        print_table(_rows(client, batch), sys.stdout, _console())
    return 0 if state.counts["succeeded"] == state.counts["total"] else FAILED


def _rows(client: Client, batch: str) -> Iterator[TableRow]:
    from service.schemas.decoding import analysis_of
    from service.table_row import failed_row, table_row

    for document in client.results(batch):
        if document["status"] == "succeeded":
            yield table_row(analysis_of(document))
        else:
            message = document.get("error", {}).get("detail", document["status"])
            yield failed_row(document["curve"], f"curve {document['index'] + 1}", message)


def _console() -> Any:
    if not sys.stdout.isatty():
        return None
    from rich.console import Console

    return Console()
