from collections.abc import Callable
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from service.database import Database
from service.failures import StaleCursor
from service.store import analyses as store
from service.store.analyses import StoredAnalysis
from service.store.filters import SORTS, Filter, Sort
from service.tables import analyses

type Make = Callable[..., StoredAnalysis]


def stamp(day: int) -> str:
    return f"2026-01-{day:02}T00:00:00.000Z"


def all_pages(database: Database, asked: Filter, sort: Sort, limit: int) -> list[store.Summary]:
    found: list[store.Summary] = []
    cursor = None
    with database.reading() as connection:
        while True:
            page = store.page(connection, asked, sort, limit, cursor)
            found += page.items
            assert len(page.items) == limit or page.next is None
            cursor = page.next
            if cursor is None:
                return found


def drawn(make: Make, row: tuple[str, int, float, bool], number: int) -> StoredAnalysis:
    task, day, probability, flat = row
    label = "flat" if flat else "positive"
    return make(task, suite=str(number), created_at=stamp(day), probability=probability, label=label)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from("aAbäZ😀"), st.integers(1, 4), st.sampled_from([0.1, 0.2, 0.1 + 0.2, 1.0]), st.booleans()
        ),
        max_size=25,
    ),
    sort=st.sampled_from(SORTS),
    limit=st.integers(1, 7),
    asked=st.sampled_from([Filter(), Filter(label="flat")]),
)
def test_paging_returns_everything_once_in_order(
    database: Database,
    make: Make,
    rows: list[tuple[str, int, float, bool]],
    sort: Sort,
    limit: int,
    asked: Filter,
) -> None:
    many = [drawn(make, row, number) for number, row in enumerate(rows)]
    with database.writing() as connection:
        connection.execute(delete(analyses))
        for stored in many:
            store.put(connection, stored)
    wanted = [stored for stored in many if asked.label in (None, stored.label)]
    pages = all_pages(database, asked, sort, limit)
    order = {stored.id: number for number, stored in enumerate(many)}
    name = sort.removeprefix("-")

    def place(summary: store.Summary) -> tuple[Any, ...]:
        first = attrgetter(name)(summary)
        middle = summary.created_at if name == "task" else ""
        return (first.encode() if isinstance(first, str) else first, middle, order[summary.id])

    assert len(pages) == len(wanted)
    assert {summary.id for summary in pages} == {stored.id for stored in wanted}
    assert [place(summary) for summary in pages] == sorted(map(place, pages), reverse=sort.startswith("-"))


def test_rows_that_arrive_between_pages_disturb_nothing(database: Database, make: Make) -> None:
    with database.writing() as connection:
        store.put_many(connection, [make(f"{number}", created_at=stamp(number)) for number in range(2, 8)])
        first = store.page(connection, Filter(), "created_at", 3)
        store.put_many(connection, [make("before", created_at=stamp(1)), make("behind", created_at=stamp(9))])
        second = store.page(connection, Filter(), "created_at", 9, first.next)
    assert [summary.task for summary in first.items] == ["2", "3", "4"]
    assert [summary.task for summary in second.items] == ["5", "6", "7", "behind"]


def test_a_cursor_of_another_query_is_refused(database: Database, make: Make) -> None:
    with database.writing() as connection:
        store.put_many(connection, [make(f"{number}") for number in range(5)])
        cursor = store.page(connection, Filter(label="positive"), "task", 2).next
        assert cursor is not None
        others: list[tuple[Filter, Sort]] = [
            (Filter(), "task"),
            (Filter(label="flat"), "task"),
            (Filter(label="positive"), "-task"),
        ]
        for asked, sort in others:
            with pytest.raises(StaleCursor, match="another filter or sort"):
                store.page(connection, asked, sort, 2, cursor)
        with pytest.raises(StaleCursor):
            store.page(connection, Filter(label="positive"), "task", 2, cursor[:-3])
        assert len(store.page(connection, Filter(label="positive"), "task", 9, cursor).items) == 3
