"""The same outputs under every metric, each against a slow loop; and which metric explains another."""

import math
from dataclasses import replace

import numpy as np
import pytest

from models.errors import InvalidInput
from models.likelihood import smallest_effect
from models.metric_swap import among_others, sharpens, shows_gradual, swaps
from models.metrics import REGISTRY, MetricKind
from models.options import Options
from models.output_checks import OutputModel
from models.outputs import OptionOutputs, TokenOutputs, error_outputs, option_outputs, threshold_grid, token_outputs
from models.rescoring import Rescored, Scored, Task, default_effect, rescored, scaling_curve, scored
from models.results import Verdict

SCALES = tuple(float(x) for x in np.geomspace(1e8, 1e11, 8))
MODELS = tuple(OutputModel(scale, f"m{i}") for i, scale in enumerate(SCALES))
TASK = Task("task", "few-shot", "Family")
EXAMPLES = 300


def tokens_at_random(seed: int) -> tuple[list[list[list[float]]], list[list[list[int]]]]:
    """Ragged log-probabilities of targets of 1 to 5 tokens, and flags that do not contradict them."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 6, 40)
    rows = [[(-rng.exponential(1.0, n)).tolist() for n in lengths] for _ in MODELS]
    greedy = [[[int(v > math.log(0.5) or rng.random() < 0.3) for v in example] for example in row] for row in rows]
    return rows, greedy


def options_at_random(seed: int) -> tuple[list[list[list[float]]], list[int]]:
    """Log-probabilities over 2 to 5 options that sum to one, and the right ones."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 6, 40)
    rows = [[np.log(rng.dirichlet(np.ones(n))).tolist() for n in sizes] for _ in MODELS]
    return rows, [int(rng.integers(0, n)) for n in sizes]


def values(found: tuple[Scored, ...]) -> dict[str, Scored]:
    return {own.metric.name: own for own in found}


@pytest.mark.parametrize("seed", range(3))
def test_token_metrics_are_those_of_a_loop_over_examples(seed: int) -> None:
    rows, greedy = tokens_at_random(seed)
    found = values(scored(token_outputs(MODELS, rows, greedy)))
    for i, j in np.ndindex(len(rows), len(rows[0])):
        example, flags = rows[i][j], greedy[i][j]
        p = [math.exp(value) for value in example]
        expected = {
            "exact_match": float(all(flags)),
            "expected_exact_match": math.prod(p),
            "token_accuracy": sum(flags) / len(flags),
            "mean_probability": sum(p) / len(p),
            "token_edit_distance": sum(1 - each for each in p),
            "log_likelihood": sum(example),
            "loss": -sum(example) / len(example),
        }
        assert set(found) == set(expected)
        for name, value in expected.items():
            assert found[name].values[i, j] == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize("seed", range(3))
def test_option_metrics_are_those_of_a_loop_over_examples(seed: int) -> None:
    rows, answers = options_at_random(seed)
    found = values(scored(option_outputs(MODELS, rows, answers)))
    for i, j in np.ndindex(len(rows), len(rows[0])):
        q, right = [math.exp(value) for value in rows[i][j]], answers[j]
        expected = {
            "multiple_choice_grade": float(all(q[right] > q[o] for o in range(len(q)) if o != right)),
            "brier": sum((q[o] - (o == right)) ** 2 for o in range(len(q))) / 2,
            "mean_probability": q[right],
            "log_likelihood": rows[i][j][right],
        }
        assert set(found) == set(expected)
        for name, value in expected.items():
            assert found[name].values[i, j] == pytest.approx(value, abs=1e-12), name
    chance = float(np.mean([1 / len(example) for example in rows[0]]))
    assert found["multiple_choice_grade"].metric.chance == pytest.approx(chance)


def test_the_expected_exact_match_is_the_share_of_samples_that_hit_the_target() -> None:
    rng = np.random.default_rng(3)
    rows = [[(-rng.exponential(0.4, 3)).tolist() for _ in range(5)] for _ in MODELS]
    found = values(scored(token_outputs(MODELS, rows)))["expected_exact_match"]
    drawn = rng.random((200_000, 5, 3)) < np.exp(np.array(rows[0]))
    assert found.values[0] == pytest.approx(drawn.all(axis=2).mean(axis=0), abs=0.005)


def test_a_tie_of_the_right_option_counts_as_wrong_and_is_told() -> None:
    half, sure = [math.log(0.5)] * 2, [math.log(0.9), math.log(0.1)]
    rows = [[half, sure]] * 3
    grade = values(scored(option_outputs(MODELS[:3], rows, [0, 0])))["multiple_choice_grade"]
    assert grade.values.tolist() == [[0, 1]] * 3
    assert grade.ties == (1, 1, 1)


def test_normalized_options_are_those_of_a_softmax() -> None:
    rng = np.random.default_rng(5)
    raw = rng.normal(-40, 5, (len(MODELS), 20, 3))
    outputs = option_outputs(MODELS, raw.tolist(), [1] * 20, normalize=True)
    expected = np.exp(raw) / np.exp(raw).sum(axis=2, keepdims=True)
    assert np.exp(outputs.log_probabilities).reshape(raw.shape) == pytest.approx(expected)


def test_errors_are_scored_by_their_mean_and_by_every_threshold() -> None:
    errors = np.random.default_rng(1).exponential(1.0, (len(MODELS), 30))
    found = values(scored(error_outputs(MODELS, errors.tolist(), [2.0, 0.5])))
    assert list(found) == ["mean_error", "error_below_0.5", "error_below_2"]
    assert found["error_below_0.5"].values.tolist() == (errors < 0.5).astype(float).tolist()
    assert not found["mean_error"].metric.higher_is_better


def test_the_threshold_grid_runs_from_the_best_median_to_the_worst() -> None:
    errors = np.array([[8.0] * 3, [2.0] * 3, [0.5] * 3])
    assert threshold_grid(errors).tolist() == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert threshold_grid(np.array([[1.0] * 3, [0.0] * 3])).tolist() == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert threshold_grid(np.zeros((3, 3))).tolist() == []


def test_the_curve_of_a_metric_has_means_standard_errors_and_outcomes() -> None:
    rows, greedy = tokens_at_random(0)
    outputs = token_outputs(MODELS, rows, greedy)
    found = values(scored(outputs))
    exact = scaling_curve(outputs, found["exact_match"], TASK)
    assert all(point.outcomes is not None and point.stderr is None for point in exact.points)
    assert exact.metric.target_length is None  # targets of several lengths
    loss = scaling_curve(outputs, found["loss"], TASK)
    for i, point in enumerate(loss.points):
        row = [-sum(example) / len(example) for example in rows[i]]
        assert point.score == pytest.approx(float(np.mean(row)))
        assert point.stderr == pytest.approx(float(np.std(row, ddof=1)) / math.sqrt(len(row)))
    assert (loss.task, loss.prompting, loss.model_family) == ("task", "few-shot", "Family")


def test_outputs_with_one_target_far_longer_than_the_others_are_analysed_under_every_metric() -> None:
    lengths = [1] * 7 + [200]
    rows = [[[level] * n for n in lengths] for level in (-8.0, -3.0, -1.0)]
    rows[1][0] = [-1.0]
    found = {each.scored.metric.name: each for each in rescored(token_outputs(MODELS[:3], rows), TASK, Options())}
    analysis = found["token_edit_distance"].analysis
    assert analysis is not None
    assert analysis.curve.metric.upper == pytest.approx(np.mean(lengths))
    assert found["token_edit_distance"].smallest_effect == pytest.approx(0.02 * np.mean(lengths))
    errors = {point.scale: point.stderr for point in analysis.curve.points}
    assert [errors[scale] is None for scale in SCALES[:3]] == [True, False, True]  # all tokens of a model agree


@pytest.mark.parametrize("seed", range(20))
def test_no_standard_error_of_a_distance_exceeds_half_the_range_however_unequal_the_targets_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = np.ceil(rng.pareto(0.5, int(rng.integers(2, 12))) + 0.01).clip(1, 500).astype(int)
    rows = [[[-30.0 * rng.integers(0, 2)] * n for n in lengths] for _ in MODELS]
    outputs = token_outputs(MODELS, rows)
    curve = scaling_curve(outputs, values(scored(outputs))["token_edit_distance"], TASK)
    assert all(point.stderr is None or point.stderr <= lengths.mean() / 2 for point in curve.points)


def test_the_standard_error_of_a_distance_is_how_far_its_share_of_the_tokens_strays() -> None:
    rng, repeats, n = np.random.default_rng(8), 250, 80
    shares, errors = [], []
    for _ in range(repeats):
        lengths = rng.integers(1, 30, n)
        p = rng.uniform(0.1, 0.9, (3, n))
        rows = [[[math.log(p[i, j])] * lengths[j] for j in range(n)] for i in range(3)]
        outputs = token_outputs(MODELS[:3], rows)
        points = scaling_curve(outputs, values(scored(outputs))["token_edit_distance"], TASK).points
        shares += [point.score / lengths.mean() for point in points]
        errors += [(point.stderr or math.nan) / lengths.mean() for point in points]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(shares), rel=0.1)


def test_scores_that_nearly_agree_have_a_small_standard_error() -> None:
    rows = [[[-1.0 / (i + 1)], [-1.00001 / (i + 1)]] * 2 for i in range(len(MODELS))]
    outputs = token_outputs(MODELS, rows)
    curve = scaling_curve(outputs, values(scored(outputs))["mean_probability"], TASK)
    assert {point.stderr for point in curve.points} == {1e-4}
    assert all(each.analysis is not None for each in rescored(outputs, TASK, Options()))


def test_the_smallest_effect_is_a_share_of_the_width_or_of_the_observed_range() -> None:
    rows, _ = tokens_at_random(2)
    found = values(scored(token_outputs(MODELS, rows)))
    loss = found["loss"].values.mean(axis=1)
    assert default_effect(found["loss"]) == pytest.approx(0.02 * (loss.max() - loss.min()))
    for name in ("mean_probability", "expected_exact_match", "token_edit_distance"):
        assert default_effect(found[name]) == smallest_effect(found[name].metric, Options())


def test_an_effect_of_one_metric_is_used_for_it_alone() -> None:
    outputs = smooth_options()
    found = {each.scored.metric.name: each for each in rescored(outputs, TASK, Options(), {"log_likelihood": 0.5})}
    assert found["log_likelihood"].smallest_effect == 0.5
    assert found["brier"].smallest_effect == 0.02
    with pytest.raises(InvalidInput, match="/smallest_effects/loss"):
        rescored(outputs, TASK, Options(), {"loss": 0.5})
    with pytest.raises(InvalidInput, match=r"/smallest_effects/brier: 0\.9 is more than a quarter"):
        rescored(outputs, TASK, Options(), {"brier": 0.9})


def test_outputs_that_are_equal_everywhere_have_reasons_in_place_of_analyses() -> None:
    outputs = token_outputs(MODELS, [[[-1.0, -2.0]] * 5] * len(MODELS))
    found = {each.scored.metric.name: each for each in rescored(outputs, TASK, Options())}
    assert found["loss"].analysis is None
    assert found["loss"].reason == "all_scores_equal"
    flat = found["mean_probability"].analysis
    assert flat is not None
    assert flat.classification.most_probable == "flat"
    assert found["mean_probability"].emergence is not None


def test_examples_that_agree_in_a_model_count_by_their_number_or_leave_the_metric_out() -> None:
    even, sure = [math.log(0.5)] * 2, [0.0, -1000.0]
    models = tuple(OutputModel(10.0 ** (8 + i), str(i)) for i in range(4))
    outputs = option_outputs(models, [[row] * 20 for row in (even, even, even, sure)], [0] * 20)
    found = {each.scored.metric.name: each for each in rescored(outputs, TASK, Options())}
    for name in ("brier", "mean_probability"):
        analysis = found[name].analysis
        assert analysis is not None
        assert [(point.stderr, point.n_examples) for point in analysis.curve.points] == [(None, 20)] * 4
        assert analysis.classification.probability < 0.95
    assert (found["log_likelihood"].analysis, found["log_likelihood"].reason) == (None, "examples_agree")


def test_the_order_of_the_models_does_not_matter_and_the_same_outputs_give_the_same_figures() -> None:
    rows, greedy = tokens_at_random(4)
    order = [3, 0, 7, 1, 6, 2, 5, 4]
    one = rescored(token_outputs(MODELS, rows, greedy), TASK, Options())
    other = rescored(
        token_outputs([MODELS[i] for i in order], [rows[i] for i in order], [greedy[i] for i in order]),
        TASK,
        Options(),
    )
    assert [each.emergence for each in one] == [each.emergence for each in other]
    assert [each.swap for each in one] == [each.swap for each in other]


def smooth_options(seed: int = 3, slope: float = 2.5) -> OptionOutputs:
    """Four options; the right one's lead grows evenly with the log of scale, and every example is much the same."""
    rng = np.random.default_rng(seed)
    rows = []
    for scale in SCALES:
        lead = rng.normal(0, 0.3, (EXAMPLES, 4))
        lead[:, 0] += slope * (math.log10(scale) - 9.5) + rng.normal(0, 0.3, EXAMPLES)
        rows.append((lead - np.log(np.exp(lead).sum(axis=1, keepdims=True))).tolist())
    return option_outputs(MODELS, rows, [0] * EXAMPLES)


def sharp_tokens(seed: int = 3) -> TokenOutputs:
    """Three tokens whose probabilities themselves jump, within a fifth of a decade."""
    rng = np.random.default_rng(seed)
    rows, greedy = [], []
    for scale in SCALES:
        level = 1 / (1 + math.exp(-(math.log10(scale) - 9.5) / 0.05))
        p = np.clip(0.02 + 0.93 * level + rng.normal(0, 0.01, (EXAMPLES, 3)), 0.001, 0.999)
        rows.append(np.log(p).tolist())
        greedy.append((p > 0.5).astype(int).tolist())
    return token_outputs(MODELS, rows, greedy)


def by_name(found: tuple[Rescored, ...]) -> dict[str, Rescored]:
    return {each.scored.metric.name: each for each in found}


def test_a_jump_of_the_grade_vanishes_under_the_continuous_metrics_of_the_same_outputs() -> None:
    found = by_name(rescored(smooth_options(), TASK, Options()))
    grade, probability = found["multiple_choice_grade"], found["mean_probability"]
    assert grade.emergence is not None
    assert probability.emergence is not None
    assert (grade.emergence.score.observed or 0) > 10 * (probability.emergence.score.observed or 0)
    assert grade.emergence.verdict is Verdict.EXPLAINED_BY_METRIC
    assert grade.emergence.explanations.metric.route == "same_outputs"
    assert grade.swap is not None
    assert grade.swap.by == "mean_probability"
    assert (grade.swap.width_decades_lower or 0) > 1
    assert (grade.swap.step_share or 1) < 0.5
    assert probability.emergence.verdict is Verdict.NOT_EMERGENT
    assert probability.swap is None


def test_outputs_that_jump_themselves_are_not_explained_by_a_metric() -> None:
    for each in rescored(sharp_tokens(), TASK, Options()):
        assert each.emergence is not None
        assert each.swap is None or each.swap.holds is False
        assert "gradual_under_another_metric" not in each.emergence.verdict_reasons


def test_a_linear_and_continuous_metric_is_asked_before_one_that_is_only_one_of_both() -> None:
    found = by_name(rescored(smooth_options(), TASK, Options()))
    widths = {
        name: each.analysis.emergence.sharpness.width_decades.lower for name, each in found.items() if each.analysis
    }
    assert (widths["log_likelihood"] or 0) > (widths["mean_probability"] or 0)
    assert {each.swap.by for each in found.values() if each.swap} == {"mean_probability"}


def test_a_verdict_that_comes_before_the_metric_stands() -> None:
    grade = by_name(rescored(smooth_options(), TASK, Options()))["multiple_choice_grade"]
    assert grade.analysis is not None
    own, swap = grade.analysis.emergence, grade.swap
    for verdict in (Verdict.NOT_EMERGENT, Verdict.EXPLAINED_BY_RESOLUTION):
        before = replace(own, verdict=verdict)
        assert among_others(before, swap) == before
    for verdict in (Verdict.EMERGENT, Verdict.UNDETERMINED, Verdict.EXPLAINED_BY_SCALE_GAP):
        assert among_others(replace(own, verdict=verdict), swap).verdict is Verdict.EXPLAINED_BY_METRIC
    assert swap is not None
    emergent = replace(own, verdict=Verdict.EMERGENT)
    assert among_others(emergent, replace(swap, holds=False)).verdict is Verdict.EMERGENT


def test_one_metric_alone_cannot_be_explained_by_another() -> None:
    grade = by_name(rescored(smooth_options(), TASK, Options()))["multiple_choice_grade"]
    assert grade.analysis is not None
    (swap,) = swaps([grade.analysis])
    assert swap is not None
    assert (swap.holds, swap.reason) == (None, "no_linear_or_continuous_metric")


def test_a_range_below_one_decade_cannot_show_a_gradual_rise() -> None:
    models = [OutputModel(1e8 * 1.3**i) for i in range(8)]
    rows = [[[-2.0 + 0.2 * i, -2.1 + 0.2 * i]] * 20 for i in range(8)]
    for each in rescored(token_outputs(models, rows), TASK, Options()):
        assert each.swap is None or each.swap.reason == "range_below_one_decade"


def test_the_registry_says_of_every_metric_here_whether_it_can_sharpen() -> None:
    assert {name for name in REGISTRY if sharpens(REGISTRY[name]) and not shows_gradual(REGISTRY[name])} >= {
        "exact_match",
        "multiple_choice_grade",
        "error_below",
    }
    even = {name for name in REGISTRY if not sharpens(REGISTRY[name]) and shows_gradual(REGISTRY[name])}
    assert even == {"token_edit_distance", "mean_probability", "mean_error"}
    assert REGISTRY["mean_error"].kind is MetricKind.UNBOUNDED
