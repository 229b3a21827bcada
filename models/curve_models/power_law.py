"""`power_law`: A + B x^-a, the scaling law of losses, for unbounded metrics."""

import math
from collections.abc import Sequence
from typing import Any

from models.curve_models.constant import UNBOUNDED_LEVEL
from models.curve_models.priors import LogNormal, Parameter
from models.curve_models.record import Context, CurveModel, Link, Ops, no_extreme

DECAY_MEDIAN = 1.5  # a times the natural log of the observed range: exponent .2 over three decades, .65 over one
DECAY_LOG_SD = 1.0


def power_law(context: Context) -> CurveModel | None:
    """A + B x^-a by its values at both ends: left + (right - left)(1 - e^(-k u))/(1 - e^-k), k = a ln(x_K/x_1)."""
    if context.bounded:
        return None
    level = UNBOUNDED_LEVEL
    return CurveModel(
        name="power_law",
        source="Kaplan et al., arXiv 2001.08361, eq. 1.1, with a floor",
        shape=(Parameter("k", LogNormal(math.log(DECAY_MEDIAN), DECAY_LOG_SD)),),
        levels=(Parameter("left", level), Parameter("right", level)),
        columns=_columns,
        link=Link.IDENTITY,
        extreme=no_extreme,
        cells=(8,),
    )


def _columns(ops: Ops, shape: Sequence[Any], u: Any) -> tuple[Any, ...]:
    share = (1.0 - ops.exp(-shape[0] * u)) / (1.0 - ops.exp(-shape[0]))
    return 0.0 * u, 1.0 - share, share
