"""The class map: tasks by what distinguishes their curves, each cell the label of a curve."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from models.options import UNDETERMINED
from service.report.texts import cell, plain
from service.table_row import TableRow
from service.table_words import CANCELLED, FAILED, NAMES

FACTORS = ("metric", "prompting", "model family")
PROMPTING = FACTORS.index("prompting")
LONGEST_COLUMN = 60  # characters of a column's name
MOST_COLUMNS = 12
MOST_ROWS = 240  # tasks up to which the map names each; beyond it, curves are counted in squares
FEWEST_ROWS = 6  # in one of the blocks that stand side by side
BLOCKS_OF_COLUMNS = ((3, 3), (6, 2))  # up to so many columns, so many blocks beside one another
ORDER = (*(shape.value for shape in NAMES), UNDETERMINED, FAILED, CANCELLED)


@dataclass(frozen=True, slots=True)
class MapCurve:
    """One curve of the map; `hint` is what the pointer shows."""

    task: str
    setting: tuple[str, ...]
    label: str
    shape: str
    hint: str


@dataclass(frozen=True, slots=True)
class MapRow:
    """A task and the curves in each of its cells."""

    task: str
    cells: tuple[tuple[MapCurve, ...], ...]


@dataclass(frozen=True, slots=True)
class ClassMap:
    """Columns, and either rows in blocks side by side, or all curves of each column in a heap.

    `by` names what the columns tell apart; nothing where there is one column only.
    """

    by: str
    columns: tuple[str, ...]
    blocks: tuple[tuple[MapRow, ...], ...]
    heaps: tuple[tuple[MapCurve, ...], ...]
    shortened: bool


def map_curve(row: TableRow, label: str) -> MapCurve:
    """The place of a table row in the map."""
    words = NAMES[row.shape] if row.shape is not None else ""
    said = f"{label}, most probably {words}" if label == UNDETERMINED else words or label
    hint = f"{', '.join(part for part in (row.task, *row.setting) if part)}: {said} {row.probability}"
    return MapCurve(cell(row.task), row.setting, label, row.shape or "", cell(hint))


@dataclass(frozen=True, slots=True)
class _Split:
    """A way of telling curves apart: places of factors, and whether only the first word of a prompting counts."""

    factors: tuple[int, ...]
    first_words: bool

    def shortens(self, curves: Sequence[MapCurve]) -> bool:
        """Whether a prompting was cut."""
        cut = self.first_words and PROMPTING in self.factors
        return cut and any(self._part(curve, PROMPTING) != curve.setting[PROMPTING] for curve in curves)

    def key(self, curve: MapCurve) -> tuple[str, ...]:
        """The column of a curve."""
        return tuple(self._part(curve, factor) for factor in self.factors)

    def worth(self, curves: Sequence[MapCurve]) -> tuple[bool, int, int]:
        """Few enough columns, then many cells, then few columns."""
        cells = {(curve.task, self.key(curve)) for curve in curves}
        columns = len({key for _, key in cells})
        return (columns <= MOST_COLUMNS, len(cells), -columns)

    def _part(self, curve: MapCurve, factor: int) -> str:
        part = curve.setting[factor]
        return (part.split() or [""])[0] if self.first_words and factor == PROMPTING else part


def class_map(curves: Sequence[MapCurve]) -> ClassMap:
    """The map whose columns tell the curves of a task apart best, with few enough columns."""
    split = max(_splits(), key=lambda one: one.worth(curves))
    columns: dict[tuple[str, ...], list[MapCurve]] = {}
    for curve in curves:
        columns.setdefault(split.key(curve), []).append(curve)
    many = len({curve.task for curve in curves}) > MOST_ROWS
    return ClassMap(
        by=" and ".join(FACTORS[factor] for factor in split.factors),
        columns=tuple(plain(", ".join(part or "not given" for part in key), LONGEST_COLUMN) for key in columns),
        blocks=() if many else _blocks(_rows(curves, split, list(columns)), len(columns)),
        heaps=tuple(_heap(own) for own in columns.values()) if many else (),
        shortened=split.shortens(curves),
    )


def _splits() -> list[_Split]:
    """Every choice of factors, with promptings as they are or by their first word (`few-shot` of `few-shot K=20`)."""
    choices = [chosen for size in range(len(FACTORS) + 1) for chosen in combinations(range(len(FACTORS)), size)]
    return [_Split(factors, words) for words in (False, True) for factors in choices]


def _rows(curves: Sequence[MapCurve], split: _Split, columns: Sequence[tuple[str, ...]]) -> list[MapRow]:
    found: defaultdict[str, defaultdict[tuple[str, ...], list[MapCurve]]] = defaultdict(lambda: defaultdict(list))
    for curve in curves:
        found[curve.task][split.key(curve)].append(curve)
    return [MapRow(task, tuple(tuple(own[column]) for column in columns)) for task, own in found.items()]


def _blocks(rows: Sequence[MapRow], columns: int) -> tuple[tuple[MapRow, ...], ...]:
    most = next((blocks for limit, blocks in BLOCKS_OF_COLUMNS if columns <= limit), 1)
    height = max(FEWEST_ROWS, -(-len(rows) // most))
    return tuple(tuple(rows[start : start + height]) for start in range(0, len(rows), height))


def _heap(curves: Sequence[MapCurve]) -> tuple[MapCurve, ...]:
    return tuple(sorted(curves, key=lambda curve: (ORDER.index(curve.label), curve.shape, curve.task)))


def counted(curves: Iterable[MapCurve]) -> list[tuple[str, int]]:
    """Labels and how many curves have each, in the order of the legend."""
    counts = Counter(curve.label for curve in curves)
    return [(label, counts[label]) for label in ORDER if counts[label]]
