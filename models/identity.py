"""Identity of a curve: its canonical form and the hash of that."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from typing import Any

from models.curve import ScalingCurve


def canonical_curve(curve: ScalingCurve) -> dict[str, Any]:
    """Plain values of a curve with sorted points; the same for every order in which they were submitted."""
    return {
        "task": curve.task,
        "metric": {field.name: getattr(curve.metric, field.name) for field in fields(curve.metric)},
        "prompting": curve.prompting,
        "model_family": curve.model_family,
        "scale_kind": curve.scale_kind,
        "suite": curve.suite,
        "tags": dict(sorted(curve.tags.items())),
        "points": [[p.scale, p.score, p.n_examples, p.stderr, p.n_correct, p.language_model] for p in curve.points],
    }


def input_sha256(curve: ScalingCurve) -> str:
    """Hexadecimal sha256 of the canonical curve."""
    text = json.dumps(canonical_curve(curve), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
