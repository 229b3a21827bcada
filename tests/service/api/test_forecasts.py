from typing import Any

import pytest

from service.contract import forecasts as contract
from tests.contract.test_contract import check
from tests.service.api.curves import App, Client, curve
from tests.service.api.suites import computing, here

FIVE = (1e8, 1e9, 1e10, 1e11, 1e12)
RISING = (0.1, 0.3, 0.6, 0.9)


def forecast(client: Client, **body: Any) -> dict[str, Any]:
    answer = client.post("/v1/forecasts", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def refused(client: Client, address: str, body: Any) -> list[tuple[str, str]]:
    answer = client.post(address, json=body)
    assert answer.status_code == 422, answer.text
    return [(error["pointer"], error["message"]) for error in answer.json["errors"]]


def suite(*tasks: str) -> list[dict[str, Any]]:
    points = [{"scale": scale, "score": 0.1 + 0.15 * i, "n_examples": 300} for i, scale in enumerate(FIVE)]
    return [{"task": task, "metric": "accuracy", "points": points} for task in tasks]


def test_a_given_curve_is_forecast_and_nothing_is_stored(client: Client) -> None:
    found = forecast(client, curve=curve(scores=RISING), scales=[3e11, 1e12])
    assert [each["scale"] for each in found["forecasts"]] == [3e11, 1e12]
    assert (found["task"], found["largest_scale"], found["largest_score"]) == ("addition", 1e11, 0.9)
    assert found["assumptions"]["source"]["turn_hazard_per_decade"] == "default"
    assert client.get("/v1/analyses").json["items"] == []


def test_a_stored_analysis_is_forecast_as_it_was_analysed(client: Client) -> None:
    options = {"between_model_scale": 0.05}
    stored = client.post("/v1/analyses", json=curve(scores=RISING, options=options)).json["id"]
    given = forecast(client, curve=curve(scores=RISING, options=options), scales=[1e12])
    assert forecast(client, id=stored, scales=[1e12]) == given
    assert given["assumptions"]["between_model_scale"] == 0.05
    assert given["assumptions"]["source"]["between_model_scale"] == "request"


def test_what_is_known_of_turns_and_items_can_be_said(client: Client) -> None:
    options = {"turn_hazard_per_decade": 1.0, "item_correlation": 0.0}
    found = forecast(client, curve=curve(scores=RISING), scales=[1e12], options=options)
    plain = forecast(client, curve=curve(scores=RISING), scales=[1e12])
    assert found["probability_turn_next_decade"] > plain["probability_turn_next_decade"]
    assert found["assumptions"]["item_correlation"] == 0.0


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ({"scales": [1e12]}, "", "give either id"),
        ({"curve": curve(), "id": "0" * 64, "scales": [1e12]}, "", "give either id"),
        ({"id": "0" * 64, "scales": [1e12]}, "/id", "there is no analysis"),
        ({"id": 5, "scales": [1e12]}, "/id", "is not an id"),
        ({"curve": curve(), "scales": []}, "/scales", "give a list of 1 to 8 scales"),
        ({"curve": curve()}, "/scales", "give a list"),
        ({"curve": curve(), "scales": [1e12, "x"]}, "/scales/1", "is not a number"),
        ({"curve": curve(), "scales": [1e12, 1e12]}, "/scales", "more than once"),
        ({"curve": curve(), "scales": [1e11]}, "/scales/0", "not larger than the largest model"),
        ({"curve": curve(), "scales": [1e14]}, "/scales/0", "can be forecast up to 1.50 decades"),
        ({"curve": curve(), "scales": [1e12], "n_examples": 0}, "/n_examples", "is less than 1"),
        ({"curve": curve(), "scales": [1e12], "horizon": 5}, "/horizon", "unknown field"),
        ({"curve": {"task": "a"}, "scales": [1e12]}, "/curve/points", "missing"),
        ({"curve": curve(scores=(0.1, 0.2)), "scales": [2e9]}, "/curve/points", "needs 3"),
        ({"curve": curve(options={"engine": "nuts"}), "scales": [1e12]}, "/curve/options/engine", "quadrature"),
        ({"curve": curve(), "scales": [1e12], "options": 5}, "/options", "is not an object"),
        (
            {"curve": curve(), "scales": [1e12], "options": {"turn_hazard_per_decade": -1}},
            "/options/turn_hazard",
            "not",
        ),
        ({"curve": curve(), "scales": [1e12], "options": {"item_correlation": 1}}, "/options/item_correlation", "0.8"),
    ],
)
def test_a_bad_forecast_is_refused_with_its_place(client: Client, body: Any, pointer: str, words: str) -> None:
    found = refused(client, "/v1/forecasts", body)
    assert any(place.startswith(pointer) and words in message for place, message in found), found


def test_example_forecasts_and_backtests_fit_and_so_do_their_answers(app: App) -> None:
    client = computing(app, here).test_client()
    document = client.get("/openapi.json").json
    for body in contract.FORECASTS.values():
        check(document, "ForecastRequest", body)
        check(document, "Forecast", forecast(client, **body))
    small = contract.BACKTESTS["a small suite"]
    for body in contract.BACKTESTS.values():
        check(document, "BacktestRequest", body)
    answer = client.post("/v1/backtests", json=small)
    assert answer.status_code == 200, answer.text
    check(document, "Backtest", answer.json)
    again = client.get(answer.headers["Location"], headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_stored_analyses_are_backtested_as_given_ones_are(app: App) -> None:
    client = computing(app, here).test_client()
    curves = suite("a", "b", "c", "d", "e")
    ids = [client.post("/v1/analyses", json=each).json["id"] for each in curves]
    given = client.post("/v1/backtests", json={"curves": curves}).json
    assert client.post("/v1/backtests", json={"ids": ids}).json == given
    assert (given["n_curves"], given["n_forecasts"], given["hidden_scales"]) == (5, 5, 1)
    assert {method["method"] for method in given["methods"]} >= {"scaleshape", "last_value", "broken_scaling_law"}


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ({}, "", "give one of them"),
        ({"curves": suite("a", "b")}, "/curves", "2 given, where 5 to 200 are taken"),
        ({"curves": [*suite("a", "b", "c", "d"), curve(scores=(0.1, 0.2))]}, "", "4 of 5 curves can be backtested"),
        ({"curves": suite(*"abcde"), "options": {"hidden_scales": 2}}, "", "0 of 5 curves can be backtested"),
        ({"curves": suite(*"abcde"), "options": {"hidden_scales": 6}}, "/options/hidden_scales", "between 1 and 5"),
        ({"from": {"suite": "nothing"}}, "/from", "0 stored analyses"),
        ({"ids": ["0" * 64] * 5}, "/ids", "more than once"),
    ],
)
def test_a_suite_that_is_too_small_is_refused(app: App, body: Any, pointer: str, words: str) -> None:
    client = computing(app, here).test_client()
    found = refused(client, "/v1/backtests", body)
    assert any(place.startswith(pointer) and words in message for place, message in found), found


def test_a_backtest_that_nobody_asked_for_is_not_there(client: Client) -> None:
    assert client.get("/v1/backtests/" + "0" * 64).status_code == 404
