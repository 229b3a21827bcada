from typing import Any

import pytest

from models.comparison import MOST_CURVES
from service.contract import examples
from tests.service.api.curves import Client, curve

RISING, FALLING, TURNED = (0.1, 0.3, 0.6, 0.9), (0.9, 0.6, 0.3, 0.1), (0.9, 0.2, 0.25, 0.95)


def compared(client: Client, **body: Any) -> dict[str, Any]:
    answer = client.post("/v1/comparisons", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def test_stored_and_given_curves_are_compared_together(client: Client) -> None:
    stored = client.post("/v1/analyses", json=curve(scores=RISING, prompting="zero-shot")).json["id"]
    found = compared(client, ids=[stored], curves=[curve(scores=FALLING, prompting="few-shot")])
    assert [each["label"] for each in found["curves"]] == ["positive", "inverse"]
    assert found["curves"][0]["id"] == stored
    (difference,) = found["differences"]
    assert (difference["first"], difference["second"], difference["differs_in"]) == (0, 1, ["prompting"])
    assert difference["labels_differ"]
    assert difference["probability_shapes_differ"] > 0.95
    assert difference["net_change"]["upper"] < 0
    assert difference["crossing"]["probability"] > 0.95
    assert 1e8 < difference["crossing"]["scale"]["estimate"] < 1e11
    assert (difference["paired"], difference["paired_reason"]) == (None, "no_outcomes")


def test_a_filter_finds_the_curves_that_are_compared_the_oldest_first(client: Client) -> None:
    ids = [
        client.post("/v1/analyses", json=curve(task, scores, suite="s")).json["id"]
        for task, scores in (("b", RISING), ("a", FALLING))
    ]
    client.post("/v1/analyses", json=curve("of another suite"))
    asked = {"from": {"suite": "s"}, "curves": [curve("given")]}
    found = compared(client, **asked)
    assert found == compared(client, ids=ids, curves=asked["curves"])
    assert [each["id"] for each in found["curves"]][:2] == ids


def test_a_filter_that_more_curves_fit_than_are_compared_is_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.comparisons.MOST_CURVES", 2)
    for task in "abc":
        client.post("/v1/analyses", json=curve(task))
    refused = client.post("/v1/comparisons", json={"from": {}})
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/from")
    assert "more than 2 stored analyses fit" in refused.json["detail"]


def test_a_comparison_stores_nothing(client: Client) -> None:
    compared(client, curves=[curve("a"), curve("b", FALLING)])
    assert client.get("/v1/analyses").json["items"] == []


def test_another_suite_and_other_tags_are_told(client: Client) -> None:
    one = curve(suite="s", tags={"checkpoint": "step1000", "task_version": "1"})
    other = curve(scores=FALLING, suite="t", tags={"checkpoint": "step2000", "task_version": "2"})
    found = compared(client, curves=[one, other, {**other, "task": "b"}])
    assert [difference["differs_in"] for difference in found["differences"]] == [
        ["suite", "tags/checkpoint", "tags/task_version"],
        ["task", "suite", "tags/checkpoint"],
        ["task"],
    ]
    assert "checkpoint step1000" in found["curves"][0]["name"]


def test_turns_are_compared_as_a_ratio(client: Client) -> None:
    later = curve(scores=TURNED)
    for point in later["points"]:
        point["scale"] *= 100
    found = compared(client, curves=[curve(scores=TURNED), later])["differences"][0]
    assert found["turn_ratio"]["estimate"] == pytest.approx(100, rel=0.3)


def test_outcomes_of_the_same_items_are_compared_item_by_item_with_the_gain(client: Client) -> None:
    body = examples.COMPARISONS["promptings, item by item"]
    found = compared(client, **body)
    assert found["options"] == {"interval": 0.9}
    paired = found["differences"][0]["paired"]
    assert paired["n_examples"] == 40
    assert paired["net_change_difference"]["estimate"] == pytest.approx(6 / 40)
    assert paired["net_change_difference"]["gain"] > 1
    other = {**body["curves"][1], "task": "other questions"}
    apart = compared(client, curves=[body["curves"][0], other])["differences"][0]
    assert apart["paired_reason"] == "different_tasks"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"ids": ["0" * 64]}, ""),
        ({"curves": [curve()] * (MOST_CURVES + 1)}, "/curves"),
        ({"ids": ["0" * 64, "1" * 64]}, "/ids/1"),
        ({"ids": ["0" * 64, "0" * 64]}, "/ids"),
        ({"ids": "all"}, "/ids"),
        ({"ids": ["0" * 64, "1" * 64], "from": {}}, ""),
        ({"from": {"task": "no such"}}, "/from"),
        ({"from": {"tusk": "a"}}, "/from/tusk"),
        ({"from": []}, "/from"),
        ({"curves": [curve(), {"task": "b"}]}, "/curves/1/points"),
        ({"curves": [curve(), curve()], "options": {"interval": 2}}, "/options/interval"),
        ({"curves": [curve(), curve()], "options": {"seed": 2}}, "/options/seed"),
        ({"curves": [curve(), curve()], "by": "task"}, "/by"),
        ([], ""),
    ],
)
def test_a_comparison_that_makes_no_sense_is_refused_with_its_place(client: Client, body: Any, pointer: str) -> None:
    refused = client.post("/v1/comparisons", json=body)
    assert refused.status_code == 422
    assert pointer in [error["pointer"] for error in refused.json["errors"]], refused.text
