"""Measurements that could be made next: new scales in the gaps and beyond, other models, more examples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from models.curve import LARGEST_STDERR, ScalingCurve
from models.errors import InvalidInput, Problem
from models.further import Effort
from models.likelihood import NoiseKind, Observations, clustered
from models.metrics import MetricKind

DEFAULT_SCALES = 10
DEFAULT_BEYOND = 3  # of them above the largest model, up to the horizon
HORIZON_DECADES = 1.0  # beyond the tested models, further than which nothing is planned
SMALLEST_STEP = 0.05  # decades between a default candidate and its neighbours: closer is the same size
DEFAULT_EFFORTS = (1, 4)  # times the median number of examples so far
MOST_SCALES, MOST_EFFORTS, MOST_TESTED = 20, 3, 12
SAME_SCALE = 1e-9  # relative difference of two scales that are one
LARGEST_SIZE = 10**9  # test examples


class Action(StrEnum):
    """What can be measured next."""

    NEW_SCALE = "new_scale"
    ANOTHER_MODEL = "another_model"
    MORE_EXAMPLES = "more_examples"


ALL_ACTIONS: tuple[Action, ...] = tuple(Action)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for, None for a choice of our own; `stderr` in place of `n_examples` where scores have one."""

    scales: tuple[float, ...] | None = None
    n_examples: tuple[int, ...] | None = None
    stderr: tuple[float, ...] | None = None
    actions: tuple[Action, ...] = ALL_ACTIONS


@dataclass(frozen=True, slots=True)
class Candidate:
    """One measurement; `index` is the point whose model is tested again, or shares its scale with another one."""

    action: Action
    scale: float
    effort: Effort
    index: int | None = None


def candidates(curve: ScalingCurve, observations: Observations, wanted: Wanted) -> tuple[Candidate, ...]:
    """Everything that could be measured; raises `InvalidInput` where what is asked for cannot be planned."""
    problems = [*_scale_problems(curve, wanted.scales or ()), *_effort_problems(curve, observations, wanted)]
    if not wanted.actions:
        problems.append(Problem("/actions", f"is empty: name some of {', '.join(Action)}"))
    if problems:
        raise InvalidInput(problems)
    efforts = _efforts(curve, observations, wanted)
    return tuple(_each(curve, observations, wanted, efforts))


def default_scales(observations: Observations) -> tuple[float, ...]:
    """Up to ten scales: in the widest gaps between models, and beyond the largest up to the horizon."""
    z = np.unique(observations.z)
    reach = min(HORIZON_DECADES, float(z[-1] - z[0]))
    beyond = [float(z[-1]) + reach * (i + 1) / DEFAULT_BEYOND for i in range(DEFAULT_BEYOND)]
    gaps = _in_gaps(z.tolist(), DEFAULT_SCALES - DEFAULT_BEYOND)
    scales = dict.fromkeys(_rounded(10.0**place) for place in (*gaps, *beyond))
    known = (10.0**z).tolist()
    return tuple(scale for scale in scales if not _is_among(scale, known))


def _each(
    curve: ScalingCurve, observations: Observations, wanted: Wanted, efforts: Sequence[Effort]
) -> Iterator[Candidate]:
    if Action.NEW_SCALE in wanted.actions:
        for scale in sorted(default_scales(observations) if wanted.scales is None else wanted.scales):
            yield from (Candidate(Action.NEW_SCALE, scale, effort) for effort in efforts)
    for action in (Action.ANOTHER_MODEL, Action.MORE_EXAMPLES):
        if action in wanted.actions:
            for index in _tested(curve, once=action is Action.ANOTHER_MODEL):
                scale = curve.points[index].scale
                yield from (Candidate(action, scale, effort, index) for effort in efforts)


def _tested(curve: ScalingCurve, *, once: bool) -> list[int]:
    """Points that are tested again, evenly chosen where there are many; `once` a scale or each model."""
    first = {point.scale: index for index, point in reversed(list(enumerate(curve.points)))}
    indices = sorted(first.values()) if once else list(range(len(curve.points)))
    if len(indices) <= MOST_TESTED:
        return indices
    places = np.linspace(0, len(indices) - 1, MOST_TESTED).round().astype(int)
    return [indices[place] for place in places.tolist()]


def _efforts(curve: ScalingCurve, observations: Observations, wanted: Wanted) -> list[Effort]:
    if wanted.n_examples is not None:
        return [Effort(n_examples=n) for n in sorted(wanted.n_examples)]
    if wanted.stderr is not None:
        return [Effort(stderr=error) for error in sorted(wanted.stderr, reverse=True)]
    if _counted(observations):
        pairs = zip(curve.points, observations.trials.tolist(), strict=True)
        given = [trials if clustered(point) else point.n_examples or trials for point, trials in pairs if trials > 0]
        size = float(np.median(given))
        return [Effort(n_examples=min(max(1, round(size * times)), LARGEST_SIZE)) for times in DEFAULT_EFFORTS]
    error = float(np.median(observations.stderr[observations.noise == observations.usual_noise])) * observations.unit
    return [Effort(stderr=error / math.sqrt(times)) for times in DEFAULT_EFFORTS]


def _counted(observations: Observations) -> bool:
    return observations.usual_noise is NoiseKind.BETA_BINOMIAL


def _effort_problems(curve: ScalingCurve, observations: Observations, wanted: Wanted) -> Iterator[Problem]:
    counted = _counted(observations)
    if wanted.n_examples is not None and not counted:
        yield Problem("/n_examples", "the scores of this curve have standard errors: give stderr instead")
    if wanted.stderr is not None and counted:
        yield Problem("/stderr", "the scores of this curve are shares of test examples: give n_examples instead")
    for index, size in enumerate(wanted.n_examples or ()):
        if not 1 <= size <= LARGEST_SIZE:
            yield Problem(f"/n_examples/{index}", f"{size} is not between 1 and {LARGEST_SIZE:,}")
    for index, error in enumerate(wanted.stderr or ()):
        if not (math.isfinite(error) and error > 0):
            yield Problem(f"/stderr/{index}", f"{error!r} is not a positive finite number")
        elif curve.metric.kind is not MetricKind.UNBOUNDED and error > LARGEST_STDERR * curve.metric.width:
            message = f"{error:g} is more than half of the metric's range of {curve.metric.width:g}"
            yield Problem(f"/stderr/{index}", f"{message}, as no standard error is (of percent: as a fraction)")
    for name, given in (("n_examples", wanted.n_examples), ("stderr", wanted.stderr)):
        if given is not None and not 1 <= len(set(given)) == len(given) <= MOST_EFFORTS:
            yield Problem(f"/{name}", f"{len(given)} given, where 1 to {MOST_EFFORTS} different ones are taken")


def _scale_problems(curve: ScalingCurve, scales: Sequence[float]) -> Iterator[Problem]:
    known = [point.scale for point in curve.points]
    first, last = min(known), max(known)
    factor = 10.0**HORIZON_DECADES * (1 + SAME_SCALE)
    if len(scales) > MOST_SCALES:
        yield Problem("/scales", f"{len(scales)} given, where up to {MOST_SCALES} are taken")
    for index, scale in enumerate(scales):
        if not (math.isfinite(scale) and scale > 0):
            yield Problem(f"/scales/{index}", f"{scale!r} is not a positive finite number")
        elif _is_among(scale, known):
            message = f"{scale:g} is tested already: leave it out; another_model and more_examples plan for it"
            yield Problem(f"/scales/{index}", message)
        elif not first / factor <= scale <= last * factor:
            message = (
                f"{scale:g} is more than {HORIZON_DECADES:g} decade from the tested models ({first:g} to {last:g})"
            )
            yield Problem(f"/scales/{index}", f"{message}: nothing credible can be expected there; choose a nearer one")
        elif _is_among(scale, scales[:index]):
            yield Problem(f"/scales/{index}", f"{scale:g} is given more than once: keep one")


def _is_among(scale: float, others: Sequence[float]) -> bool:
    return any(math.isclose(scale, other, rel_tol=SAME_SCALE) for other in others)


def _in_gaps(z: Sequence[float], count: int) -> list[float]:
    """Places inside the gaps, each put where it leaves the widest step, while steps stay wide enough."""
    inside = [0] * (len(z) - 1)
    widths = np.diff(z)
    for _ in range(count):
        steps = widths / (np.array(inside) + 2)
        best = int(np.argmax(steps))
        if steps[best] < SMALLEST_STEP:
            break
        inside[best] += 1
    return [z[i] + widths[i] * (j + 1) / (m + 1) for i, m in enumerate(inside) for j in range(m)]


def _rounded(scale: float) -> float:
    """Two digits: nobody trains a model to more."""
    return float(f"{scale:.1e}")
