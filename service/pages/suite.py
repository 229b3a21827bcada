"""The page of a suite: what is fetched for it, and what is made of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from models.suite_summary import FEWEST_CURVES
from service.database import Database
from service.derivations import Derivations, parted
from service.pages.progress import suite_progress
from service.pages.suite_map import MOST_SIGNS, group_bars, label_bar, sign_map
from service.pages.suite_table import (
    COLUMNS,
    SORT_WORDS,
    TableState,
    choices,
    common_setting,
    lines,
    page_numbers,
    with_page_that_exists,
)
from service.report.texts import plain
from service.schemas.suite_options import load_suite_options
from service.store import suite_rows
from service.store.batches import Batch
from service.store.suite_rows import Counted, RowsAsked, SuiteRow
from service.suites import found_batch
from service.summaries import of_batch

LONGEST_MESSAGE = 1000
MOST_MESSAGES = 100  # of the load report that the page shows; the rest is in the report


@dataclass(frozen=True, slots=True)
class Found:
    """What the database has for the page; `mapped` are all curves of a small suite, none of a large one."""

    batch: Batch
    counted: Counted
    state: TableState
    total: int
    rows: tuple[SuiteRow, ...]
    mapped: tuple[SuiteRow, ...] = ()


def find(database: Database, batch_id: str, state: TableState, *, with_map: bool = True) -> Found:
    """Fetch what the page shows; raises `NotFound`."""
    batch = found_batch(database, batch_id)
    with database.reading() as connection:
        counted = suite_rows.counted(connection, batch_id)
        everything = sum(counted.labels().values())
        total = everything if state.asked.leaves_none_out else suite_rows.count(connection, batch_id, state.asked)
        shown = with_page_that_exists(state, total)
        rows = suite_rows.rows(connection, batch_id, shown.asked, shown.span, with_documents=True)
        small = with_map and everything <= MOST_SIGNS
        mapped = suite_rows.rows(connection, batch_id, RowsAsked(), (0, MOST_SIGNS)) if small else ()
    return Found(batch, counted, shown, total, rows, mapped)


def suite_view(found: Found) -> dict[str, Any]:
    """The whole page."""
    labels = found.counted.labels()
    progress = suite_progress(found.batch)
    return {
        "progress": progress,
        "title": progress.title,
        "labels_bar": label_bar(labels) if labels else None,
        "map": sign_map(found.mapped) if found.mapped else None,
        "groups": [] if found.mapped else group_bars(found.counted),
        "messages": [plain(str(told), LONGEST_MESSAGE) for told in found.batch.source.get("messages", ())],
        "most_messages": MOST_MESSAGES,
        "has_figures": not progress.open and found.batch.counts["succeeded"] >= FEWEST_CURVES,
        **table_view(found),
    }


def table_view(found: Found) -> dict[str, Any]:
    """The table, or the small pictures, with everything around them."""
    state, common = found.state, common_setting(found.counted)
    pages = max(1, -(-found.total // state.size))
    return {
        "suite_id": found.batch.id,
        "state": state,
        "columns": COLUMNS,
        "lines": lines(found.rows, common, drawn=state.view == "pictures"),
        "total": found.total,
        "first": state.span[0] + 1,
        "last": min(state.span[1], found.total),
        "pages": page_numbers(state.page, pages),
        "last_page": pages,
        "choices": choices(found.counted),
        "labels": found.counted.labels(),
        "common": ", ".join(common.values()),
        "sorts": SORT_WORDS,
        "chosen": {name: getattr(state.asked, name) for name in ("label", "metric", "prompting", "model_family")},
    }


def figures(database: Database, derivations: Derivations, batch_id: str) -> Mapping[str, Any] | None:
    """What is drawn of the whole suite; None while it is computed. Raises what the computation raises."""
    found = of_batch(database, batch_id, load_suite_options({})).ask_now(derivations)
    if found is None:
        return None
    figures_of: Mapping[str, Any] = orjson.loads(parted(found)[2])
    return figures_of


def is_summed_up(database: Database, derivations: Derivations, batch_id: str) -> bool:
    """Whether a suite's summary and report are there; they are computed from now on where not.

    Raises what the computation raises.
    """
    return of_batch(database, batch_id, load_suite_options({})).ask(derivations) is not None
