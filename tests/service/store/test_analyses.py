import json
import random
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete

from models.results import Analysis
from service.database import Database
from service.schemas.analysis import analysis_document
from service.schemas.scalars import LONGEST_TEXT
from service.store import analyses as store
from service.store import filters
from service.store.analyses import StoredAnalysis
from service.store.filters import Filter, Sort
from service.tables import analyses, documents, tags

type Make = Callable[..., StoredAnalysis]

NASTY = "Ärger: 50 % 'x' \" \\ \N{SNOWMAN} \U0001f600 x=y"


def stamp(day: int) -> str:
    return f"2026-01-{day:02}T00:00:00.000Z"


def listed(database: Database, asked: Filter, sort: Sort = "created_at", limit: int = 1000) -> list[str]:
    """Tasks of all pages, in order."""
    found: list[str] = []
    cursor = None
    with database.reading() as connection:
        while True:
            page = store.page(connection, asked, sort, limit, cursor)
            assert len(page.items) <= limit
            found += [summary.task for summary in page.items]
            cursor = page.next
            if cursor is None:
                return found


def test_what_is_stored_comes_back_whole(database: Database, make: Make) -> None:
    stored = make(NASTY, prompting="few-shot", suite="s", tags={NASTY: NASTY, "source": "Table 1"})
    with database.writing() as connection:
        assert store.put(connection, stored)
    with database.reading() as connection:
        assert store.get(connection, stored.id) == stored
        assert store.etag(connection, stored.id) == stored.etag
        assert store.get(connection, "0" * 64) is None
        assert store.etag(connection, "0" * 64) is None


def test_a_real_analysis_is_stored_with_the_fields_of_its_document(database: Database, u_shaped: Analysis) -> None:
    document = analysis_document(u_shaped, identifier="a" * 64, created_at="2026-01-01T00:00:00.000Z", elapsed_s=0.1)
    stored = store.stored_of(document, standalone=True)
    with database.writing() as connection:
        store.put(connection, stored)
    with database.reading() as connection:
        found = store.get(connection, "a" * 64)
    assert found == stored
    assert json.loads(found.document) == document
    assert (found.label, found.n_points, found.model_family) == ("u_shaped", 4, "Example")
    assert found.verdict == document["emergence"]["verdict"]


def test_the_longest_names_are_stored_and_found(database: Database, make: Make) -> None:
    signs = random.Random(1)  # noqa: S311 - test data that no database can compress

    def long() -> str:
        return "".join(chr(signs.randrange(0x20000, 0x2A000)) for _ in range(LONGEST_TEXT))

    name, value = long(), long()
    stored = make(long(), model_family=long(), prompting=long(), suite=long(), tags={name: value, name + "b": value})
    curve = json.loads(stored.document)["curve"]
    with database.writing() as connection:
        store.put(connection, stored)
        assert store.get(connection, stored.id) == stored
    for asked in (Filter(task=curve["task"]), Filter(suite=curve["suite"]), Filter(tag=f"{name}:{value}")):
        assert listed(database, asked) == [stored.task]
    assert listed(database, Filter(tag=f"{name}:{name}")) == []


def test_the_same_analysis_is_stored_once_and_the_first_stays(database: Database, make: Make) -> None:
    first = make(standalone=False)
    later = replace(first, document=b"{}", etag="e" * 64, standalone=True)
    with database.writing() as connection:
        assert store.put(connection, first)
        assert not store.put(connection, later)
        assert store.get(connection, first.id) == replace(first, standalone=True)
        assert not store.put(connection, first)
        assert store.get(connection, first.id) == replace(first, standalone=True)


def test_many_are_stored_at_once_with_those_that_are_there_and_those_that_come_twice(
    database: Database, make: Make
) -> None:
    many = [make(f"task {number}", tags={"n": str(number)}) for number in range(1203)]
    with database.writing() as connection:
        store.put(connection, many[7])
        new = store.put_many(connection, [*many, many[1]])
    assert new == {stored.id for stored in many} - {many[7].id}
    with database.reading() as connection:
        assert store.existing(connection, [*(stored.id for stored in many), "unknown"]) == {s.id for s in many}
        assert store.get(connection, many[1202].id) == many[1202]
        assert store.put_many(connection, []) == set()


def test_a_deleted_analysis_leaves_nothing(database: Database, make: Make) -> None:
    stored = make(tags={"a": "b"})
    with database.writing() as connection:
        store.put(connection, stored)
        assert store.delete(connection, stored.id)
        assert not store.delete(connection, stored.id)
        for table in (analyses, documents, tags):
            assert connection.execute(table.select()).all() == []


DIFFERENT: dict[str, dict[str, Any]] = {
    "a": {"created_at": stamp(1), "prompting": "few-shot", "tags": {"x": "1"}, "probability": 0.5},
    "b": {
        "created_at": stamp(2),
        "prompting": "few-shot",
        "model_family": "GPT-3",
        "tags": {"x": "1"},
        "probability": 0.8,
    },
    "c": {"created_at": stamp(3), "suite": "s", "label": "u_shaped", "probability": 0.7, "tags": {"y:z": "w=1"}},
    "d": {"created_at": stamp(4), "label": "u_shaped", "verdict": "explained_by_metric", "engine_version": 2},
}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (Filter(), ["a", "b", "c", "d"]),
        (Filter(task="b"), ["b"]),
        (Filter(metric="accuracy"), ["a", "b", "c", "d"]),
        (Filter(metric="bleu"), []),
        (Filter(model_family="GPT-3"), ["b"]),
        (Filter(prompting="few-shot"), ["a", "b"]),
        (Filter(suite="s"), ["c"]),
        (Filter(label="u_shaped"), ["c", "d"]),
        (Filter(verdict="explained_by_metric"), ["d"]),
        (Filter(min_probability=0.8), ["b", "d"]),
        (Filter(tag="x:1"), ["a", "b"]),
        (Filter(tag="x=1"), ["a", "b"]),
        (Filter(tag="x"), ["a", "b"]),
        (Filter(tag="x:2"), []),
        (Filter(tag="y:z:w=1"), ["c"]),
        (Filter(tag=""), []),
        (Filter(created_after="2026-01-02T00:00:00.000Z"), ["b", "c", "d"]),
        (Filter(created_before="2026-01-03T00:00:00.000Z"), ["a", "b"]),
        (Filter(engine_version=2), ["d"]),
        (Filter(engine_below=2), ["a", "b", "c"]),
        (Filter(label="u_shaped", min_probability=0.8, tag="x:1"), []),
        (Filter(prompting="few-shot", min_probability=0.8, tag="x:1"), ["b"]),
    ],
)
def test_a_filter_finds_what_meets_all_its_conditions(
    database: Database, make: Make, asked: Filter, found: list[str]
) -> None:
    with database.writing() as connection:
        store.put_many(connection, [make(task, **fields) for task, fields in DIFFERENT.items()])
    assert listed(database, asked) == found
    with database.reading() as connection:
        tasks = [json.loads(document)["curve"]["task"] for document in store.documents_of(connection, asked)]
    assert tasks == found
    assert Filter(**json.loads(json.dumps(asked.given()))) == asked


@pytest.mark.parametrize("common", [1, 2, 3])
def test_a_common_tag_finds_the_same_as_a_rare_one(
    database: Database, make: Make, monkeypatch: pytest.MonkeyPatch, common: int
) -> None:
    monkeypatch.setattr(filters, "COMMON", common)
    with database.writing() as connection:
        store.put_many(connection, [make(task, **fields) for task, fields in DIFFERENT.items()])
    for tag, found in (("x:1", ["a", "b"]), ("x", ["a", "b"]), ("x:2", []), ("y:z=w=1", ["c"])):
        assert listed(database, Filter(tag=tag)) == found
        assert listed(database, Filter(tag=tag, min_probability=0.6)) == [task for task in found if task != "a"]


def test_documents_come_in_the_order_of_the_ids_without_those_that_are_gone(database: Database, make: Make) -> None:
    many = [make(f"task {number}") for number in range(1100)]
    with database.writing() as connection:
        store.put_many(connection, many)
    wanted = [stored.id for stored in reversed(many)]
    with database.reading() as connection:
        found = list(store.documents_of(connection, [wanted[0], "gone", *wanted[1:]]))
        arrived = list(store.documents_of(connection, Filter()))
    assert found == [stored.document for stored in reversed(many)]
    assert sorted(arrived) == sorted(found)


def test_no_document_is_read_for_a_list(database: Database, make: Make) -> None:
    with database.writing() as connection:
        store.put(connection, make())
        connection.execute(delete(documents))
    assert listed(database, Filter()) == ["arithmetic"]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for a database waits long enough: those that wait are not served in the order of their coming."""
    monkeypatch.setattr("service.database.BUSY_SECONDS", 300)


@pytest.mark.usefixtures("patient")  # before the database is opened
def test_fifty_writers_at_once_lose_and_double_nothing(database: Database, make: Make) -> None:
    failures: list[BaseException] = []
    new: list[str] = []

    def write(writer: int) -> None:
        try:
            for number in range(4):
                own, common = make(f"{writer} {number}", suite="own"), make(f"all {number}", suite="common")
                with database.writing() as connection:
                    new.extend(store.put_many(connection, [own, common]))
        except BaseException as error:  # noqa: BLE001 - carried to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(new) == len(set(new)) == 204
    assert len(listed(database, Filter(suite="own"))) == 200
    assert len(listed(database, Filter(suite="common"))) == 4


@pytest.mark.parametrize("name", ["lm:harness", "a=b", "plain"])
def test_a_tag_is_found_by_its_name_whatever_stands_in_it(database: Database, make: Make, name: str) -> None:
    stored, other = make("it", tags={name: "x"}), make("other", tags={"lm": "other"})
    with database.writing() as connection:
        store.put(connection, stored)
        store.put(connection, other)
    for asked in (name, f"{name}:x", f"{name}=x"):
        assert listed(database, Filter(tag=asked)) == ["it"]
