"""All curves of all files: the two passes over the input, and the answers in its order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.options import SUITE_AUTOMATIC, SUITE_MINIMUM, EngineName
from service.answers import SCALE, Answer, Answering, Entry, Output, Place
from service.compiling import compiled_ahead
from service.parallel import AHEAD, FEW, Job, Workers
from service.readers.items import CurveItem
from service.readers.opening import CurveStream
from service.sampling import Suite, sampled, suite_of

FEW_NUTS = 2  # curves for which other processes are worth starting when each takes seconds


@dataclass(frozen=True, slots=True)
class Batch:
    """Open files, and the options and output that are asked for.

    With `chosen` only such curves are answered; the suite's scale is that of all curves.
    """

    streams: Sequence[CurveStream]
    told: Mapping[str, Any]
    output: Output
    chosen: Callable[[CurveItem], bool] | None = None

    @property
    def count(self) -> int:
        """Curves in all files, bad ones included."""
        return sum(stream.count for stream in self.streams)

    def entries(self) -> Iterator[Entry]:
        """All curves in the order of the files, numbered through; call it again for another pass."""
        index = 0
        for stream in self.streams:
            for item in stream.items():
                yield Entry(index, item, stream.options)
                index += 1

    def wanted(self) -> Iterator[Entry]:
        """The curves that are answered."""
        chosen = self.chosen
        return self.entries() if chosen is None else (entry for entry in self.entries() if chosen(entry.item))

    def answers(self, processes: int) -> Iterator[Answer]:
        """One answer a curve, in order."""
        nuts = self.told.get("engine") == EngineName.NUTS
        useful = max(1, self.count if nuts else self.count // AHEAD)
        with Workers(min(processes, useful), FEW_NUTS if nuts else FEW, compiled_ahead(processes)) as workers:
            answering = Answering(self.told, self.output)
            answering = replace(answering, suite=self._suite(answering, workers))
            yield from workers.ordered(Job(answering.answer, answering.died), self.wanted())

    def _suite(self, answering: Answering, workers: Workers) -> Suite | None:
        """The first pass: evidence on the between-model scale, where it is to be estimated."""
        if self.count < SUITE_MINIMUM or self.told.get(SCALE) not in (None, "suite"):
            return None
        sample = sampled(self._placed(answering))
        asked = any(place.asks for place, _ in sample.values())
        if len(sample) < (SUITE_MINIMUM if asked else SUITE_AUTOMATIC):
            return None
        entries = [entry for _, entry in sample.values()]
        evidence = workers.ordered(Job(answering.evidence, _nothing), entries)
        known = {key: value for key, value in zip(sample, evidence, strict=True) if value is not None}
        return suite_of(known) if len(known) >= SUITE_MINIMUM else None

    def _placed(self, answering: Answering) -> Iterator[tuple[str, tuple[Place, Entry]]]:
        """Sampling key of every curve that can be read; cheap enough for the main process."""
        for entry in self.entries():
            place = answering.place(entry)
            if place is not None:
                yield place.key, (place, entry)


def _nothing(_entry: Entry, _exit_code: int | None) -> None:
    """A curve on which a process died in the first pass says nothing; the second pass reports it."""
