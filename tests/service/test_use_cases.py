import math
import random
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from models.between_model import NODES, ResolvedScale
from models.curve import ScalePoint, ScalingCurve
from models.errors import EngineError, InvalidCurve, InvalidOptions, Problem
from models.metrics import MetricKind, registered
from models.options import SUITE_SAMPLE, Options
from service.errors import problem_document
from service.identities import identity, resolved, suite_scale
from service.sampling import Suite, sampled, sampling_key
from service.schemas.curve import LoadedCurve
from service.schemas.options import load_options
from service.use_cases import analyze_curve, answer_document, evidence_on_scale


def curve_of(task: str, scores: tuple[float, ...] = (0.2, 0.5, 0.8), unit: float = 1e6) -> ScalingCurve:
    metric = registered("accuracy")
    assert metric is not None
    points = tuple(ScalePoint(unit * 10**i, score, n_examples=100) for i, score in enumerate(scores))
    return ScalingCurve(task, metric, points)


def suite_of(evidence: Mapping[str, tuple[float, ...]]) -> Suite:
    return Suite(tuple(np.sum(list(evidence.values()), axis=0).tolist()), evidence)


def test_the_sampling_key_is_blind_to_order_and_unit_of_the_scale_and_sees_all_else() -> None:
    curve = curve_of("a")
    assert sampling_key(replace(curve, points=curve.points[::-1])) == sampling_key(curve)
    assert sampling_key(curve_of("a", unit=1e9)) == sampling_key(curve)
    assert sampling_key(curve_of("b")) != sampling_key(curve)
    assert sampling_key(curve_of("a", (0.2, 0.5, 0.81))) != sampling_key(curve)


def test_the_sample_is_bounded_and_does_not_depend_on_the_order() -> None:
    keys = [f"{random.Random(i).getrandbits(64):016x}" for i in range(5 * SUITE_SAMPLE)]  # noqa: S311 - no secrets
    first = sampled((key, key) for key in keys)
    second = sampled((key, key) for key in reversed(keys))
    assert list(first.items()) == list(second.items())
    assert len(first) == SUITE_SAMPLE
    assert list(first) == sorted(keys)[:SUITE_SAMPLE]


def test_a_curve_counts_once_in_a_sample_however_often_it_comes() -> None:
    assert sampled([("k", 1), ("k", 2)]) == {"k": 1}


def test_the_scale_for_a_curve_leaves_out_its_own_evidence() -> None:
    wide = tuple((10.0 * np.arange(len(NODES))).tolist())
    curve, other = curve_of("wide"), curve_of("other")
    suite = suite_of({sampling_key(curve): wide, sampling_key(other): (0.0,) * len(NODES)})
    without, everything = suite_scale(suite, curve), suite_scale(suite, curve_of("not sampled"))
    assert (without.source, everything.source) == ("suite", "suite")
    assert without.value == pytest.approx(0.03, rel=0.01)
    assert everything.value > 2 * without.value


def test_evidence_of_a_scattered_curve_favours_a_larger_scale_than_that_of_a_smooth_one() -> None:
    smooth = evidence_on_scale(curve_of("smooth", (0.50, 0.51, 0.50, 0.51, 0.50)), Options())
    scattered = evidence_on_scale(curve_of("scattered", (0.9, 0.1, 0.8, 0.2, 0.9)), Options())
    assert len(smooth) == len(NODES)
    assert all(map(math.isfinite, smooth + scattered))
    assert scattered[-1] - scattered[0] > smooth[-1] - smooth[0]


def test_the_scale_of_the_suite_is_recorded_in_the_analysis() -> None:
    curve = curve_of("a")
    suite = suite_of({"other": tuple(np.linspace(0, 20, len(NODES)).tolist())})
    analysis = analyze_curve(curve, Options(), suite)
    assert analysis.provenance.between_model_scale_source == "suite"
    assert analysis.provenance.between_model_scale == suite_scale(suite, curve).value
    assert analyze_curve(curve, Options()).provenance.between_model_scale_source == "default"


def test_each_error_has_its_problem_document() -> None:
    problem = Problem("/points/0/score", "is wrong")
    document = problem_document(InvalidCurve([problem]))
    assert document == {
        "type": "/problems/invalid-curve",
        "title": "The curve cannot be used",
        "status": 422,
        "detail": "/points/0/score: is wrong",
        "errors": [{"pointer": "/points/0/score", "message": "is wrong"}],
    }
    assert problem_document(InvalidOptions([problem]))["type"] == "/problems/invalid-options"
    failed = problem_document(EngineError("broke"))
    assert (failed["status"], failed["detail"], "errors" in failed) == (500, "broke", False)


@pytest.mark.parametrize(
    "given", [{}, {"seed": 7, "interval": 0.9}, {"smallest_effect": 0.0371}, {"between_model_scale": 0.0517}]
)
def test_the_identity_is_known_before_the_analysis(given: Mapping[str, object]) -> None:
    metric = registered("accuracy")
    assert metric is not None
    shifted = replace(metric, name="shifted", kind=MetricKind.BOUNDED, lower=0.1, upper=0.83, chance=None)
    for curve in (curve_of("a"), replace(curve_of("b"), metric=shifted)):
        options = load_options(given)
        document = answer_document(LoadedCurve(curve, given, ()), options)
        assert document["options"] == resolved(curve, options)
        assert document["id"] == identity(curve, options)
        assert document["options"]["smallest_effect"] == document["provenance"]["smallest_effect"]


def test_the_identity_under_a_suite_is_that_of_its_scale() -> None:
    curve, options = curve_of("a"), Options()
    scale = ResolvedScale(0.0456, "suite")
    document = answer_document(LoadedCurve(curve, {}, ()), options, scale)
    assert document["id"] == identity(curve, options, scale) != identity(curve, options)
    assert document["id"] == identity(curve, Options(between_model_scale=0.0456)), (
        "asked for as a number, it is the same"
    )
    assert document["provenance"]["between_model_scale_source"] == "suite"


def test_a_curve_that_asks_for_a_suite_without_one_has_no_identity() -> None:
    with pytest.raises(InvalidOptions, match="analysed together"):
        identity(curve_of("a"), Options(between_model_scale="suite"))
