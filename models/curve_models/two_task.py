"""`two_task`: the mechanism of Wei et al. (arXiv 2211.02011), a distractor task learnt before the true task.

With a common width w of both transitions, d = sigmoid((u - m1)/w) and t = sigmoid((u - m1 - gap)/w):
f = t top + (1 - t)(d low + (1 - d) start). With q = exp(-gap/(2w)) and s = exp((u - m1 - gap/2)/w) the slope has the sign
of (top - low) s² + 2 q (top - start) s + (low - start) + q² (top - start), which has at most one positive root:
the minimum, in closed form.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from models.arrays import Floats
from models.curve_models.priors import Exponential, LevelPrior, LogNormal, Parameter, Triangle, Uniform
from models.curve_models.record import Context, CurveModel, Link, Ops

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
        curved=True,
    )


def _levels(chance: float | None) -> tuple[Parameter[LevelPrior], ...]:
    if chance is not None:
        low: Parameter[LevelPrior] = Parameter("low", Uniform(0.0, chance))
        return low, Parameter("top", Uniform(upper=1.0, lower_index=0))
    # (low, start) uniform on the ordered triangle. `low` comes first, so that what the data leave open stays independent.
    lowest: Parameter[LevelPrior] = Parameter("low", Triangle(HIGHEST_START))
    start: Parameter[LevelPrior] = Parameter("start", Uniform(upper=HIGHEST_START, lower_index=0))
    return lowest, start, Parameter("top", Uniform(upper=1.0, lower_index=0))


def _shares(ops: Ops, shape: Sequence[Any], u: Any) -> tuple[Any, Any, Any]:
    """Shares of start, low and top in the mean."""
    distractor = ops.sigmoid((u - shape[0]) / shape[2])
    true_task = ops.sigmoid((u - shape[0] - shape[1]) / shape[2])
    return (1.0 - true_task) * (1.0 - distractor), (1.0 - true_task) * distractor, true_task


def _free_start(ops: Ops, shape: Sequence[Any], u: Any) -> tuple[Any, ...]:
    start, low, top = _shares(ops, shape, u)
    return 0.0 * u, low, start, top


class _FromChance:
    """Columns and extreme with the start fixed at chance."""

    def __init__(self, chance: float) -> None:
        self._chance = chance

    def columns(self, ops: Ops, shape: Sequence[Any], u: Any) -> tuple[Any, ...]:
        start, low, top = _shares(ops, shape, u)
        return self._chance * start, low, top

    def extreme(self, shape: Sequence[Floats], levels: Sequence[Floats]) -> Floats:
        return minimum_position(shape, np.full_like(levels[0], self._chance), levels[0], levels[1])


def _free_extreme(shape: Sequence[Floats], levels: Sequence[Floats]) -> Floats:
    return minimum_position(shape, levels[1], levels[0], levels[2])


def minimum_position(shape: Sequence[Floats], start: Floats, low: Floats, top: Floats) -> Floats:
    """Position of the minimum in [0, 1] for arrays (S,); 0 where the mean only rises."""
    m1, gap, w = shape
    q = np.exp(-gap / (2 * w))
    lead, half, rest = top - low, q * (top - start), (low - start) + q**2 * (top - start)
    falls = rest < 0
    root = np.sqrt(np.maximum(half**2 - lead * rest, 0.0))
    # The stable form of the positive root: no difference of nearly equal numbers.
    denominator = half + root
    s = np.where(
        half > 0, -rest / np.where(denominator > 0, denominator, 1.0), (root - half) / np.maximum(lead, 1e-300)
    )
    position = m1 + gap / 2 + w * np.log(np.where(falls & (s > 0), s, 1.0))
    return np.where(falls & (s > 0), np.clip(position, 0.0, 1.0), 0.0)
