"""`scaleshape reanalyze`: stored curves again, under the engine of this version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from service.commands.curve_options import curve_options, told_options
from service.commands.remote import Watching, connected, key_option
from service.commands.settings import FAILED, database_option, settings_of, told_change, told_errors

if TYPE_CHECKING:
    from service.client import Client

FILTERS = ("task", "metric", "model_family", "prompting", "suite", "tag", "label", "verdict", "engine_version")


@click.command()
@click.option("--server", envvar="SCALESHAPE_SERVER", metavar="URL", help="Without it the database is used directly.")
@key_option
@database_option
@click.option("--wait", is_flag=True, help="Wait, and print the labels that changed; needs --server.")
@click.option("--task")
@click.option("--metric")
@click.option("--model-family")
@click.option("--prompting")
@click.option("--suite")
@click.option("--tag", metavar="NAME=VALUE")
@click.option("--label")
@click.option("--verdict")
@click.option("--engine-version", type=int, help="Analyses that this version of the engine made.")
@curve_options
@click.pass_context
def reanalyze(ctx: click.Context, /, **given: Any) -> None:
    """Analyse stored curves again: all, or those that fit the filters. What is up to date already is not done again.

    Prints the id of the batch; a running server works it off. Earlier analyses stay.
    """
    wanted = {name: given[name] for name in FILTERS if given[name] is not None}
    options = told_options(given)
    if given["server"] is None or _names_database(ctx):
        if given["wait"]:
            raise click.UsageError("--wait needs --server")
        click.echo(_queued(given["config"], given["database_url"], wanted, options))
        return
    with connected(given["server"], given["api_key"]) as client:
        state = client.reanalyse(wanted, options=options)
        if not given["wait"]:
            click.echo(state.id)
            return
        click.echo(f"batch {state.id}", err=True)
        ctx.exit(_changes(client, state.id))


def _names_database(ctx: click.Context) -> bool:
    """Whether the database is an option and the server from the environment: options win."""
    places = ("server", "database_url")
    named = {name for name in places if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    if len(named) == len(places):
        raise click.UsageError("--server and --database-url are two places: give one")
    return named == {"database_url"}


def _queued(config: Path | None, database_url: str | None, wanted: dict[str, Any], options: dict[str, Any]) -> str:
    """The id of a batch that is put into the database's queue."""
    from service.schemas.queries import load_filter
    from service.serve import opened_database
    from service.store.filters import Filter
    from service.suites import stored_curves, submit

    with told_errors():
        settings = settings_of(config, database_url=database_url)
        with opened_database(settings, made=True, told=told_change) as database:
            suite = stored_curves(database, Filter(**load_filter(wanted)), options, settings)
            return submit(database, settings, suite).id


def _changes(client: Client, batch: str) -> int:
    state = client.wait(batch, seen=Watching().seen)
    changes = list(client.changes(batch))
    for change in changes:
        names = ", ".join(str(value) for value in change["curve"].values())
        click.echo(f"{names}: {change['earlier_label']} -> {change['label']}")
    click.echo(
        f"{state.counts['succeeded']} of {state.counts['total']} curves, {len(changes)} labels changed", err=True
    )
    return 0 if state.counts["succeeded"] == state.counts["total"] else FAILED
