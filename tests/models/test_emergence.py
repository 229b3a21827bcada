"""Emergence score against its definition, its nulls against simulation, and the sharpness of known curves."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom, kstest

from models.analysis import analyze
from models.arrays import Floats
from models.curve import ScalePoint, ScalingCurve
from models.curve_models import menu
from models.curve_models.constant import constant
from models.curve_models.logit_linear import logit_linear
from models.curve_models.priors import HalfCauchy
from models.emergence import (
    emergence,
    emergence_score,
    linearity,
    null_scores,
    observed_means,
    steps,
    tail_probability,
)
from models.engines.quadrature import quadrature
from models.likelihood import observe
from models.metrics import REGISTRY, Metric
from models.options import Options
from models.pool import Averaged, pooled, posterior_weights
from models.posterior import Work
from models.predictive import predicted_scores
from models.results import Emergence
from models.transition import Transition, rise_width, sharpness, step_share, transition
from models.verdict import judged

ACCURACY = REGISTRY["accuracy"]
VARIATION = HalfCauchy(0.03)
SCALES = (125e6, 350e6, 760e6, 1.3e9, 2.7e9, 6.7e9, 13e9, 175e9)
ADDITION = (0.0015, 0.0005, 0.001, 0.002, 0.0015, 0.0165, 0.139, 0.804)  # GPT-3, 3-digit addition, few-shot
compiling = settings(deadline=None)  # the first call compiles
VALUES = st.lists(st.integers(0, 1000), min_size=3, max_size=30).map(lambda values: np.array(values) / 1000)


def curve(scores: tuple[float, ...], n: int = 2000, metric: Metric = ACCURACY, unit: float = 1.0) -> ScalingCurve:
    pairs = zip(SCALES[: len(scores)], scores, strict=True)
    return ScalingCurve("task", metric, tuple(ScalePoint(unit * scale, score, n) for scale, score in pairs))


def averaged_of(given_curve: ScalingCurve, options: Options) -> Averaged:
    data = observe(given_curve, options)
    posteriors = quadrature(menu(data.context), data, VARIATION, Work(1024, options.seed))
    pool = pooled(posteriors, data.context)
    return Averaged(pool, posterior_weights(pool, options.class_prior), data, options.interval)


def rise_of(given_curve: ScalingCurve) -> Transition:
    found = transition(averaged_of(given_curve, Options()))
    assert found is not None
    return found


def emergence_of(given_curve: ScalingCurve, options: Options | None = None) -> Emergence:
    options = options or Options()
    averaged = averaged_of(given_curve, options)
    data = averaged.observations
    nulls = (constant(data.context), logit_linear(data.context))
    flat, smooth = (quadrature([null], data, VARIATION, Work(1024, options.seed))[0] for null in nulls)
    rise = transition(averaged)
    judgement = judged(None, averaged, rise, "positive")
    return emergence(averaged, (flat, smooth), options.seed, sharpness(rise, options.interval), judgement)


def by_definition(values: Floats) -> tuple[float | None, float | None, float | None]:
    """Emergence score, linearity and signed step share, one value at a time."""
    y = values.tolist()
    low, high = y.index(min(y)), y.index(max(y))
    differences = [y[i] - y[i - 1] for i in range(1, len(y))]
    size = (max(y) - min(y)) * (1 if high > low else -1)
    median = math.sqrt(float(np.median([d * d for d in differences])))
    mean = math.sqrt(sum(d * d for d in differences) / len(differences))
    largest = max(abs(d) for d in differences)
    return (
        size / median if median > 0 else None,
        size / mean if mean > 0 else None,
        math.copysign(largest / abs(size), size) if size else None,
    )


@compiling
@given(VALUES)
def test_scores_are_those_of_a_slow_loop_over_the_definition(values: Floats) -> None:
    score, linear, share = by_definition(values)
    found = steps(values[None, :]).signed_step_share[0]
    assert emergence_score(values) == (None if score is None else pytest.approx(score))
    assert linearity(values) == (None if linear is None else pytest.approx(linear))
    assert np.isnan(found) if share is None else found == pytest.approx(share)


@pytest.mark.parametrize("size", [17, 18, 19, 40, 101, 400])
def test_scores_of_long_curves_are_those_of_the_slow_loop_too(size: int) -> None:
    values = np.round(np.random.default_rng(size).random(size), 2)
    score, linear, share = by_definition(values)
    assert emergence_score(values) == pytest.approx(score)
    assert linearity(values) == pytest.approx(linear)
    assert steps(values[None, :]).signed_step_share[0] == pytest.approx(share)


@compiling
@given(st.integers(1, 200).flatmap(lambda size: st.tuples(st.just(size + 2), st.integers(0, 2**32 - 1))))
def test_many_curves_at_once_get_the_scores_that_each_has_alone(case: tuple[int, int]) -> None:
    size, seed = case
    curves = np.random.default_rng(seed).random((4, size))
    together = steps(curves)
    assert together.emergence_score == pytest.approx([by_definition(values)[0] for values in curves])
    assert together.linearity == pytest.approx([by_definition(values)[1] for values in curves])


@compiling
@given(VALUES, st.floats(-1, 1), st.floats(0.1, 10))
def test_a_change_of_origin_and_unit_changes_nothing(values: Floats, origin: float, unit: float) -> None:
    for score in (emergence_score, linearity):
        before, after = score(values), score(np.asarray(origin + unit * values, dtype=np.float64))
        assert after == (None if before is None else pytest.approx(before, rel=1e-6))


@compiling
@given(st.integers(3, 60), st.floats(-5, 5).filter(lambda slope: abs(slope) > 1e-3))
def test_a_straight_line_has_one_less_than_its_number_of_scales(size: int, slope: float) -> None:
    line = 0.3 + slope * np.arange(size, dtype=np.float64)
    assert emergence_score(line) == pytest.approx(math.copysign(size - 1, slope))
    assert linearity(line) == pytest.approx(math.copysign(size - 1, slope))


@compiling
@given(st.lists(st.integers(0, 10**6), min_size=3, max_size=3))
def test_three_scales_never_exceed_two(values: list[int]) -> None:
    score = emergence_score(np.array(values) / 10**6)
    assert score is None or abs(score) <= 2 + 1e-9


def test_the_first_of_equal_extremes_gives_the_sign() -> None:
    # The maximum .9 stands at 1 and 4, the minimum .1 at 2 and 3: the first maximum comes before the first minimum.
    assert steps(np.array([[0.5, 0.9, 0.1, 0.1, 0.9]])).signed_range[0] == pytest.approx(-0.8)
    assert steps(np.array([[0.1, 0.9, 0.1, 0.3, 0.9]])).signed_range[0] == pytest.approx(0.8)


def test_rounding_errors_between_equal_means_are_no_steps() -> None:
    assert emergence_score(np.array([0.3, 0.1 + 0.2, 0.3, 0.8])) is None


def test_replicates_count_by_their_test_sets() -> None:
    points = (ScalePoint(1e8, 0.2, 100), ScalePoint(1e8, 0.5, 300), ScalePoint(1e9, 0.6, 50), ScalePoint(1e10, 0.7, 50))
    data = observe(ScalingCurve("task", ACCURACY, points), Options())
    assert observed_means(data) == pytest.approx([(0.2 * 100 + 0.5 * 300) / 400, 0.6, 0.7])


def test_replicates_with_standard_errors_count_by_their_precision() -> None:
    points = [ScalePoint(1e8, 0.2, stderr=0.01), ScalePoint(1e8, 0.5, stderr=0.02)]
    points += [ScalePoint(1e9, 0.6, stderr=0.01), ScalePoint(1e10, 0.7, stderr=0.01)]
    data = observe(ScalingCurve("task", REGISTRY["bleu"], tuple(points)), Options())
    assert observed_means(data) == pytest.approx([(0.2 * 4 + 0.5) / 5, 0.6, 0.7])


def test_the_observed_score_is_that_of_the_scores_given_not_of_rounded_counts() -> None:
    scores = (0.52, 0.61, 0.73, 0.84)
    errors = tuple(ScalePoint(10.0 ** (8 + i), score, stderr=0.12) for i, score in enumerate(scores))
    data = observe(ScalingCurve("task", ACCURACY, errors), Options())
    assert observed_means(data) == pytest.approx(scores)
    found = analyze(ScalingCurve("task", ACCURACY, errors), Options()).emergence
    assert found.score.observed == pytest.approx(0.32 / 0.11)
    assert found.linearity.observed == pytest.approx(0.32 / math.sqrt((0.09**2 + 0.12**2 + 0.11**2) / 3))
    assert found.largest_step_share == pytest.approx(0.12 / 0.32)


def test_scores_that_are_counts_stand_as_counts() -> None:
    data = observe(curve((37 / 300, 0.5, 151 / 300), n=300), Options())
    assert data.submitted is None


def test_tails_are_counted_on_the_side_of_the_observed_score_with_undefined_draws_as_extreme() -> None:
    draws = np.array([-4.0, -3.0, 1.0, 3.0, 5.0, np.nan])
    assert tail_probability(3.0, draws) == pytest.approx((1 + 3) / 7)
    assert tail_probability(-3.0, draws) == pytest.approx((1 + 3) / 7)
    assert tail_probability(9.0, draws) == pytest.approx((1 + 1) / 7)


def test_flat_noise_at_four_scales_has_the_published_quantile() -> None:
    data = observe(curve((0.5, 0.5, 0.5, 0.5), n=10**6), Options())
    null = quadrature([constant(data.context)], data, VARIATION, Work(1024, 0))[0]
    sizes = np.abs(steps(null_scores(data, null, 0)).emergence_score)
    assert np.quantile(sizes, 0.95) == pytest.approx(5.7, abs=0.5)


MEAN_CURVES = {"flat": np.full(8, 0.4), "smooth": 1 / (1 + np.exp(-np.linspace(-1, 1, 8)))}
TRUE_VARIATION, EXAMPLES = 0.02, 500


def signed_tails(kind: str, *, known: bool) -> Floats:
    """P(E* >= E), whatever the sign of E, of 300 curves from a null whose parameters are known or fitted."""
    generator, tails = np.random.default_rng(20), []
    mean, precision = MEAN_CURVES[kind], 1 / TRUE_VARIATION**2 - 1
    for _ in range(300):
        k = np.asarray(betabinom.rvs(EXAMPLES, mean * precision, (1 - mean) * precision, random_state=generator))
        data = observe(curve(tuple((k / EXAMPLES).tolist()), n=EXAMPLES), Options())
        if known:
            draws = predicted_scores(data, np.tile(mean, (4000, 1)), np.full(4000, TRUE_VARIATION), 0)
        else:
            model = constant(data.context) if kind == "flat" else logit_linear(data.context)
            draws = null_scores(data, quadrature([model], data, VARIATION, Work(512, 0))[0], 0)
        score = emergence_score(observed_means(data))
        assert score is not None
        tail = tail_probability(score, steps(draws).emergence_score)
        tails.append(tail if score > 0 else 1 - tail)
    return np.array(tails)


@pytest.mark.parametrize("kind", MEAN_CURVES)
def test_tails_are_uniform_at_the_true_parameters_of_the_null(kind: str) -> None:
    assert kstest(signed_tails(kind, known=True), "uniform").pvalue > 1e-3


def test_tails_are_uniform_under_a_fitted_constant_because_the_score_has_no_origin_and_no_unit() -> None:
    assert kstest(signed_tails("flat", known=False), "uniform").pvalue > 1e-3


def test_tails_under_a_fitted_smooth_curve_are_conservative_because_the_fit_has_seen_the_scores() -> None:
    tails = signed_tails("smooth", known=False)
    for limit in (0.05, 0.25):
        allowed = limit + 3 * math.sqrt(limit * (1 - limit) / len(tails))
        assert np.mean(tails < limit) < allowed
        assert np.mean(tails > 1 - limit) < allowed
    assert np.mean(tails) == pytest.approx(0.5, abs=0.08)


def test_a_rise_that_runs_straight_between_its_models_is_within_the_interval_of_its_width() -> None:
    """No curve model rises so: sigmoids between the same models are narrower."""
    rng, covered, width = np.random.default_rng(7), [], 1.2
    z = np.linspace(0, 3, 8)
    for middle in rng.uniform(1.0, 2.0, 25):
        mean = 0.05 + 0.85 * np.clip((z - middle) / (width / 0.8) + 0.5, 0, 1)
        points = tuple(
            ScalePoint(10.0 ** (8 + place), k / 2000, n_examples=2000, n_correct=k)
            for place, k in zip(z.tolist(), rng.binomial(2000, mean).tolist(), strict=True)
        )
        found = emergence_of(ScalingCurve("task", ACCURACY, points)).sharpness.width_decades
        assert found.lower is not None
        assert found.upper is not None
        covered.append(found.lower <= width <= found.upper)
    assert np.mean(covered) >= 0.9


@pytest.mark.parametrize(
    ("places", "scores", "n"),
    [
        ((8, 8.2, 13), (0.1, 0.1, 0.6), 200),
        ((8, 13), (0.1, 0.6), 2000),
        ((8, 8.5, 13, 13.5), (0.1, 0.1, 0.6, 0.6), 2000),
        ((8, 8.4, 8.8, 9.2, 9.6, 10), (0.1, 0.1, 0.1, 0.7, 0.7, 0.7), 2000),
        ((8, 9, 10, 11), (0.1, 0.1, 0.17, 0.7), 2000),
    ],
)
def test_a_rise_that_may_lie_inside_one_gap_has_no_least_width(
    places: tuple[float, ...], scores: tuple[float, ...], n: int
) -> None:
    points = (ScalePoint(10.0**place, score, n_examples=n) for place, score in zip(places, scores, strict=True))
    found = sharpness(rise_of(ScalingCurve("task", ACCURACY, tuple(points))), 0.95).width_decades
    assert (found.lower, found.reason) == (None, "rise_inside_one_gap")
    assert found.estimate is not None
    assert found.upper is not None
    assert found.estimate < found.upper


def test_a_jump_is_improbable_under_both_nulls_and_sharp() -> None:
    found = emergence_of(curve(ADDITION))
    assert found.score.observed == pytest.approx(803.5)
    assert found.null.flat_p_value is not None
    assert found.null.flat_p_value < 0.05
    assert found.null.smooth_p_value is not None
    assert found.null.smooth_p_value < 0.05
    assert found.sharpness.width_decades.upper is not None
    assert found.sharpness.width_decades.upper < 1.2
    assert found.sharpness.step_share.lower is not None
    assert found.sharpness.step_share.lower > 0.7
    assert found.largest_step_share == pytest.approx(0.665 / 0.8035)


def test_differences_too_small_for_the_test_set_leave_the_upper_end_open() -> None:
    score = emergence_of(curve((0.005, 0.0, 0.005, 0.0, 0.005, 0.015, 0.14, 0.805), n=200)).score
    assert score.observed == pytest.approx(161)
    assert (score.estimate, score.upper, score.reason) == (None, None, "denominator_below_resolution")
    assert score.lower is not None
    assert score.lower > 1
    assert score.model_based


def test_a_steady_rise_has_its_score_inside_its_interval() -> None:
    rise = (0.3, 0.35, 0.4, 0.44, 0.5, 0.56, 0.6, 0.7)
    found = emergence_of(curve(rise, n=10_000))
    for score in (found.score, found.linearity):
        assert score.lower is not None
        assert score.observed is not None
        assert score.upper is not None
        assert score.lower < score.observed < score.upper
        assert score.reason is None
    assert found.null.smooth_p_value is not None
    assert found.null.smooth_p_value > 0.1


def test_a_flat_curve_has_no_width_and_no_known_size_of_its_score() -> None:
    found = emergence_of(curve((0.5, 0.52, 0.49, 0.51, 0.5, 0.53, 0.48, 0.5), n=250))
    assert found.sharpness.width_decades.reason == found.sharpness.step_share.reason == "not_rising"
    assert found.sharpness.width_decades.estimate is None
    assert (found.score.estimate, found.score.upper) == (None, None)
    assert found.null.flat_p_value is not None
    assert found.null.flat_p_value > 0.05


def test_mostly_equal_scores_are_judged_by_their_largest_step() -> None:
    found = emergence_of(curve((0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.5)))
    assert (found.score.observed, found.score.reason) == (None, "zero_median_difference")
    assert found.linearity.observed is not None
    assert found.largest_step_share == pytest.approx(0.8)
    assert found.null.statistic == "largest_step_share"
    assert found.null.flat_p_value is not None


def test_equal_scores_have_neither_score_nor_null() -> None:
    found = emergence_of(curve((0.0,) * 6))
    assert (found.score.observed, found.linearity.observed) == (None, None)
    assert (found.null.flat_p_value, found.null.smooth_p_value, found.null.reason) == (None, None, "zero_range")
    assert (found.largest_step_share, found.largest_step_share_reason) == (None, "zero_range")


def test_two_scales_have_no_score() -> None:
    found = emergence_of(curve((0.2, 0.9)))
    reasons = {found.score.reason, found.linearity.reason, found.null.reason, found.largest_step_share_reason}
    assert reasons == {"fewer_than_three_scales"}
    assert (found.score.observed, found.null.flat_p_value, found.largest_step_share) == (None, None, None)


def test_a_lower_is_better_metric_mirrors_to_the_same_emergence() -> None:
    error_rate = replace(ACCURACY, name="error_rate", higher_is_better=False)
    rise = (0.1, 0.12, 0.2, 0.35, 0.5, 0.71)
    right, wrong = emergence_of(curve(rise)), emergence_of(curve(tuple(1 - y for y in rise), metric=error_rate))
    assert wrong.score.observed == pytest.approx(right.score.observed)
    assert wrong.score.lower == pytest.approx(right.score.lower, rel=1e-6)
    assert wrong.null == right.null
    assert wrong.sharpness.width_decades.estimate == pytest.approx(right.sharpness.width_decades.estimate, rel=1e-6)


def test_the_unit_of_scale_and_a_second_run_change_nothing() -> None:
    assert emergence_of(curve(ADDITION)) == emergence_of(curve(ADDITION))
    thousandfold = emergence_of(curve(ADDITION, unit=1000.0))
    assert thousandfold.null == emergence_of(curve(ADDITION)).null
    assert thousandfold.score.observed == pytest.approx(803.5)


def test_an_unbounded_metric_has_a_score_and_nulls() -> None:
    losses = (3.2, 3.1, 3.0, 2.2, 2.1)
    points = tuple(ScalePoint(x, y, stderr=0.01) for x, y in zip(SCALES[:5], losses, strict=True))
    found = emergence_of(ScalingCurve("task", REGISTRY["loss"], points), Options(smallest_effect=0.05))
    assert found.score.observed == pytest.approx(1.1 / 0.1)
    assert found.null.flat_p_value is not None
    assert found.sharpness.width_decades.estimate is not None


@given(st.floats(0.02, 0.3), st.floats(4.0, 6.0))
def test_the_width_of_a_sigmoid_is_that_of_its_formula(width: float, middle: float) -> None:
    z = np.linspace(0, 10, 4001)
    sigmoid = 1 / (1 + np.exp(-(z - middle) / width))
    assert rise_width(z, sigmoid[None, :])[0] == pytest.approx(2 * math.log(9) * width, rel=1e-2)


def test_a_line_rises_over_four_fifths_of_its_range_and_a_step_within_one_cell() -> None:
    z = np.linspace(0, 5, 101)
    curves = np.stack([0.2 + 0.1 * z, np.where(z < 2.51, 0.1, 0.9)])
    assert rise_width(z, curves) == pytest.approx([4.0, 0.8 * 0.05])


@given(st.lists(st.integers(1, 100), min_size=4, max_size=40))
def test_widths_of_rising_curves_agree_with_inverse_interpolation(increments: list[int]) -> None:
    rising = np.cumsum(increments) / 1000
    z = np.linspace(0, 3, len(rising))
    low, high = (rising[0] + share * (rising[-1] - rising[0]) for share in (0.1, 0.9))
    expected = np.interp(high, rising, z) - np.interp(low, rising, z)
    assert rise_width(z, rising[None, :])[0] == pytest.approx(expected)


def test_the_first_crossings_count_where_a_curve_dips_first() -> None:
    z = np.arange(5.0)
    dipping = np.array([[0.5, 0.1, 0.7, 0.6, 1.0]])
    low, high = 1 + (0.55 - 0.1) / 0.6, 3 + (0.95 - 0.6) / 0.4
    assert rise_width(z, dipping)[0] == pytest.approx(high - low)


def test_the_share_of_a_step_is_of_the_net_rise_and_at_most_all_of_it() -> None:
    curves = np.array([[0.0, 0.1, 0.2, 0.8, 1.0], [0.5, 0.1, 0.7, 0.6, 0.7]])
    assert step_share(curves) == pytest.approx([0.6, 1.0])
