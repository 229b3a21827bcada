"""Mean curves of many draws at once, in compiled loops: every curve model is of one of six families of formulas.

The records of the curve models say the same; a test holds both equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from models.arrays import Floats, Ints
from models.compiled import compiled, part
from models.curve_models.bent_line import EDGE
from models.curve_models.priors import Uniform
from models.curve_models.record import NUMPY, CurveModel

NUMBERS = 6  # that a formula has at most
STEEPEST = 700.0  # linear predictor of the log-log link, beyond which the mean is zero


class Family(IntEnum):
    """Linear predictors; the order of their numbers stands in `_predictor`."""

    LINE = 0
    PARABOLA = 1
    BENT_LINE = 2
    STEP = 3
    TWO_STEPS = 4
    DECAY = 5


@dataclass(frozen=True, slots=True)
class Formulas:
    """T mean functions: family and link (T, 2), numbers (T, 6)."""

    kinds: Ints
    numbers: Floats

    @classmethod
    def of(cls, model: CurveModel, shape: Floats, levels: Floats) -> Formulas:
        """Those of draws of shape parameters (S, q) and levels (S, p)."""
        family, arrange = _ARRANGED[model.name]
        numbers = np.zeros((len(levels), NUMBERS))
        for j, number in enumerate(arrange(model, shape.T, levels.T)):
            numbers[:, j] = number
        kinds = np.empty((len(levels), 2), dtype=np.int64)
        kinds[:, 0], kinds[:, 1] = int(family), int(model.link)
        return cls(kinds, numbers)

    @classmethod
    def joined(cls, parts: Sequence[Formulas]) -> Formulas:
        """One after the other."""
        return cls(np.concatenate([part.kinds for part in parts]), np.concatenate([part.numbers for part in parts]))

    def curves(self, indices: Ints, u: Floats) -> Floats:
        """Means (M, K) of some of the functions at positions u (K,)."""
        return _curves(self.kinds, self.numbers, indices, u)

    def nearly_extreme(self, indices: Ints, extremes: Floats, tolerance: float, u: Floats) -> tuple[Ints, Ints]:
        """First and last of the positions u (K,) where each curve (M,) is within a tolerance of its minimum at these.

        Its own one minimum lies at `extremes` (M,); of a maximum where the tolerance is negative.
        """
        return _nearly_extreme((self.kinds, self.numbers), indices, extremes, tolerance, u)

    def ends_and(self, place: Floats) -> tuple[Floats, Floats, Floats]:
        """Means (T,) of all functions at positions 0, 1 and at each one's own (T,)."""
        return _ends_and(self.kinds, self.numbers, place)


type Six = tuple[float, float, float, float, float, float]
"""Numbers of one formula."""
type _Numbers = Sequence[Floats | float]
type _Arranged = Callable[[CurveModel, Floats, Floats], _Numbers]
"""(model, shape parameters (q, S), levels (p, S)) -> the numbers of its formula."""


def _constant(_: CurveModel, __: Floats, levels: Floats) -> _Numbers:
    return 0.0, 0.0, 0.0, levels[0]


def _near_flat(model: CurveModel, shape: Floats, levels: Floats) -> _Numbers:
    if model.levels[0].name != "v":
        return 0.0, shape[0], 0.5, levels[0]
    size = np.abs(shape[0])
    return size / 2, shape[0], 0.5, (1.0 - size) * levels[0]


def _logit_linear(_: CurveModel, __: Floats, levels: Floats) -> _Numbers:
    return 0.0, levels[1], 0.5, levels[0]


def _token_power_law(model: CurveModel, shape: Floats, levels: Floats) -> _Numbers:
    """The record's offset for an exponent of 1 tells the range and its centre."""
    start, end = model.columns(NUMPY, [1.0], np.array([0.0, 1.0]))[0].tolist()
    return 0.0, -shape[0] * (start - end), start / (start - end), levels[0]


def _quadratic(_: CurveModel, shape: Floats, levels: Floats) -> _Numbers:
    return levels[0], levels[1], shape[0]


def _bent_line(_: CurveModel, shape: Floats, levels: Floats) -> _Numbers:
    turn = shape[0]
    return levels[0], levels[1] / np.maximum(turn, EDGE), levels[2] / np.maximum(1.0 - turn, EDGE), turn


def _step(_: CurveModel, shape: Floats, levels: Floats) -> _Numbers:
    return levels[0], levels[1], shape[0], shape[1]


def _double_logistic(_: CurveModel, shape: Floats, levels: Floats) -> _Numbers:
    return (*levels, *shape)


def _two_task(model: CurveModel, shape: Floats, levels: Floats) -> _Numbers:
    if len(levels) > 2:
        return levels[1], levels[0], levels[2], *shape
    prior = model.levels[0].prior
    if not isinstance(prior, Uniform):
        raise TypeError(f"the lowest level below a known chance has the prior {prior!r}, which is not uniform")
    return prior.upper, levels[0], levels[1], *shape


def _power_law(_: CurveModel, shape: Floats, levels: Floats) -> _Numbers:
    return levels[0], levels[1], shape[0], 1.0 - np.exp(-shape[0])


_ARRANGED: Mapping[str, tuple[Family, _Arranged]] = {
    "constant": (Family.LINE, _constant),
    "at_floor": (Family.LINE, _constant),
    "at_ceiling": (Family.LINE, _constant),
    "near_flat": (Family.LINE, _near_flat),
    "gentle_line": (Family.LINE, _near_flat),
    "logit_linear": (Family.LINE, _logit_linear),
    "token_power_law": (Family.LINE, _token_power_law),
    "quadratic": (Family.PARABOLA, _quadratic),
    "bent_line": (Family.BENT_LINE, _bent_line),
    "logistic": (Family.STEP, _step),
    "rise_from_floor": (Family.STEP, _step),
    "double_logistic": (Family.TWO_STEPS, _double_logistic),
    "two_task": (Family.TWO_STEPS, _two_task),
    "power_law": (Family.DECAY, _power_law),
}


@part
def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


@part
def _predictor(family: int, n: Six, u: float) -> float:
    """Linear predictor of a formula with numbers n."""
    if family == 0:
        return n[0] + n[1] * (u - n[2]) + n[3]
    if family == 1:
        return n[0] + n[1] * (u - n[2]) ** 2
    if family == 2:
        return n[0] + max(n[3] - u, 0.0) * n[1] + max(u - n[3], 0.0) * n[2]
    if family == 3:
        step = _sigmoid((u - n[2]) / n[3])
        return (1.0 - step) * n[0] + step * n[1]
    if family == 4:
        early, late = _sigmoid((u - n[3]) / n[5]), _sigmoid((u - n[3] - n[4]) / n[5])
        return (1.0 - late) * ((1.0 - early) * n[0] + early * n[1]) + late * n[2]
    share = (1.0 - math.exp(-n[2] * u)) / n[3]
    return (1.0 - share) * n[0] + share * n[1]


@part
def _mean(kind: tuple[int, int], n: Six, u: float) -> float:
    """Mean of a formula of a family and link."""
    eta = _predictor(kind[0], n, u)
    if kind[1] == 0:
        return eta
    return _sigmoid(eta) if kind[1] == 1 else math.exp(-math.exp(min(eta, STEEPEST)))


@part
def _formula(kind: Ints, numbers: Floats) -> tuple[tuple[int, int], Six]:
    """A row of each, read once: to look into an array for every position takes longer than the formula."""
    return (kind[0], kind[1]), (numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5])


@part
def _fill(means: Floats, kind: Ints, numbers: Floats, u: Floats) -> None:
    """Means (K,) of one formula at positions u (K,)."""
    what, n = _formula(kind, numbers)
    for k in range(len(u)):
        means[k] = _mean(what, n, u[k])


@compiled
def _curves(kinds: Ints, numbers: Floats, indices: Ints, u: Floats) -> Floats:
    """Resampled draws come in order: what was the draw before is copied."""
    curves = np.empty((len(indices), len(u)))
    for m in range(len(indices)):
        t = indices[m]
        if m > 0 and t == indices[m - 1]:
            for k in range(len(u)):
                curves[m, k] = curves[m - 1, k]
        else:
            _fill(curves[m], kinds[t], numbers[t], u)
    return curves


@compiled
def _ends_and(kinds: Ints, numbers: Floats, place: Floats) -> tuple[Floats, Floats, Floats]:
    """Most functions have no extreme: its place is then 0, whose mean is known."""
    start, end, own = np.empty(len(place)), np.empty(len(place)), np.empty(len(place))
    for t in range(len(place)):
        what, n = _formula(kinds[t], numbers[t])
        start[t], end[t] = _mean(what, n, 0.0), _mean(what, n, 1.0)
        own[t] = start[t] if place[t] == 0.0 else _mean(what, n, place[t])
    return start, end, own


@compiled
def _nearly_extreme(
    formulas: tuple[Ints, Floats], indices: Ints, extremes: Floats, tolerance: float, u: Floats
) -> tuple[Ints, Ints]:
    """Before its minimum a curve falls, after it it rises; what was the draw before is copied."""
    first, last = np.empty_like(indices), np.empty_like(indices)
    for m in range(len(indices)):
        if m > 0 and indices[m] == indices[m - 1]:
            first[m], last[m] = first[m - 1], last[m - 1]
            continue
        kind, n = _formula(formulas[0][indices[m]], formulas[1][indices[m]])
        after = max(min(np.searchsorted(u, extremes[m]), len(u) - 1), 1)
        left, right = _mean(kind, n, u[after - 1]), _mean(kind, n, u[after])
        limit = (min(left, right) if tolerance > 0 else max(left, right)) + tolerance
        lowest = after - 1 if (left < right) == (tolerance > 0) else after
        first[m] = _last_inside(kind, n, u, (lowest, -1), (limit, tolerance))
        last[m] = _last_inside(kind, n, u, (lowest, len(u)), (limit, tolerance))
    return first, last


@part
def _last_inside(kind: tuple[int, int], n: Six, u: Floats, ends: tuple[int, int], limit: tuple[float, float]) -> int:
    """Last position on the way between two ends, the first of them inside, that is on this side of a limit."""
    inside, outside = ends
    while abs(outside - inside) > 1:
        middle = (inside + outside) // 2
        mean = _mean(kind, n, u[middle])
        if (mean <= limit[0]) if limit[1] > 0 else (mean >= limit[0]):
            inside = middle
        else:
            outside = middle
    return inside
