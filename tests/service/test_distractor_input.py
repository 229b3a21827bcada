"""Distractor accuracy as it is submitted, refused, shown and exported."""

import io
from pathlib import Path
from typing import Any

import pytest

from models.errors import InvalidInput
from models.identity import input_sha256
from models.options import Options
from service.curve_export import export_curves
from service.readers.loading import load_item
from service.readers.opening import open_curves
from service.schemas.analysis import analysis_document
from service.schemas.curve import LoadedCurve, curve_document, load_curve
from service.table_row import table_row
from service.use_cases import analyze_curve

POINTS: tuple[tuple[float, float, float], ...] = ((1e8, 0.25, 0.3), (1e9, 0.1, 0.8), (1e10, 0.7, 0.2))


def _document(kind: str = "accuracy", **last: Any) -> dict[str, Any]:
    points: list[dict[str, Any]] = [
        {"scale": scale, "score": score, "distractor_score": other, "n_examples": 200} for scale, score, other in POINTS
    ]
    return {"task": "proverbs", "metric": kind, "points": [*points[:-1], {**points[-1], **last}]}


def _problem(document: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as caught:
        load_curve(document)
    (problem,) = caught.value.problems
    return problem.pointer, problem.message


def _table(text: str) -> list[LoadedCurve]:
    with open_curves(io.BytesIO(text.encode()), "csv", None) as stream:
        return [load_item(item) for item in stream.items()]


def test_a_share_and_a_count_say_the_same() -> None:
    shares = load_curve(_document()).curve
    counts = load_curve(
        {
            "task": "proverbs",
            "metric": "accuracy",
            "points": [
                {"scale": scale, "score": score, "n_distractor_correct": round(200 * other), "n_examples": 200}
                for scale, score, other in POINTS
            ],
        }
    ).curve
    assert [point.distractor_share for point in shares.points] == [point.distractor_share for point in counts.points]


def test_a_curve_goes_out_and_in_again_with_its_distractor() -> None:
    curve = load_curve(_document()).curve
    assert load_curve(curve_document(curve)).curve == curve


def test_the_identity_of_a_curve_knows_the_distractor_and_is_the_old_one_without() -> None:
    plain = _document()
    for point in plain["points"]:
        del point["distractor_score"]
    assert input_sha256(load_curve(plain).curve) != input_sha256(load_curve(_document()).curve)


def test_percent_hold_for_the_distractor_as_well() -> None:
    document = _document()
    document["metric"] = {"name": "accuracy", "unit": "percent"}
    for point in document["points"]:
        point["score"], point["distractor_score"] = 100 * point["score"], 100 * point["distractor_score"]
    assert [p.distractor_share for p in load_curve(document).curve.points] == pytest.approx([0.3, 0.8, 0.2])


def test_both_accuracies_together_are_at_most_one() -> None:
    pointer, message = _problem(_document(score=0.7, distractor_score=0.4))
    assert pointer == "/points/2/distractor_score"
    assert message.startswith("0.4 beside the score 0.7 makes 1.1, more than 1")


BAD = (
    ({"distractor_score": 1.2, "score": 0.0}, "1.2 is not between 0 and 1"),
    ({"distractor_score": -0.1}, "-0.1 is not between 0 and 1"),
    ({"distractor_score": 0.2, "n_distractor_correct": 50}, "0.2 disagrees with n_distractor_correct / n_examples"),
    ({"distractor_score": "0,2"}, "'0,2' has a decimal comma"),
)


@pytest.mark.parametrize(("changes", "message"), BAD)
def test_a_distractor_accuracy_that_cannot_be_is_refused_with_its_value(changes: dict[str, Any], message: str) -> None:
    assert message in _problem(_document(**changes))[1]


def test_more_distractor_answers_than_examples_are_refused() -> None:
    document = _document(n_distractor_correct=201)
    del document["points"][2]["distractor_score"]
    assert _problem(document) == (
        "/points/2/n_distractor_correct",
        "201 is not between 0 and n_examples = 200",
    )


def test_a_metric_that_is_no_share_of_right_answers_takes_no_distractor() -> None:
    assert "no share of right answers" in _problem_of_first(_document("brier"))


def _problem_of_first(document: dict[str, Any]) -> str:
    with pytest.raises(InvalidInput) as caught:
        load_curve(document)
    return "; ".join(problem.message for problem in caught.value.problems)


def test_a_table_names_the_row_of_a_bad_distractor() -> None:
    header = "task,metric,parameters,score,distractor_score,n_examples\n"
    rows = "a,accuracy,1e8,0.2,0.3,100\na,accuracy,1e9,0.6,0.5,100\na,accuracy,1e10,0.6,,100\n"
    with pytest.raises(InvalidInput, match=r"row 3, column distractor_score: 0\.5 beside the score 0\.6"):
        _table(header + rows)


def test_an_exported_table_has_distractor_columns_where_they_are_needed(tmp_path: Path) -> None:
    curve = load_curve(_document()).curve
    export_curves(lambda: [curve], tmp_path / "with.csv")
    (back,) = _table((tmp_path / "with.csv").read_text())
    assert [p.distractor_share for p in back.curve.points] == [p.distractor_share for p in curve.points]
    plain = _document()
    for point in plain["points"]:
        del point["distractor_score"]
    export_curves(lambda: [load_curve(plain).curve], tmp_path / "without.csv")
    assert "distractor" not in (tmp_path / "without.csv").read_text()


def test_an_analysis_shows_the_decomposition_or_says_why_there_is_none() -> None:
    loaded = load_curve(_document())
    analysis = analyze_curve(loaded.curve, Options())
    document = analysis_document(analysis, identifier="", created_at="", elapsed_s=0.0)
    assert document["decomposition"]["turn"].keys() >= {"estimate", "lower", "upper"}
    assert "decomposition_reason" not in document
    assert "the distractor is learnt at" in (table_row(analysis, explain=True).explanation or "")
    without = load_curve(
        {**_document(), "points": [{"scale": 1e8 * 10**i, "score": 0.2, "n_examples": 9} for i in (0, 1)]}
    )
    plain = analysis_document(analyze_curve(without.curve, Options()), identifier="", created_at="", elapsed_s=0.0)
    assert (plain["decomposition"], plain["decomposition_reason"]) == (None, "distractor_not_given")
