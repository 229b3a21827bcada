import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema_rs import validator_for
from openapi_spec_validator import OpenAPIV31SpecValidator

from models.options import DEFAULT_CLASS_PRIOR, Options
from service.contract import examples
from service.openapi import openapi_text
from service.parts import EXTENSION
from service.schemas.curve import CURVE_FIELDS
from service.schemas.metric import METRIC_FIELDS
from service.schemas.points import READ
from service.store.filters import FILTER_FIELDS
from tests.service.api.curves import App, Client
from tests.service.api.suites import finished_batch, some_curves

FILE = Path(__file__).parents[2] / "openapi.yaml"
METHODS = ("get", "post", "delete", "put", "patch")
REMEDY = "write it anew: scaleshape openapi > openapi.yaml"


@pytest.fixture
def contract(app: App) -> dict[str, Any]:
    document: dict[str, Any] = app.test_client().get("/openapi.json").json
    return document


def operations(contract: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in contract["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield f"{method} {path}", operation


def check(contract: dict[str, Any], name: str, instance: object) -> None:
    """Raise where an instance does not fit a component of the contract."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": contract["components"]}
    validator_for(schema).validate(instance)


def test_the_committed_contract_is_the_one_that_the_code_makes(app: App) -> None:
    assert FILE.read_text() == openapi_text(app.extensions["contract"]), REMEDY


def test_the_contract_that_is_served_is_the_committed_one(contract: dict[str, Any]) -> None:
    assert yaml.safe_load(FILE.read_text()) == contract


def test_the_contract_is_valid_openapi(contract: dict[str, Any]) -> None:
    assert contract["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(contract).iter_errors()) == []


def test_every_operation_has_a_name_a_summary_and_problem_documents_as_errors(contract: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(contract)]
    assert len(names) == len(set(names)) >= 18
    for label, operation in operations(contract):
        assert operation["summary"].endswith("."), label
        assert operation["tags"], label
        assert "default" in operation["responses"], label
        for status, response in operation["responses"].items():
            if status == "default" or int(status) >= 400:
                assert response["$ref"].startswith("#/components/responses/"), (label, status)
            else:
                assert response["description"], (label, status)
    for response in contract["components"]["responses"].values():
        assert list(response["content"]) == ["application/problem+json"]


def test_every_parameter_is_described(contract: dict[str, Any]) -> None:
    for label, operation in operations(contract):
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (label, parameter["name"])


def test_every_component_is_used(contract: dict[str, Any]) -> None:
    text = str(contract)
    for name in contract["components"]["schemas"]:
        assert f"#/components/schemas/{name}'" in text, name


def test_every_route_of_the_api_is_in_the_contract(app: App, contract: dict[str, Any]) -> None:
    routes = {
        rule.rule.replace("<string:", "{").replace(">", "}")
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(("/v1/", "/health/", "/metrics"))
    }
    assert routes == set(contract["paths"])


def test_the_fields_of_the_contract_are_those_that_are_read(contract: dict[str, Any]) -> None:
    schemas = contract["components"]["schemas"]
    assert set(schemas["Curve"]["properties"]) == set(CURVE_FIELDS)
    assert set(schemas["Metric"]["properties"]) == set(METRIC_FIELDS)
    assert set(schemas["Point"]["properties"]) == set(READ)
    assert set(schemas["Options"]["properties"]) == set(Options.__slots__)
    assert set(schemas["AnalysisFilter"]["properties"]) == set(FILTER_FIELDS)
    listed = next(operation for label, operation in operations(contract) if label == "get /v1/analyses")
    query = {parameter["name"] for parameter in listed["parameters"] if parameter["in"] == "query"}
    assert query == {*FILTER_FIELDS, "limit", "cursor", "sort"}


def test_a_standard_error_of_zero_beside_n_is_read_and_fits_and_the_contract_says_where_one_counts(
    app: App, contract: dict[str, Any]
) -> None:
    points = [{"scale": 10.0 ** (8 + i), "score": i, "n_examples": 300, "stderr": 0} for i in range(2)]
    document = {"task": "addition", "metric": "accuracy", "points": points}
    check(contract, "Curve", document)
    assert app.test_client().post("/v1/analyses", json=document).status_code == 201
    said = contract["components"]["schemas"]["Point"]["properties"]["stderr"]["description"]
    assert "larger than theirs is used in their place" in said


@pytest.mark.parametrize("name", examples.CURVES)
def test_an_example_curve_fits_and_so_does_its_analysis(app: App, contract: dict[str, Any], name: str) -> None:
    client, document = app.test_client(), examples.CURVES[name]
    check(contract, "Curve", document)
    made = client.post("/v1/analyses", json=document)
    assert made.status_code == 201, made.text
    check(contract, "Analysis", made.json)
    check(contract, "AnyAnalysis", made.json)
    check(contract, "Curve", made.json["curve"])
    assert made.json["options"]["class_prior"] == {shape.value: p for shape, p in DEFAULT_CLASS_PRIOR.items()}
    check(contract, "AnalysisPage", client.get("/v1/analyses").json)
    resent = client.post("/v1/analyses", json={**made.json["curve"], "options": made.json["options"]})
    assert (resent.status_code, resent.json["id"]) == (200, made.json["id"])


def test_example_batches_fit_and_so_do_their_answers(app: App, contract: dict[str, Any]) -> None:
    client = app.test_client()
    client.post("/v1/analyses", json=examples.CURVE)
    made = []
    for document in examples.BATCHES.values():
        check(contract, "BatchRequest", document)
        made.append(client.post("/v1/batches", json=document))
    made += [
        client.post("/v1/batches", data=text, content_type="application/x-ndjson") for text in examples.NDJSON.values()
    ]
    made += [client.post("/v1/batches", data=text, content_type="text/csv") for text in examples.CSV.values()]
    form = {"file": (io.BytesIO(examples.CSV["one curve"].encode()), "curves.csv"), "format": "csv"}
    made.append(client.post("/v1/batches", data=form, content_type="multipart/form-data"))
    for response in made:
        assert response.status_code == 202, response.text
        check(contract, "AcceptedBatch", response.json)
        check_batch(client, contract, response.headers["Location"])
    check(contract, "BatchPage", client.get("/v1/batches").json)


def check_batch(client: Client, contract: dict[str, Any], address: str) -> None:
    batch = client.get(address).json
    check(contract, "Batch", batch)
    assert batch["counts"]["failed"] == 0
    check(contract, "ChangePage", client.get(f"{address}/changes").json)
    client.delete(address)
    results = client.get(f"{address}/results").json
    assert len(results["items"]) == batch["counts"]["total"]
    check(contract, "BatchResultPage", results)


def test_a_waiting_analysis_fits(app: App, contract: dict[str, Any]) -> None:
    client = app.test_client()
    accepted = client.post("/v1/analyses", json=examples.CURVE, headers={"Prefer": "respond-async"})
    check(contract, "AcceptedAnalysis", accepted.json)
    check(contract, "WaitingAnalysis", client.get(accepted.headers["Location"]).json)


def test_calculators_and_registries_fit(app: App, contract: dict[str, Any]) -> None:
    client = app.test_client()
    check(contract, "EmergenceScoreRequest", examples.SCORES["a jump"])
    check(contract, "EmergenceScores", client.post("/v1/emergence-scores", json=examples.SCORES["a jump"]).json)
    for document in examples.RESOLUTIONS.values():
        check(contract, "ResolutionRequest", document)
        check(contract, "Resolutions", client.post("/v1/resolutions", json=document).json)
    check(contract, "MetricList", client.get("/v1/metrics").json)
    check(contract, "CurveModelList", client.get("/v1/curve-models").json)
    check(contract, "Health", client.get("/health/ready").json)


def test_meta_analyses_and_comparisons_fit(app: App, contract: dict[str, Any]) -> None:
    client = app.test_client()
    for more in ({}, {"prompting": "zero-shot"}):
        client.post("/v1/analyses", json={**examples.CURVE, **more})
    for name, document in examples.META_ANALYSES.items():
        check(contract, "MetaAnalysisRequest", document)
        found = client.post("/v1/meta-analyses", json=document)
        assert found.status_code == 200, (name, found.text)
        check(contract, "MetaAnalysis", found.json)
        check(contract, "PooledEstimates" if name == "estimates" else "SuiteSummary", found.json)
    for document in examples.COMPARISONS.values():
        check(contract, "ComparisonRequest", document)
        check(contract, "CurveComparison", client.post("/v1/comparisons", json=document).json)


def test_the_summary_of_a_batch_fits(app: App, contract: dict[str, Any]) -> None:
    client, database = app.test_client(), app.extensions[EXTENSION].database
    batch = finished_batch(client, database, some_curves())
    check(contract, "SuiteSummary", client.get(f"/v1/batches/{batch}/summary").json)


def test_problem_documents_fit(app: App, contract: dict[str, Any]) -> None:
    client = app.test_client()
    for response in (
        client.get("/v1/analyses/x"),
        client.get("/v1/analyses?limit=0"),
        client.post("/v1/analyses", json={"task": 5}),
        client.put("/v1/analyses"),
    ):
        check(contract, "Problem", response.json)
