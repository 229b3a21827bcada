"""`token_power_law`: accuracy when each target token fails at a rate that falls as a power of scale.

Schaeffer et al. (arXiv 2304.15004), section 2, A to C: per-token cross-entropy (N/c)^-a, accuracy p^L, so that
f = exp(-e^(alpha - a (z - zbar) ln 10)) with e^alpha = L times the cross-entropy at zbar. Scores identify only L c^a:
the target length L sets the prior of alpha and is never fitted.
"""

import math
from collections.abc import Sequence
from typing import Any

from models.curve_models.priors import LogNormal, Normal, Parameter
from models.curve_models.record import Context, CurveModel, Link, Ops, no_extreme

EXPONENT_MEDIAN = 0.3
EXPONENT_LOG_SD = 0.6
RATE_SD = 2.0
UNKNOWN_TARGET_LENGTH = 4


def token_power_law(context: Context) -> CurveModel | None:
    """f = exp(-e^(alpha - a (z - zbar) ln 10)); None for unbounded scores."""
    if not context.bounded:
        return None
    length = context.target_length or UNKNOWN_TARGET_LENGTH
    return CurveModel(
        name="token_power_law",
        source="Schaeffer et al., arXiv 2304.15004, section 2",
        shape=(Parameter("a", LogNormal(math.log(EXPONENT_MEDIAN), EXPONENT_LOG_SD)),),
        levels=(Parameter("alpha", Normal(math.log(length), RATE_SD)),),
        columns=_Axis(context.decades * math.log(10), context.u_mean).columns,
        link=Link.LOG_LOG,
        extreme=no_extreme,
        cells=(10,),
    )


class _Axis:
    """The observed range in natural-log units of scale."""

    def __init__(self, log_range: float, center: float) -> None:
        self._log_range, self._center = log_range, center

    def columns(self, ops: Ops, shape: Sequence[Any], u: Any) -> tuple[Any, ...]:
        return -shape[0] * self._log_range * (u - self._center), 1.0 + 0.0 * u
