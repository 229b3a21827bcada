"""`near_flat`: a straight line whose change over the range is too small to matter."""

from collections.abc import Sequence
from typing import Any

from models.curve_models.constant import UNBOUNDED_LEVEL
from models.curve_models.priors import Parameter, Uniform
from models.curve_models.record import Context, CurveModel, Link, Ops, no_extreme


def near_flat(context: Context) -> CurveModel:
    """f = level + d (u - 1/2), |d| below the smallest effect delta.

    For bounded metrics the level is |d|/2 + (1 - |d|) v with v uniform: every line that stays inside the bounds, also
    those that touch them, as scores near zero do.
    """
    return CurveModel(
        name="near_flat",
        source="changes below the smallest effect",
        shape=(Parameter("d", Uniform(-context.delta, context.delta)),),
        levels=(Parameter("v", Uniform(0.0, 1.0)) if context.bounded else Parameter("level", UNBOUNDED_LEVEL),),
        columns=line_columns if context.bounded else _unbounded_columns,
        link=Link.IDENTITY,
        extreme=no_extreme,
        cells=(6,),
    )


def line_columns(ops: Ops, shape: Sequence[Any], u: Any) -> tuple[Any, ...]:
    """Offset and column of a line of change d, `shape[0]`, that stays inside 0 and 1 for every v in [0, 1]."""
    size = ops.maximum(shape[0], -shape[0])
    return size / 2 + shape[0] * (u - 0.5), 1.0 - size + 0.0 * u


def _unbounded_columns(ops: Ops, shape: Sequence[Any], u: Any) -> tuple[Any, ...]:
    return shape[0] * (u - 0.5), 1.0 + 0.0 * u
