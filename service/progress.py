"""Progress of a long run, on a terminal only."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import IO, Protocol

EVERY = 0.1  # seconds between two updates
AFTER = 1.0  # seconds before the first: a short run needs none
CLEAR = "\r\x1b[K"


class Labelled(Protocol):
    """An answer; its label is None where it is a failure."""

    @property
    def label(self) -> str | None:
        """What the curve was found to be."""


class Progress:
    """Counts answers in passing; writes a line to `file` if that is a terminal.

    `shared`: results go to the same terminal, so the line is cleared before each of them.
    """

    def __init__(self, total: int, file: IO[str], *, shared: bool) -> None:
        self.failed = 0
        self._total = total
        self._file = file
        self._shared = shared
        self._seen = file.isatty()

    def watched[A: Labelled](self, answers: Iterable[A]) -> Iterator[A]:
        """The answers as they are."""
        began = time.monotonic()
        last = began + AFTER - EVERY
        for done, answer in enumerate(answers, start=1):
            self.failed += answer.label is None
            now = time.monotonic()
            drawn = self._seen and now - last >= EVERY
            if self._seen and (self._shared or drawn):
                self._file.write(CLEAR)
                self._file.flush()
            yield answer
            if drawn or (self._seen and self._shared and now - began > AFTER):
                last = now
                self._file.write(self._line(done, now - began))
                self._file.flush()
        if self._seen:
            self._file.write(CLEAR)
            self._file.flush()

    def _line(self, done: int, seconds: float) -> str:
        rate = done / seconds
        left = (self._total - done) / rate
        return f"{CLEAR}{done} of {self._total} curves, {rate:.0f} a second, {duration_text(left)} left"


def duration_text(seconds: float) -> str:
    """Seconds, minutes or hours, as fits."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
