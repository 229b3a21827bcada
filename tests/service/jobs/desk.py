"""Workers without processes, for tests of the dispatcher: what becomes of each chunk is decided by the test."""

import time
from collections.abc import Callable, Iterator, Sequence

from models.curve import ScalePoint, ScalingCurve
from models.metrics import registered
from service.database import Database
from service.jobs import work
from service.jobs.chunks import Chunk, Limits
from service.jobs.dispatcher import Dispatcher
from service.jobs.leader import Leadership
from service.jobs.workforce import Ending, Outcome, Workforce
from service.readers.items import CurveItem, names_of
from service.sampling import sampling_key
from service.schemas.curve import curve_document
from service.store import batches
from service.store.batches import Batch, Kind, NewBatch, NewTask
from service.store.payloads import packed

type Fate = Callable[[Chunk], Ending]


class Desk(Workforce):
    """Workers "w0", "w1", … that do their chunk when they are asked for outcomes."""

    def __init__(self, count: int = 2, fate: Fate = lambda _: "done") -> None:
        super().__init__("tcp://127.0.0.1:1")
        self.names = [f"w{place}" for place in range(count)]
        self.fate = fate
        self.at_work: dict[str, tuple[Chunk, float]] = {}
        self.given: list[Chunk] = []
        self.stopped: list[str] = []
        self.lost: list[Chunk] = []
        self.stuck: set[str] = set()  # workers that do not come back

    @property
    def count(self) -> int:
        return len(self.names)

    @property
    def free(self) -> list[str]:
        return [name for name in self.names if name not in self.at_work]

    @property
    def busy(self) -> dict[str, tuple[Chunk, float]]:
        return {name: (chunk, time.monotonic() - since) for name, (chunk, since) in self.at_work.items()}

    def look(self) -> Iterator[Outcome]:
        while self.lost:
            yield Outcome(self.lost.pop(), "lost", 0.0)

    def give(self, address: str, chunk: Chunk) -> None:
        assert address in self.free
        self.at_work[address] = (chunk, time.monotonic())
        self.given.append(chunk)

    def outcomes(self, seconds: float) -> list[Outcome]:
        time.sleep(min(seconds, 0.001))
        ready = [name for name in self.at_work if name not in self.stuck]
        return [self._outcome(self.at_work.pop(name)[0]) for name in ready]

    def stop(self, address: str) -> None:
        self.stopped.append(address)
        self.at_work.pop(address, None)
        self.stuck.discard(address)

    def drop(self) -> None:
        self.at_work.clear()

    def _outcome(self, chunk: Chunk) -> Outcome:
        ending = self.fate(chunk)
        if ending != "done":
            return Outcome(chunk, ending, 0.1, reason="as the test wants it")
        orders = [order.content for order in chunk.orders]
        does: Callable[..., Sequence[object]] = work.analysed if chunk.purpose == "analysis" else work.evidence
        return Outcome(chunk, "done", 0.03 * len(orders), results=list(does(orders)))


def dispatcher_of(database: Database, desk: Desk | None = None, limits: Limits | None = None) -> Dispatcher:
    """A dispatcher that has not begun."""
    return Dispatcher(database, desk or Desk(), Leadership(database), limits or Limits())


def run_until_done(dispatcher: Dispatcher, *batch_ids: str, steps: int = 2000) -> list[Batch]:
    """Step until the batches have ended."""
    found: list[Batch | None] = []
    for _ in range(steps):
        dispatcher.step(0.0)
        with dispatcher.database.reading() as connection:
            found = [batches.get(connection, batch_id) for batch_id in batch_ids]
        if all(batch is not None and batch.finished_at is not None for batch in found):
            return [batch for batch in found if batch is not None]
    raise AssertionError(f"not done: {found}")


def curve_of(task: str, scores: Sequence[float] = (0.2, 0.5, 0.8)) -> ScalingCurve:
    metric = registered("accuracy")
    assert metric is not None
    return ScalingCurve(
        task, metric, tuple(ScalePoint(10.0 ** (6 + i), y, n_examples=100) for i, y in enumerate(scores))
    )


def queue_batch(
    database: Database,
    curves: Sequence[ScalingCurve],
    *,
    kind: Kind = "batch",
    sampled: bool = False,
    **options: object,
) -> str:
    """A released batch of curves; `sampled`: all of them take part in a first pass."""
    with database.writing() as connection:
        batch_id = batches.begin(connection, NewBatch(kind=kind, options=options))
        items = [CurveItem(i, curve_document(curve)) for i, curve in enumerate(curves)]
        batches.add_tasks(
            connection,
            batch_id,
            [
                NewTask(
                    position=item.index,
                    payload=packed(item),
                    names=names_of(item.document or {}),
                    sampling_key=sampling_key(curve),
                )
                for item, curve in zip(items, curves, strict=True)
            ],
        )
        if sampled:
            batches.mark_sampled(connection, batch_id, range(len(curves)))
        batches.release(connection, batch_id, "scale" if sampled else "analysis", len(curves))
    return batch_id
