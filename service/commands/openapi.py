"""`scaleshape openapi`: the contract of the API."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click


@click.command()
def openapi() -> None:
    """Print the contract of the API (OpenAPI 3.1, YAML)."""
    from service.app import create_app
    from service.database import open_database
    from service.openapi import openapi_text
    from service.settings import Settings

    with tempfile.TemporaryDirectory() as folder:  # the app wants a database; nothing is read from it
        database = open_database(f"sqlite:///{Path(folder) / 'none.db'}")
        click.echo(openapi_text(create_app(Settings(), database).extensions["contract"]), nl=False)
        database.close()
