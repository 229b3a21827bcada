"""Metric curves that a smooth per-token curve implies: the mathematical model of S section 2 and figure 2.

S = Schaeffer et al., arXiv 2304.15004. Each token of a target of L tokens is right with probability p, all alike and
independent, and a token's cross-entropy is a power law of scale: -log p = (N/c)^alpha, alpha < 0. Then, by figure 2:

* A: `loss` = -log p; B: `mean_probability` = p;
* C: `exact_match` = p^L, nonlinear;
* E: `token_edit_distance` = L (1 - p), linear; substitutions only. `token_edit_distance_rate` = 1 - p;
* D: `multiple_choice_grade` and F: `brier`, for a question with O options. The right option has the probability p. What
  is left, 1 - p, falls on the m = O - 1 others in shares w that are uniform on the simplex, Dirichlet(1, …, 1). S give
  no formula for these two: this is the least that must be added.

  The grade is 1 if the right option is the most probable one, (1 - p) max w < p. The largest of m uniform spacings has
  P(max w <= x) = sum_k (-1)^k C(m, k) (1 - k x)_+^(m - 1), by inclusion and exclusion (Feller, An Introduction to
  Probability Theory, volume II, section I.9). The grade is that sum at x = p/(1 - p): 0 up to p = 1/O, 1 from p = 1/2;
  for two options a step at 1/2.

  Brier's score, halved so that it lies in [0, 1], is ((1 - p)² + sum_i ((1 - p) w_i)²)/2. With E w_i² = 2/(m (m + 1))
  its mean is (1 - p)² (1 + 2/O)/2; for two options (1 - p)².
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.arrays import Floats
from models.emergence import FEWEST_SCALES, ZERO_MEDIAN, ZERO_RANGE, steps
from models.errors import InvalidInput, Problem
from models.metrics import REGISTRY, Metric
from models.results import Interval
from models.transition import rise_width
from models.turn import interval, quantiles

MOST_OPTIONS = 26  # letters of an alphabet; beyond some 40 the alternating sum loses its digits
DEFAULT_OPTIONS = 4
LARGEST_LOSS = 1e6  # nats a token; guessing blindly among 10^6 tokens costs 14
NODES = 401  # of the range, at which widths are read off
SHOWN_NODES = 81  # of these that are returned, for a picture
UNDEFINED_DRAWS = 0.05  # share of draws without a value, from which none is given; as for emergence scores
NOT_A_POSTERIOR, NOT_RISING = "one_curve_only", "not_rising"


@dataclass(frozen=True, slots=True)
class TokenCurves:
    """S curves of -log p, the cross-entropy of a token: `loss` (S, K) at `scales` (K,), `grid_loss` (S, G) on a `grid`.

    S = 1 where there is no posterior. Scales grow.
    """

    scales: Floats
    loss: Floats
    grid: Floats
    grid_loss: Floats


@dataclass(frozen=True, slots=True)
class PredictedPoint:
    """One metric at one scale; `lower` and `upper` are None where one curve was given, not a posterior."""

    scale: float
    estimate: float
    lower: float | None
    upper: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PredictedMetric:
    """A metric as the per-token curve implies it, at the scales and on a finer grid; figures speak of performance.

    `width_decades` is the 10-90 % width of the rise over the range of the scales, `largest_step_share` the largest step
    between two scales over the range.
    """

    name: str
    higher_is_better: bool
    linear: bool | None
    continuous: bool | None
    points: tuple[PredictedPoint, ...]
    grid: tuple[PredictedPoint, ...]
    emergence_score: Interval
    largest_step_share: Interval
    width_decades: Interval


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the tokens L of the target, and the options O of the multiple-choice form."""

    target_length: int
    n_options: int = DEFAULT_OPTIONS

    def __post_init__(self) -> None:
        problems = tuple(_question_problems(self))
        if problems:
            raise InvalidInput(problems)


type Score = Callable[[Floats, Question], Floats]


def power_law_curves(c: float, alpha: float, scales: Sequence[float]) -> TokenCurves:
    """-log p = (N/c)^alpha at given scales; raises `InvalidInput`."""
    problems = [*_power_law_problems(c, alpha), *scale_problems(scales)]
    if problems:
        raise InvalidInput(problems)
    ordered = np.sort(np.array(scales, dtype=np.float64))
    with np.errstate(over="ignore"):
        largest = float(np.exp(alpha * (math.log(ordered[0]) - math.log(c))))
    if largest > LARGEST_LOSS:
        message = f"(N/c)^alpha is {largest:.3g} nats a token at {ordered[0]:g}: check c and alpha"
        raise InvalidInput([Problem("/power_law", message)])
    grid = np.geomspace(ordered[0], ordered[-1], NODES)
    loss, grid_loss = ((x / c) ** alpha for x in (ordered, grid))
    return TokenCurves(ordered, loss[None, :], grid, grid_loss[None, :])


def observed_curves(scales: Sequence[float], log_probabilities: Sequence[float]) -> TokenCurves:
    """A token's mean log-probability at each scale, straight lines on the log scale between; raises `InvalidInput`."""
    place = "/token_log_probabilities"
    problems = list(scale_problems(scales))
    if len(log_probabilities) != len(scales):
        problems.append(Problem(place, f"{len(log_probabilities)} values for {len(scales)} scales: give one each"))
    for index, value in enumerate(log_probabilities):
        if not -LARGEST_LOSS <= value <= 0:
            message = f"{value:g} is no logarithm of a probability: it lies between -{LARGEST_LOSS:g} and 0"
            problems.append(Problem(f"{place}/{index}", message))
    if problems:
        raise InvalidInput(problems)
    order = np.argsort(scales)
    ordered, loss = (
        np.array(scales, dtype=np.float64)[order],
        0.0 - np.array(log_probabilities, dtype=np.float64)[order],
    )
    grid = np.unique(np.concatenate([ordered, np.geomspace(ordered[0], ordered[-1], NODES)]))
    return TokenCurves(ordered, loss[None, :], grid, np.interp(np.log(grid), np.log(ordered), loss)[None, :])


def predicted_metrics(tokens: TokenCurves, question: Question, level: float) -> tuple[PredictedMetric, ...]:
    """Every metric of S figure 2, with intervals at `level` where there is a posterior."""
    return tuple(
        _predicted(metric, score, tokens, question, level) for metric, score in _metrics(question.target_length)
    )


def exact_match(loss: Floats, question: Question) -> Floats:
    """p^L: all tokens of the target are right."""
    return np.exp(-question.target_length * loss)


def token_edit_distance(loss: Floats, question: Question) -> Floats:
    """L (1 - p): the expected number of wrong tokens."""
    return question.target_length * _error(loss)


def token_edit_distance_rate(loss: Floats, question: Question) -> Floats:
    """1 - p."""
    del question
    return _error(loss)


def _error(loss: Floats) -> Floats:
    """1 - p; 0, not -0, where the loss is."""
    return np.asarray(0.0 - np.expm1(-loss))


def mean_probability(loss: Floats, question: Question) -> Floats:
    """p."""
    del question
    return np.exp(-loss)


def cross_entropy(loss: Floats, question: Question) -> Floats:
    """-log p, in nats a token."""
    del question
    return loss


def multiple_choice_grade(loss: Floats, question: Question) -> Floats:
    """Probability that the right option is the most probable one; the module says under which model."""
    p, others = np.exp(-loss), question.n_options - 1
    if others == 1:
        return np.where(p > 0.5, 1.0, 0.0)
    x = p / np.maximum(-np.expm1(-loss), p)  # 1 from p = 1/2, where the right option cannot be beaten
    total = np.zeros_like(p)
    for k in range(others + 1):
        total += (-1) ** k * math.comb(others, k) * np.maximum(1 - k * x, 0.0) ** (others - 1)
    return np.where(x <= 1 / others, 0.0, np.clip(total, 0.0, 1.0))


def brier(loss: Floats, question: Question) -> Floats:
    """Mean of half of Brier's score; the module says under which model."""
    return np.asarray(np.expm1(-loss) ** 2 * (1 + 2 / question.n_options) / 2)


def scale_problems(scales: Sequence[float]) -> Iterator[Problem]:
    """What is wrong with the scales that are asked for."""
    for index, scale in enumerate(scales):
        if not (math.isfinite(scale) and scale > 0):
            yield Problem(f"/scales/{index}", f"{scale:g} is not a positive finite number")
    if len(set(scales)) < len(scales):
        yield Problem("/scales", "a scale is given more than once: keep one")
    if len(scales) < FEWEST_SCALES:
        yield Problem("/scales", f"{len(scales)} scales: an emergence score needs at least {FEWEST_SCALES}")


def _metrics(length: int) -> Iterator[tuple[Metric, Score]]:
    """Metrics in the order in which they are shown."""
    distance = REGISTRY["token_edit_distance"]
    yield REGISTRY["exact_match"], exact_match
    yield replace(distance, upper=float(length)), token_edit_distance
    yield replace(distance, name="token_edit_distance_rate"), token_edit_distance_rate
    yield REGISTRY["multiple_choice_grade"], multiple_choice_grade
    yield REGISTRY["brier"], brier
    yield REGISTRY["mean_probability"], mean_probability
    yield REGISTRY["loss"], cross_entropy


def _predicted(metric: Metric, score: Score, tokens: TokenCurves, question: Question, level: float) -> PredictedMetric:
    scores, between = score(tokens.loss, question), score(tokens.grid_loss, question)
    sign = 1.0 if metric.higher_is_better else -1.0
    found, widths = steps(sign * scores), _widths(tokens.grid, sign * between)
    shown = np.unique(np.linspace(0, len(tokens.grid) - 1, SHOWN_NODES).astype(np.int64))
    return PredictedMetric(
        name=metric.name,
        higher_is_better=metric.higher_is_better,
        linear=metric.linear,
        continuous=metric.continuous,
        points=tuple(_points(tokens.scales, scores, level)),
        grid=tuple(_points(tokens.grid[shown], between[:, shown], level)),
        emergence_score=_figure(found.emergence_score, level, ZERO_MEDIAN),
        largest_step_share=_figure(np.abs(found.signed_step_share), level, ZERO_RANGE),
        width_decades=_figure(widths, level, NOT_RISING),
    )


def _points(scales: Floats, scores: Floats, level: float) -> Iterator[PredictedPoint]:
    if len(scores) == 1:
        for scale, value in zip(scales.tolist(), scores[0].tolist(), strict=True):
            yield PredictedPoint(scale, value, None, None, NOT_A_POSTERIOR)
        return
    lower, middle, upper = quantiles(scores, level).tolist()
    for scale, *ends in zip(scales.tolist(), middle, lower, upper, strict=True):
        yield PredictedPoint(scale, *ends)


def _figure(values: Floats, level: float, undefined: str) -> Interval:
    """Median and interval of a figure's draws (S,), nan where it is not defined."""
    there = values[np.isfinite(values)]
    if len(there) < (1 - UNDEFINED_DRAWS) * len(values):
        return Interval(None, None, None, undefined)
    if len(values) == 1:
        return Interval(float(values[0]), None, None, NOT_A_POSTERIOR)
    return interval(there, level)


def _widths(grid: Floats, curves: Floats) -> Floats:
    """10-90 % widths (S,) in decades; nan where a curve does not rise."""
    widths = np.full(len(curves), np.nan)
    rises = curves[:, -1] > curves[:, 0]
    widths[rises] = rise_width(np.log10(grid), curves[rises])
    return widths


def _question_problems(question: Question) -> Iterator[Problem]:
    length, options = question.target_length, question.n_options
    if length < 1:
        message = f"{length}: a target has at least one token, and the accuracy p^L needs to know how many"
        yield Problem("/target_length", message)
    if not 2 <= options <= MOST_OPTIONS:
        yield Problem("/n_options", f"{options} is not between 2 and {MOST_OPTIONS}")


def _power_law_problems(c: float, alpha: float) -> Iterator[Problem]:
    if not (math.isfinite(c) and c > 0):
        yield Problem("/power_law/c", f"{c:g} is not a positive finite number")
    if not (math.isfinite(alpha) and alpha < 0):
        hint = f": say {-alpha:g} for a loss that falls with scale" if 0 < alpha < math.inf else ""
        yield Problem("/power_law/alpha", f"{alpha:g} is not a negative finite number{hint}")
