import math

import numpy as np
import pytest

from models.candidates import Action, Wanted, candidates, default_scales
from models.curve import ScalePoint, ScalingCurve
from models.curve_models.priors import HalfCauchy
from models.errors import InvalidInput
from models.further import Effort, factors, new_model, outcomes, with_outcome, with_place
from models.likelihood import observe
from models.metrics import Metric, MetricKind, registered
from models.options import Options, Shape
from models.planning import LIKELY_TURN, plan_next
from models.pool import EVIDENCE_POWER, class_evidence, recoarsened
from models.preposterior import expected, ground, seen_after
from models.scatter import is_erratic
from models.shapes import SHAPES

SCALES = (1e8, 1e9, 1e10, 1e11)
NEW = (Action.NEW_SCALE,)


def made(scores: tuple[float, ...], n: int = 500, scales: tuple[float, ...] = SCALES) -> ScalingCurve:
    metric = registered("accuracy")
    assert metric is not None
    points = tuple(ScalePoint(x, round(y * n) / n, n_examples=n) for x, y in zip(scales, scores, strict=True))
    return ScalingCurve("t", metric, points)


DIPPED = made((0.6, 0.55, 0.56, 0.6))


def test_reweighted_draws_say_what_the_engine_says_with_the_outcome_in_place() -> None:
    options, variation = Options(), HalfCauchy(0.03)
    grown, index = with_place(observe(DIPPED, options), 3e9)
    before = ground(grown, options, variation, 2048)
    averaged = before.averaged
    means = averaged.curves(np.arange(len(averaged.weights)), grown.u[[index]])[:, 0]
    effort = Effort(n_examples=500)
    law = new_model(grown, means, averaged.pool.r, effort)
    found = outcomes(law, averaged.indices(4096), 64, 0)
    likelihoods = factors(law, found)
    for place in (2, 20, 32, 50, 61):
        after = seen_after(before, likelihoods[place], options, Shape.U_SHAPED)
        again = ground(with_outcome(grown, index, effort, float(found[place])), options, variation, 2048)
        whole = seen_after(again, None, options, Shape.U_SHAPED)
        assert np.abs(after.probabilities - whole.probabilities).max() < 0.08
        assert after.turn_decades == pytest.approx(whole.turn_decades, rel=0.3)


def test_the_power_of_the_evidence_is_that_of_all_data() -> None:
    """Not that of the evidence so far, times the likelihood of the rest: classes would be told apart too boldly."""
    options = Options()
    averaged = ground(observe(DIPPED, options), options, HalfCauchy(0.03), 512).averaged
    pool, factor = averaged.pool, np.exp(np.random.default_rng(3).normal(size=len(averaged.weights)))
    coarse = pool.evidence.value
    raw = pool.share / (coarse ** (1 - 1 / EVIDENCE_POWER))[pool.code]  # but for one factor of all
    expected_evidence = np.bincount(pool.code, raw * factor, len(SHAPES)) ** EVIDENCE_POWER
    found = class_evidence(pool, recoarsened(pool, factor)).value
    np.testing.assert_allclose(found / found.sum(), expected_evidence / expected_evidence.sum(), rtol=1e-9)
    np.testing.assert_allclose(recoarsened(pool, np.ones(len(factor))), 1.0, rtol=1e-9)


def test_probabilities_do_not_change_on_average() -> None:
    """The law of total probability: what is expected after the measurement is what is believed before it."""
    options = Options()
    grown, index = with_place(observe(DIPPED, options), 3e9)
    before = ground(grown, options, HalfCauchy(0.03), 2048)
    averaged = before.averaged
    means = averaged.curves(np.arange(len(averaged.weights)), grown.u[[index]])[:, 0]
    law = new_model(grown, means, averaged.pool.r, Effort(n_examples=300))
    found = outcomes(law, averaged.indices(4096), 64, 0)
    after = [seen_after(before, row, options, Shape.U_SHAPED).probabilities for row in factors(law, found)]
    assert np.abs(np.mean(after, axis=0) - before.probabilities).max() < 0.02
    assert expected(before, law, options, Shape.U_SHAPED).bits > 0


@pytest.mark.parametrize("scores", [(0.6, 0.55, 0.56, 0.6), (0.1, 0.9, 0.2, 0.8), (0.5, 0.5, 0.51, 0.5)])
def test_the_veto_of_erratic_curves_is_that_of_the_analysis(scores: tuple[float, ...]) -> None:
    before = ground(observe(made(scores), Options()), Options(), HalfCauchy(0.03), 2048)
    code = before.averaged.pool.code
    for best in range(len(SHAPES)):
        inside = np.where(code == best, before.averaged.weights, 0.0)
        if inside.sum() > 1e-3:
            share = inside[before.erratic].sum() / inside.sum()
            assert (share > 0.5) == is_erratic(before.averaged, best) or abs(share - 0.5) < 0.05


@pytest.mark.parametrize("stderr", [None, 0.01])
def test_a_place_inside_the_range_changes_nothing_near_the_ceiling_before_it_is_tested(stderr: float | None) -> None:
    metric = registered("mean_probability")
    assert metric is not None
    n = 500 if stderr is None else None
    points = tuple(ScalePoint(x, y, n, stderr) for x, y in zip(SCALES, (0.99, 0.985, 0.992, 0.99), strict=True))
    data = observe(ScalingCurve("t", metric, points), Options())
    grown, _ = with_place(data, 3e9)
    assert data.context.near_ceiling
    assert grown.context.near_ceiling
    now, before = (ground(each, Options(), HalfCauchy(0.03), 2048).probabilities for each in (data, grown))
    assert np.abs(now - before).max() < 0.05


def test_a_plan_is_the_same_each_time_and_ten_scales_are_planned_for() -> None:
    wanted = Wanted(n_examples=(500,), actions=NEW)
    first, second = plan_next(DIPPED, Options(), wanted), plan_next(DIPPED, Options(), wanted)
    assert first == second
    assert len(first.prospects) == 10
    for prospect in first.prospects:
        assert sum(prospect.labels.values()) == pytest.approx(1)
        assert 0 <= prospect.probability_decided <= 1
        assert prospect.expected_top_probability > prospect.top_probability_before - 0.02


def test_more_examples_help_until_the_scatter_of_models_sets_the_limit() -> None:
    wanted = Wanted(scales=(3e9,), n_examples=(50, 1000, 1_000_000), actions=NEW)
    few, many, endless = (prospect.expected_bits for prospect in plan_next(DIPPED, Options(), wanted).prospects)
    assert few < many < endless + 0.02
    assert endless - many < many - few + 0.05


def test_only_the_action_that_can_help_is_recommended() -> None:
    decided = plan_next(made((0.2, 0.4, 0.6, 0.8)), Options(), Wanted(scales=(3e9,), actions=NEW))
    assert (decided.best_for_label, decided.best_for_label_reason) == (None, "label_is_decided")
    assert (decided.best_for_turn, decided.best_for_turn_reason) == (None, "turn_unlikely")


def test_no_measurement_is_recommended_for_a_turn_of_which_two_scales_say_nothing() -> None:
    plan = plan_next(made((0.5, 0.9), n=300, scales=(1e8, 4e8)), Options(), Wanted(scales=(2e8,)))
    assert plan.now.probabilities[plan.now.turned_shape] >= LIKELY_TURN
    assert (plan.best_for_turn, plan.best_for_turn_reason) == (None, "fewer_than_three_scales")


def test_a_retest_of_a_model_counts_its_first_examples() -> None:
    wanted = Wanted(n_examples=(500,), actions=(Action.ANOTHER_MODEL, Action.MORE_EXAMPLES))
    plan = plan_next(DIPPED, Options(between_model_scale=0.3), wanted)
    others = [p.expected_bits for p in plan.prospects if p.action is Action.ANOTHER_MODEL]
    again = [p.expected_bits for p in plan.prospects if p.action is Action.MORE_EXAMPLES]
    assert len(others) == len(again) == 4
    # Where models scatter widely, another one tells more than further examples for the same.
    assert np.mean(others) > np.mean(again)


def test_scores_with_standard_errors_are_planned_by_standard_errors() -> None:
    metric = registered("loss")
    assert metric is not None
    points = tuple(ScalePoint(10.0 ** (8 + i), y, stderr=0.02) for i, y in enumerate((3.0, 2.9, 2.92, 2.85)))
    curve = ScalingCurve("t", metric, points)
    plan = plan_next(curve, Options(smallest_effect=0.05), Wanted(actions=NEW, scales=(3e9,)))
    assert [p.stderr for p in plan.prospects] == [pytest.approx(0.02), pytest.approx(0.01)]
    assert all(p.n_examples is None for p in plan.prospects)
    with pytest.raises(InvalidInput, match="stderr instead"):
        plan_next(curve, Options(smallest_effect=0.05), Wanted(n_examples=(5,)))


@pytest.mark.parametrize("first", [0.012, None])
def test_curves_with_standard_errors_here_and_counts_there_are_planned_by_what_most_have(first: float | None) -> None:
    metric = registered("mean_probability")
    assert metric is not None
    other = 0.012 if first is None else None
    pairs = zip((0.2, 0.3, 0.41, 0.52), (first, other, other, other), strict=True)
    points = tuple(
        ScalePoint(10.0 ** (8 + i), y, n_examples=None if error else 500, stderr=error)
        for i, (y, error) in enumerate(pairs)
    )
    plan = plan_next(ScalingCurve("t", metric, points), Options(), Wanted(scales=(3e9,)))
    assert {p.n_examples for p in plan.prospects} == ({500, 2000} if other is None else {None})
    assert {p.stderr for p in plan.prospects} == ({None} if other is None else {0.012, 0.006})
    assert {p.action for p in plan.prospects} == set(Action)
    assert all(math.isfinite(p.expected_bits) and p.expected_bits > -0.02 for p in plan.prospects)


def test_default_scales_lie_in_the_widest_gaps_and_beyond_the_largest() -> None:
    data = observe(made((0.2, 0.3, 0.4), scales=(1e8, 2e8, 1e11)), Options())
    scales = default_scales(data)
    assert len(scales) == 10
    assert sum(scale > 1e11 for scale in scales) == 3
    assert sum(2e8 < scale < 1e11 for scale in scales) >= 6
    assert max(scales) <= 1e12 * 1.05


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted(scales=(1e9,)), "is tested already"),
        (Wanted(scales=(1e13,)), "more than 1 decade"),
        (Wanted(scales=(3e9, 3e9)), "more than once"),
        (Wanted(scales=(math.nan,)), "not a positive finite number"),
        (Wanted(n_examples=(0,)), "not between 1"),
        (Wanted(stderr=(0.1,)), "n_examples instead"),
        (Wanted(n_examples=(1, 2, 3, 4)), "1 to 3"),
        (Wanted(actions=()), "is empty"),
    ],
)
def test_what_cannot_be_planned_is_refused_with_the_reason(wanted: Wanted, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        candidates(DIPPED, observe(DIPPED, Options()), wanted)


def test_a_standard_error_that_no_mean_can_have_is_refused() -> None:
    metric = Metric("f", MetricKind.BOUNDED, lower=0.0, upper=1.0)
    points = tuple(ScalePoint(10.0**e, 0.1 * e - 0.6, stderr=0.01) for e in (7, 8, 9, 10))
    curve = ScalingCurve("a", metric, points)
    with pytest.raises(InvalidInput, match=r"0\.51 is more than half of the metric's range of 1"):
        plan_next(curve, Options(), Wanted((1e11,), stderr=(0.51,)))
