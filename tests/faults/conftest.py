"""The whole service, started with faults in its processes."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from benchmarks import faults
from benchmarks.served import Served, served

INJECTED = Path(faults.__file__).parent / "injected"

Start = Callable[..., AbstractContextManager[Served]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start the service on its own SQLite file, unless `database_url` is given, with the FAULT_ variables given."""

    def started(environment: Mapping[str, str] | None = None, **settings: object) -> AbstractContextManager[Served]:
        path = os.pathsep.join([str(INJECTED), *filter(None, [os.environ.get("PYTHONPATH")])])
        return served(tmp_path / "service", settings, {"PYTHONPATH": path, **environment} if environment else None)

    return started


@pytest.fixture
def service(start: Start, database_url: str) -> Iterator[Served]:
    """The service without faults, on both databases."""
    with start(database_url=database_url) as running:
        yield running
