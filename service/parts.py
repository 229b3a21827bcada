"""What the web process is made of, put together once by `create_app` and handed to the handlers."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from service.database import Database
from service.derivations import Derivations
from service.inline import Inline
from service.pages.charts import Charts
from service.settings import Settings
from service.telemetry import Telemetry

EXTENSION = "scaleshape"


@dataclass(frozen=True, slots=True)
class Parts:
    """Settings, database, the engine for what is answered at once, the counters, what takes seconds, kept charts."""

    settings: Settings
    database: Database
    inline: Inline
    telemetry: Telemetry
    derivations: Derivations
    charts: Charts


def parts() -> Parts:
    """The parts of the app that serves this request."""
    found: Parts = current_app.extensions[EXTENSION]
    return found
