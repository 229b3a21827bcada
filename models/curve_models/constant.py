"""`constant`: one level at every scale."""

from collections.abc import Sequence
from typing import Any

from models.curve_models.priors import Parameter, StudentT, Uniform
from models.curve_models.record import Context, CurveModel, Link, Ops, no_extreme

# Unbounded scores are standardised by 50 smallest effects around their mean. Near it the density is 1, as that of a
# metric whose range is 50 smallest effects, so that small changes weigh there as they do with bounds; heavy tails let
# levels lie hundreds of effects away. A wide normal took every change below some three effects for flat.
UNBOUNDED_LEVEL = StudentT(0.375)


def constant(context: Context) -> CurveModel:
    """f = level, uniform on the metric's range."""
    prior = Uniform(0.0, 1.0) if context.bounded else UNBOUNDED_LEVEL
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
