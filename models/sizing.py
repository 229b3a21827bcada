"""How many test examples a study needs to find a change of a given size, by simulated studies and the fast engine.

A study finds the change where the engine gives the right label. Its probability rises with the number of examples, up
to a limit that the variation between models sets: beyond it only more models help.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from models.arrays import Floats
from models.between_model import own_scale
from models.curve_models.priors import HalfCauchy
from models.errors import InvalidInput, Problem
from models.likelihood import observe
from models.options import Options, Shape
from models.planned_change import MOST_MODELS, PlannedChange, check_options, simulated_study
from models.preposterior import ground, seen_after
from models.results import Interval

SMALLEST_N, LARGEST_N = 10, 100_000  # the second stands for a test set without end: nobody has a larger one
CLOSE_ENOUGH = 1.3  # ratio of two numbers of examples between which the search ends
BATCH, CLEAR = 20, 3.0  # studies at a time; standard errors from the wanted probability that need no more studies
DEFAULT_STUDIES, FEWEST_STUDIES, MOST_STUDIES = 60, 20, 1000
STUDY_DRAWS = 256  # effective ones; half of an analysis', and the label's margin for their error grows with that
OPEN_WITHIN = 2.0  # Monte Carlo errors that a limit must lie below the wanted probability to be called too low
GROWTH = 1.6  # from one number of models to the next, while too few
NORMAL_95 = 1.96
MORE_MODELS, TOO_MANY_MODELS, ENOUGH = "more_models_needed", "more_models_than_planned_for", "enough_models"
OPEN = "within_monte_carlo_error"


@dataclass(frozen=True, slots=True)
class Power:
    """Share of simulated studies that find the change, with its Monte Carlo error."""

    n_models: int
    n_examples: int
    probability: float
    mcse: float
    studies: int
    undetermined: float


@dataclass(frozen=True, slots=True)
class SizePlan:
    """Examples per model, or why no number suffices and how many models would; every simulated point is in `tried`.

    `limit` is the probability with a test set of 10^5 examples; where it is below the wanted one by less than two Monte
    Carlo errors, it is open whether a number suffices. `n_models_needed` is for test sets of that size.
    """

    shape: Shape
    probability: float
    n_models: int
    n_examples: int | None
    n_examples_interval: Interval
    limit: Power
    n_models_needed: int | None
    tried: tuple[Power, ...]
    between_model_scale: float
    n_examples_reason: str | None = None
    n_models_needed_reason: str | None = None


def plan_size(planned: PlannedChange, probability: float, options: Options, studies: int = DEFAULT_STUDIES) -> SizePlan:
    """The number of examples per model at which the change is found with this probability; raises `InvalidInput`."""
    _check(probability, studies)
    check_options(planned, options)
    search = _Search(planned, probability, options, HalfCauchy(own_scale(options).value), studies)
    limit = search.power(LARGEST_N, whole=True)
    if limit.probability < probability:
        return _unreachable(search, limit)
    tried = _bisected(search, limit)
    lowest = min(tried, key=lambda power: power.n_examples)
    size = (SMALLEST_N, None, None) if lowest.probability >= probability else _needed(tried, limit, probability)
    return SizePlan(
        shape=planned.shape,
        probability=probability,
        n_models=len(planned.scales),
        n_examples=size[0],
        n_examples_interval=Interval(float(size[0]), size[1], size[2], OPEN if size[0] == LARGEST_N else None),
        limit=limit,
        n_models_needed=None,
        tried=tuple(sorted(tried, key=lambda power: power.n_examples)),
        between_model_scale=search.variation.scale,
        n_models_needed_reason=ENOUGH,
    )


@dataclass(frozen=True, slots=True)
class _Search:
    """What is looked for and how much work goes into each simulated point."""

    planned: PlannedChange
    target: float
    options: Options
    variation: HalfCauchy
    studies: int

    def power(self, n_examples: int, models: int | None = None, *, whole: bool = False) -> Power:
        """The probability at one number of examples; fewer studies where it is far from the target, unless `whole`."""
        planned = self.planned if models is None else self.planned.with_models(models)
        labels: list[str] = []
        while len(labels) < self.studies and (whole or not self._is_clear(labels)):
            numbers = range(len(labels), min(len(labels) + BATCH, self.studies))
            labels += [self._label(planned, n_examples, number) for number in numbers]
        found = labels.count(planned.shape.value)
        # One success and one failure more: an error of none at all would be claimed otherwise.
        middle = (found + 1) / (len(labels) + 2)
        error = math.sqrt(middle * (1 - middle) / len(labels))
        open_share = labels.count("undetermined") / len(labels)
        return Power(len(planned.scales), n_examples, found / len(labels), error, len(labels), open_share)

    def _is_clear(self, labels: list[str]) -> bool:
        if len(labels) < FEWEST_STUDIES:
            return False
        share = (labels.count(self.planned.shape.value) + 1) / (len(labels) + 2)
        return abs(share - self.target) > CLEAR * math.sqrt(share * (1 - share) / len(labels))

    def _label(self, planned: PlannedChange, n_examples: int, number: int) -> str:
        curve = simulated_study(planned, n_examples, self.variation.scale, (self.options.seed, number))
        before = ground(observe(curve, self.options), self.options, self.variation, STUDY_DRAWS)
        return seen_after(before, None, self.options, planned.shape).label


def _bisected(search: _Search, limit: Power) -> list[Power]:
    """Simulated points on the way to the wanted probability, by halving the interval of log n."""
    tried, low, high = [limit], math.log(SMALLEST_N), math.log(LARGEST_N)
    first = search.power(SMALLEST_N)
    tried.append(first)
    while first.probability < search.target and high - low > math.log(CLOSE_ENOUGH):
        middle = (low + high) / 2
        power = search.power(round(math.exp(middle)))
        tried.append(power)
        low, high = (low, middle) if power.probability >= search.target else (middle, high)
    return tried


def _needed(tried: Iterable[Power], limit: Power, target: float) -> tuple[int, float | None, float | None]:
    """Number of examples and its interval from a logistic curve in log n, below the limit, through all points."""
    from scipy.optimize import minimize  # here, since it takes half a second to load

    below = [power for power in tried if power.n_examples < LARGEST_N]
    x = np.log([power.n_examples for power in below])
    found = np.array([power.probability * power.studies for power in below])
    studies = np.array([power.studies for power in below], dtype=float)
    top = min(max(limit.probability, target + limit.mcse / 2), 1 - 1e-9)
    start = float(np.interp(target, np.maximum.accumulate(found / studies), x))
    best = minimize(_misfit, np.array([start, 0.0]), (x, found, studies, top), method="Nelder-Mead")
    place, slope = float(best.x[0]), math.exp(float(best.x[1]))
    log_n = place + math.log(target / (top - target)) / slope
    error = _log_error(below, log_n, top, slope, target)
    ends = [math.exp(log_n + sign * NORMAL_95 * error) for sign in (-1, 1)]
    return round(math.exp(min(log_n, math.log(LARGEST_N)))), ends[0], ends[1]


def _misfit(parameters: Floats, x: Floats, found: Floats, studies: Floats, top: float) -> float:
    """Minus log likelihood, with a weak prior on the steepness, which few points leave open."""
    share = np.clip(top * expit(math.exp(parameters[1]) * (x - parameters[0])), 1e-9, 1 - 1e-9)
    fit = float(np.sum(found * np.log(share) + (studies - found) * np.log1p(-share)))
    return -fit + 0.5 * float(parameters[1]) ** 2


def _log_error(below: Iterable[Power], log_n: float, top: float, slope: float, target: float) -> float:
    """Standard error of log n: that of the probability near by, over the curve's slope.

    Studies of one number have the same models at every n, so those at several n tell no more than those at one.
    """
    near = max((power.studies for power in below if abs(math.log(power.n_examples) - log_n) < 1 / slope), default=0)
    error = math.sqrt(target * (1 - target) / max(near, BATCH))
    return error / (slope * target * (1 - target / top))


def _unreachable(search: _Search, limit: Power) -> SizePlan:
    """No number of examples was seen to suffice: how many models would, with test sets without end."""
    within = search.target - limit.probability < OPEN_WITHIN * limit.mcse
    reason = OPEN if within else MORE_MODELS
    tried, models = [limit], limit.n_models
    while tried[-1].probability < search.target and models < MOST_MODELS:
        models = min(MOST_MODELS, max(models + 1, round(GROWTH * models)))
        tried.append(search.power(LARGEST_N, models))
    enough = tried[-1].probability >= search.target
    return SizePlan(
        shape=search.planned.shape,
        probability=search.target,
        n_models=limit.n_models,
        n_examples=None,
        n_examples_interval=Interval(None, None, None, reason),
        limit=limit,
        n_models_needed=models if enough else None,
        tried=tuple(tried),
        between_model_scale=search.variation.scale,
        n_examples_reason=reason,
        n_models_needed_reason=None if enough else TOO_MANY_MODELS,
    )


def _check(probability: float, studies: int) -> None:
    problems = []
    if not 0 < probability < 1:
        problems.append(Problem("/probability", f"{probability!r} is not a probability between 0 and 1, both excluded"))
    if not FEWEST_STUDIES <= studies <= MOST_STUDIES:
        problems.append(Problem("/studies", f"{studies} is not between {FEWEST_STUDIES} and {MOST_STUDIES}"))
    if problems:
        raise InvalidInput(problems)
