import math
import statistics
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.curve_models import CURVE_MODELS
from models.metrics import ALIASES, REGISTRY
from service.calculators import curve_models, emergence_scores, registered_metrics, resolutions
from service.schemas.calculators import load_resolutions, load_scores
from tests.service.api.curves import Client

SHARES = st.lists(st.floats(0, 1), min_size=3, max_size=20)


@given(SHARES)
def test_the_emergence_score_is_the_signed_range_over_the_root_median_square_step(scores: list[float]) -> None:
    found = emergence_scores(load_scores({"scales": list(range(1, len(scores) + 1)), "scores": scores}))
    steps = [b - a for a, b in pairwise(scores)]
    sign = 1 if scores.index(max(scores)) > scores.index(min(scores)) else -1
    median = math.sqrt(statistics.median([step * step for step in steps]))
    if found["emergence_score"] is None:
        assert median <= 1e-12
        assert found["emergence_score_reason"]
    else:
        expected = sign * (max(scores) - min(scores)) / median
        assert found["emergence_score"] == pytest.approx(expected, rel=1e-6)


def test_scores_are_sorted_by_their_scale() -> None:
    mixed = emergence_scores(load_scores({"scales": [1e9, 1e8, 1e10], "scores": [0.2, 0.1, 0.9]}))
    assert mixed == emergence_scores(load_scores({"scales": [1e8, 1e9, 1e10], "scores": [0.1, 0.2, 0.9]}))


def test_steps_below_the_resolution_of_the_test_set_are_told() -> None:
    asked = {"scales": [1, 2, 3, 4], "scores": [0.0, 0.001, 0.002, 0.9]}
    assert emergence_scores(load_scores({**asked, "n_examples": [100] * 4}))["below_resolution"] is True
    assert emergence_scores(load_scores({**asked, "n_examples": [10_000] * 4}))["below_resolution"] is False
    assert emergence_scores(load_scores(asked))["below_resolution_reason"] == "n_examples_not_given"


@given(st.floats(0, 1), st.integers(1, 10**12), st.floats(0.5, 0.9999))
def test_what_a_test_set_can_show_is_in_order_and_finite(score: float, size: int, level: float) -> None:
    (item,) = resolutions(load_resolutions({"scores": [score], "n_examples": [size], "interval": level}))["items"]
    assert item["resolution"] == 1 / size
    assert 0 <= item["interval"]["lower"] <= item["interval"]["upper"] <= 1
    assert 0 <= item["wilson"]["lower"] <= item["wilson"]["upper"] <= 1
    assert 0 < item["upper_bound_at_zero"] <= 1
    assert item["n_needed"] is None or item["below_resolution"] == (size < item["n_needed"])


def test_the_rule_of_three_is_told() -> None:
    (item,) = resolutions(load_resolutions({"scores": [0.01], "n_examples": [20]}))["items"]
    assert (item["n_needed"], item["below_resolution"], item["resolution"]) == (300, True, 0.05)


def test_both_calculators_take_the_same_curve_and_a_scale_stands_beside_its_resolution(client: Client) -> None:
    asked = {"scales": [1e10, 1e8, 1e9], "scores": [0.9, 0.1, 0.2], "n_examples": [100, 200, 100]}
    assert client.post("/v1/emergence-scores", json=asked).status_code == 200
    items = client.post("/v1/resolutions", json=asked).json["items"]
    assert [(item["scale"], item["score"], item["n_examples"]) for item in items] == list(
        zip(*asked.values(), strict=True)
    )
    del asked["scales"]
    plain = client.post("/v1/resolutions", json=asked).json["items"]
    assert plain == [{name: value for name, value in item.items() if name != "scale"} for item in items]


def test_every_metric_and_every_curve_model_is_listed() -> None:
    metrics = registered_metrics()["items"]
    assert {metric["name"] for metric in metrics} == set(REGISTRY)
    assert sum(len(metric["aliases"]) for metric in metrics) == len(ALIASES)
    assert {model["name"] for model in curve_models()["items"]} == set(CURVE_MODELS)


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("emergence-scores", {"scales": [1, 2, 3], "scores": [0.1, 0.2]}, "/scores"),
        ("emergence-scores", {"scales": [1, 2], "scores": [0.1, 0.2]}, "/scales"),
        ("emergence-scores", {"scales": [1, 1, 2], "scores": [0.1, 0.2, 0.3]}, "/scales"),
        ("emergence-scores", {"scales": [1, 2, 3], "scores": [0.1, None, 0.2]}, "/scores/1"),
        ("emergence-scores", {"scales": [1, 2, 3], "scores": [0.1, 0.2, 0.3], "n_examples": [1, 2]}, "/n_examples"),
        ("resolutions", {"scores": [0.1], "n_examples": [0]}, "/n_examples/0"),
        ("resolutions", {"scores": [86], "n_examples": [10]}, "/scores/0"),
        ("resolutions", {"scores": [0.1, 0.2], "n_examples": [10]}, "/n_examples"),
        ("resolutions", {"scales": [1e8], "scores": [0.1, 0.2], "n_examples": [10, 10]}, "/scales"),
        ("resolutions", {"scales": [1e8, 0], "scores": [0.1, 0.2], "n_examples": [10, 10]}, "/scales/1"),
        ("resolutions", {"scores": [0.1], "n_examples": [10], "interval": 1}, "/interval"),
        ("resolutions", {"scores": [0.1], "n_examples": [10], "level": 0.9}, "/level"),
    ],
)
def test_wrong_values_are_named_by_their_pointer(
    client: Client, path: str, body: dict[str, object], pointer: str
) -> None:
    response = client.post(f"/v1/{path}", json=body)
    assert response.status_code == 422
    assert pointer in {error["pointer"] for error in response.json["errors"]}
