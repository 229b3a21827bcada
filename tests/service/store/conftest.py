import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from service.store.analyses import StoredAnalysis, stored_of

type Make = Callable[..., StoredAnalysis]


def made(task: str = "arithmetic", *, standalone: bool = True, **given: Any) -> StoredAnalysis:
    """A stored analysis; `given` are curve fields, and label, probability, created_at, engine_version."""
    told = {"label": "positive", "probability": 0.9, "created_at": "2026-01-01T00:00:00.000Z", "engine_version": 1}
    told |= {name: given.pop(name) for name in list(given) if name in told or name == "verdict"}
    curve = {"task": task, "metric": {"name": "accuracy"}, "scale_kind": "parameters", "points": [{}] * 4, **given}
    digest = hashlib.sha256(repr((task, told["engine_version"], sorted(map(str, given.items())))).encode()).hexdigest()
    document = {
        "id": digest,
        "created_at": told["created_at"],
        "curve": curve,
        "options": {"engine": "quadrature"},
        "classification": {
            "label": told["label"],
            "most_probable": "positive",
            "probability": told["probability"],
            "robust": True,
        },
        "emergence": {"verdict": told.get("verdict")},
        "provenance": {"engine_version": told["engine_version"], "input_sha256": digest[::-1]},
    }
    return stored_of(document, standalone=standalone)


@pytest.fixture
def make() -> Make:
    """Stored analyses, made without an engine: the same arguments give the same one."""
    return made
