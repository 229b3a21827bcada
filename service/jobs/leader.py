"""Which of several dispatchers leads. Each looks at its own monotonic clock alone, so clocks may jump."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from service.database import Database
from service.jobs import queue
from service.jobs.queue import NOBODY, Leader
from service.logs import logger

BEAT_EVERY = 1.0  # seconds between signs of life
DEAD_AFTER = 4.0  # seconds without one, as a follower has seen them pass, after which it takes over
LOOK_EVERY = 0.2  # seconds between looks of a follower


class Leadership:
    """The lead of one dispatcher; `generation` is that of its lead, None while it follows."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._owner = f"{socket.gethostname()} {os.getpid()} {_system()}"
        self._seen: Leader | None = None
        self._changed = self._looked = -float("inf")
        self._beaten = -float("inf")
        self.generation: int | None = None

    def lead(self) -> bool:
        """Give a sign of life, or take over where there has been none for long; whether this one leads.

        Raises `Deposed` when another has taken over.
        """
        now = self._clock()
        if self.generation is not None:
            if now - self._beaten >= BEAT_EVERY:
                self._beat(self.generation, now)
            return True
        if now - self._looked >= LOOK_EVERY:
            self._look(now)
        return self.generation is not None

    def follow(self) -> None:
        """Forget the lead, which another has."""
        self.generation = None
        self._seen, self._changed = None, self._clock()

    def resign(self) -> None:
        """Give the lead back, if it is ours, so that the next begins at once."""
        if self.generation is not None:
            generation, self.generation = self.generation, None
            with self._database.writing() as connection:
                queue.resign(connection, generation)

    def _beat(self, generation: int, now: float) -> None:
        with self._database.writing() as connection:
            queue.beat(connection, generation)
        self._beaten = now

    def _look(self, now: float) -> None:
        self._looked = now
        with self._database.reading() as connection:
            found = queue.leader(connection)
        if found != self._seen:
            self._seen, self._changed = found, now
        vacant = found is None or found.owner == NOBODY or _is_dead(found.owner)
        if not (vacant or now - self._changed >= DEAD_AFTER):
            return
        with self._database.writing() as connection:
            self.generation = queue.take_over(connection, found, self._owner)
        if self.generation is not None:
            self._beaten = now
            logger("dispatcher").info("leads", generation=self.generation)


def _system() -> str:
    """What makes process ids comparable: this start of this machine, and the container; empty where unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _is_dead(owner: str) -> bool:
    """Whether an owner was a process of this system that is no more; no need then to wait for its signs of life."""
    *_, process, system = ("", "", *owner.split(" "))
    return system != "" and system == _system() and not Path(f"/proc/{process}").exists()
