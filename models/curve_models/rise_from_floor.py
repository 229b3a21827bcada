"""`rise_from_floor`: a step from a floor that is known beforehand: chance, or almost nothing for free answers.

`logistic` pays for a free floor: with 2,000 examples a row of zeros costs it as much as the rise that follows explains,
and curves without a floor win by calling the rise scatter between models.
"""

import math
from collections.abc import Sequence
from typing import Any

from models.curve_models.logistic import MIDPOINT_MARGIN, WIDTH_LOG_SD, WIDTH_MEDIAN
from models.curve_models.priors import LogNormal, Normal, Parameter, StudentT, Uniform
from models.curve_models.record import Context, CurveModel, Link, Ops, no_extreme

ZERO_LOGIT, ZERO_SD = -7.0, 2.0  # a floor of .0009 within a factor of 7, where answers are not right by chance
CHANCE_SD = 0.2  # of the floor's logit around chance: .04 at a chance of one quarter
NO_CHANCE = 0.01  # chance up to which the floor counts as zero
# Chance unknown: as often free answers as a choice among 2 to 10, whose chance has a logit of -1.4 with sd .7. The
# normal with the mean and sd of that mixture.
UNKNOWN_LOGIT, UNKNOWN_SD = -4.2, 3.2
TOP_SCALE = 2.0  # of the logit: what is learnt may be learnt wholly, 1,000 of 1,000, which a normal tail forbids
FREE_ANSWER = 2  # tokens from which an answer is not chosen from a list


def rise_from_floor(context: Context) -> CurveModel | None:
    """Logit mean floor + (top - floor) sigmoid((u - m)/w); None for unbounded scores."""
    if not context.bounded:
        return None
    return CurveModel(
        name="rise_from_floor",
        source="sigmoid on the logit from a floor at chance",
        shape=(
            Parameter("m", Uniform(-MIDPOINT_MARGIN, 1 + MIDPOINT_MARGIN)),
            Parameter("w", LogNormal(math.log(WIDTH_MEDIAN), WIDTH_LOG_SD)),
        ),
        levels=(Parameter("floor", floor_prior(context)), Parameter("top", StudentT(TOP_SCALE))),
        columns=_columns,
        link=Link.LOGIT,
        extreme=no_extreme,
        cells=(10, 4),
    )


def knows_floor(context: Context) -> bool:
    """Whether it is known what models score that cannot do the task."""
    return context.chance is not None or (context.target_length or 0) >= FREE_ANSWER


def floor_prior(context: Context) -> Normal:
    """Prior of the logit of what models score that cannot do the task."""
    chance = context.chance
    if not knows_floor(context):
        return Normal(UNKNOWN_LOGIT, UNKNOWN_SD)
    if chance is None or not NO_CHANCE < chance < 1 - NO_CHANCE:
        return Normal(ZERO_LOGIT, ZERO_SD)
    return Normal(math.log(chance / (1 - chance)), CHANCE_SD)


def _columns(ops: Ops, shape: Sequence[Any], u: Any) -> tuple[Any, ...]:
    step = ops.sigmoid((u - shape[0]) / shape[1])
    return 0.0 * u, 1.0 - step, step
