"""`scaleshape db upgrade` and `scaleshape purge`: care for a server's database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from service.commands.settings import current_database, database_option, settings_of, told_errors


@click.group()
def db() -> None:
    """The database of a server."""


@db.command()
@database_option
def upgrade(database_url: str | None, config: Path | None) -> None:
    """Make the tables, or bring them to this version. Stop the server first. SQLite files are backed up."""
    from service.database import migrate, open_database

    with told_errors():
        settings = settings_of(config, database_url=database_url)
        database = open_database(settings.database_url)
        try:
            done = migrate(database, Path(settings.backup_dir) if settings.backup_dir else None)
        finally:
            database.close()
    if done.before == done.after:
        click.echo(f"{database.name} is up to date ({done.after})")
        return
    click.echo(f"{database.name}: tables {done.before or 'made'} -> {done.after}")
    if done.backup is not None:
        click.echo(f"backup: {done.backup}")


@click.command()
@click.option(
    "--before",
    required=True,
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]),
    metavar="DATE",
    help="As 2026-01-31 or 2026-01-31T12:00:00, in UTC.",
)
@database_option
def purge(before: datetime, database_url: str | None, config: Path | None) -> None:
    """Remove batches that ended before DATE, and analyses made before it that no other batch holds."""
    from service.clock import stamp
    from service.store import retention

    with current_database(config, database_url) as database:
        removed = retention.purge(database, stamp(before.replace(tzinfo=UTC)))
    click.echo(f"removed: {removed.batches} batches, {removed.analyses} analyses")
