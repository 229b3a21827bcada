"""What the curves of a report add up to: rows on disk, pictures of the most interesting, counts, the suite's input."""

from __future__ import annotations

import hashlib
import heapq
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

import orjson

from models.curve import ScaleKind
from models.options import Shape
from models.suite_curve import SuiteCurve
from service.report.class_map import MapCurve, map_curve
from service.report.entries import ReportCurve, TurnEntry
from service.report.suite_forests import MOST_TURNS
from service.table_row import TableRow
from service.table_words import Tally

MOST_PICTURES = 200
MOST_VALUES = 6  # of a fact of provenance that are told one by one

SETTING_SIZE = 3


@dataclass(frozen=True, slots=True)
class Picture:
    """A curve that is drawn: its row and its picture."""

    index: int
    row: TableRow
    interest: float
    svg: str


@dataclass(frozen=True, slots=True)
class TableEntry:
    """A line of the table of all curves; `position` among the analysed ones, None for a failure."""

    index: int
    row: TableRow
    change: str
    position: int | None


@dataclass(slots=True)
class Collection:
    """Curves as they come. Of each, what the page needs stays in memory; its row goes to `spool`."""

    spool: IO[bytes]
    tally: Tally = field(default_factory=Tally)
    suite: list[SuiteCurve] = field(default_factory=list)
    names: list[MapCurve] = field(default_factory=list)
    settings: list[set[str]] = field(default_factory=lambda: [set() for _ in range(SETTING_SIZE)])
    ranges: dict[ScaleKind, tuple[float, float]] = field(default_factory=dict)
    facts: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    labels: Counter[str] = field(default_factory=Counter)
    count: int = 0
    failed: int = 0
    _digest: Any = field(default_factory=hashlib.sha256)
    _pictures: list[tuple[float, int, Picture]] = field(default_factory=list)
    _turns: defaultdict[tuple[ScaleKind, Shape], list[tuple[float, int, TurnEntry]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, curve: ReportCurve) -> None:
        """Take in the next curve; curves come in the order of the table."""
        self.spool.write(orjson.dumps(_spooled(curve), option=orjson.OPT_APPEND_NEWLINE))
        for _ in self.tally.counted([curve.row]):
            self.labels[curve.label] += 1
        self.names.append(map_curve(curve.row, curve.label))
        self.count += 1
        if curve.suite is None:
            self.failed += 1
            return
        self.suite.append(curve.suite)
        self._digest.update(curve.digest.encode())
        for name, value in curve.facts.items():
            self.facts[name][value] += 1
        self._place(curve)
        self._keep(curve)

    @property
    def digest(self) -> str:
        """sha256 over the curves' own digests, in order."""
        return str(self._digest.hexdigest())

    def common(self) -> tuple[str | None, ...]:
        """The parts of the setting that all analysed curves share; None where they differ."""
        if len(self.suite) < 2:
            return (None,) * SETTING_SIZE
        return tuple(next(iter(values)) if len(values) == 1 else None for values in self.settings)

    def pictures(self) -> list[Picture]:
        """The most interesting curves, the most interesting first."""
        return [picture for _, _, picture in sorted(self._pictures, key=lambda one: (-one[0], -one[1]))]

    def turns(self) -> list[tuple[ScaleKind, Shape, list[TurnEntry]]]:
        """The surest turns of each kind of scale and shape."""
        order = sorted(self._turns.items(), key=lambda item: (-len(item[1]), item[0]))
        return [(kind, shape, [turn for _, _, turn in found]) for (kind, shape), found in order]

    def rows(self) -> Iterator[TableEntry]:
        """All curves in order, read back from the spool."""
        self.spool.seek(0)
        position = 0
        for line in self.spool:
            entry = _read_back(line, position)
            position += entry.position is not None
            yield entry

    def _place(self, curve: ReportCurve) -> None:
        for values, part in zip(self.settings, curve.row.setting, strict=True):
            values.add(part)
        if curve.range is not None:
            kind, low, high = curve.range
            known = self.ranges.get(kind, (low, high))
            self.ranges[kind] = (min(known[0], low), max(known[1], high))

    def _keep(self, curve: ReportCurve) -> None:
        picture = Picture(curve.index, curve.row, curve.interest, curve.picture)
        _keep_best(self._pictures, (curve.interest, -self.count, picture), MOST_PICTURES)
        for turn in curve.turns:
            best = self._turns[turn.kind, turn.shape]
            _keep_best(best, (turn.probability, -self.count, turn), MOST_TURNS)


def _keep_best[T](heap: list[tuple[float, int, T]], item: tuple[float, int, T], most: int) -> None:
    """The largest items in a heap of bounded size; the second number tells equal ones apart."""
    if len(heap) < most:
        heapq.heappush(heap, item)
    elif item[:2] > heap[0][:2]:
        heapq.heapreplace(heap, item)


@contextmanager
def collecting() -> Iterator[Collection]:
    """A collection whose spool is removed at the end."""
    with tempfile.TemporaryFile() as spool:
        yield Collection(spool)


def _spooled(curve: ReportCurve) -> list[Any]:
    row = curve.row
    return [
        curve.index,
        curve.suite is not None,
        curve.change,
        row.task,
        row.setting,
        row.label,
        row.shape,
        row.probability,
        row.turn,
        row.emergence,
        row.warnings,
        row.failure,
        row.tags,
    ]


def _read_back(line: bytes, position: int) -> TableEntry:
    index, analysed, change, task, setting, label, shape, probability, turn, emergence, warnings, failure, tags = (
        orjson.loads(line)
    )
    row = TableRow(
        task=task,
        setting=tuple(setting),
        label=label,
        shape=None if shape is None else Shape(shape),
        probability=probability,
        turn=(turn[0], turn[1]),
        emergence=(emergence[0], emergence[1]),
        warnings=tuple(warnings),
        failure=failure,
        tags=tuple((name, tag) for name, tag in tags),
    )
    return TableEntry(index, row, change, position if analysed else None)
