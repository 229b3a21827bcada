"""What a worker does: chunks of curves in, documents out. It knows no database.

Everything that goes in or out is what JSON can carry, and bytes of JSON.
"""

from __future__ import annotations

import gc
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from models.between_model import ResolvedScale
from models.errors import ScaleshapeError
from service.errors import problem_document
from service.inline import warm_up
from service.jobs.control import keep_steady_time, quieten
from service.parallel import COLLECT_AFTER
from service.readers.loading import load_item
from service.sampling import Evidence
from service.schemas.options import load_options
from service.store.payloads import item_document, item_of

NICENESS = 5  # others, the web process above all, go first


def analysed(orders: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The analyses of a chunk: of each order `{"document": JSON text}` or `{"problem": problem document}`.

    An order has `payload` (as stored), `options` (below those of the curve) and `scale` (value and source, or None).
    """
    return [_analysed(order) for order in orders]


def evidence(orders: Sequence[Mapping[str, Any]]) -> list[Evidence | None]:
    """First pass over a chunk: log evidence on the between-model scale; None where a curve cannot be analysed."""
    return [_evidence(order) for order in orders]


def dask_setup(_worker: object) -> None:
    """Called by Dask in each worker process before it gets work, at low priority from then on.

    What is loaded by now lives as long as the process, so the collector need not look at it again and again.
    """
    quieten()
    keep_steady_time()
    os.nice(NICENESS)
    warm_up()
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


def _analysed(order: Mapping[str, Any]) -> dict[str, Any]:
    from service.use_cases import answer_document  # by the worker alone: the dispatcher runs without the engines

    try:
        loaded = load_item(item_of(item_document(order["payload"])))
        options = load_options(loaded.options, order["options"])
        scale = order["scale"]
        document = answer_document(loaded, options, None if scale is None else ResolvedScale(*scale))
    except ScaleshapeError as error:
        return {"problem": problem_document(error)}
    return {"document": orjson.dumps(document)}


def _evidence(order: Mapping[str, Any]) -> Evidence | None:
    from service.use_cases import evidence_on_scale

    try:
        loaded = load_item(item_of(item_document(order["payload"])))
        found = evidence_on_scale(loaded.curve, load_options(loaded.options, order["options"]))
        return found if all(map(math.isfinite, found)) else None
    except (ScaleshapeError, ArithmeticError, ValueError):  # told where the curve is analysed
        return None
