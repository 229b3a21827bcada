from typing import Any

import pytest

from service.contract import plans as contract
from tests.contract.test_contract import check
from tests.service.api.curves import App, Client, curve

DIPPED = (0.62, 0.55, 0.56, 0.63)
SMALL: dict[str, Any] = {"scales": [3e9], "n_examples": [200], "actions": ["new_scale"]}
STUDY: dict[str, Any] = {"change": "rise", "size": 0.6, "level": 0.2, "n_models": 4, "studies": 20}


def planned(client: Client, **body: Any) -> dict[str, Any]:
    answer = client.post("/v1/plans", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def refused(client: Client, **body: Any) -> list[dict[str, str]]:
    answer = client.post("/v1/plans", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.content_type == "application/problem+json"
    problems: list[dict[str, str]] = answer.json["errors"]
    return problems


def test_a_stored_analysis_and_its_curve_have_the_same_plan(client: Client) -> None:
    document = curve(scores=DIPPED)
    stored = client.post("/v1/analyses", json=document).json["id"]
    by_id = planned(client, id=stored, **SMALL)
    assert by_id == planned(client, curve=document, **SMALL)
    assert by_id["prospects"][0]["scale"] == 3e9


def test_a_plan_stores_nothing(client: Client) -> None:
    planned(client, curve=curve(scores=DIPPED), **SMALL)
    assert client.get("/v1/analyses").json["items"] == []


def test_the_examples_and_their_answers_fit_the_contract(app: App) -> None:
    client = app.test_client()
    described = client.get("/openapi.json").json
    for name, component in (("next", "NextPlan"), ("study", "SizePlan")):
        check(described, "PlanRequest", contract.PLANS[name])
        found = planned(client, **contract.PLANS[name])
        check(described, "Plan", found)
        check(described, component, found)


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ({}, "", "say what to plan"),
        ({"id": "x"}, "/id", "64 hexadecimal digits"),
        ({"id": "0" * 64}, "/id", "there is no analysis"),
        ({"curve": {"task": 5}}, "/curve/task", "not a string"),
        ({**STUDY, "scale": [1e9]}, "/scale", "did you mean scales?"),
        ({**STUDY, "size": 0.9}, "/size", "does not fit"),
        ({**STUDY, "size": "big"}, "/size", "not a number"),
        ({**STUDY, "probability": 1.5}, "/probability", "not a probability"),
        ({**STUDY, "n_models": 1}, "/n_models", "not between 2"),
        ({**STUDY, "scales": [1e9, 1e10]}, "/n_models", "give either"),
        ({**STUDY, "studies": 1000}, "/studies", "more than 40"),
        ({**STUDY, "n_models": 30}, "/n_models", "more than 20"),
        ({**STUDY, "actions": ["new_scale"]}, "/actions", "does not belong"),
        ({**STUDY, "options": {"engine": "nuts"}}, "/options/engine", "unknown field"),
        ({**STUDY, "options": {"between_model_scale": "suite"}}, "/options/between_model_scale", "needs at least"),
        ({**STUDY, "options": 5}, "/options", "not an object"),
    ],
)
def test_bad_requests_are_refused_by_name(client: Client, body: dict[str, Any], pointer: str, words: str) -> None:
    problems = refused(client, **body)
    assert any(problem["pointer"] == pointer and words in problem["message"] for problem in problems), problems


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"scales": [1e9]}, "/scales/0"),
        ({"scales": []}, "/scales"),
        ({"n_examples": [1.5]}, "/n_examples/0"),
        ({"n_examples": [10**12]}, "/n_examples/0"),
        ({"actions": ["wait"]}, "/actions/0"),
        ({"size": 0.1}, "/size"),
    ],
)
def test_candidates_that_cannot_be_are_refused(client: Client, more: dict[str, Any], pointer: str) -> None:
    problems = refused(client, curve=curve(scores=DIPPED), **more)
    assert pointer in [problem["pointer"] for problem in problems]
