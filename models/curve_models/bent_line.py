"""`bent_line`: two straight lines on the logit that meet at the turn."""

from collections.abc import Sequence
from typing import Any

from models.arrays import Floats
from models.curve_models.constant import UNBOUNDED_LEVEL
from models.curve_models.priors import Normal, Parameter, StudentT, Uniform
from models.curve_models.record import Context, CurveModel, Link, Ops

NODE_SD = 1.5  # logit of the score at the turn: 95 % between .05 and .95
CHANGE_SCALE = 1.0  # logit change on each side of the turn
UNBOUNDED_CHANGE_SCALE = 0.5  # 25 smallest effects
EDGE = 1e-9  # keeps the turn off the ends, where a column would divide by zero


def bent_line(context: Context) -> CurveModel:
    """Piecewise linear (logit) mean through (0, eta + D1), (turn, eta), (1, eta + D2)."""
    change = StudentT(CHANGE_SCALE if context.bounded else UNBOUNDED_CHANGE_SCALE)
    return CurveModel(
        name="bent_line",
        source="broken-stick regression on the logit",
        shape=(Parameter("turn", Uniform(0.0, 1.0)),),
        levels=(
            Parameter("eta", Normal(0.0, NODE_SD) if context.bounded else UNBOUNDED_LEVEL),
            Parameter("D1", change),
            Parameter("D2", change),
        ),
        columns=_columns,
        link=Link.LOGIT if context.bounded else Link.IDENTITY,
        extreme=_extreme,
        cells=(12,),
    )


def _columns(ops: Ops, shape: Sequence[Any], u: Any) -> tuple[Any, ...]:
    turn = shape[0]
    left, right = ops.maximum(turn, EDGE), ops.maximum(1.0 - turn, EDGE)
    return 0.0 * u, 1.0 + 0.0 * u, ops.maximum(turn - u, 0.0) / left, ops.maximum(u - turn, 0.0) / right


def _extreme(shape: Sequence[Floats], levels: Sequence[Floats]) -> Floats:
    return shape[0]
