import json
import math
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.curve import ScaleKind
from models.errors import InvalidCurve, InvalidInput, InvalidOptions
from models.identity import input_sha256
from models.metrics import MetricKind, ScoreUnit
from models.options import Shape
from service.schemas.curve import curve_document, load_curve
from service.schemas.points import MOST_POINTS
from service.schemas.scalars import LONGEST_TEXT, MOST_TAGS

POINT = {"model": "small", "scale": 1e8, "score": 0.2, "n_examples": 300}
CURVE: dict[str, Any] = {
    "task": "3-digit addition",
    "metric": "accuracy",
    "points": [POINT, {"scale": 1e9, "score": 0.5, "n_examples": 300}],
}


def _with_point(**changes: Any) -> dict[str, Any]:
    return {**CURVE, "points": [{**POINT, **changes}, CURVE["points"][1]]}


def _with_metric(**changes: Any) -> dict[str, Any]:
    return {**CURVE, "metric": {"name": "accuracy", **changes}}


def _problems(document: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        load_curve(document)
    return {problem.pointer: problem.message for problem in caught.value.problems}


TOO_LARGE = "is larger than a standard error can be, that of one example at a score of 0.2 (0.4)"
BAD_POINTS = (
    ({"scale": 0}, "/points/0/scale", "0 is not greater than 0"),
    ({"scale": -1e9}, "/points/0/scale", "-1000000000.0 is not greater than 0"),
    ({"scale": math.nan}, "/points/0/scale", "NaN is not a finite number"),
    ({"scale": math.inf}, "/points/0/scale", "Infinity is not a finite number"),
    ({"scale": "1e400"}, "/points/0/scale", "'1e400' is not a finite number"),
    ({"scale": 10**400}, "/points/0/scale", "an integer of too many digits is beyond 1e+100: use another unit"),
    ({"scale": 1e-300}, "/points/0/scale", "1e-300 is smaller than 1e-100: use a larger unit"),
    ({"scale": True}, "/points/0/scale", "true is not a number"),
    ({"scale": None}, "/points/0/scale", "missing"),
    ({"score": "0.5"}, "/points/0/score", "'0.5' is a string: send a number without quotes"),
    ({"score": "0,5"}, "/points/0/score", "'0,5' has a decimal comma: write the number with a point"),
    (
        {"score": "50%"},
        "/points/0/score",
        "'50%' is not a number: write the fraction 0.5, or scores without the sign and unit percent",
    ),
    ({"scale": "1.3B"}, "/points/0/scale", "'1.3B' is not a number: write 1.3e9"),
    ({"scale": "125,000,000"}, "/points/0/scale", "'125,000,000' has thousands separators: write 125000000"),
    ({"n_examples": "1,000"}, "/points/0/n_examples", "'1,000' has thousands separators: write 1000"),
    ({"score": [0.5]}, "/points/0/score", "a list is not a number"),
    ({"score": None}, "/points/0/score", "missing: give score, or n_correct with n_examples"),
    ({"score": 87}, "/points/0/score", "87.0 lies outside the metric's bounds 0 to 1 (in percent? say unit: percent)"),
    ({"score": -0.1}, "/points/0/score", "-0.1 lies outside the metric's bounds 0 to 1"),
    ({"n_examples": 0}, "/points/0/n_examples", "0 is less than 1"),
    ({"n_examples": -3}, "/points/0/n_examples", "-3 is less than 1"),
    ({"n_examples": 2.5}, "/points/0/n_examples", "2.5 is not a whole number"),
    ({"n_examples": 1e15}, "/points/0/n_examples", "1000000000000000.0 is larger than 1,000,000,000,000"),
    ({"stderr": 0}, "/points/0/stderr", "0.0 is not a positive finite number; give n_examples instead"),
    ({"stderr": -0.1}, "/points/0/stderr", "-0.1 is not greater than 0"),
    (
        {"stderr": 2.2},
        "/points/0/stderr",
        f"2.2 {TOO_LARGE} (in percent? say unit: percent)",
    ),
    (
        {"n_examples": None, "stderr": 0.45},
        "/points/0/stderr",
        f"0.45 {TOO_LARGE} (in percent? say unit: percent)",
    ),
    ({"n_correct": 301}, "/points/0/n_correct", "301 is not between 0 and n_examples = 300"),
    ({"n_correct": 90}, "/points/0/score", "0.2 disagrees with n_correct / n_examples = 0.3"),
    ({"model": "a\x1b[2J"}, "/points/0/model", "'a\\x1b[2J' contains a control character: remove it"),
    ({"model": "\ud800"}, "/points/0/model", "'\\ud800' contains a control character: remove it"),
    ({"nexamples": 3}, "/points/0/nexamples", "unknown field: did you mean n_examples?"),
)


@pytest.mark.parametrize(("change", "pointer", "message"), BAD_POINTS)
def test_a_bad_point_is_refused_with_its_place_its_value_and_the_reason(
    change: dict[str, Any], pointer: str, message: str
) -> None:
    assert _problems(_with_point(**change))[pointer] == message


BAD_CURVES: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"task": None}, "/task", "missing"),
    ({"task": " "}, "/task", "is empty: give a name, or leave the field out where it is optional"),
    ({"task": 3}, "/task", "3 is not a string"),
    ({"taks": "a"}, "/taks", "unknown field: did you mean task?"),
    ({"metric": 3}, "/metric", "3 is neither the name of a metric nor an object"),
    ({"metric": {"name": "accuracy", "knd": 1}}, "/metric/knd", "unknown field: did you mean kind?"),
    ({"metric": {}}, "/metric/name", "missing"),
    ({"scale_kind": "flops"}, "/scale_kind", "'flops' is none of parameters, training_flops, training_tokens, other"),
    ({"points": {}}, "/points", "an object is not a list of points"),
    ({"points": [3]}, "/points/0", "3 is not an object with scale, score and n_examples"),
    ({"tags": {"a/b": 3}}, "/tags/a~1b", "3 is not a string"),
    ({"options": 3}, "/options", "3 is not an object of options"),
    ({"options": {"sed": 1}}, "/options/sed", "unknown field: did you mean seed?"),
)


@pytest.mark.parametrize(("change", "pointer", "message"), BAD_CURVES)
def test_a_bad_field_is_refused_by_name(change: dict[str, Any], pointer: str, message: str) -> None:
    assert _problems({**CURVE, **change})[pointer] == message


REMEDY = "leave out chance, or target_length where options are chosen from"
BAD_METRICS = (
    ({"chance": 25}, "/metric/chance", "25 lies outside 0 to 1 (in percent? say unit: percent)"),
    ({"lower": 0.1}, "/metric/lower", "0.1 is not 0, as it is for a proportion: say kind: bounded"),
    ({"kind": "unbounded", "lower": 0}, "/metric/lower", "given for the unbounded metric accuracy: say kind: bounded"),
    ({"kind": "bounded", "lower": 2}, "/metric/upper", "1 is not greater than lower = 2"),
    ({"target_length": 0}, "/metric/target_length", "0 is not between 1 and 1,000,000 tokens"),
    (
        {"target_length": 3, "chance": 0.25},
        "/metric/chance",
        f"0.25 with a target of 3 tokens: no such answer is right by chance; {REMEDY}",
    ),
    ({"higher_is_better": 1}, "/metric/higher_is_better", "1 is neither true nor false"),
    (
        {"name": "loss", "unit": "percent"},
        "/metric/unit",
        "percent means nothing for the unbounded metric loss: leave unit out",
    ),
)


@pytest.mark.parametrize(("change", "pointer", "message"), BAD_METRICS)
def test_a_metric_in_contradiction_is_refused(change: dict[str, Any], pointer: str, message: str) -> None:
    assert _problems(_with_metric(**change))[pointer] == message


def test_all_problems_of_a_curve_are_told_at_once() -> None:
    document = _with_point(scale=0, score="x") | {"task": None, "options": {"interval": 3}}
    assert set(_problems(document)) == {"/task", "/points/0/scale", "/points/0/score", "/options/interval"}


def test_bad_options_alone_are_an_error_of_the_options() -> None:
    with pytest.raises(InvalidOptions, match=r"^/options/interval: 3\.0 is not in"):
        load_curve({**CURVE, "options": {"interval": 3}})


def test_one_scale_and_repeated_points_are_refused() -> None:
    messages = _problems({**CURVE, "points": [POINT, POINT]})
    assert "needs at least 2 different scales" in messages["/points"]
    assert messages["/points/1"].startswith("the same as point 0")


def test_sizes_are_limited() -> None:
    many = [{**POINT, "scale": 1e6 + i} for i in range(MOST_POINTS + 1)]
    assert "1,001 points" in _problems({**CURVE, "points": many})["/points"]
    assert "1,001 characters" in _problems({**CURVE, "task": "a" * (LONGEST_TEXT + 1)})["/task"]
    assert "101 tags" in _problems({**CURVE, "tags": {str(i): "a" for i in range(MOST_TAGS + 1)}})["/tags"]


@pytest.mark.parametrize("document", [None, 3, "a", [CURVE], True])
def test_what_is_no_object_is_no_curve(document: Any) -> None:
    assert "is not a curve" in _problems(document)[""]


@pytest.mark.parametrize(("name", "resolved"), [("acc", "accuracy"), ("acc_norm", "accuracy"), ("nll", "loss")])
def test_an_alias_keeps_its_name_and_means_the_registered_metric(name: str, resolved: str) -> None:
    stderr = {
        "options": {"smallest_effect": 0.1},
        "points": [{**POINT, "stderr": 0.1}, {**POINT, "scale": 1e9, "stderr": 0.1}],
    }
    alias, registered = (load_curve({**CURVE, **stderr, "metric": one}).curve.metric for one in (name, resolved))
    assert alias.name == name
    assert (alias.kind, alias.lower, alias.linear) == (registered.kind, registered.lower, registered.linear)


def test_an_unknown_metric_is_taken_as_a_proportion_with_a_warning_where_it_can_be_one() -> None:
    loaded = load_curve({**CURVE, "metric": "pass@1"})
    assert loaded.curve.metric.kind is MetricKind.PROPORTION
    assert [warning.code for warning in loaded.warnings] == ["metric_assumed_proportion"]
    assert load_curve({**CURVE, "metric": {"name": "pass@1", "kind": "proportion"}}).warnings == ()


@pytest.mark.parametrize(("chance", "codes"), [(0.25, ["chance_below_one_percent"]), (25, []), (0, [])])
def test_a_chance_below_one_percent_is_asked_about(chance: float, codes: list[str]) -> None:
    metric = {"name": "accuracy", "unit": "percent", "chance": chance}
    loaded = load_curve({**_with_point(score=60), "metric": metric})
    assert loaded.curve.metric.chance == chance / 100
    assert [warning.code for warning in loaded.warnings] == codes
    assert load_curve({**CURVE, "metric": {"name": "accuracy", "chance": 0.25}}).warnings == ()


def test_several_results_of_one_model_at_one_scale_are_told() -> None:
    def found(*models: tuple[str | None, float]) -> list[tuple[str, str]]:
        points = [
            {"model": model, "scale": scale, "score": 0.2 + 0.1 * i, "n_examples": 100}
            for i, (model, scale) in enumerate(models)
        ]
        return [(warning.code, warning.message) for warning in load_curve({**CURVE, "points": points}).warnings]

    assert found(("a", 1e8), ("b", 1e8), (None, 1e9), (None, 1e9)) == []
    assert found(("in training", 1e8), ("in training", 1e9)) == []
    ((code, message),) = found(("a", 1e8), ("b", 1e9), ("a", 1e8), ("b", 1e9), ("a", 1e8))
    assert code == "repeated_model"
    assert "'a' has 3" in message
    assert "'b' has 2" in message


@pytest.mark.parametrize("change", [{"score": 1.2}, {"n_examples": None, "stderr": 0.1}])
def test_an_unknown_metric_that_cannot_be_a_proportion_needs_its_kind(change: dict[str, Any]) -> None:
    message = _problems({**_with_point(**change), "metric": "elo"})["/metric/kind"]
    assert message.startswith("missing: 'elo' is no registered metric")


def test_percent_is_converted_at_the_edge() -> None:
    in_percent = _with_point(score=86, stderr=2) | {"metric": {"name": "accuracy", "unit": "percent", "chance": 25}}
    in_percent["points"][1] = {**in_percent["points"][1], "score": 50}
    as_fraction = _with_point(score=0.86, stderr=0.02) | {"metric": {"name": "accuracy", "chance": 0.25}}
    curve = load_curve(in_percent).curve
    assert curve == load_curve(as_fraction).curve
    assert curve.metric.unit is ScoreUnit.FRACTION
    assert input_sha256(curve) == input_sha256(load_curve(as_fraction).curve)


def test_percent_out_of_bounds_is_told_as_it_was_sent() -> None:
    document = _with_point(score=187) | {"metric": {"name": "accuracy", "unit": "percent"}}
    assert _problems(document)["/points/0/score"] == "187.0 percent: 1.87 lies outside the metric's bounds 0 to 1"


def test_a_standard_error_above_half_the_range_is_refused_in_every_unit() -> None:
    percent = _with_point(score=20, stderr=60) | {"metric": {"name": "brier", "unit": "percent"}}
    reason = "is larger than a standard error can be, half the metric's range"
    remedy = ": check it, or give n_examples instead"
    assert _problems(percent)["/points/0/stderr"] == f"60.0 percent: 0.6 {reason} (0.5)"
    wide = _with_point(stderr=1.1) | {"metric": {"name": "mcc", "kind": "bounded", "lower": -1, "upper": 1}}
    assert _problems(wide)["/points/0/stderr"] == f"1.1 {reason} (1) (in percent? say unit: percent)"
    wider = _with_point(stderr=3) | {"metric": {"name": "grade", "kind": "bounded", "lower": 0, "upper": 5}}
    assert _problems(wider)["/points/0/stderr"] == f"3.0 {reason} (2.5){remedy}"
    assert load_curve(_with_point(stderr=0.4)).curve.points[0].stderr == 0.4


def test_every_whole_percentage_of_300_agrees_with_its_count() -> None:
    for percent in range(101):
        points = [{"scale": s, "score": percent, "n_examples": 300, "n_correct": 3 * percent} for s in (1, 2)]
        metric = {"name": "accuracy", "unit": "percent"}
        assert load_curve({"task": "a", "metric": metric, "points": points}).curve.points[0].score == percent / 100


def test_counts_stand_for_a_score() -> None:
    point = load_curve(_with_point(score=None, n_correct=60)).curve.points[0]
    assert (point.score, point.n_correct, point.n_examples) == (0.2, 60, 300)


def test_whole_numbers_may_be_written_as_floats() -> None:
    assert load_curve(_with_point(n_examples=300.0)).curve.points[0].n_examples == 300


@pytest.mark.parametrize("score", [0, 1])
def test_a_standard_error_of_zero_is_what_n_says_at_a_score_of_zero_or_one(score: float) -> None:
    point = load_curve(_with_point(score=score, stderr=0.0)).curve.points[0]
    assert (point.stderr, point.n_examples) == (None, 300)
    assert "/points/0/stderr" in _problems(_with_point(score=score, stderr=0.0, n_examples=None))


def test_null_is_the_same_as_not_given() -> None:
    nulls = {"prompting": None, "tags": None, "options": None, "suite": None, "scale_kind": None}
    assert load_curve({**CURVE, **nulls}) == load_curve(CURVE)
    assert load_curve(CURVE).curve.scale_kind is ScaleKind.PARAMETERS


def test_options_given_with_a_curve_are_checked_and_kept() -> None:
    prior = {"positive": 0.2, "inverse": 0.2, "u_shaped": 0.2, "inverted_u": 0.2, "flat": 0.2}
    loaded = load_curve({**CURVE, "options": {"seed": 3.0, "class_prior": prior, "interval": None}})
    assert loaded.options == {"seed": 3, "class_prior": {Shape(name): p for name, p in prior.items()}}


def test_a_loaded_curve_can_be_sent_to_another_process() -> None:
    loaded = load_curve({**CURVE, "tags": {"a": "b"}})
    assert pickle.loads(pickle.dumps(loaded)) == loaded  # noqa: S301  (made here)


BOUNDED = {"name": "x", "kind": "bounded", "lower": -1, "upper": 2}
SCORES = st.floats(0, 1).filter(lambda score: score in (0, 1) or 1e-12 < score < 1 - 1e-12)
POINTS = st.lists(
    st.tuples(st.floats(1e-3, 1e30), SCORES, st.integers(1, 10**7), st.none() | st.floats(1e-6, 1)),
    min_size=2,
    max_size=12,
    unique_by=lambda point: point[0],
)


@given(
    POINTS,
    st.sampled_from(["exact_match", BOUNDED]),
    st.none() | st.text("abc ü", min_size=1).filter(str.strip),
    st.randoms(),
)
def test_a_curve_survives_the_way_out_and_in_again_in_any_order_of_points(
    points: list[Any], metric: Any, family: str | None, random: Any
) -> None:
    given_points = [
        {
            "scale": x,
            "score": y,
            "n_examples": n,
            "stderr": None if se is None else max(1e-9, se * (y * (1 - y)) ** 0.5),
        }
        for x, y, n, se in points
    ]
    document = {"task": "a", "metric": metric, "points": given_points, "model_family": family}
    curve = load_curve(document).curve
    random.shuffle(given_points)
    assert load_curve(document).curve == curve
    again = json.loads(json.dumps(curve_document(curve), allow_nan=False))
    assert load_curve(again).curve == curve
    assert None not in again.values()


def test_the_error_for_a_bad_curve_is_one_of_the_curve() -> None:
    with pytest.raises(InvalidCurve):
        load_curve(_with_point(scale=0) | {"options": {"interval": 3}})


def test_zero_has_no_sign() -> None:
    points = [{"scale": 10.0**e, "score": -0.0, "n_examples": 50} for e in (8, 9, 10)]
    curve = load_curve({"task": "a", "metric": "accuracy", "points": points}).curve
    assert [str(point.score) for point in curve.points] == ["0.0"] * 3
