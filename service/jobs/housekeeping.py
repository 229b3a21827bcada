"""What is removed when its time has come: by the dispatcher that leads, beside its work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from service.clock import stamp
from service.database import Database
from service.failures import ServiceError
from service.logs import logger
from service.settings import Settings
from service.store import idempotency, retention

EVERY = 3600.0  # seconds
FIRST = 30.0  # seconds after the start
ABANDONED_HOURS = 1  # loading a batch takes minutes at most


class Housekeeper(threading.Thread):
    """A thread that tidies up each hour while its dispatcher leads."""

    def __init__(self, database: Database, settings: Settings, leads: Callable[[], bool]) -> None:
        super().__init__(daemon=True, name="housekeeper")
        self._database = database
        self._settings = settings
        self._leads = leads
        self._asked = threading.Event()

    def run(self) -> None:
        """Called by `start`."""
        wait = FIRST
        while not self._asked.wait(wait):
            wait = EVERY
            if self._leads():
                self._tidy()

    def stop(self) -> None:
        """End the thread; what it does is made of short transactions, so nothing is half done."""
        self._asked.set()

    def _tidy(self) -> None:
        try:
            tidy(self._database, self._settings, datetime.now(UTC))
        except ServiceError as error:
            logger("dispatcher").warning("not tidied", error=str(error))


def tidy(database: Database, settings: Settings, present: datetime) -> None:
    """Remove abandoned batches, old idempotency keys, and what is older than it is to be kept."""
    abandoned = retention.remove_abandoned(database, stamp(present - timedelta(hours=ABANDONED_HOURS)))
    with database.writing() as connection:
        keys = idempotency.forget(connection, stamp(present - timedelta(hours=settings.idempotency_hours)))
    logger("dispatcher").info("tidied", abandoned_batches=abandoned, idempotency_keys=keys)
    if settings.retention_days:
        purged = retention.purge(database, stamp(present - timedelta(days=settings.retention_days)))
        logger("dispatcher").info("purged", batches=purged.batches, analyses=purged.analyses)
