"""`sharp_step`: a rise from near zero within half a decade; the rival of a gradual per-token curve, not in the menu."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from models.curve_models.bent_line import NODE_SD
from models.curve_models.priors import Normal, Parameter, Uniform
from models.curve_models.record import Context, CurveModel, Link, Ops, no_extreme
from models.curve_models.rise_from_floor import floor_prior

SHARP_STEP_DECADES = 0.5  # design, section 6.4: the sharp transition is narrower than this
RISE_IN_WIDTHS = 2 * math.log(9)  # 10-90 % width of a sigmoid of width 1


def sharp_step(context: Context) -> CurveModel:
    """Logit mean floor + (top - floor) sigmoid((u - m)/(v w)), v uniform on (0, 1), w half a decade from 10 to 90 %."""
    widest = SHARP_STEP_DECADES / RISE_IN_WIDTHS / context.decades
    return CurveModel(
        name="sharp_step",
        source="design, section 6.4: a sigmoid narrower than half a decade",
        shape=(Parameter("m", Uniform(0.0, 1.0)), Parameter("v", Uniform(0.0, 1.0))),
        levels=(Parameter("floor", floor_prior(context)), Parameter("top", Normal(0.0, NODE_SD))),
        columns=partial(_columns, widest),
        link=Link.LOGIT,
        extreme=no_extreme,
        cells=(16, 3),
    )


def _columns(widest: float, ops: Ops, shape: Sequence[Any], u: Any) -> tuple[Any, ...]:
    step = ops.sigmoid((u - shape[0]) / (shape[1] * widest))
    return 0.0 * u, 1.0 - step, step
