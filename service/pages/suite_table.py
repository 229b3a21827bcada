"""The table of a suite: its state stands in the address, so that a view can be kept and passed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlencode

import orjson

from models.errors import InvalidInput, Problem
from models.options import UNDETERMINED
from models.results import Analysis
from service.batch_documents import DELETED
from service.pages.rendering import LABEL_NAMES
from service.report.entries import change_text
from service.report.texts import LONGEST_MESSAGE, plain, typeset
from service.schemas.decoding import analysis_of
from service.schemas.scalars import shown
from service.store.suite_rows import FACETS, ROW_SORTS, Counted, RowsAsked, SuiteRow
from service.table_row import TableRow, table_row
from service.table_words import LEGEND, NAMES

ROWS, PICTURES = 50, 24  # on a page
VIEWS = ("table", "pictures")
LARGEST_PAGE = 1_000_000
LONGEST_TEXT = 300
PARAMETERS = ("q", "label", *FACETS, "sort", "page", "view")
SORT_WORDS = {
    "position": "order of the file",
    "task": "task, A to Z",
    "-task": "task, Z to A",
    "label": "label",
    "-probability": "most certain first",
    "probability": "least certain first",
}
COLUMNS = (("#", "position"), ("Task", "task"), ("Setting", ""), ("Label", "label"), ("Probability", "-probability"))
FACET_WORDS = {"metric": "Metric", "prompting": "Prompting", "model_family": "Model family"}


@dataclass(frozen=True, slots=True)
class TableState:
    """What the address asks of the table."""

    asked: RowsAsked
    page: int = 1
    view: str = "table"

    @property
    def size(self) -> int:
        """Curves on a page."""
        return ROWS if self.view == "table" else PICTURES

    @property
    def span(self) -> tuple[int, int]:
        """First place of this page, and of the next."""
        return (self.page - 1) * self.size, self.page * self.size

    def query(self, **changed: Any) -> str:
        """The query of the same view with something else; what is as usual is left out."""
        now = {**asdict(self.asked), "page": self.page, "view": self.view, **changed}
        now["q"] = now.pop("text")
        usual = {"sort": "position", "page": 1, "view": "table"}
        told = {name: now[name] for name in PARAMETERS if now[name] not in (None, "") and now[name] != usual.get(name)}
        return f"?{urlencode(told)}" if told else "?"


def table_state(query: Mapping[str, str]) -> TableState:
    """The state in a query, checked; raises `InvalidInput`. What is empty asks nothing."""
    given = {name: value for name, value in query.items() if value}
    problems = [Problem(f"?{name}", "is no parameter of this page") for name in given if name not in PARAMETERS]
    problems += [
        Problem(f"?{name}", f"{shown(given[name])} is none of {', '.join(allowed)}")
        for name, allowed in (("sort", ROW_SORTS), ("view", VIEWS), ("label", tuple(LABEL_NAMES)))
        if name in given and given[name] not in allowed
    ]
    problems += [Problem(f"?{name}", "is too long, or not text") for name in given if not _is_text(given[name])]
    page = given.get("page", "1")
    if not (page.isascii() and page.isdigit() and 1 <= int(page[:9]) <= LARGEST_PAGE):
        problems.append(Problem("?page", f"{shown(page)} is no page number"))
    if problems:
        raise InvalidInput(problems)
    chosen = {name: given.get(name) for name in ("label", *FACETS)}
    sort = next(known for known in ROW_SORTS if known == given.get("sort", "position"))
    asked = RowsAsked(text=given.get("q", ""), sort=sort, **chosen)
    return TableState(asked, int(page), given.get("view", "table"))


def with_page_that_exists(state: TableState, total: int) -> TableState:
    """The same state, on the last page where the one that is asked for lies beyond it."""
    return replace(state, page=min(state.page, max(1, -(-total // state.size))))


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table as text, or a tile with its picture."""

    number: int
    task: str
    setting: str
    label: str
    shape: str
    words: str
    probability: str
    identifier: str = ""
    change: str = ""
    turn: str = ""
    emergence: str = ""
    warnings: tuple[tuple[str, str], ...] = ()
    failure: str = ""
    place: str = ""
    picture: str = ""


def lines(rows: Sequence[SuiteRow], common: Mapping[str, str], *, drawn: bool) -> list[Line]:
    """The lines of a page; `common` is what all curves of the suite share."""
    return [_line(row, common, drawn=drawn) for row in rows]


def common_setting(counted: Counted) -> dict[str, str]:
    """The parts of the setting that all curves share."""
    found = {name: counted.values(place) for place, name in enumerate(FACETS)}
    return {name: values[0] for name, values in found.items() if len(values) == 1 and values[0]}


def choices(counted: Counted) -> list[dict[str, Any]]:
    """What can be chosen from, for each part of the setting that differs."""
    found = []
    for place, name in enumerate(FACETS):
        values = [value for value in counted.values(place) if value]
        if len(counted.values(place)) > 1:
            found.append({"name": name, "words": FACET_WORDS[name], "values": values})
    return found


def page_numbers(page: int, pages: int) -> list[int | None]:
    """Numbers of the pages to link: the first, the last, those around this one; None for a gap."""
    kept = sorted({1, pages, *(number for number in range(page - 2, page + 3) if 1 <= number <= pages)})
    found: list[int | None] = []
    for number in kept:
        if found and found[-1] is not None and number - found[-1] > 1:
            found.append(None)
        found.append(number)
    return found


def _line(row: SuiteRow, common: Mapping[str, str], *, drawn: bool) -> Line:
    setting = ", ".join(row.names[name] for name in FACETS if row.names.get(name) and name not in common)
    task = plain(row.names.get("task", "") or f"curve {row.position + 1}")
    if row.document is None or row.analysis_id is None:
        return _failed_line(row, task, plain(setting))
    analysis = analysis_of(orjson.loads(row.document))
    cells = table_row(analysis)
    return Line(
        number=row.position + 1,
        task=task,
        setting=plain(setting),
        label=cells.label,
        shape=cells.shape or "",
        words=label_words(cells),
        probability=cells.probability,
        identifier=row.analysis_id,
        change=change_text(analysis),
        turn=typeset(" ".join(cells.turn)),
        emergence=typeset(" ".join(cells.emergence)),
        warnings=tuple((LEGEND.get(code, (code, ""))[0], LEGEND.get(code, (code, code))[1]) for code in cells.warnings),
        picture=_picture(analysis) if drawn else "",
    )


def label_words(row: TableRow) -> str:
    """`U-shaped`, `undetermined (U-shaped)`."""
    name = NAMES[row.shape] if row.shape is not None else ""
    return f"{UNDETERMINED} ({name})" if row.label == UNDETERMINED else name


def _failed_line(row: SuiteRow, task: str, setting: str) -> Line:
    label = row.label if row.label in ("failed", "cancelled") else "failed"
    told = row.error or ({} if label == "cancelled" else {"detail": DELETED["title"]})
    return Line(
        number=row.position + 1,
        task=task,
        setting=setting,
        label=label,
        shape="",
        words=LABEL_NAMES[label],
        probability="",
        failure=plain(str(told.get("detail", "")), LONGEST_MESSAGE),
        place=_place(row.rows),
    )


def _place(rows: Sequence[int]) -> str:
    if not rows:
        return ""
    return f"row {rows[0]}" if rows[0] == rows[-1] else f"rows {rows[0]} to {rows[-1]}"


def _picture(analysis: Analysis) -> str:
    from service.report.curve_picture import curve_picture  # not before a picture is wanted

    return curve_picture(analysis)


def _is_text(value: str) -> bool:
    return len(value) <= LONGEST_TEXT and value.isprintable()
