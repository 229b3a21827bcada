"""The sample of a suite from which its between-model scale is estimated; the same for every order of the curves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from models.curve import ScalingCurve
from models.identity import canonical_curve
from models.options import SUITE_SAMPLE

Evidence = tuple[float, ...]
"""Log evidence of one curve at the nodes of the between-model scale."""


@dataclass(frozen=True, slots=True)
class Suite:
    """Evidence on the between-model scale: summed, and of each sampled curve by its key."""

    total: Evidence
    own: Mapping[str, Evidence]


def sampling_key(curve: ScalingCurve) -> str:
    """Digest by which curves are sampled: blind to the order of points and to the unit of the scale."""
    content = canonical_curve(curve)
    content["points"] = [point[1:] for point in content["points"]]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def sampled[T](keyed: Iterable[tuple[str, T]]) -> dict[str, T]:
    """The items with the smallest keys, at most SUITE_SAMPLE of them, each key once; memory is bounded."""
    kept: dict[str, T] = {}
    for key, item in keyed:
        kept.setdefault(key, item)
        if len(kept) > 2 * SUITE_SAMPLE:
            kept = _smallest(kept)
    return _smallest(kept)


def suite_of(evidence: Mapping[str, Evidence]) -> Suite:
    """A suite from its sample; summed in the order of the keys, so that the order of the input does not matter."""
    columns = zip(*(evidence[key] for key in sorted(evidence)), strict=True)
    return Suite(tuple(map(sum, columns)), evidence)


def _smallest[T](kept: Mapping[str, T]) -> dict[str, T]:
    return {key: kept[key] for key in sorted(kept)[:SUITE_SAMPLE]}
