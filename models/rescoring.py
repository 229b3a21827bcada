"""The same outputs scored by every metric that they allow, each as a scaling curve.

S = Schaeffer et al., arXiv 2304.15004: emergence appears under nonlinear or discontinuous metrics and vanishes under
linear or continuous ones of the same outputs (sections 2 to 5). For target tokens with probabilities p_1 … p_L:

* `expected_exact_match`: p_1 … p_L, the probability that a sample at temperature 1 is the target (S section 2, C);
* `exact_match`: 1 if greedy decoding gives the target, where that is known;
* `mean_probability`: mean of p_t; `token_accuracy`: share of the tokens that are the most probable ones, where known;
* `token_edit_distance`: sum of 1 - p_t, the expected number of wrong tokens; substitutions only (S section 2, E);
* `log_likelihood`: sum of log p_t; `loss`: mean of -log p_t, in nats.

For options with probabilities q_1 … q_O of which q is the right one's:

* `multiple_choice_grade`: 1 if q is larger than all others, so that a tie counts as wrong;
* `brier`: sum of (q_o - [o is right])² over 2, which lies in [0, 1] and is (1 - q)² for two options;
* `mean_probability`: q; `log_likelihood`: log q.

For errors: `mean_error`, and `error_below` c: 1 if the error is below c (S section 5).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from models.analysis import analyze
from models.arrays import Floats, Ints
from models.curve import ScaleKind, ScalePoint, ScalingCurve
from models.errors import InvalidInput, InvalidOptions, Problem
from models.metric_swap import MetricSwap, among_others, swaps
from models.metrics import REGISTRY, Metric, MetricKind
from models.options import DEFAULT_SMALLEST_EFFECT, Options
from models.outputs import ErrorOutputs, OptionOutputs, Outputs, TokenOutputs, starts_of
from models.results import Analysis, Emergence

FINEST_STDERR = 1e-4  # of the metric's width: far below any smallest effect, and no division by almost zero
AGREEMENT = 1e-9  # of the metric's width or observed range, within which values are the same but for binary arithmetic
NO_RANGE, NO_STDERR = "all_scores_equal", "examples_agree"


@dataclass(frozen=True, slots=True)
class Scored:
    """Outputs under one metric: the values (M, n) of each example; `ties` (M,) of them counted as wrong.

    `limits` (n,) is what each example's value can be at most, where that differs; its mean is the metric's upper bound.
    """

    metric: Metric
    values: Floats
    ties: tuple[int, ...] | None = None
    limits: Floats | None = None


@dataclass(frozen=True, slots=True)
class Rescored:
    """Outputs under one metric, and what becomes of them.

    `analysis` and `smallest_effect` are None, for `reason`, where the metric has no bounds and all scores are equal, or
    all examples of a model agree.
    `swap` is a look at the other metrics, None where the metric is neither nonlinear nor discontinuous; `emergence` is
    that of the analysis after that look.
    """

    scored: Scored
    smallest_effect: float | None
    analysis: Analysis | None
    emergence: Emergence | None
    swap: MetricSwap | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """What the outputs are of."""

    name: str
    prompting: str | None = None
    model_family: str | None = None
    scale_kind: ScaleKind = ScaleKind.PARAMETERS
    suite: str | None = None


def rescored(
    outputs: Outputs, task: Task, options: Options, effects: Mapping[str, float] | None = None
) -> tuple[Rescored, ...]:
    """Every metric's curve through the whole analysis, then each metric against the others of the same outputs.

    `effects`: smallest effects by the metric's name, in place of `default_effect`; those of `options` are not used.
    Raises `InvalidInput` for an effect of a metric that is not there or that is out of range.
    """
    found = scored(outputs)
    own_effects = _effects(found, effects or {})
    analyses = [
        _analysed(outputs, own, task, replace(options, smallest_effect=effect))
        if effect is not None and _left_out(own) is None
        else None
        for own, effect in zip(found, own_effects, strict=True)
    ]
    looks = iter(swaps([analysis for analysis in analyses if analysis is not None]))
    return tuple(
        _rescored(own, effect, analysis, None if analysis is None else next(looks))
        for own, effect, analysis in zip(found, own_effects, analyses, strict=True)
    )


def scored(outputs: Outputs) -> tuple[Scored, ...]:
    """The outputs under every metric that they allow."""
    match outputs:
        case TokenOutputs():
            return tuple(_of_tokens(outputs))
        case OptionOutputs():
            return tuple(_of_options(outputs))
        case ErrorOutputs():
            return tuple(_of_errors(outputs))


def scaling_curve(outputs: Outputs, own: Scored, task: Task) -> ScalingCurve:
    """The curve of one metric: outcomes where it is 0 or 1, so that models are paired, else means with their errors.

    Where all examples of a model agree, a bounded mean stands with their number alone, as that many counts.
    """
    return ScalingCurve(
        task=task.name,
        metric=own.metric,
        points=scale_points(outputs, own),
        prompting=task.prompting,
        model_family=task.model_family,
        scale_kind=task.scale_kind,
        suite=task.suite,
    )


def scale_points(outputs: Outputs, own: Scored) -> tuple[ScalePoint, ...]:
    """Means with their errors in the order of the models, also of a metric that no curve can be made of."""
    proportion = own.metric.kind is MetricKind.PROPORTION
    means, errors = np.clip(own.values.mean(axis=1), own.metric.lower, own.metric.upper), _stderr(own)
    count = own.values.shape[1]
    return tuple(
        ScalePoint(
            scale=model.scale,
            score=float(mean),
            n_examples=count,
            stderr=None if proportion or math.isnan(error) else float(error),
            language_model=model.name,
            outcomes=values.astype(np.uint8).tobytes() if proportion else None,
        )
        for model, mean, error, values in zip(outputs.models, means, errors, own.values, strict=True)
    )


def default_effect(own: Scored) -> float | None:
    """Smallest effect: 0.02 of the metric's width or, where it has none, of the observed range of its scores.

    None where that range is zero.
    """
    extent = own.metric.width if own.metric.kind is not MetricKind.UNBOUNDED else _extent(own)
    return DEFAULT_SMALLEST_EFFECT * extent if extent > 0 else None


def _effects(found: tuple[Scored, ...], asked: Mapping[str, float]) -> list[float | None]:
    names = [own.metric.name for own in found]
    problems = [
        Problem(f"/smallest_effects/{name}", f"no metric of these outputs: they are {', '.join(names)}")
        for name in asked
        if name not in names
    ]
    if problems:
        raise InvalidInput(problems)
    return [asked.get(own.metric.name, default_effect(own)) for own in found]


def _analysed(outputs: Outputs, own: Scored, task: Task, options: Options) -> Analysis:
    try:
        return analyze(scaling_curve(outputs, own, task), options)
    except InvalidOptions as error:
        place = f"/smallest_effects/{own.metric.name}"
        problems = [(problem.pointer, problem.message) for problem in error.problems]
        raise InvalidInput(
            Problem(place if pointer == "/options/smallest_effect" else pointer, message)
            for pointer, message in problems
        ) from None


def _rescored(own: Scored, effect: float | None, analysis: Analysis | None, swap: MetricSwap | None) -> Rescored:
    if analysis is None:
        return Rescored(own, None, None, None, None, _left_out(own))
    return Rescored(own, effect, analysis, among_others(analysis.emergence, swap), swap)


def _of_tokens(outputs: TokenOutputs) -> Iterator[Scored]:
    lengths, sums = outputs.lengths, _sums(outputs.lengths)
    total, right = sums(outputs.log_probabilities), sums(np.exp(outputs.log_probabilities))
    length = int(lengths[0]) if len(set(lengths.tolist())) == 1 else None
    if outputs.exact is not None:
        yield Scored(replace(REGISTRY["exact_match"], target_length=length), outputs.exact.astype(np.float64))
    yield Scored(replace(REGISTRY["expected_exact_match"], target_length=length), np.exp(total))
    if outputs.greedy is not None:
        yield Scored(REGISTRY["token_accuracy"], sums(outputs.greedy.astype(np.float64)) / lengths)
    yield Scored(REGISTRY["mean_probability"], right / lengths)
    longest = float(lengths.mean())  # no mean distance is larger
    yield Scored(replace(REGISTRY["token_edit_distance"], upper=longest), lengths - right, limits=lengths.astype(float))
    yield Scored(REGISTRY["log_likelihood"], total)
    yield Scored(REGISTRY["loss"], -total / lengths)


def _of_options(outputs: OptionOutputs) -> Iterator[Scored]:
    starts = starts_of(outputs.sizes)
    right = np.zeros(outputs.log_probabilities.shape[1], dtype=bool)
    right[starts + outputs.answers] = True
    own = outputs.log_probabilities[:, right]
    best_other = np.maximum.reduceat(np.where(right, -np.inf, outputs.log_probabilities), starts, axis=1)
    chance = float(np.mean(1 / outputs.sizes))
    grade = replace(REGISTRY["multiple_choice_grade"], chance=chance)
    ties = tuple(int(count) for count in (own == best_other).sum(axis=1))
    yield Scored(grade, (own > best_other).astype(np.float64), ties)
    squares = _sums(outputs.sizes)((np.exp(outputs.log_probabilities) - right) ** 2)
    yield Scored(REGISTRY["brier"], squares / 2)
    yield Scored(replace(REGISTRY["mean_probability"], chance=chance), np.exp(own))
    yield Scored(REGISTRY["log_likelihood"], own)


def _of_errors(outputs: ErrorOutputs) -> Iterator[Scored]:
    yield Scored(REGISTRY["mean_error"], outputs.errors)
    for threshold in outputs.thresholds.tolist():
        below = outputs.errors < threshold
        yield Scored(replace(REGISTRY["error_below"], name=f"error_below_{threshold:.6g}"), below.astype(np.float64))


def _sums(sizes: Ints) -> Callable[[Floats], Floats]:
    """Sums (M, n) of (M, T) over the tokens or options of each example."""
    starts = starts_of(sizes)
    return lambda values: np.asarray(np.add.reduceat(values, starts, axis=1))


def _left_out(own: Scored) -> str | None:
    """Why a metric cannot be analysed; None where it can."""
    if own.metric.kind is not MetricKind.UNBOUNDED:
        return None
    if _extent(own) == 0:
        return NO_RANGE
    return NO_STDERR if bool(np.isnan(_stderr(own)).any()) else None


def _stderr(own: Scored) -> Floats:
    """Standard errors (M,) of the means, not finer than a share of the metric's width or observed range.

    nan where all examples agree: they say nothing of how others would differ.
    """
    extent = own.metric.width if own.metric.kind is not MetricKind.UNBOUNDED else _extent(own)
    spread = _spread(own)
    plain = spread.std(axis=1, ddof=1) / np.sqrt(own.values.shape[1])
    agree = np.ptp(spread, axis=1) <= AGREEMENT * extent
    return np.where(agree, np.nan, np.maximum(plain, FINEST_STDERR * extent))


def _spread(own: Scored) -> Floats:
    """What of the values (M, n) varies by chance: all, or the residuals of a ratio to `limits`, which are fixed.

    The mean is then a share of the mean limit (Cochran 1977, Sampling Techniques, chapter 6). Residuals sum to zero and
    are on average at most half of that limit, so that no standard error is larger than half of the range.
    """
    if own.limits is None:
        return own.values
    shares = own.values.sum(axis=1, keepdims=True) / own.limits.sum()
    return np.asarray(own.values - shares * own.limits)


def _extent(own: Scored) -> float:
    means = own.values.mean(axis=1)
    return float(means.max() - means.min())
