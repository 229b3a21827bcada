"""What the page of an analysis says, from analyses as they are."""

from dataclasses import replace

import pytest

from models.curve import ScaleKind
from models.results import Analysis, Warned
from service.pages.advice import advice, widest
from service.pages.analysis import effects_view, models_view, shapes_view, turns_view, warnings_view
from service.pages.emergence import emergence_view
from service.pages.error_pages import error_view, place_words
from service.schemas.records import encoded

KIND = ScaleKind.PARAMETERS


def test_shapes_are_told_the_most_probable_first_and_never_as_certain(u_shaped: Analysis) -> None:
    view = shapes_view(u_shaped)
    assert view["rows"][0]["name"] == "U-shaped"
    assert all(row["probability"] not in ("0.00", "1.00") for row in view["rows"])
    assert view["rows"][0]["factor"] == "-"


def test_models_are_told_by_weight_under_names_that_people_know(u_shaped: Analysis) -> None:
    rows = models_view(u_shaped)
    assert len(rows) == len(u_shaped.fit.models)
    assert [float(row["width"]) for row in rows] == sorted((float(row["width"]) for row in rows), reverse=True)
    assert not any("_" in row["words"] for row in rows)


def test_a_turn_is_told_where_it_is_probable(u_shaped: Analysis, rising: Analysis) -> None:
    (turn,) = turns_view(u_shaped)
    assert (turn["name"], turn["rows"][0][0]) == ("U-shaped", "Turn")
    assert turns_view(rising) == []


def test_changes_have_their_intervals(rising: Analysis) -> None:
    words = dict(effects_view(rising))
    assert words["From the smallest to the largest model"].startswith("+")
    assert " to " in words["Largest rise"]


def test_warnings_are_whole_sentences(rising: Analysis) -> None:
    warned = replace(rising.diagnostics, warnings=(Warned("a", "few models"), Warned("b", "n_examples is a guess.")))
    analysis = replace(rising, diagnostics=warned, classification=replace(rising.classification, robust=False))
    assert warnings_view(analysis)[:2] == ["Few models.", "n_examples is a guess."]
    assert any("priors" in words for words in warnings_view(analysis)[2:])


def test_the_place_that_is_known_least_is_that_of_the_widest_band(rising: Analysis) -> None:
    place = widest(rising)
    assert all(place.upper - place.lower >= point.upper - point.lower for point in rising.fit.grid)


def test_advice_never_asks_for_a_model_between_where_one_was_measured(rising: Analysis, u_shaped: Analysis) -> None:
    for analysis in (rising, u_shaped):
        told = advice(analysis)
        assert told
        assert all(sentence[0].isupper() and sentence.endswith(".") for sentence in told)
        near = min(abs(widest(analysis).scale / point.scale - 1) for point in analysis.points) < 0.1
        assert not (near and any("no model was measured" in sentence for sentence in told))


@pytest.mark.parametrize("name", ["rising", "u_shaped"])
def test_emergence_is_told_from_the_fields_of_the_contract(name: str, request: pytest.FixtureRequest) -> None:
    view = emergence_view(encoded(request.getfixturevalue(name).emergence), KIND)
    assert [answer.name for answer in view["answers"]] == ["Test set", "Metric", "Choice of models"]
    assert all(answer.words in ("yes", "no", "not known", "not asked") for answer in view["answers"])
    assert not any("_" in answer.facts for answer in view["answers"])


def test_an_explanation_that_holds_says_so_with_its_numbers() -> None:
    gap = {"holds": True, "probability": 0.97, "gap_decades": 1.3, "lower_scale": 1e9, "upper_scale": 2e10}
    metric = {"holds": False, "log_bayes_factor": -4.2, "p_value": 0.001, "probability_smooth": 0.1}
    view = emergence_view(
        {"verdict": "explained_by_scale_gap", "explanations": {"scale_gap": gap, "metric": metric}}, KIND
    )
    assert view["name"] == "Explained by the choice of models"
    resolution, by_metric, by_gap = view["answers"]
    assert (resolution.words, by_metric.words, by_gap.words) == ("not known", "no", "yes")
    assert by_gap.facts == "probability 0.97; widest gap 1.3 decades; from 1B to 20B"
    assert "p <0.01" in by_metric.facts


def test_what_nobody_computed_is_said_to_be_so() -> None:
    view = emergence_view({"verdict": None, "verdict_reason": "not_computed"}, KIND)
    assert view["meaning"] == "There is none: not computed for this analysis."
    assert {answer.holds for answer in view["answers"]} == {None}


@pytest.mark.parametrize(
    ("pointer", "words"),
    [
        ("/points/0/score", "points 1, score"),
        ("?sort", "sort"),
        ("row 12", "row 12"),
        ("/curves/3/tags/a~1b", "curves 4, tags, a/b"),
        ("", ""),
    ],
)
def test_the_place_of_a_problem_is_told_as_people_count(pointer: str, words: str) -> None:
    assert place_words(pointer) == words


def test_a_long_list_of_problems_is_cut_and_says_by_how_much() -> None:
    errors = [{"pointer": f"/curves/{n}", "message": "is wrong"} for n in range(25)]
    view = error_view({"status": 422, "title": "t", "detail": "d", "errors": errors})
    assert (len(view["errors"]), view["more"]) == (20, 5)
