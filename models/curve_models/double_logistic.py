"""`double_logistic`: two sigmoid steps between three free levels, up or down each.

The menu's answer to curves that no other model has: two jumps, dents and bumps on a plateau, a rise with a step in it.
"""

import math
from collections.abc import Sequence
from typing import Any

from models.arrays import Floats
from models.curve_models.constant import UNBOUNDED_LEVEL
from models.curve_models.priors import LogNormal, Parameter, Uniform
from models.curve_models.record import Context, CurveModel, Link, Ops
from models.curve_models.transitions import extreme_position, shares

WIDTH_MEDIAN = 0.06  # sharp enough for a step between two neighbouring models
WIDTH_LOG_SD = 0.9
EARLIEST, LATEST = -0.25, 1.0
# Of the observed range between the two transitions: a plateau or bump of visible length. Shorter ones would hide
# between two neighbouring models, where the data can neither show nor exclude them.
GAP_MEDIAN, GAP_LOG_SD = 0.45, 0.5


def double_logistic(context: Context) -> CurveModel:
    """f = (1 - t)((1 - d) left + d middle) + t right."""
    level = Uniform(0.0, 1.0) if context.bounded else UNBOUNDED_LEVEL
    return CurveModel(
        name="double_logistic",
        source="sum of two sigmoids in log scale",
        shape=(
            Parameter("m1", Uniform(EARLIEST, LATEST)),
            Parameter("gap", LogNormal(math.log(GAP_MEDIAN), GAP_LOG_SD)),
            Parameter("w", LogNormal(math.log(WIDTH_MEDIAN), WIDTH_LOG_SD)),
        ),
        levels=(
            Parameter("left", level),
            Parameter("middle", level),
            Parameter("right", level),
        ),
        columns=_columns,
        link=Link.IDENTITY,
        extreme=_extreme,
        cells=(7, 5, 3),
        in_turn="never",
    )


def _columns(ops: Ops, shape: Sequence[Any], u: Any) -> tuple[Any, ...]:
    return 0.0 * u, *shares(ops, shape, u)


def _extreme(shape: Sequence[Floats], levels: Sequence[Floats]) -> Floats:
    return extreme_position(shape, levels[0], levels[1], levels[2])
