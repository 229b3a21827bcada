"""Metrics of a per-token curve, each against a simulation of the tokens or options themselves."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from models.analysis import analyze
from models.arrays import Floats
from models.curve import ScalePoint, ScalingCurve
from models.curve_models.record import mean
from models.emergence import emergence_score
from models.errors import InvalidInput
from models.metric_curves import (
    MOST_OPTIONS,
    PredictedMetric,
    Question,
    brier,
    exact_match,
    multiple_choice_grade,
    observed_curves,
    power_law_curves,
    predicted_metrics,
    token_edit_distance,
    token_edit_distance_rate,
)
from models.metrics import REGISTRY
from models.options import Options
from models.token_fit import token_fit

RUNS = 40_000
FOUR_SIGMA = 4.0
SCALES = (1e8, 1e9, 1e10, 1e11, 1e12)
LEVEL = 0.95


def close(simulated: Floats, value: float) -> bool:
    """Whether a mean of simulations lies within four of its standard errors, and a rounding error."""
    error = float(simulated.std(ddof=1)) / math.sqrt(len(simulated))
    return abs(float(simulated.mean()) - value) <= FOUR_SIGMA * error + 1e-4


def named(metrics: tuple[PredictedMetric, ...], name: str) -> PredictedMetric:
    return next(metric for metric in metrics if metric.name == name)


@pytest.mark.parametrize("seed", range(6))
def test_token_metrics_are_those_of_simulated_targets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    question, p = Question(int(rng.integers(1, 9))), float(rng.uniform(0.05, 0.99))
    loss = np.array([-math.log(p)])
    right = rng.random((RUNS, question.target_length)) < p
    assert close(right.all(axis=1).astype(float), float(exact_match(loss, question)[0]))
    assert close((~right).sum(axis=1).astype(float), float(token_edit_distance(loss, question)[0]))
    assert close((~right).mean(axis=1), float(token_edit_distance_rate(loss, question)[0]))


@pytest.mark.parametrize("seed", range(8))
def test_option_metrics_are_those_of_simulated_questions(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    question, p = Question(1, int(rng.integers(2, 9))), float(rng.uniform(0.02, 0.6))
    loss = np.array([-math.log(p)])
    others = (1 - p) * rng.dirichlet(np.ones(question.n_options - 1), RUNS)
    assert close((others.max(axis=1) < p).astype(float), float(multiple_choice_grade(loss, question)[0]))
    scores = ((1 - p) ** 2 + (others**2).sum(axis=1)) / 2
    assert close(scores, float(brier(loss, question)[0]))


@pytest.mark.parametrize("options", [2, 3, 4, 10, MOST_OPTIONS])
def test_the_grade_rises_from_chance_to_one_half_and_is_a_step_for_two_options(options: int) -> None:
    question = Question(1, options)
    p = np.array([1 / options - 1e-9, 1 / options + 1e-9, 0.5 - 1e-9, 0.5 + 1e-9, 1.0])
    grade = multiple_choice_grade(-np.log(p), question)
    assert grade[0] == 0
    assert grade[3] == pytest.approx(1, abs=1e-8)
    assert grade[4] == 1
    between = multiple_choice_grade(-np.log(np.linspace(1 / options, 0.5, 200)), question)
    assert np.all(np.diff(between) >= -1e-9)
    if options == 3:  # one spacing is uniform: P(max <= x) = 2 x - 1
        assert multiple_choice_grade(np.array([-math.log(0.4)]), question)[0] == pytest.approx(2 * 0.4 / 0.6 - 1)


@pytest.mark.parametrize("seed", range(4))
def test_a_power_law_gives_the_curves_of_the_paper(seed: int) -> None:
    rng = np.random.default_rng(seed)
    c, alpha, length = 10 ** rng.uniform(8, 11), -rng.uniform(0.2, 1.0), int(rng.integers(2, 7))
    found = predicted_metrics(power_law_curves(c, alpha, SCALES), Question(length), LEVEL)
    for scale, *row in zip(SCALES, *(metric.points for metric in found), strict=True):
        p = math.exp(-((scale / c) ** alpha))
        values = [point.estimate for point in row]
        assert values[0] == pytest.approx(p**length, rel=1e-9)
        assert values[1] == pytest.approx(length * (1 - p), rel=1e-9)
        assert values[5:] == pytest.approx([p, (scale / c) ** alpha], rel=1e-9)
    distances = np.array([-point.estimate for point in named(found, "token_edit_distance").points])
    assert named(found, "token_edit_distance").emergence_score.estimate == emergence_score(distances)


def test_the_width_of_a_rise_is_where_a_root_finder_sees_it() -> None:
    c, alpha, low, high = 1e10, -0.5, 8.0, 12.0
    found = predicted_metrics(power_law_curves(c, alpha, (10**low, 1e10, 10**high)), Question(5), LEVEL)

    def share(z: float) -> float:
        first, value, last = (math.exp(-5 * (10**at / c) ** alpha) for at in (low, z, high))
        return (value - first) / (last - first)

    ends = [brentq(lambda z, level=level: share(z) - level, low, high) for level in (0.1, 0.9)]
    width = named(found, "exact_match").width_decades.estimate
    assert width == pytest.approx(ends[1] - ends[0], abs=2e-3)


def test_one_smooth_token_curve_jumps_under_exact_match_and_not_under_edit_distance() -> None:
    scales = tuple(np.geomspace(1e8, 1e11, 10))
    found = predicted_metrics(power_law_curves(1e9, -0.7, scales), Question(20), LEVEL)
    jump, even = named(found, "exact_match"), named(found, "token_edit_distance")
    assert (jump.emergence_score.estimate or 0) > 5 * (even.emergence_score.estimate or 0)
    assert (jump.width_decades.estimate or 9) < 1 < (even.width_decades.estimate or 0)


def test_log_probabilities_at_scales_give_the_same_metrics_as_the_law_they_come_from() -> None:
    law = power_law_curves(1e9, -0.5, SCALES)
    logs = [-((scale / 1e9) ** -0.5) for scale in SCALES]
    shuffled = observed_curves(SCALES[::-1], logs[::-1])
    ours, theirs = (predicted_metrics(curves, Question(4, 3), LEVEL) for curves in (law, shuffled))
    for one, other in zip(ours, theirs, strict=True):
        assert [p.estimate for p in one.points] == pytest.approx([p.estimate for p in other.points])
        assert one.emergence_score.estimate == pytest.approx(other.emergence_score.estimate)


def curve_of(score: Callable[[float], float], metric: str = "exact_match", length: int | None = 4) -> ScalingCurve:
    points = tuple(ScalePoint(float(x), score(x), n_examples=4000) for x in np.geomspace(1e8, 1e12, 9))
    return ScalingCurve("t", replace(REGISTRY[metric], target_length=length), points)


def test_the_power_law_behind_a_curve_is_found_again() -> None:
    c, alpha, length = 1e9, -0.4, 4
    rng = np.random.default_rng(0)
    curve = curve_of(lambda x: rng.binomial(4000, math.exp(-length * (x / c) ** alpha)) / 4000)
    tokens, fitted = token_fit(analyze(curve, Options()))
    assert fitted.weight > 0.3
    assert fitted.alpha.lower is not None
    assert fitted.alpha.upper is not None
    assert fitted.alpha.lower < alpha < fitted.alpha.upper
    assert fitted.log10_c.estimate == pytest.approx(math.log10(c), abs=0.3)
    exact = named(predicted_metrics(tokens, Question(length), LEVEL), "exact_match")
    assert exact.emergence_score.lower is not None
    assert exact.emergence_score.upper is not None
    assert exact.emergence_score.lower <= exact.emergence_score.upper
    for point in exact.points:
        assert point.lower is not None
        assert point.upper is not None
        assert point.lower <= math.exp(-length * (point.scale / c) ** alpha) + 0.02
        assert point.lower <= point.estimate <= point.upper


def test_the_implied_accuracy_is_that_of_the_curve_model_itself() -> None:
    curve = curve_of(lambda x: math.exp(-4 * (x / 1e9) ** -0.4))
    analysis = analyze(curve, Options())
    tokens, _ = token_fit(analysis)
    from models.comparison import posterior_of

    pool = posterior_of(analysis).pool
    own = next(posterior for posterior in pool.posteriors if posterior.model.name == "token_power_law")
    u = (np.log10(tokens.scales) - 8) / 4
    weights = np.exp(own.log_weights - own.log_weights.max())
    expected = weights @ mean(own.model, own.shape, own.levels, u) / weights.sum()
    assert exact_match(tokens.loss, Question(4)).mean(axis=0) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("metric", "chance", "length", "scales", "pointer"),
    [
        ("exact_match", 0.25, 4, None, "/curve/metric/chance"),
        ("exact_match", 0.0, None, None, "/target_length"),
        ("token_edit_distance", None, 4, None, "/curve/metric/name"),
        ("multiple_choice_grade", None, 4, None, "/curve/metric/name"),
        ("exact_match", None, 4, (1e9, 1e10), "/scales"),
        ("exact_match", None, 4, (1e9, 1e10, 1e13), "/scales/2"),
    ],
)
def test_a_curve_that_is_no_power_of_a_token_is_refused(
    metric: str, chance: float | None, length: int | None, scales: tuple[float, ...] | None, pointer: str
) -> None:
    curve = curve_of(lambda x: 0.1 + 0.08 * (math.log10(x) - 8), metric, length)
    curve = replace(curve, metric=replace(curve.metric, chance=chance))
    with pytest.raises(InvalidInput) as refused:
        token_fit(analyze(curve, Options()), None, scales)
    assert pointer in [problem.pointer for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("make", "pointer"),
    [
        (lambda: Question(0), "/target_length"),
        (lambda: Question(3, 1), "/n_options"),
        (lambda: Question(3, MOST_OPTIONS + 1), "/n_options"),
        (lambda: power_law_curves(-1.0, -0.5, SCALES), "/power_law/c"),
        (lambda: power_law_curves(1e9, 0.5, SCALES), "/power_law/alpha"),
        (lambda: power_law_curves(1e9, math.nan, SCALES), "/power_law/alpha"),
        (lambda: power_law_curves(1e90, -2.0, SCALES), "/power_law"),
        (lambda: power_law_curves(1e9, -0.5, (1e8, 1e9)), "/scales"),
        (lambda: power_law_curves(1e9, -0.5, (1e8, 1e8, 1e9)), "/scales"),
        (lambda: power_law_curves(1e9, -0.5, (1e8, -1.0, 1e9)), "/scales/1"),
        (lambda: observed_curves(SCALES, [-1.0] * 4), "/token_log_probabilities"),
        (lambda: observed_curves(SCALES, [-1.0, -0.5, 0.1, -0.1, -0.1]), "/token_log_probabilities/2"),
        (lambda: observed_curves(SCALES, [-1.0, math.nan, -0.2, -0.1, -0.1]), "/token_log_probabilities/1"),
    ],
)
def test_what_has_no_metric_curve_is_refused_with_its_place(make: Callable[[], object], pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        make()
    assert pointer in [problem.pointer for problem in refused.value.problems]


def test_a_token_that_is_certain_has_no_negative_zero() -> None:
    for metric in predicted_metrics(observed_curves(SCALES, [0.0] * 5), Question(3), LEVEL):
        assert all(math.copysign(1.0, point.estimate) == 1.0 for point in (*metric.points, *metric.grid)), metric.name


def test_a_token_curve_that_does_not_move_has_no_emergence_score_but_a_reason() -> None:
    found = predicted_metrics(observed_curves(SCALES, [-1.0] * 5), Question(3), LEVEL)
    for metric in found:
        assert metric.emergence_score.estimate is None
        assert metric.emergence_score.reason == "zero_median_difference"
        assert metric.width_decades.reason == "not_rising"
