"""A submitted curve on its way through the queue."""

from __future__ import annotations

import json
import zlib
from typing import Any

from models.errors import Problem
from service.readers.items import CurveItem

LEVEL = 3  # of zlib: most of the gain in little time


def packed(item: CurveItem) -> bytes:
    """What is stored of an item until it has been analysed: compressed JSON."""
    problems = [[problem.pointer, problem.message] for problem in item.problems]
    document = {
        "index": item.index,
        "document": item.document,
        "problems": problems,
        "rows": item.rows,
        "names": item.names,
        "columns": item.columns,
    }
    text = json.dumps(document, default=dict, allow_nan=False)  # a scale may be a whole number beyond 64 bits
    return zlib.compress(text.encode(), LEVEL)


def item_document(payload: bytes) -> dict[str, Any]:
    """The plain values of an item, as JSON could carry them to a worker."""
    document: dict[str, Any] = json.loads(zlib.decompress(payload))
    return document


def item_of(document: dict[str, Any]) -> CurveItem:
    """The item again, from its plain values."""
    problems = tuple(Problem(pointer, message) for pointer, message in document["problems"])
    return CurveItem(**{**document, "problems": problems, "rows": tuple(document["rows"])})
