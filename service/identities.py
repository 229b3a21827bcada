"""What an analysis will be called, known without computing it and without loading the engines."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.between_model import ResolvedScale, own_scale, resolve_suite_scale
from models.curve import ScalingCurve
from models.likelihood import observe
from models.options import Options
from models.provenance import ENGINE_VERSION
from service.sampling import Suite, sampling_key
from service.schemas.analysis import analysis_identity, resolved_options


def resolved(curve: ScalingCurve, options: Options, scale: ResolvedScale | None = None) -> dict[str, Any]:
    """The options block that the analysis of a curve will have; `scale` is the suite's, where that is to be used.

    Raises `InvalidOptions` where options and curve do not fit each other.
    """
    observations = observe(curve, options)
    return resolved_options(
        options,
        smallest_effect=observations.delta * observations.unit,  # bit for bit what provenance will say
        between_model_scale=(scale or own_scale(options)).value,
    )


def identity(curve: ScalingCurve, options: Options, scale: ResolvedScale | None = None) -> str:
    """Identity that the analysis of a curve will have."""
    return analysis_identity(curve, resolved(curve, options, scale), ENGINE_VERSION)


def suite_scale(suite: Suite, curve: ScalingCurve) -> ResolvedScale:
    """The between-model scale for one curve, from all sampled curves but itself."""
    own = suite.own.get(sampling_key(curve))
    return resolve_suite_scale(np.array(suite.total), None if own is None else np.array(own))
