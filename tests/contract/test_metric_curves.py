"""Metric curves keep to the contract."""

from typing import Any

import pytest
from jsonschema_rs import validator_for

from service.contract.metric_examples import METRIC_CURVES
from tests.service.api.curves import App


@pytest.fixture
def contract(app: App) -> dict[str, Any]:
    document: dict[str, Any] = app.test_client().get("/openapi.json").json
    return document


def check(contract: dict[str, Any], name: str, instance: object) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": contract["components"]}
    validator_for(schema).validate(instance)


@pytest.mark.parametrize("name", METRIC_CURVES)
def test_an_example_of_metric_curves_fits_and_so_does_its_answer(app: App, contract: dict[str, Any], name: str) -> None:
    document = METRIC_CURVES[name]
    check(contract, "MetricCurvesRequest", document)
    found = app.test_client().post("/v1/metric-curves", json=document)
    assert found.status_code == 200, found.text
    check(contract, "MetricCurves", found.json)
    check(contract, "RescoredOutputs" if "outputs" in document else "PredictedMetrics", found.json)
    assert found.json["summary"].endswith(".")
