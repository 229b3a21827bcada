"""From a task that waits to the order that a worker gets; what its analysis will be called is known before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from models.between_model import ResolvedScale
from models.errors import EngineError, ScaleshapeError
from models.options import EngineName
from service.answers import SCALE
from service.errors import problem_document
from service.identities import identity, suite_scale
from service.jobs.chunks import Order
from service.jobs.queue import ActiveBatch, Failure, QueuedTask, SampledTask
from service.readers.loading import load_item
from service.sampling import Evidence, Suite
from service.schemas.curve import LoadedCurve
from service.schemas.options import load_options
from service.store.payloads import item_document, item_of


@dataclass(frozen=True, slots=True)
class Prepared:
    """Tasks made ready, and those that turned out to be impossible."""

    orders: tuple[Order, ...]
    failures: tuple[Failure, ...]


def prepared(tasks: Iterable[QueuedTask], batch: ActiveBatch, suite: Suite | None) -> Prepared:
    """Orders for analyses. `suite` is the one of the batch, where its scale was estimated."""
    orders, failures = [], []
    for task in tasks:
        try:
            orders.append(_order(task, batch, suite))
        except ScaleshapeError as error:
            failures.append(Failure(task.id, task.attempt, problem_document(error)))
        except (ArithmeticError, ValueError) as error:  # numbers that no check foresaw; the others go on
            failure = EngineError(f"the curve cannot be analysed: {type(error).__name__}: {error}")
            failures.append(Failure(task.id, task.attempt, problem_document(failure)))
    return Prepared(tuple(orders), tuple(failures))


def evidence_order(task: QueuedTask, batch: ActiveBatch) -> Order:
    """An order of the first pass."""
    return Order(task.id, 0, _content(task, batch, None))


def evidence_of(sampled: Iterable[SampledTask]) -> dict[str, Evidence]:
    """Evidence of those sampled curves that have any, by sampling key."""
    return {task.key: task.evidence for task in sampled if isinstance(task.evidence, tuple)}


def _order(task: QueuedTask, batch: ActiveBatch, suite: Suite | None) -> Order:
    loaded = load_item(item_of(item_document(task.payload)))
    options = load_options(loaded.options, batch.options)
    scale = suite_scale(suite, loaded.curve) if suite is not None and _of_suite(loaded, batch) else None
    return Order(
        task_id=task.id,
        attempt=task.attempt,
        content=_content(task, batch, scale),
        analysis_id=identity(loaded.curve, options, scale),
        standalone=batch.kind == "single",
        slow=options.engine is EngineName.NUTS,
    )


def _of_suite(loaded: LoadedCurve, batch: ActiveBatch) -> bool:
    return {**batch.options, **loaded.options}.get(SCALE) in (None, "suite")


def _content(task: QueuedTask, batch: ActiveBatch, scale: ResolvedScale | None) -> dict[str, Any]:
    return {
        "payload": task.payload,
        "options": dict(batch.options),
        "scale": None if scale is None else (scale.value, scale.source),
    }
