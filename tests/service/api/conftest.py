from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from service.app import create_app
from service.database import Database
from service.settings import Settings
from tests.service.api.curves import App, Client, MakeApp


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, rate_limit="")


@pytest.fixture
def make_app(database: Database, settings: Settings) -> MakeApp:
    """An app over the database, with other settings where they are given."""

    def make(**given: Any) -> Flask:
        return create_app(replace(settings, **given), database)

    return make


@pytest.fixture
def app(make_app: MakeApp) -> App:
    return make_app()


@pytest.fixture
def client(app: App) -> Client:
    return app.test_client()
