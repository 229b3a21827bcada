"""`quadratic`: a parabola on the logit with its vertex inside the observed range."""

from collections.abc import Sequence
from typing import Any

from models.arrays import Floats
from models.curve_models.bent_line import NODE_SD
from models.curve_models.constant import UNBOUNDED_LEVEL
from models.curve_models.priors import Normal, Parameter, StudentT, Uniform
from models.curve_models.record import Context, CurveModel, Link, Ops

CURVATURE_SCALE = 4.0  # a logit change of 1 from a central vertex to either end
UNBOUNDED_CURVATURE_SCALE = 2.0


def quadratic(context: Context) -> CurveModel:
    """(Logit) mean eta + c (u - v)²."""
    return CurveModel(
        name="quadratic",
        source="quadratic regression on the logit, as in tests of U shapes",
        shape=(Parameter("v", Uniform(0.0, 1.0)),),
        levels=(
            Parameter("eta", Normal(0.0, NODE_SD) if context.bounded else UNBOUNDED_LEVEL),
            Parameter("c", StudentT(CURVATURE_SCALE if context.bounded else UNBOUNDED_CURVATURE_SCALE)),
        ),
        columns=_columns,
        link=Link.LOGIT if context.bounded else Link.IDENTITY,
        extreme=_extreme,
        cells=(12,),
    )


def _columns(ops: Ops, shape: Sequence[Any], u: Any) -> tuple[Any, ...]:
    return 0.0 * u, 1.0 + 0.0 * u, (u - shape[0]) ** 2


def _extreme(shape: Sequence[Floats], levels: Sequence[Floats]) -> Floats:
    return shape[0]
