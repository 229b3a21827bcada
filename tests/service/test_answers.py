import json
from dataclasses import replace
from pathlib import Path

import pytest

from service.answers import Answering, Entry, Output
from service.readers.items import CurveItem
from service.table_row import TableRow

POINTS = [{"scale": 10.0**e, "score": s, "n_examples": 200} for e, s in ((8, 0.1), (9, 0.3), (10, 0.6), (11, 0.9))]
CURVE = {"task": "up", "metric": "accuracy", "scale_kind": "parameters", "points": POINTS}


def entry(**changes: object) -> Entry:
    return Entry(5, CurveItem(0, {**CURVE, **changes}, rows=(2, 3, 4, 5), names={"task": "up"}))


def test_a_curve_on_which_a_process_died_is_a_failure_of_that_curve() -> None:
    answer = Answering({}, Output("json")).died(entry(), -9)
    assert answer.label is None
    document = json.loads(str(answer.content))
    assert (document["index"], document["rows"], document["error"]["status"]) == (5, [2, 5], 500)
    assert "-9" in document["error"]["detail"]


def test_an_engine_that_breaks_on_numbers_fails_the_curve_and_not_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("float division by zero")

    monkeypatch.setattr("service.use_cases.analyze_curve", broken)
    answer = Answering({}, Output()).answer(entry())
    assert isinstance(answer.content, TableRow)
    assert "ZeroDivisionError" in (answer.content.failure or "")


def test_options_of_the_command_win_over_the_curve_and_those_over_the_file() -> None:
    answering = Answering({"seed": 1}, Output("json"))
    given = Entry(0, entry(options={"seed": 2, "interval": 0.8}).item, {"interval": 0.9, "decision_threshold": 0.7})
    options = json.loads(str(answering.answer(given).content))["options"]
    assert (options["seed"], options["interval"], options["decision_threshold"]) == (1, 0.8, 0.7)


def test_an_unbounded_metric_without_a_smallest_effect_is_told_what_it_needs() -> None:
    points = [{"scale": 10.0**e, "score": 3.0 - e / 10, "stderr": 0.01} for e in (8, 9, 10)]
    answer = Answering({}, Output("json")).answer(entry(metric="loss", points=points))
    problem = json.loads(str(answer.content))["error"]
    assert problem["type"] == "/problems/invalid-options"
    assert "smallest_effect" in problem["detail"]
    assert Answering({"smallest_effect": 0.05}, Output("json")).answer(entry(metric="loss", points=points)).label
    of_several = replace(entry(metric="loss", points=points).item, file="b.json")
    told = json.loads(str(Answering({}, Output("json")).answer(Entry(0, of_several)).content))["error"]
    assert told["errors"][0]["pointer"] == "b.json, /options/smallest_effect"
    unknown = replace(entry(options={"sead": 1}).item, file="b.json")
    told = json.loads(str(Answering({}, Output("json")).answer(Entry(0, unknown)).content))["error"]
    assert told["errors"][0]["pointer"] == "b.json, /options/sead"


def test_a_picture_that_cannot_be_written_fails_its_curve(tmp_path: Path) -> None:
    answer = Answering({}, Output("json", plots=tmp_path / "missing")).answer(entry())
    assert answer.label is None
    assert "cannot be written" in json.loads(str(answer.content))["error"]["detail"]


def test_a_curve_that_cannot_be_read_has_no_place_in_the_sample() -> None:
    answering = Answering({}, Output())
    assert answering.place(entry(points=[])) is None
    assert answering.evidence(entry(points=[])) is None
    place = answering.place(entry(options={"between_model_scale": "suite"}))
    assert place is not None
    assert place.asks
