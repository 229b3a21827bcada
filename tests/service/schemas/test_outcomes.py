"""Per-example outcomes as they are submitted."""

import json
from typing import Any

import numpy as np
import pytest

from models.curve import ScalingCurve
from models.errors import InvalidInput
from models.identity import input_sha256
from service.schemas import points
from service.schemas.curve import curve_document, load_curve
from service.schemas.outcomes import MOST_EXAMPLES

OUTCOMES = [[0, 1, 0, 0, 1], [1, 1, 0, 0, 1]]


def document(**changes: Any) -> dict[str, Any]:
    """A curve of two points given by outcomes alone; changes to the first point."""
    given = [{"scale": scale, "outcomes": row} for scale, row in zip((1e8, 1e9), OUTCOMES, strict=True)]
    return {"task": "t", "metric": "accuracy", "points": [{**given[0], **changes}, given[1]]}


def clustered(first: Any, second: Any) -> dict[str, Any]:
    plain = document(clusters=first)
    return {**plain, "points": [plain["points"][0], {**plain["points"][1], "clusters": second}]}


def curve(submitted: dict[str, Any]) -> ScalingCurve:
    return load_curve(submitted).curve


def problems(submitted: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        load_curve(submitted)
    return {problem.pointer: problem.message for problem in caught.value.problems}


def test_outcomes_alone_give_score_and_n() -> None:
    first = curve(document()).points[0]
    assert (first.score, first.n_examples, first.outcomes) == (0.4, 5, b"\x00\x01\x00\x00\x01")


def test_counts_and_scores_may_accompany_outcomes_in_any_unit() -> None:
    percent = document(score=40, n_examples=5, n_correct=2) | {"metric": {"name": "accuracy", "unit": "percent"}}
    assert curve(percent).points[0].score == 0.4
    assert curve(document(outcomes=[0.0, 1.0, 0, 0, 1])).points == curve(document()).points


def test_an_unknown_metric_given_by_outcomes_is_a_proportion() -> None:
    loaded = load_curve(document() | {"metric": "my_score"})
    assert [warned.code for warned in loaded.warnings] == ["metric_assumed_proportion"]


def test_curve_document_gives_outcomes_and_clusters_back() -> None:
    submitted = curve(clustered(["a", "a", "b", "b", "c"], [7, 7, 1, 1, 0]))
    document_back = curve_document(submitted)
    assert document_back["points"][0]["outcomes"] == OUTCOMES[0]
    assert document_back["points"][1]["clusters"] == [0, 0, 1, 1, 2]
    assert curve(json.loads(json.dumps(document_back))) == submitted
    assert "outcomes" not in curve_document(curve(_without_outcomes()))["points"][0]


def _without_outcomes() -> dict[str, Any]:
    rows = [
        {"scale": scale, "score": sum(row) / 5, "n_examples": 5}
        for scale, row in zip((1e8, 1e9), OUTCOMES, strict=True)
    ]
    return {"task": "t", "metric": "accuracy", "points": rows}


def test_names_of_clusters_are_no_part_of_a_curve() -> None:
    one = curve(clustered(["x", "x", "y", "y", "x"], ["x", "x", "y", "y", "x"]))
    other = curve(clustered([5, 5, 2, 2, 5], [1.0, 1, 0, 0, 1]))
    assert input_sha256(one) == input_sha256(other)
    assert len({input_sha256(entry) for entry in (one, curve(document()), curve(_without_outcomes()))}) == 3


BAD: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"outcomes": [0, 1, 2, 0, 1]}, "outcomes", "2 at index 2 is not 0 or 1"),
    ({"outcomes": [0, True, 0, 0, 1]}, "outcomes", "true at index 1 is not 0 or 1"),
    ({"outcomes": [0, "1", 0, 0, 1]}, "outcomes", "'1' at index 1 is not 0 or 1"),
    ({"outcomes": [0, None, 0, 0, 1]}, "outcomes", "null at index 1 is not 0 or 1"),
    ({"outcomes": [0, float("nan"), 0, 0, 1]}, "outcomes", "NaN at index 1 is not 0 or 1"),
    ({"outcomes": [0, [1], 0, 0, 1]}, "outcomes", "a list at index 1 is not 0 or 1"),
    ({"outcomes": "01001"}, "outcomes", "'01001' is not a list of outcomes, 0 or 1 for each example"),
    ({"outcomes": []}, "outcomes", "an empty list is not a list of outcomes, 0 or 1 for each example"),
    ({"outcomes": [0] * (MOST_EXAMPLES + 1)}, "outcomes", "200,001 examples are more than 200,000: give n_correct"),
    ({"score": 0.5}, "score", "0.5 is not the mean of the outcomes"),
    ({"n_correct": 3}, "n_correct", "3 disagrees with the 2 outcomes that are 1"),
    ({"n_examples": 6}, "n_examples", "6 where 5 outcomes are given"),
    ({"clusters": [1, 1, 1, 1, 1]}, "clusters", "all examples are in one cluster"),
    ({"clusters": [1, 2]}, "clusters", "2 where 5 outcomes are given: name one for each"),
    ({"clusters": [1, 2.5, 3, 4, 5]}, "clusters", "2.5 at index 1 is not a string or a whole number"),
    ({"clusters": ["a", "", "b", "c", "d"]}, "clusters", "is empty"),
    ({"clusters": 3}, "clusters", "3 is not a list of cluster names"),
)


@pytest.mark.parametrize(("change", "field", "message"), BAD)
def test_bad_outcomes_are_refused_with_their_place(change: dict[str, Any], field: str, message: str) -> None:
    assert message in problems(document(**change))[f"/points/0/{field}"]


def test_all_points_have_the_same_items_and_clusters() -> None:
    shorter = document(outcomes=[0, 1, 0, 0])
    assert "5 outcomes, but 4 at point 0" in problems(shorter)["/points/1/outcomes"]
    assert "not those of point 0" in problems(clustered([1, 1, 2, 2, 3], [1, 2, 2, 2, 3]))["/points/1/clusters"]
    assert "not those of point 0" in problems(document(clusters=[1, 1, 2, 2, 3]))["/points/1/clusters"]


def test_clusters_need_outcomes_and_outcomes_a_proportion() -> None:
    lacking = _without_outcomes()
    lacking["points"][0]["clusters"] = [1, 1, 2, 2, 3]
    assert problems(lacking) == {"/points/0/clusters": "given without outcomes, which they group"}
    assert "no proportion" in problems(document() | {"metric": "mean_probability"})["/points/0/outcomes"]


def test_a_curve_has_a_limit_on_all_its_outcomes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points, "MOST_OUTCOMES", 9)
    assert problems(document()) == {"/points": "more than 9 outcomes: give n_correct and n_examples instead"}


def test_the_largest_test_sets_are_read() -> None:
    rows = np.random.default_rng(0).integers(0, 2, (5, MOST_EXAMPLES)).tolist()
    given = [{"scale": 10.0 ** (8 + i), "outcomes": row, "clusters": rows[0]} for i, row in enumerate(rows)]
    curve = load_curve({"task": "t", "metric": "accuracy", "points": given}).curve
    assert [point.n_examples for point in curve.points] == [MOST_EXAMPLES] * 5
