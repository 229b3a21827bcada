"""The process that is a dispatcher."""

from __future__ import annotations

import signal
import time

from service.database import open_database
from service.failures import ServiceError
from service.jobs.chunks import Limits
from service.jobs.cluster import cluster_address, configure_dask, security_of
from service.jobs.dispatcher import Dispatcher
from service.jobs.housekeeping import Housekeeper
from service.jobs.leader import Leadership
from service.jobs.workforce import Workforce
from service.logs import logger
from service.settings import Settings

FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0  # seconds before another try, while the database cannot be used
LOOK_EVERY = 0.1  # seconds between looks at whether it was asked to stop


class StopRequest:
    """Whether a signal has asked this process to stop.

    No lock is in it, as there is in an Event: the thread that its handler interrupts could hold that very lock.
    """

    def __init__(self) -> None:
        self._asked = False

    def note(self, *_: object) -> None:
        """Ask; may be the handler of a signal."""
        self._asked = True

    def is_set(self) -> bool:
        """Whether it was asked."""
        return self._asked

    def wait(self, seconds: float) -> None:
        """Sleep, not much longer than until it is asked."""
        until = time.monotonic() + seconds
        while not self._asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_EVERY))


def run(settings: Settings) -> int:
    """Be a dispatcher until told to stop."""
    configure_dask()
    database = open_database(settings.database_url)
    workforce = Workforce(cluster_address(settings), security_of(settings))
    limits = Limits(settings.max_attempts, float(settings.task_wall_limit_s))
    dispatcher = Dispatcher(database, workforce, Leadership(database), limits)
    asked = StopRequest()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked.note)
    keeper = Housekeeper(database, settings, lambda: dispatcher.leadership.generation is not None)
    keeper.start()
    try:
        serve(dispatcher, asked)
    finally:
        keeper.stop()
        workforce.close()
        database.close()
    return 0


def serve(dispatcher: Dispatcher, asked: StopRequest) -> None:
    """Step until asked to stop; while the database cannot be used, try again and again."""
    delay = FIRST_DELAY
    while not asked.is_set():
        try:
            dispatcher.step()
            delay = FIRST_DELAY
        except ServiceError as error:
            logger("dispatcher").warning("database unavailable", error=str(error), again_in_s=delay)
            asked.wait(delay)
            delay = min(2 * delay, LONGEST_DELAY)
    try:
        dispatcher.stop()
    except ServiceError as error:  # the next dispatcher waits a little longer, and does it itself
        logger("dispatcher").warning("stopped without the database", error=str(error))
