"""A change that a study should find, and simulated studies in which it is there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from models.arrays import Floats
from models.curve import ScalePoint, ScalingCurve
from models.errors import InvalidInput, Problem
from models.metrics import Metric, MetricKind
from models.options import DEFAULT_SMALLEST_EFFECT, LARGEST_SMALLEST_EFFECT, Options, Shape

MOST_MODELS, FEWEST_MODELS = 40, 2
FEWEST_TURNED = 3  # models without which no turn can be seen
SMALLEST_RATIO = 1.01  # of the largest to the smallest scale
MIDDLE = (0.25, 0.75)  # of the range on the log scale: where a turn is put unless its place is given
STREAM = 4409  # keeps these random numbers apart from any other use of the same seed
SMALLEST_R, LARGEST_R = 1e-7, 1 - 1e-9  # where a beta distribution of the models exists in floating point
NEAREST = 1e-9  # the simulated means keep this distance from their bounds
DECADES = 3.0  # of evenly spaced scales; only the token power law would see another number


class Change(StrEnum):
    """What should be found: a fall and rise again, a rise and fall again, a straight rise, a straight fall."""

    DIP = "dip"
    BUMP = "bump"
    RISE = "rise"
    FALL = "fall"


SHAPES_OF = {
    Change.DIP: Shape.U_SHAPED,
    Change.BUMP: Shape.INVERTED_U,
    Change.RISE: Shape.POSITIVE,
    Change.FALL: Shape.INVERSE,
}
TURNED = (Change.DIP, Change.BUMP)
DOWNWARD = (Change.DIP, Change.FALL)


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """A change of `size` from `level` at the smallest model, scores in [0, 1]; `scales` (K,) ascending.

    `turn` is the scale at which a dip or bump has its extreme; None: anywhere in the middle half, in each study anew.
    Raises `InvalidInput` where no such curve exists.
    """

    change: Change
    size: float
    scales: tuple[float, ...]
    level: float = 0.5
    turn: float | None = None
    chance: float | None = None

    def __post_init__(self) -> None:
        problems = tuple(_problems(self))
        if problems:
            raise InvalidInput(problems)

    @property
    def shape(self) -> Shape:
        """The label that is right."""
        return SHAPES_OF[self.change]

    def with_models(self, count: int) -> PlannedChange:
        """The same with so many models, evenly spaced between the smallest and the largest."""
        scales = even_scales(count, self.scales[0], self.scales[-1])
        return replace(self, scales=scales)

    @property
    def positions(self) -> Floats:
        """Positions (K,) of the models in [0, 1] on the log scale."""
        z = np.log10(np.array(self.scales))
        return np.asarray((z - z[0]) / (z[-1] - z[0]))


def even_scales(count: int, first: float = 1.0, last: float = 10.0**DECADES) -> tuple[float, ...]:
    """Scales evenly spaced on the log scale."""
    inner = np.logspace(math.log10(first), math.log10(last), count)[1:-1]
    return (first, *inner.tolist(), last)


def mean_curve(planned: PlannedChange, place: float) -> Floats:
    """Mean scores (K,): straight lines, for a dip or bump with the extreme at position `place`."""
    u, sign = planned.positions, -1.0 if planned.change in DOWNWARD else 1.0
    if planned.change in TURNED:
        u = np.minimum(u / place, (1 - u) / (1 - place))
    return np.asarray(planned.level + sign * planned.size * u)


def simulated_study(planned: PlannedChange, n_examples: int, r: float, seed: tuple[int, int]) -> ScalingCurve:
    """Study number seed[1] with between-model variation r.

    The models' own performances do not depend on n, only how exactly they are seen.
    """
    models, tests = (np.random.default_rng((*seed, STREAM, part)) for part in (0, 1))
    place = models.uniform(*MIDDLE) if planned.turn is None else _place(planned, planned.turn)
    f = np.clip(mean_curve(planned, place), NEAREST, 1 - NEAREST)
    precision = 1 / min(max(r, SMALLEST_R), LARGEST_R) ** 2 - 1
    counts = tests.binomial(n_examples, models.beta(f * precision, (1 - f) * precision))
    points = tuple(
        ScalePoint(scale, count / n_examples, n_examples=n_examples, n_correct=count)
        for scale, count in zip(planned.scales, counts.tolist(), strict=True)
    )
    return ScalingCurve("planned", _metric(planned.chance), points)


def check_options(planned: PlannedChange, options: Options) -> None:
    """Raises `InvalidInput` where a change of this size would count as none."""
    effect = DEFAULT_SMALLEST_EFFECT if options.smallest_effect is None else options.smallest_effect
    if effect > LARGEST_SMALLEST_EFFECT:
        message = f"{effect:g} is more than a quarter of the metric's range: nothing could be found"
        raise InvalidInput([Problem("/options/smallest_effect", message)])
    if planned.size <= effect:
        message = f"{planned.size:g} is no more than the smallest effect that counts ({effect:g})"
        raise InvalidInput([Problem("/size", f"{message}: plan for a larger change, or set a smaller smallest_effect")])


def _metric(chance: float | None) -> Metric:
    return Metric("accuracy", MetricKind.PROPORTION, lower=0.0, upper=1.0, chance=chance)


def _place(planned: PlannedChange, turn: float) -> float:
    first, last = math.log10(planned.scales[0]), math.log10(planned.scales[-1])
    return (math.log10(turn) - first) / (last - first)


def _problems(planned: PlannedChange) -> Iterator[Problem]:
    yield from _level_problems(planned)
    scales = planned.scales
    fewest = FEWEST_TURNED if planned.change in TURNED else FEWEST_MODELS
    if not fewest <= len(scales) <= MOST_MODELS:
        yield Problem("/n_models", f"{len(scales)} models, where a {planned.change} takes {fewest} to {MOST_MODELS}")
    if any(not (math.isfinite(scale) and scale > 0) for scale in scales):
        yield Problem("/scales", "each must be a positive finite number")
        return
    if sorted(set(scales)) != list(scales):
        yield Problem("/scales", "must be different and in ascending order")
    elif len(scales) > 1 and scales[-1] / scales[0] < SMALLEST_RATIO:
        yield Problem("/scales", f"the largest is {scales[-1] / scales[0]:.6g} times the smallest: no range to see")
    if planned.turn is None:
        return
    if planned.change not in TURNED:
        yield Problem("/turn", f"a {planned.change} has no turn: leave it out")
    elif not scales[0] < planned.turn < scales[-1]:
        yield Problem("/turn", f"{planned.turn:g} is not between the scales {scales[0]:g} and {scales[-1]:g}")


def _level_problems(planned: PlannedChange) -> Iterator[Problem]:
    for name, value in (("level", planned.level), ("chance", planned.chance)):
        if value is not None and not 0 <= value <= 1:
            yield Problem(f"/{name}", f"{value!r} is not a score between 0 and 1")
    if not 0 < planned.size <= 1:
        yield Problem("/size", f"{planned.size!r} is not a change of score in (0, 1]")
        return
    down = planned.change in DOWNWARD
    room = planned.level if down else 1 - planned.level
    if planned.size > room + 1e-12:
        side = f"from {planned.level:g} down to 0" if down else f"from {planned.level:g} up to 1"
        yield Problem("/size", f"a {planned.change} of {planned.size:g} does not fit: there are {room:g} {side}")
