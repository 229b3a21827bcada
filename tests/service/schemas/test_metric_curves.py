"""Requests of metric curves: what is read, and what is refused with its place."""

import json
import re
from typing import Any

import pytest

from models.errors import InvalidInput
from service.contract.metric_examples import METRIC_CURVES
from service.metric_curves import metric_curves
from service.readers.json_text import parsed
from service.schemas.metric_curves import CurveAsked, OutputsAsked, PowerLawAsked, TokensAsked, load_metric_curves
from service.schemas.model_outputs import KINDS
from service.settings import Settings
from tests.service.api.curves import curve

LAW = METRIC_CURVES["power law"]
TOKENS, OPTIONS, ERRORS = (METRIC_CURVES[f"outputs: {name}"] for name in ("tokens", "options", "errors"))
BEHIND = METRIC_CURVES["behind an accuracy curve"]


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The document with another value at a JSON pointer."""
    copy = json.loads(json.dumps(document))
    *parents, last = path.strip("/").split("/")
    place = copy
    for key in parents:
        place = place[int(key) if isinstance(place, list) else key]
    place[int(last) if isinstance(place, list) else last] = value
    return dict(copy)


@pytest.mark.parametrize(
    ("body", "pointer", "told"),
    [
        ([], "", "not an object"),
        ({}, "", "none of them given"),
        ({**LAW, **TOKENS}, "", "power_law and outputs given"),
        ({**LAW, "answers": [0]}, "/answers", "means nothing beside power_law"),
        ({**LAW, "thing": 1}, "/thing", "unknown field"),
        ({**LAW, "target_length": 0}, "/target_length", "0 is not between 1"),
        ({**LAW, "target_length": None}, "/target_length", "missing"),
        ({**LAW, "n_options": 1}, "/n_options", "1 is not between 2"),
        ({**LAW, "scales": [1e8, 1e9]}, "/scales", "2 scales"),
        ({**LAW, "scales": [1e8, "1e9", 1e10]}, "/scales/1", "is a string"),
        ({**LAW, "power_law": {"c": 1e9}}, "/power_law", "c and alpha"),
        ({**LAW, "power_law": {"c": 1e9, "alpha": 0.5}}, "/power_law/alpha", "say -0.5"),
        ({"id": "x"}, "/id", "not an id"),
        ({"id": "0" * 64}, "/id", "belong to a server"),
        ({"curve": {"task": "a"}}, "/curve/points", "missing"),
        ({"curve": curve()}, "/target_length", "unknown"),
        ({"curve": {**curve(), "metric": {"name": "exact_match", "chance": 0.1}}}, "/curve/metric/chance", "no chance"),
        (changed(BEHIND, "/curve/options", {"engine": "nuts"}), "/curve/options/engine", "too slow"),
        ({"outputs": 3}, "/outputs", "not a list"),
        ({"outputs": TOKENS["outputs"][:2]}, "/outputs", "2 different scales"),
        (changed(TOKENS, "/outputs/1/scale", None), "/outputs/1/scale", "missing"),
        (changed(TOKENS, "/outputs/1/size", 3), "/outputs/1/size", "unknown field"),
        (changed(TOKENS, "/outputs/1/model", "size 0"), "/outputs/1", "is there already"),
        (changed(TOKENS, "/outputs/1/errors", [1.0]), "/outputs/1", "token_log_probabilities and errors given"),
        (
            changed(TOKENS, "/outputs/2/token_log_probabilities/3", [-1.0]),
            "/outputs/2/token_log_probabilities/3",
            "same",
        ),
        (
            changed(TOKENS, "/outputs/2/token_log_probabilities/3/0", 0.5),
            "/outputs/2/token_log_probabilities/3/0",
            "above",
        ),
        (
            changed(TOKENS, "/outputs/2/token_log_probabilities/3/0", "x"),
            "/outputs/2/token_log_probabilities/3/0",
            "number",
        ),
        (changed(TOKENS, "/outputs/0/greedy", [1] * 8), "/outputs/1/greedy", "given for other models"),
        (changed(TOKENS, "/outputs/0/greedy", [2] * 8), "/outputs/1/greedy", "given for other models"),
        ({**TOKENS, "answers": [0] * 8}, "/answers", "means nothing beside token_log_probabilities"),
        ({**TOKENS, "thresholds": [1.0]}, "/thresholds", "means nothing beside"),
        ({**TOKENS, "scale_kind": "pages"}, "/scale_kind", "none of"),
        ({**TOKENS, "smallest_effects": {"bleu": 1}}, "/smallest_effects/bleu", "no metric of these outputs"),
        ({**TOKENS, "smallest_effects": {"loss": -1}}, "/smallest_effects/loss", "not greater than 0"),
        ({**TOKENS, "options": {"smallest_effect": 0.1}}, "/options/smallest_effect", "smallest_effects"),
        ({**TOKENS, "options": {"engine": "nuts"}}, "/options/engine", "too slow"),
        ({**TOKENS, "options": {"between_model_scale": "suite"}}, "/options/between_model_scale", "many tasks"),
        ({**OPTIONS, "answers": None}, "/answers", "missing"),
        ({**OPTIONS, "answers": [0] * 7 + [3]}, "/answers/7", "not between 0 and 2"),
        ({**OPTIONS, "answers": [0] * 7 + [0.5]}, "/answers/7", "not a whole number"),
        (
            changed(OPTIONS, "/outputs/0/option_log_probabilities/0", [-1.0, -1.0, -1.0]),
            "/outputs/0/option_log_probabilities/0",
            "sum to 1.10364",
        ),
        (changed(ERRORS, "/outputs/0/errors/2", -1.0), "/outputs/0/errors/2", "at least 0"),
        ({**ERRORS, "thresholds": [0]}, "/thresholds/0", "not a positive"),
        ({**ERRORS, "thresholds": []}, "/thresholds", "0 given"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_with_its_place(body: Any, pointer: str, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        metric_curves(load_metric_curves(body, Settings()), None)
    errors = {problem.pointer: problem.message for problem in refused.value.problems}
    assert told in errors.get(pointer, f"not told: {errors}")


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e400"])
@pytest.mark.parametrize("document", [TOKENS, OPTIONS, ERRORS], ids=["tokens", "options", "errors"])
def test_what_is_no_finite_number_is_refused(document: dict[str, Any], literal: str) -> None:
    kind = next(name for name in KINDS if name in document["outputs"][0])
    text = json.dumps(document["outputs"][1][kind])
    number = re.search(r"-?[0-9.]+", text)
    assert number is not None
    spoilt = changed(document, f"/outputs/1/{kind}", parsed(text.replace(number[0], literal, 1)))
    with pytest.raises(InvalidInput, match="finite"):
        load_metric_curves(spoilt, Settings())


def test_null_is_the_same_as_not_given() -> None:
    plain = load_metric_curves(LAW, Settings())
    assert load_metric_curves({**LAW, "outputs": None, "thresholds": None, "id": None}, Settings()) == plain


def test_the_examples_of_the_contract_are_read_as_what_they_are() -> None:
    kinds = {name: type(load_metric_curves(body, Settings())) for name, body in METRIC_CURVES.items()}
    assert kinds["power law"] is PowerLawAsked
    assert kinds["log-probabilities of a token"] is TokensAsked
    assert kinds["behind an accuracy curve"] is CurveAsked
    assert {kinds[name] for name in kinds if name.startswith("outputs")} == {OutputsAsked}
