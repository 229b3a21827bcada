import json
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import func, select

from models.options import SUITE_AUTOMATIC
from service.answers import Output
from service.batch import Batch as CommandBatch
from service.database import Database
from service.jobs.chunks import Chunk
from service.jobs.workforce import Ending
from service.readers.opening import open_curves
from service.schemas.curve import curve_document
from service.store import analyses, batches
from service.store.batches import ResultRow
from service.store.payloads import item_document
from service.tables import analyses as analyses_table
from tests.service.jobs.desk import Desk, Fate, curve_of, dispatcher_of, queue_batch, run_until_done

NAMES = "abcdef"


def results(database: Database, batch_id: str) -> tuple[ResultRow, ...]:
    with database.reading() as connection:
        return batches.results(connection, batch_id, limit=1000)


def stored(database: Database) -> int:
    with database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(analyses_table)) or 0


def without_varying(document: dict[str, Any]) -> dict[str, Any]:
    document = json.loads(json.dumps(document))
    del document["created_at"], document["provenance"]["elapsed_s"]
    return document


def killing(name: str) -> Fate:
    """Chunks with this curve kill their worker."""

    def fate(chunk: Chunk) -> Ending:
        documents = [item_document(order.content["payload"])["document"] for order in chunk.orders]
        return "killed" if name in [document["task"] for document in documents] else "done"

    return fate


def test_each_curve_of_a_batch_gets_its_analysis(database: Database) -> None:
    batch_id = queue_batch(database, [curve_of(name) for name in NAMES])
    (batch,) = run_until_done(dispatcher_of(database), batch_id)
    rows = results(database, batch_id)
    assert (batch.status, batch.counts["succeeded"], stored(database)) == ("succeeded", 6, 6)
    assert [orjson.loads(row.document or b"")["curve"]["task"] for row in rows] == list(NAMES)
    assert batch.started_at is not None


def test_a_suite_gets_the_very_numbers_that_the_command_prints(database: Database, tmp_path: Path) -> None:
    curves = [curve_of(f"t{i}", (0.1, 0.02 * i, 0.9 - 0.02 * i, 0.5)) for i in range(SUITE_AUTOMATIC + 2)]
    batch_id = queue_batch(database, curves, sampled=True)
    run_until_done(dispatcher_of(database), batch_id)
    path = tmp_path / "curves.ndjson"
    path.write_bytes(b"\n".join(orjson.dumps(curve_document(curve)) for curve in curves))
    with open_curves(path) as stream:
        answers = [str(a.content) for a in CommandBatch([stream], {}, Output("json")).answers(1)]
    ours = [orjson.loads(row.document or b"") for row in results(database, batch_id)]
    assert list(map(without_varying, ours)) == [without_varying(json.loads(answer)) for answer in answers]
    assert {document["provenance"]["between_model_scale_source"] for document in ours} == {"suite"}


def test_an_analysis_that_is_stored_is_not_computed_again(database: Database) -> None:
    first = queue_batch(database, [curve_of("a"), curve_of("b")])
    second = queue_batch(database, [curve_of("b"), curve_of("c")], seed=0)
    desk = Desk(1)
    dispatcher = dispatcher_of(database, desk)
    run_until_done(dispatcher, first)
    before = sum(len(chunk.orders) for chunk in desk.given)
    run_until_done(dispatcher, second)
    assert stored(database) == 3
    assert sum(len(chunk.orders) for chunk in desk.given) <= before + 2
    singles = [queue_batch(database, [curve_of(name)], kind="single") for name in "abc"]
    desk.given.clear()
    run_until_done(dispatcher, *singles)
    assert desk.given == []
    with database.reading() as connection:
        assert set(connection.scalars(select(analyses_table.c.standalone))) == {True}


def test_options_of_the_batch_stand_below_those_of_a_curve(database: Database) -> None:
    batch_id = queue_batch(database, [curve_of("a")], seed=5, between_model_scale=0.05)
    run_until_done(dispatcher_of(database), batch_id)
    (row,) = results(database, batch_id)
    options = orjson.loads(row.document or b"")["options"]
    assert (options["seed"], options["between_model_scale"]) == (5, 0.05)


def test_a_curve_whose_options_cannot_be_met_fails_and_the_others_do_not(database: Database) -> None:
    batch_id = queue_batch(database, [curve_of("a")], between_model_scale="suite")
    other = queue_batch(database, [curve_of("b")])
    failed, succeeded = run_until_done(dispatcher_of(database), batch_id, other)
    (row,) = results(database, batch_id)
    assert (failed.status, failed.counts["failed"], succeeded.counts["succeeded"]) == ("succeeded", 1, 1)
    assert row.error is not None
    assert row.error["errors"][0]["pointer"] == "/options/between_model_scale"


def test_small_batches_do_not_wait_for_large_ones(database: Database) -> None:
    large = queue_batch(database, [curve_of(f"t{i}") for i in range(200)])
    small = queue_batch(database, [curve_of("a"), curve_of("b")])
    desk = Desk(1, lambda _: "broken")
    dispatcher = dispatcher_of(database, desk)
    while len(desk.given) < 4:
        dispatcher.step(0.0)
    assert {small, large} == {chunk.batch_id for chunk in desk.given[:4]}


def ask_cancel(database: Database, batch_id: str) -> None:
    with database.writing() as connection:
        batches.ask_cancel(connection, batch_id)


def test_a_cancelled_batch_keeps_what_is_done_and_lets_a_running_chunk_end(database: Database) -> None:
    batch_id = queue_batch(database, [curve_of(f"t{i}") for i in range(60)])
    desk = Desk(2)
    dispatcher = dispatcher_of(database, desk)
    while not desk.given:
        dispatcher.step(0.0)
    desk.stuck = set(desk.names)
    dispatcher.step(0.0)
    ask_cancel(database, batch_id)
    desk.stuck = set()
    (batch,) = run_until_done(dispatcher, batch_id)
    assert batch.status == "cancelled"
    assert batch.counts["succeeded"] > 0
    assert batch.counts["cancelled"] > 0
    assert batch.counts["succeeded"] + batch.counts["cancelled"] == 60
    assert desk.stopped == []
    assert stored(database) == batch.counts["succeeded"]


def test_without_workers_nothing_is_claimed(database: Database) -> None:
    batch_id = queue_batch(database, [curve_of("a")])
    dispatcher = dispatcher_of(database, Desk(0))
    for _ in range(3):
        dispatcher.step(0.0)
    with database.reading() as connection:
        batch = batches.get(connection, batch_id)
    assert batch is not None
    assert batch.counts["queued"] == 1


def test_a_stored_document_is_the_one_that_the_worker_made(database: Database) -> None:
    batch_id = queue_batch(database, [curve_of("a")], kind="single")
    (batch,) = run_until_done(dispatcher_of(database), batch_id)
    (row,) = results(database, batch_id)
    assert row.analysis_id is not None
    with database.reading() as connection:
        found = analyses.get(connection, row.analysis_id)
    assert found is not None
    assert (batch.status, found.standalone, found.document) == ("succeeded", True, row.document)
