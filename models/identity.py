"""Identity of a curve: its canonical form and the hash of that."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from typing import Any

import numpy as np

from models.curve import ScalePoint, ScalingCurve
from models.metrics import Metric

METRIC_FIELDS = tuple(field.name for field in fields(Metric))


def canonical_curve(curve: ScalingCurve) -> dict[str, Any]:
    """Plain values of a curve with sorted points; the same for every order in which they were submitted."""
    return {
        "task": curve.task,
        "metric": {name: getattr(curve.metric, name) for name in METRIC_FIELDS},
        "prompting": curve.prompting,
        "model_family": curve.model_family,
        "scale_kind": curve.scale_kind,
        "suite": curve.suite,
        "tags": dict(sorted(curve.tags.items())),
        "points": [_point(point) for point in curve.points],
    }


def input_sha256(curve: ScalingCurve) -> str:
    """Hexadecimal sha256 of the canonical curve."""
    text = json.dumps(canonical_curve(curve), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _point(point: ScalePoint) -> list[Any]:
    """Plain values of a point; distractor, outcomes and clusters (by their digests) only where they are given."""
    plain: list[Any] = [point.scale, point.score, point.n_examples, point.stderr, point.n_correct, point.language_model]
    if point.distractor_share is not None:
        plain.append({"distractor": [point.distractor_score, point.n_distractor_correct]})
    if point.outcomes is None:
        return plain
    clusters = None if point.clusters is None else np.array(point.clusters, dtype="<i8").tobytes()
    return [
        *plain,
        *(None if part is None else hashlib.sha256(part).hexdigest() for part in (point.outcomes, clusters)),
    ]
