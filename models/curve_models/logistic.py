"""`logistic`: a sigmoid step between two asymptotes, up or down."""

import math
from collections.abc import Sequence
from typing import Any

from models.curve_models.constant import UNBOUNDED_LEVEL
from models.curve_models.priors import LogNormal, Parameter, Uniform
from models.curve_models.record import Context, CurveModel, Link, Ops, no_extreme

WIDTH_MEDIAN = 0.12  # of the observed range: 10-90 % of the step in about half of it
WIDTH_LOG_SD = 0.8
MIDPOINT_MARGIN = 0.25  # the step may lie partly outside the observed range


def logistic(context: Context) -> CurveModel:
    """f = left + (right - left) sigmoid((u - m)/w).

    Left and right asymptotes are independent uniforms: floor and ceiling uniform on the ordered triangle, and either
    sign equally probable.
    """
    level = Uniform(0.0, 1.0) if context.bounded else UNBOUNDED_LEVEL
    return CurveModel(
        name="logistic",
        source="sigmoid in log scale with free floor and ceiling",
        shape=(
            Parameter("m", Uniform(-MIDPOINT_MARGIN, 1 + MIDPOINT_MARGIN)),
            Parameter("w", LogNormal(math.log(WIDTH_MEDIAN), WIDTH_LOG_SD)),
        ),
        levels=(Parameter("left", level), Parameter("right", level)),
        columns=_columns,
        link=Link.IDENTITY,
        extreme=no_extreme,
        cells=(12, 5),
    )


def _columns(ops: Ops, shape: Sequence[Any], u: Any) -> tuple[Any, ...]:
    step = ops.sigmoid((u - shape[0]) / shape[1])
    return 0.0 * u, 1.0 - step, step
