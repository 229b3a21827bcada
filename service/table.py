"""The table that a person reads: sized on the first rows, then printed row by row however many there are.

On a terminal it fits the width, in two lines a curve unless that is wide, without some columns where it is narrow, and
very long names lose their end; elsewhere it is plain text in which nothing is cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import IO, TYPE_CHECKING

from models.options import UNDETERMINED, Shape
from service.table_row import TableRow
from service.table_words import Common, Tally, label_words, shape_name, warning_words

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

SIZED_ON = 200  # rows held back to find the widths of the columns
WIDE = 150  # columns of a terminal from which a curve takes one line
LONGEST_TASK = 80  # characters of a task's name on a terminal
LEAST_TASK = 16  # columns of the task, however narrow the terminal
GAP = 2
COLOURS = {
    Shape.POSITIVE: "green",
    Shape.INVERSE: "red",
    Shape.U_SHAPED: "bright_blue",
    Shape.INVERTED_U: "magenta",
    Shape.FLAT: "yellow",
}
FLEXIBLE = ("task", "setting", "warnings")  # columns whose cells may take several lines
LEAVING = ("emergence", "emergent?", "turn", "warnings")  # what a narrow terminal goes without, in this order
LONG_HEADERS = ("task", "setting", "label", "prob.", "turn", "emergence: seen, curve", "emergent?", "warnings")
SHORT_HEADERS = ("task", "label", "prob.", "turn", "emergence", "emergent?", "warnings")


def print_table(rows: Iterable[TableRow], file: IO[str], console: Console | None = None) -> None:
    """Print rows as they come, then what they add up to; coloured on `console`, plain on `file` without one."""
    tally = Tally()
    iterator = iter(tally.counted(rows))
    first = list(islice(iterator, SIZED_ON))
    if not first:
        return
    everything = chain(first, iterator)
    if console is None:
        file.writelines(_plain_lines(first, everything, tally))
    else:
        _print_rich(first, everything, tally, console)


def _plain_lines(first: Sequence[TableRow], rows: Iterable[TableRow], tally: Tally) -> Iterator[str]:
    common = Common.of(first)
    if common.sentence():
        yield f"{common.sentence()}\n\n"
    cells = [LONG_HEADERS, *(_plain_cells(row, common) for row in first if not row.failure)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    yield _aligned(LONG_HEADERS, widths)
    for row in rows:
        yield _aligned(_plain_cells(row, common), widths)
        if row.explanation:
            yield f"    {row.explanation}\n"
    yield f"\n{tally.counts()}\n"
    yield from (f"  {code}: {meaning}\n" for code, meaning in tally.legend())


def _plain_cells(row: TableRow, common: Common) -> tuple[str, ...]:
    begin = (_one_line(row.task), _one_line(common.setting(row)))
    if row.failure:
        return (*begin, f"failed: {_one_line(row.failure)}")
    label = f"{row.label} ({shape_name(row)})" if row.label == UNDETERMINED else label_words(row)
    pairs = (" ".join(pair).strip() for pair in (row.turn, row.emergence))
    return (*begin, label, row.probability, *pairs, row.verdict, warning_words(row))


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    return (" " * GAP).join(cell.ljust(width) for cell, width in zip(cells, widths, strict=False)).rstrip() + "\n"


def _task(row: TableRow) -> str:
    """The name of the task, which may have a thousand characters."""
    task = _one_line(row.task)
    return task if len(task) <= LONGEST_TASK else f"{task[: LONGEST_TASK - 1]}…"


def _one_line(text: str) -> str:
    """Text without line breaks and control characters, which would tear the table or steer the terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


@dataclass(frozen=True, slots=True)
class _Layout:
    """Columns of the coloured table: names with widths, and whether a curve takes one line."""

    widths: Mapping[str, int]
    common: Common
    wide: bool

    @property
    def left_out(self) -> tuple[str, ...]:
        """The columns for which the terminal is too narrow."""
        return tuple(name for name in _headers(wide=self.wide) if name not in self.widths)

    def cells(self, row: TableRow) -> list[Text]:
        """The cells of a row; dim is what supports the rest."""
        cells = zip(_headers(wide=self.wide), self._all_cells(row), strict=True)
        return [cell for name, cell in cells if name in self.widths]

    def _all_cells(self, row: TableRow) -> list[Text]:
        join = " " if self.wide else "\n"
        pairs = [_pair(*pair, join) for pair in (row.turn, row.emergence)]
        task, setting = _pair(_task(row), "", ""), _pair("", _one_line(self.common.setting(row)), "")
        begin = [task, setting] if self.wide else [_pair(_task(row), setting.plain, join)]
        from rich.text import Text

        middle = [Text(row.probability), *pairs, Text(row.verdict)]
        return [*begin, _label(row, join), *middle, Text(warning_words(row), "yellow")]

    def table(self, rows: Iterable[TableRow], *, header: bool) -> Table:
        """Rows as a table with these very widths, so that tables below one another line up."""
        from rich.table import Table

        table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, show_header=header, header_style="bold")
        for name, width in self.widths.items():
            table.add_column(name, width=width, overflow="fold")
        for row in rows:
            table.add_row(*self.cells(row))
        return table


def _pair(main: str, support: str, join: str) -> Text:
    from rich.text import Text

    text = Text(main)
    if support:
        text.append(join if main else "").append(support, "dim")
    return text


def _label(row: TableRow, join: str) -> Text:
    from rich.text import Text

    if row.label == UNDETERMINED:
        return _pair(UNDETERMINED, shape_name(row), join)
    return Text(label_words(row), COLOURS[Shape(row.label)])


def _layout(first: Sequence[TableRow], width: int) -> _Layout:
    common, wide = Common.of(first), width >= WIDE
    headers = _headers(wide=wide)
    draft = _Layout(dict.fromkeys(headers, 0), common, wide)
    rows = [[*map(_breadth, draft.cells(row))] for row in first if not row.failure]
    columns = zip(*([[len(header) for header in headers], *rows]), strict=True)
    natural = {name: max(column) for name, column in zip(headers, columns, strict=True)}
    least = {name: min(natural[name], max(len(name), LEAST_TASK)) for name in FLEXIBLE if name in natural}
    least |= {"warnings": len("warnings")}
    for name in LEAVING:
        if sum((natural | least).values()) + GAP * (len(natural) - 1) <= width:
            break
        natural.pop(name, None)
        least.pop(name, None)
    fixed = sum(size for name, size in natural.items() if name not in least)
    room = width - fixed - GAP * (len(natural) - 1)
    return _Layout(natural | _shared({name: natural[name] for name in least}, least, room), common, wide)


def _headers(*, wide: bool) -> tuple[str, ...]:
    return LONG_HEADERS if wide else SHORT_HEADERS


def _breadth(text: Text) -> int:
    return max((line.cell_len for line in text.split()), default=0)


def _shared(natural: Mapping[str, int], least: Mapping[str, int], room: int) -> dict[str, int]:
    """Room divided among columns: each has its least, and what is left goes to what they would like beyond."""
    more = {name: size - least[name] for name, size in natural.items()}
    left = min(max(room - sum(least.values()), 0), sum(more.values()))
    return {name: least[name] + (left * size // sum(more.values()) if size else 0) for name, size in more.items()}


def _print_rich(first: Sequence[TableRow], rows: Iterable[TableRow], tally: Tally, console: Console) -> None:
    layout = _layout(first, console.width)
    if layout.common.sentence():
        console.print(layout.common.sentence(), style="dim", highlight=False)
        console.print()
    console.print(layout.table((), header=True))
    _rule(console, layout)
    for row in rows:
        _print_row(row, layout, console)
    _rule(console, layout)
    if layout.left_out:
        console.print(f"This terminal is too narrow for: {', '.join(layout.left_out)}.", style="dim", highlight=False)
    console.print(tally.counts(), style="bold", highlight=False)
    for code, meaning in tally.legend():
        _print_indented(console, code, meaning, "yellow")


def _rule(console: Console, layout: _Layout) -> None:
    width = sum(layout.widths.values()) + GAP * (len(layout.widths) - 1)
    console.print("─" * min(width, console.width), style="dim")


def _print_row(row: TableRow, layout: _Layout, console: Console) -> None:
    if row.failure:
        name = ", ".join(part for part in (_task(row), layout.common.setting(row)) if part)
        console.print(name, highlight=False, markup=False)
        _print_indented(console, "failed:", _one_line(row.failure), "bold red")
        return
    console.print(layout.table([row], header=False))
    if row.explanation:
        _print_indented(console, "", row.explanation, "")


def _print_indented(console: Console, name: str, text: str, style: str) -> None:
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_row("  ", Text(name, style), Text(text, "dim"))
    console.print(grid)
