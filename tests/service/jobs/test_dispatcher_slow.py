from collections.abc import Sequence

import pytest

from models.curve import ScalingCurve
from service.analyses import analyse_later, asked_curve, find
from service.database import Database
from service.jobs.dispatcher import GLANCE, MOST_CLAIMS, Dispatcher
from service.jobs.workforce import Outcome
from service.readers.items import CurveItem
from service.schemas.curve import curve_document
from service.settings import Settings
from service.store import batches
from service.store.batches import Batch, NewBatch, NewTask
from service.store.payloads import packed
from tests.service.jobs.desk import Desk, curve_of, dispatcher_of, queue_batch, run_until_done

STEPS = 20  # of a dispatcher, in which whatever can be done is done


class Patient(Desk):
    """Workers whose slow curves take as long as the test wants, and then fail: an analysis would take seconds."""

    def __init__(self, count: int) -> None:
        super().__init__(count, lambda chunk: "broken" if chunk.slow else "done")
        self.holds = True

    @property
    def slow(self) -> set[str]:
        return {name for name, (chunk, _) in self.at_work.items() if chunk.slow}

    def outcomes(self, seconds: float) -> list[Outcome]:
        self.stuck = self.slow if self.holds else set()
        return super().outcomes(seconds)


def steps(dispatcher: Dispatcher) -> None:
    for _ in range(STEPS):
        dispatcher.step(0.0)


def found(database: Database, batch_id: str) -> Batch:
    with database.reading() as connection:
        batch = batches.get(connection, batch_id)
    assert batch is not None
    return batch


def queue_unusable(database: Database) -> str:
    """A released batch whose only row had failed before."""
    with database.writing() as connection:
        batch_id = batches.begin(connection, NewBatch())
        batches.add_tasks(connection, batch_id, [NewTask(position=0, error={"status": 422})])
        batches.release(connection, batch_id, "analysis", 1)
    return batch_id


def queue_mixed(database: Database, engines: Sequence[str]) -> str:
    """A released batch of curves with an engine each."""
    with database.writing() as connection:
        batch_id = batches.begin(connection, NewBatch())
        for place, engine in enumerate(engines):
            document = {**curve_document(curve_of(f"m{place}")), "options": {"engine": engine}}
            task = NewTask(position=place, payload=packed(CurveItem(place, document)))
            batches.add_tasks(connection, batch_id, [task])
        batches.release(connection, batch_id, "analysis", len(engines))
    return batch_id


def analyse(database: Database, curves: Sequence[ScalingCurve]) -> None:
    dispatcher = dispatcher_of(database)
    run_until_done(dispatcher, queue_batch(database, curves))
    dispatcher.stop()


def occupied(database: Database, desk: Desk) -> Dispatcher:
    """A dispatcher whose workers all have a curve that takes long, with more such curves behind."""
    for number in range(2 * desk.count):
        queue_batch(database, [curve_of(f"long{number}")], engine="nuts")
    dispatcher = dispatcher_of(database, desk)
    desk.stuck = set(desk.names)
    steps(dispatcher)
    assert desk.free == []
    return dispatcher


def test_a_batch_without_work_ends_while_all_workers_are_busy(database: Database) -> None:
    dispatcher = occupied(database, Desk(1))
    (batch,) = run_until_done(dispatcher, queue_unusable(database), steps=STEPS)
    assert (batch.status, batch.counts["failed"]) == ("succeeded", 1)


def test_a_batch_whose_last_curve_is_done_ends_while_all_workers_are_busy(database: Database) -> None:
    desk = Desk(1)
    dispatcher = dispatcher_of(database, desk)
    quick = queue_batch(database, [curve_of("a")])
    for number in range(3):
        queue_batch(database, [curve_of(f"long{number}")], engine="nuts")
    dispatcher.step(0.0)
    while desk.at_work["w0"][0].batch_id == quick:
        dispatcher.step(0.0)
    desk.stuck = {"w0"}
    (batch,) = run_until_done(dispatcher, quick, steps=STEPS)
    assert batch.status == "succeeded"


def test_a_batch_of_stored_curves_ends_while_all_workers_are_busy(database: Database) -> None:
    curves = [curve_of(f"t{number}") for number in range(GLANCE + 4)]
    analyse(database, curves)
    dispatcher = occupied(database, Desk(1))
    again, single = queue_batch(database, curves), queue_batch(database, curves[:1], kind="single")
    for batch in run_until_done(dispatcher, again, single, steps=STEPS):
        assert (batch.status, batch.counts["succeeded"]) == ("succeeded", batch.counts["total"])


def test_a_batch_of_impossible_curves_ends_while_all_workers_are_busy(database: Database) -> None:
    dispatcher = occupied(database, Desk(1))
    batch_id = queue_batch(database, [curve_of("a")], between_model_scale="suite")
    (batch,) = run_until_done(dispatcher, batch_id, steps=STEPS)
    assert (batch.status, batch.counts["failed"]) == ("succeeded", 1)


def test_curves_that_need_a_worker_wait_for_it_in_the_queue(database: Database) -> None:
    analyse(database, [curve_of("a")])
    desk = Desk(1)
    dispatcher = occupied(database, desk)
    mixed = queue_batch(database, [curve_of(name) for name in "abc"])
    new = queue_batch(database, [curve_of("d")])
    steps(dispatcher)
    counts = found(database, mixed).counts
    assert (counts["succeeded"], counts["queued"], counts["running"]) == (1, 2, 0)
    assert found(database, new).status == "queued"
    assert len(desk.given) == 1


@pytest.mark.parametrize("workers", [2, 4])
def test_quick_curves_go_on_while_long_ones_run(database: Database, workers: int) -> None:
    desk = Patient(workers)
    dispatcher = dispatcher_of(database, desk)
    for number in range(12):
        queue_batch(database, [curve_of(f"long{number}")], engine="nuts")
    steps(dispatcher)
    assert len(desk.slow) == workers - 1
    quick = queue_batch(database, [curve_of(f"t{number}") for number in range(8)])
    steps(dispatcher)
    assert found(database, quick).status == "succeeded"
    assert len(desk.slow) == workers - 1


def test_long_curves_of_a_batch_of_all_kinds_leave_a_worker_too(database: Database) -> None:
    desk = Patient(2)
    dispatcher = dispatcher_of(database, desk)
    queue_mixed(database, ["nuts"] * 3 + ["quadrature"] * 3)
    quick = queue_batch(database, [curve_of("a")])
    steps(dispatcher)
    assert found(database, quick).status == "succeeded"
    assert len(desk.slow) == 1


def test_the_only_worker_takes_long_curves_in_their_turn(database: Database) -> None:
    desk = Patient(1)
    dispatcher = dispatcher_of(database, desk)
    long = queue_batch(database, [curve_of("long")], engine="nuts")
    quick = queue_batch(database, [curve_of("a")])
    steps(dispatcher)
    assert [chunk.batch_id for chunk in desk.given] == [long]
    assert found(database, quick).counts["running"] == 1


def test_batches_of_long_curves_take_turns_whatever_quick_ones_come_between(database: Database) -> None:
    desk = Patient(2)
    dispatcher = dispatcher_of(database, desk)
    first = queue_batch(database, [curve_of(f"first{number}") for number in range(3)], engine="nuts")
    second = queue_batch(database, [curve_of(f"second{number}") for number in range(3)], engine="nuts")
    for turn in range(6):
        queue_batch(database, [curve_of(f"t{turn}")])
        steps(dispatcher)
        desk.holds = False
        dispatcher.step(0.0)
        desk.holds = True
    assert [chunk.batch_id for chunk in desk.given if chunk.slow][:6] == 3 * [first, second]


def test_many_batches_that_are_all_with_workers_do_not_keep_the_next_from_a_free_one(database: Database) -> None:
    desk = Patient(2 * MOST_CLAIMS)
    dispatcher = dispatcher_of(database, desk)
    for number in range(MOST_CLAIMS + 1):
        queue_batch(database, [curve_of(f"long{number}")], engine="nuts")
    steps(dispatcher)
    assert len(desk.slow) == MOST_CLAIMS + 1
    for name in "ab":
        run_until_done(dispatcher, queue_batch(database, [curve_of(name)]), steps=STEPS)


def test_a_long_curve_that_was_sent_by_itself_waits_in_the_queue_for_another(
    database: Database, database_url: str
) -> None:
    settings = Settings(database_url=database_url)
    documents = [{**curve_document(curve_of(name)), "options": {"engine": "nuts"}} for name in "abcd"]
    sent = [analyse_later(database, settings, asked_curve(document, settings)) for document in documents]
    desk = Patient(2)
    steps(dispatcher_of(database, desk))
    states = [find(database, answered.identifier) for answered in sent]
    assert [state["status"] for state in states if isinstance(state, dict)] == [*2 * ["running"], *2 * ["queued"]]
