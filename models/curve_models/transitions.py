"""Two transitions of one width: what `two_task` and `double_logistic` share.

d = sigmoid((u - m1)/w), t = sigmoid((u - m1 - gap)/w), f = (1 - t)((1 - d) first + d middle) + t last. With
q = exp(-gap/(2w)) and s = exp((u - m1 - gap/2)/w) the slope of f has the sign of
(last - middle) s² + 2 q (last - first) s + (middle - first) + q² (last - first).
It has one positive root where the outer coefficients differ in sign, and none otherwise: were there two, `middle` would
have to lie between `first` and `last` and outside of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from models.arrays import Floats
from models.curve_models.record import Ops


def shares(ops: Ops, shape: Sequence[Any], u: Any) -> tuple[Any, Any, Any]:
    """Shares of the first, the middle and the last level in the mean."""
    past = u - shape[0]
    early = ops.sigmoid(past / shape[2])
    late = ops.sigmoid((past - shape[1]) / shape[2])
    rest = 1.0 - late
    return rest * (1.0 - early), rest * early, late


def extreme_position(shape: Sequence[Floats], first: Floats, middle: Floats, last: Floats) -> Floats:
    """Position in [0, 1] of the one minimum or maximum, for arrays (S,); 0 where there is none."""
    m1, gap, w = shape
    q = np.exp(-gap / (2 * w))
    lead, half, rest = last - middle, q * (last - first), (middle - first) + q**2 * (last - first)
    turns = lead * rest < 0
    sign = np.where(lead >= 0, 1.0, -1.0)
    root = sign * np.sqrt(np.maximum(half**2 - lead * rest, 0.0))
    # The form of the root that has no difference of nearly equal numbers.
    direct = half * sign > 0
    bottom = np.where(direct, half + root, lead)
    s = np.where(direct, -rest, root - half) / np.where(turns, bottom, 1.0)
    turns &= s > 0
    position = m1 + gap / 2 + w * np.log(np.where(turns, s, 1.0))
    return np.where(turns, np.clip(position, 0.0, 1.0), 0.0)
