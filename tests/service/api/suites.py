"""Batches that are done, and results that are computed in the test's own process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from service.database import Database
from service.derivations import Derivations, Task, refusal
from service.deriving import done
from service.parts import EXTENSION
from service.schemas.curve import load_curve
from service.schemas.options import load_options
from service.store import analyses
from service.store.analyses import stored_of
from service.store.payloads import item_document, item_of
from service.tables import batches, tasks
from service.use_cases import answer_document
from tests.service.api.curves import App, Client, curve

RISING, FALLING, TURNED = (0.1, 0.3, 0.6, 0.9), (0.9, 0.6, 0.3, 0.1), (0.9, 0.2, 0.25, 0.95)
AWAITED = 600.0  # seconds; the first summary of an installation compiles its sampler


class Awaited(Derivations):
    """Answers when the result is there, where a server would say 202 after two seconds."""

    def ask(self, key: str, task: Task, patience: float = 0.0) -> bytes | None:
        return super().ask(key, task, AWAITED if patience else 0.0)


def here(task: Mapping[str, Any], limit: float) -> bytes:
    """A task done in this process, where PyMC is not wanted; `limit` is of no use."""
    code, result = done({**task, "options": {**task["options"], "group_by": []}})
    if code:
        raise refusal(orjson.loads(result))
    return result


def computing(app: App, compute: Callable[[Task, float], bytes], *, awaited: bool = True) -> App:
    """The app with another way to compute what takes seconds; who asks has it `awaited`, unless told otherwise."""
    derivations = (Awaited if awaited else Derivations)(60, compute)
    app.extensions[EXTENSION] = replace(app.extensions[EXTENSION], derivations=derivations)
    return app


def finished_batch(client: Client, database: Database, documents: list[dict[str, Any]]) -> str:
    """The id of a batch that was worked off."""
    batch_id = client.post("/v1/batches", json={"curves": documents}).json["id"]
    with database.writing() as connection:
        for task in connection.execute(tasks.select().where(tasks.c.batch_id == batch_id, tasks.c.state == "queued")):
            loaded = load_curve(item_of(item_document(task.payload)).document)
            stored = stored_of(answer_document(loaded, load_options(loaded.options)), standalone=False)
            analyses.put(connection, stored)
            values = {"state": "succeeded", "analysis_id": stored.id, "label": stored.label, "payload": None}
            connection.execute(tasks.update().where(tasks.c.id == task.id).values(values))
        connection.execute(batches.update().where(batches.c.id == batch_id).values(status="succeeded"))
    return str(batch_id)


def some_curves() -> list[dict[str, Any]]:
    """Rising, falling and turned curves, and one that cannot be used."""
    good = [
        curve(f"task {i}", scores, prompting=("zero-shot", "few-shot")[i % 2])
        for i, scores in enumerate((RISING, RISING, FALLING, FALLING, TURNED, TURNED, TURNED))
    ]
    return [*good, curve("too short", (0.5,))]
