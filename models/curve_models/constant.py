"""`constant`: one level at every scale."""

from collections.abc import Sequence
from typing import Any

from models.curve_models.priors import Normal, Parameter, Uniform
from models.curve_models.record import Context, CurveModel, Link, Ops, no_extreme

# Unbounded scores are standardised by 50 smallest effects around their mean: 2 allows means 100 of them away.
UNBOUNDED_LEVEL_SD = 2.0


def constant(context: Context) -> CurveModel:
    """f = level, uniform on the metric's range."""
    prior = Uniform(0.0, 1.0) if context.bounded else Normal(0.0, UNBOUNDED_LEVEL_SD)
    return CurveModel(
        name="constant",
        source="no effect of scale; the point mass in the class flat",
        shape=(),
        levels=(Parameter("level", prior),),
        columns=one_level,
        link=Link.IDENTITY,
        extreme=no_extreme,
    )


def one_level(ops: Ops, shape: Sequence[Any], u: Any) -> tuple[Any, ...]:
    """Offset and column of a level that is the same at every scale."""
    return 0.0 * u, 1.0 + 0.0 * u
