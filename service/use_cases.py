"""What the service can do, one function each: domain objects in, domain objects out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.analysis import analyze, suite_evidence
from models.between_model import ResolvedScale, resolve_suite_scale
from models.curve import ScalingCurve
from models.engines.quadrature import quadrature
from models.identity import canonical_curve
from models.options import EngineName, Options
from models.posterior import Engine
from models.results import Analysis

Evidence = tuple[float, ...]
"""Log evidence of one curve at the nodes of the between-model scale."""


@dataclass(frozen=True, slots=True)
class Suite:
    """Evidence on the between-model scale: summed, and of each sampled curve by its sampling key."""

    total: Evidence
    own: Mapping[str, Evidence]


def analyze_curve(curve: ScalingCurve, options: Options, suite: Suite | None = None) -> Analysis:
    """One analysis by the engine that the options name; with `suite` its between-model scale is used."""
    return analyze(curve, options, _engine(options.engine), None if suite is None else suite_scale(suite, curve))


def suite_of(evidence: Mapping[str, Evidence]) -> Suite:
    """A suite from its sample; summed in the order of the keys, so that the order of the input does not matter."""
    ordered = np.array([evidence[key] for key in sorted(evidence)])
    return Suite(tuple(ordered.sum(axis=0).tolist()), evidence)


def suite_scale(suite: Suite, curve: ScalingCurve) -> ResolvedScale:
    """The between-model scale for one curve, from all sampled curves but itself."""
    own = suite.own.get(sampling_key(curve))
    return resolve_suite_scale(np.array(suite.total), None if own is None else np.array(own))


def evidence_on_scale(curve: ScalingCurve, options: Options) -> Evidence:
    """What one curve says about the between-model scale; always by the fast engine."""
    return tuple(suite_evidence(curve, options).tolist())


def sampling_key(curve: ScalingCurve) -> str:
    """Digest by which curves are sampled: blind to the order of points and to the unit of the scale."""
    content = canonical_curve(curve)
    content["points"] = [point[1:] for point in content["points"]]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _engine(name: EngineName) -> Engine:
    if name is EngineName.QUADRATURE:
        return quadrature
    from models.engines.nuts import nuts

    return nuts
