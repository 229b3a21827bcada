from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask

from service.app import create_app
from service.database import migrate, open_database
from service.settings import Settings
from tests.service.api.suites import computing, here


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """An app over an empty database; nobody works its queue off, and it computes in its own process."""
    url = f"sqlite:///{tmp_path}/contract.db"
    with closing(open_database(url)) as database:
        migrate(database)
        yield computing(create_app(Settings(database_url=url, rate_limit=""), database), here)
