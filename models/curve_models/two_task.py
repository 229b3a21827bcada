"""`two_task`: the mechanism of Wei et al. (arXiv 2211.02011), a distractor task learnt before the true task.

f = t top + (1 - t)(d low + (1 - d) start), d and t two transitions of one width: the share of the distractor learnt and
the share of the true task, which displaces it.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from models.arrays import Floats
from models.curve_models.priors import Exponential, LevelPrior, LogNormal, Parameter, Triangle, Uniform
from models.curve_models.record import Context, CurveModel, Link, Ops
from models.curve_models.transitions import extreme_position, shares

WIDTH_MEDIAN = 0.08  # each of two transitions is sharper than the single one of `logistic`
WIDTH_LOG_SD = 0.6
DISTRACTOR_LOWER, DISTRACTOR_UPPER = -0.5, 1.0  # it may be learnt before the smallest model observed
GAP_MEAN = 0.4  # of the observed range between the two transitions
HIGHEST_START = 0.75  # chance levels of multiple-choice tasks and a little more
SMALLEST_START = 1e-6  # free-form answers have no chance level to fall from


def two_task(context: Context) -> CurveModel | None:
    """The two-task curve, from `chance` where it is known; None where there is nothing to fall from."""
    if not context.bounded or (context.chance is not None and context.chance < SMALLEST_START):
        return None
    return CurveModel(
        name="two_task",
        source="Wei et al., arXiv 2211.02011, section 5",
        shape=(
            Parameter("m1", Uniform(DISTRACTOR_LOWER, DISTRACTOR_UPPER)),
            Parameter("gap", Exponential(GAP_MEAN)),
            Parameter("w", LogNormal(math.log(WIDTH_MEDIAN), WIDTH_LOG_SD)),
        ),
        levels=_levels(context.chance),
        columns=_free_start if context.chance is None else _FromChance(context.chance).columns,
        link=Link.IDENTITY,
        extreme=_free_extreme if context.chance is None else _FromChance(context.chance).extreme,
        cells=(6, 5, 3),
        in_turn="always",
    )


def _levels(chance: float | None) -> tuple[Parameter[LevelPrior], ...]:
    if chance is not None:
        low: Parameter[LevelPrior] = Parameter("low", Uniform(0.0, chance))
        return low, Parameter("top", Uniform(upper=1.0, lower_index=0))
    # (low, start) uniform on the ordered triangle.
    lowest: Parameter[LevelPrior] = Parameter("low", Triangle(HIGHEST_START))
    start: Parameter[LevelPrior] = Parameter("start", Uniform(upper=HIGHEST_START, lower_index=0))
    return lowest, start, Parameter("top", Uniform(upper=1.0, lower_index=0))


def _free_start(ops: Ops, shape: Sequence[Any], u: Any) -> tuple[Any, ...]:
    start, low, top = shares(ops, shape, u)
    return 0.0 * u, low, start, top


class _FromChance:
    """Columns and extreme with the start fixed at chance."""

    def __init__(self, chance: float) -> None:
        self._chance = chance

    def columns(self, ops: Ops, shape: Sequence[Any], u: Any) -> tuple[Any, ...]:
        start, low, top = shares(ops, shape, u)
        return self._chance * start, low, top

    def extreme(self, shape: Sequence[Floats], levels: Sequence[Floats]) -> Floats:
        return extreme_position(shape, np.full_like(levels[0], self._chance), levels[0], levels[1])


def _free_extreme(shape: Sequence[Floats], levels: Sequence[Floats]) -> Floats:
    return extreme_position(shape, levels[1], levels[0], levels[2])
