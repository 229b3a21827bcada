import json
import math
from typing import Any

import pytest

from service.contract.metric_examples import METRIC_CURVES
from tests.service.api.curves import Client

LAW = METRIC_CURVES["power law"]
TOKENS, OPTIONS, ERRORS = (METRIC_CURVES[f"outputs: {name}"] for name in ("tokens", "options", "errors"))
BEHIND = METRIC_CURVES["behind an accuracy curve"]


def answer(client: Client, body: Any) -> dict[str, Any]:
    found = client.post("/v1/metric-curves", json=body)
    assert found.status_code == 200, found.text
    document: dict[str, Any] = found.json
    return document


def by_name(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {metric["name"]: metric for metric in found["metrics"]}


def test_a_power_law_gives_every_metric_of_the_paper(client: Client) -> None:
    found = answer(client, LAW)
    assert (found["kind"], found["source"], found["target_length"]) == ("predicted", "power_law", 5)
    exact = by_name(found)["exact_match"]
    assert exact["points"][2]["estimate"] == pytest.approx(math.exp(-5 * (1e10 / 1e9) ** -0.5))
    assert (exact["points"][2]["lower"], exact["points"][2]["reason"]) == (None, "one_curve_only")
    assert exact["emergence_score"]["estimate"] > by_name(found)["token_edit_distance"]["emergence_score"]["estimate"]


def test_a_curve_gives_bands_and_the_weight_of_the_power_law(client: Client) -> None:
    given = answer(client, BEHIND)
    stored = client.post("/v1/analyses", json=BEHIND["curve"]).json["id"]
    found = answer(client, {"id": stored})
    assert (given["source"], found["source"]) == ("curve", "analysis")
    assert given["metrics"] == found["metrics"]
    assert 0 <= found["token_fit"]["weight"] <= 1
    for metric in found["metrics"]:
        assert all(point["lower"] <= point["estimate"] <= point["upper"] for point in metric["points"])
    longer = answer(client, {"id": stored, "target_length": 6, "scales": [1e9, 1e10, 1e11]})
    assert longer["target_length"] == 6
    assert [point["scale"] for point in longer["metrics"][0]["points"]] == [1e9, 1e10, 1e11]


def test_outputs_get_one_row_a_metric_with_its_verdict(client: Client) -> None:
    found = answer(client, TOKENS)
    assert (found["kind"], found["n_models"], found["n_examples"]) == ("rescored", 4, 8)
    rows = by_name(found)
    assert set(rows) == {
        "expected_exact_match",
        "mean_probability",
        "token_edit_distance",
        "log_likelihood",
        "loss",
    }
    assert all(row["verdict"] == row["emergence"]["verdict"] for row in rows.values())
    assert rows["mean_probability"]["swap_reason"] == "metric_linear_and_continuous"
    assert [point["model"] for point in rows["loss"]["points"]] == [row["model"] for row in TOKENS["outputs"]]
    flagged = json.loads(json.dumps(TOKENS))
    for row in flagged["outputs"]:
        row["greedy"] = [[int(value > -0.9) for value in example] for example in row["token_log_probabilities"]]
    assert {"exact_match", "token_accuracy"} <= set(by_name(answer(client, flagged)))


def test_the_same_request_gives_the_same_bytes_and_stores_nothing(client: Client) -> None:
    one, other = (client.post("/v1/metric-curves", json=OPTIONS).data for _ in range(2))
    assert one == other
    assert client.get("/v1/analyses").json["items"] == []


def test_options_of_an_analysis_are_used_for_all_metrics(client: Client) -> None:
    found = answer(client, {**OPTIONS, "options": {"interval": 0.5, "seed": 3}})
    assert found["options"] == {"interval": 0.5, "decision_threshold": 0.8, "seed": 3}
    wide, narrow = (by_name(answer(client, {**OPTIONS, "options": {"interval": x}})) for x in (0.95, 0.5))

    def width(row: dict[str, Any]) -> float:
        point = row["grid"][20]
        return float(point["upper"] - point["lower"])

    assert width(wide["brier"]) > width(narrow["brier"])


def test_a_bad_request_is_a_problem_document_with_its_place(client: Client) -> None:
    for body, pointer in (({}, ""), ({"id": "0" * 64}, "/id"), ({**LAW, "target_length": 0}, "/target_length")):
        refused = client.post("/v1/metric-curves", json=body)
        assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, pointer), refused.text
    text = json.dumps(ERRORS).replace("0.5,", "NaN,", 1)
    refused = client.post("/v1/metric-curves", data=text, content_type="application/json")
    assert (refused.status_code, "finite" in refused.json["errors"][0]["message"]) == (422, True), refused.text
