"""The rows of a suite's page, against the same done by hand."""

import numpy as np
import pytest

from service.database import Database
from service.store import batches
from service.store.batches import NewBatch, NewTask
from service.store.suite_rows import RowsAsked, RowSort, SuiteRow, count, counted, rows
from service.tables import tasks

NAMES = ("Anli", "anli", "100%", "a_b", "acb", "Ümlaut", "back\\slash", "")


@pytest.fixture
def suite(database: Database) -> str:
    """A suite of tasks without analyses, in all states."""
    rng = np.random.default_rng(3)
    with database.writing() as connection:
        batch_id = batches.begin(connection, NewBatch())
        for position in range(60):
            names = {"task": str(rng.choice(NAMES)), "metric": str(rng.choice(["accuracy", "f1"]))}
            names |= {"prompting": "few-shot"} if position % 3 else {}
            error = {"detail": "wrong"} if position % 7 == 0 else None
            batches.add_tasks(connection, batch_id, [NewTask(position=position, names=names, error=error)])
        batches.release(connection, batch_id, "analysis", 60)
        queued = (tasks.c.batch_id == batch_id) & (tasks.c.state == "queued") & (tasks.c.position < 50)
        connection.execute(tasks.update().where(queued).values(state="cancelled"))
    return batch_id


def found(database: Database, suite: str, asked: RowsAsked, span: tuple[int, int] = (0, 100)) -> list[SuiteRow]:
    with database.reading() as connection:
        return list(rows(connection, suite, asked, span))


def test_everything_that_is_done_comes_in_the_order_of_the_file(database: Database, suite: str) -> None:
    all_rows = found(database, suite, RowsAsked())
    positions = [row.position for row in all_rows]
    assert positions == sorted(positions)
    assert {row.label for row in all_rows} == {"failed", "cancelled"}
    assert len(positions) == 51  # of the last ten, which still wait, position 56 has failed
    with database.reading() as connection:
        assert count(connection, suite, RowsAsked()) == len(positions)


@pytest.mark.parametrize("text", ["anli", "ANLI", "%", "_", "\\", "a", "xyz"])
def test_a_text_is_looked_for_as_it_is_in_any_case(database: Database, suite: str, text: str) -> None:
    everything = found(database, suite, RowsAsked())
    expected = [row.position for row in everything if text.lower() in row.names["task"].lower()]
    assert [row.position for row in found(database, suite, RowsAsked(text=text))] == expected


@pytest.mark.parametrize("asked", [RowsAsked(metric="f1"), RowsAsked(prompting=""), RowsAsked(label="failed")])
def test_filters_and_counts_agree(database: Database, suite: str, asked: RowsAsked) -> None:
    everything = found(database, suite, RowsAsked())
    chosen = [row for row in everything if _fits(row, asked)]
    assert found(database, suite, asked) == chosen
    with database.reading() as connection:
        assert count(connection, suite, asked) == len(chosen)


@pytest.mark.parametrize("sort", ["task", "-task", "label", "-label", "probability", "-probability"])
def test_pages_of_any_order_hold_every_curve_once(database: Database, suite: str, sort: RowSort) -> None:
    asked = RowsAsked(sort=sort)
    pages = [row.position for start in range(0, 60, 7) for row in found(database, suite, asked, (start, start + 7))]
    assert sorted(pages) == [row.position for row in found(database, suite, RowsAsked())]


def test_groups_add_up_to_the_curves(database: Database, suite: str) -> None:
    with database.reading() as connection:
        groups = counted(connection, suite)
    assert sum(groups.labels().values()) == 51
    assert groups.values(0) == ["accuracy", "f1"]
    assert groups.values(1) == ["", "few-shot"]


def _fits(row: SuiteRow, asked: RowsAsked) -> bool:
    return (
        (asked.label is None or row.label == asked.label)
        and (asked.metric is None or row.names.get("metric", "") == asked.metric)
        and (asked.prompting is None or row.names.get("prompting", "") == asked.prompting)
    )
