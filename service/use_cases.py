"""What the service can do, one function each: domain objects in, domain objects out."""

from __future__ import annotations

import numpy as np

from models.analysis import analyze, suite_evidence
from models.between_model import ResolvedScale, resolve_suite_scale
from models.curve import ScalingCurve
from models.engines.quadrature import quadrature
from models.options import EngineName, Options
from models.posterior import Engine
from models.results import Analysis
from service.sampling import Evidence, Suite, sampling_key


def analyze_curve(curve: ScalingCurve, options: Options, suite: Suite | None = None) -> Analysis:
    """One analysis by the engine that the options name; with `suite` its between-model scale is used."""
    return analyze(curve, options, _engine(options.engine), None if suite is None else suite_scale(suite, curve))


def suite_scale(suite: Suite, curve: ScalingCurve) -> ResolvedScale:
    """The between-model scale for one curve, from all sampled curves but itself."""
    own = suite.own.get(sampling_key(curve))
    return resolve_suite_scale(np.array(suite.total), None if own is None else np.array(own))


def evidence_on_scale(curve: ScalingCurve, options: Options) -> Evidence:
    """What one curve says about the between-model scale; always by the fast engine."""
    return tuple(suite_evidence(curve, options).tolist())


def _engine(name: EngineName) -> Engine:
    if name is EngineName.QUADRATURE:
        return quadrature
    from models.engines.nuts import nuts

    return nuts
