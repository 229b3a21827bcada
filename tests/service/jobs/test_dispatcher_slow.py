from service.database import Database
from service.jobs.dispatcher import Dispatcher
from service.store import batches
from service.store.batches import Batch, NewBatch, NewTask
from tests.service.jobs.desk import Desk, curve_of, dispatcher_of, queue_batch, run_until_done

STEPS = 20  # of a dispatcher, in which whatever can be done without its stuck workers is done


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


def occupied(database: Database, desk: Desk) -> Dispatcher:
    """A dispatcher whose workers all have a curve that takes long, with more such curves behind."""
    for number in range(2 * desk.count):
        queue_batch(database, [curve_of(f"long{number}")], engine="nuts")
    dispatcher = dispatcher_of(database, desk)
    desk.stuck = set(desk.names)
    for _ in range(STEPS):
        dispatcher.step(0.0)
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
