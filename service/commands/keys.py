"""`scaleshape keys`: who may use a server."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from service.commands.settings import FAILED, current_database, database_option

SCOPES = ("read", "write", "admin")
LONGEST_NAME = 100


def _name(_: click.Context, __: click.Parameter, given: str) -> str:
    name = given.strip()
    if not (0 < len(name) <= LONGEST_NAME and name.isprintable()):
        raise click.BadParameter(f"{given!r} is no name of 1 to {LONGEST_NAME} printed characters.")
    return name


@click.group()
def keys() -> None:
    """API keys of a server: make, list and revoke them. They are kept in its database."""


@keys.command()
@click.option("--name", required=True, callback=_name, help="Whose key it is, for the list.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    default=("read", "write"),
    show_default=True,
    help="What it allows; write includes read, admin includes both. May be given more than once.",
)
@database_option
def create(name: str, scopes: tuple[str, ...], database_url: str | None, config: Path | None) -> None:
    """Make a key and print it. It is shown this once: only a digest is stored."""
    from service.store import keys as store

    with current_database(config, database_url, made=False) as database, database.writing() as connection:
        key, text = store.create(connection, name, tuple(dict.fromkeys(scopes)))
        click.echo(text)
        sys.stdout.flush()  # inside, so that no key is valid that nobody was told
    click.echo(f"key {key.id} of {name} ({', '.join(key.scopes)}): keep it, it is not shown again", err=True)


@keys.command("list")
@database_option
def list_keys(database_url: str | None, config: Path | None) -> None:
    """List all keys, revoked ones too."""
    from service.store import keys as store

    with current_database(config, database_url) as database, database.reading() as connection:
        found = store.listed(connection)
    for key in found:
        state = f"revoked {key.revoked_at}" if key.revoked_at else "valid"
        click.echo(f"{key.id}  {key.created_at}  {','.join(key.scopes):<16}  {state:<32}  {key.name}")
    if not found:
        click.echo("there are no keys", err=True)


@keys.command()
@click.argument("identifier", metavar="ID")
@database_option
def revoke(identifier: str, database_url: str | None, config: Path | None) -> None:
    """Make a key invalid for good; ID is the first column of the list."""
    from service.store import keys as store

    with current_database(config, database_url) as database, database.writing() as connection:
        revoked = store.revoke(connection, identifier)
    if not revoked:
        click.echo(f"Error: there is no valid key {identifier}", err=True)
        raise SystemExit(FAILED)
    click.echo(f"key {identifier} is revoked", err=True)
