"""`logit_linear`: a straight line on the logit; the smooth null of the emergence score, not part of the menu."""

from collections.abc import Sequence
from typing import Any

from models.curve_models.bent_line import NODE_SD
from models.curve_models.constant import UNBOUNDED_LEVEL
from models.curve_models.priors import Normal, Parameter, StudentT
from models.curve_models.record import Context, CurveModel, Link, Ops, no_extreme

SLOPE_SCALE = 2.0  # logit change over the range: two legs of `bent_line`
UNBOUNDED_SLOPE_SCALE = 1.0


def logit_linear(context: Context) -> CurveModel:
    """(Logit) mean eta + b (u - 1/2)."""
    return CurveModel(
        name="logit_linear",
        source="logistic regression on log scale",
        shape=(),
        levels=(
            Parameter("eta", Normal(0.0, NODE_SD) if context.bounded else UNBOUNDED_LEVEL),
            Parameter("b", StudentT(SLOPE_SCALE if context.bounded else UNBOUNDED_SLOPE_SCALE)),
        ),
        columns=_columns,
        link=Link.LOGIT if context.bounded else Link.IDENTITY,
        extreme=no_extreme,
    )


def _columns(ops: Ops, shape: Sequence[Any], u: Any) -> tuple[Any, ...]:
    return 0.0 * u, 1.0 + 0.0 * u, u - 0.5
