import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.curve import ScalingCurve
from models.errors import EngineError
from models.explanations import unexplained
from models.options import Options, Shape
from models.results import (
    Analysis,
    Classification,
    Diagnostics,
    Effects,
    Emergence,
    EmergenceNull,
    EmergenceScore,
    Fit,
    FittedModel,
    Frequentist,
    GlmCheck,
    GridPoint,
    Interval,
    LindMehlumCheck,
    LogBayesFactor,
    PointReport,
    Provenance,
    Range,
    Sharpness,
    Turn,
    TwoLinesCheck,
    Unpredictability,
    Verdict,
    Warned,
)
from service.schemas.analysis import analysis_document, analysis_identity, resolved_options
from service.schemas.curve import load_curve
from service.schemas.options import load_options

INTERVAL = Interval(0.3, 0.1, 0.4)
NO_INTERVAL = Interval(None, None, None, "shape_improbable")


def _curve() -> ScalingCurve:
    points = [{"scale": 1e8 * 4**i, "score": 0.1 * i, "n_examples": 300} for i in range(8)]
    return load_curve({"task": "addition", "metric": "exact_match", "points": points}).curve


def _turn(interval: Interval) -> Turn:
    return Turn(
        probability=0.001,
        scale=interval,
        bottom=Range(interval.lower, interval.upper, interval.reason),
        dip=interval,
        recovery=interval,
        end_minus_start=interval,
        probability_end_above_start=0.5,
        probability_end_above_chance_reason="chance_unknown",
        probability_no_turn_below_largest_reason="shape_improbable",
    )


def _point(scale: float, score: float) -> PointReport:
    return PointReport(
        model=None,
        scale=scale,
        score=score,
        n_examples=300,
        stderr=None,
        n_correct=None,
        interval=Range(0.0, 0.4),
        wilson=Range(0.0, 0.4),
        fitted=INTERVAL,
        resolution=1 / 300,
        below_resolution=False,
        n_needed_reason="fitted_score_zero",
        count_residual=0.0,
    )


def _emergence() -> Emergence:
    width = Interval(1.5, 0.8, None)
    return Emergence(
        score=EmergenceScore(52.1, None, 12.0, None, "median", "denominator_near_zero"),
        linearity=EmergenceScore(3.1, 3.0, 2.0, 4.0, "root_mean_square"),
        null=EmergenceNull(0.001, 0.02),
        largest_step_share=None,
        largest_step_share_reason="no_rise",
        sharpness=Sharpness(width, INTERVAL, 0.9),
        unpredictability=Unpredictability(None, None, None, "not_sharp"),
        explanations=unexplained("not_sharp"),
        verdict=Verdict.NOT_EMERGENT,
        verdict_reasons=("not_sharp",),
    )


def _classification() -> Classification:
    return Classification(
        label="positive",
        most_probable=Shape.POSITIVE,
        probability=0.99,
        probability_mcse=0.001,
        probabilities=dict.fromkeys(Shape, np.float64(0.2)),
        log_bayes_factors=dict.fromkeys(Shape, LogBayesFactor(-3.0)),
        prior_sensitivity=Range(0.98, 0.99),
        smallest_effect_sensitivity={"halved": "positive", "doubled": "positive"},
        robust=True,
        erratic=False,
    )


def _analysis() -> Analysis:
    curve = _curve()
    parameters = {"level": INTERVAL, "turn": INTERVAL, "width": INTERVAL, "variation": INTERVAL}
    return Analysis(
        curve=curve,
        options=Options(),
        summary="Rises.",
        classification=_classification(),
        effects=Effects(INTERVAL, INTERVAL, INTERVAL, INTERVAL),
        u_turn=_turn(NO_INTERVAL),
        inverted_u_turn=_turn(INTERVAL),
        emergence=_emergence(),
        points=tuple(_point(point.scale, point.score) for point in curve.points),
        fit=Fit(
            tuple(GridPoint(1e8 * 1.1**i, 0.2, 0.1, 0.3) for i in range(41)),
            tuple(FittedModel(f"model {i}", 0.125, -41.2, parameters) for i in range(8)),
            INTERVAL,
        ),
        frequentist=Frequentist(
            GlmCheck("not_applicable", "too_few_scales"),
            LindMehlumCheck("computed", p_value=0.3, turn=Interval(None, None, None, "no_extreme")),
            TwoLinesCheck("not_applicable", "too_few_scales"),
        ),
        diagnostics=Diagnostics("quadrature", 0.2, 2400.0, dict.fromkeys(Shape, 300.0), (Warned("a", "b"),)),
        provenance=Provenance("0.1.0", 1, "00", 0, 2048, 0.03, "default", 0.02, {"constant": {"level": "U(0, 1)"}}),
    )


def _document(analysis: Analysis, warnings: tuple[Warned, ...] = ()) -> dict[str, Any]:
    return analysis_document(
        analysis, identifier="x", created_at="2026-01-01T00:00:00Z", elapsed_s=0.01, warnings=warnings
    )


def _objects(value: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield place, value
        for name, inner in value.items():
            yield from _objects(inner, f"{place}/{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _objects(inner, f"{place}/{index}")


def test_every_null_has_a_reason_and_every_reason_a_null() -> None:
    for place, record in _objects(_document(_analysis())):
        nulls = {name for name, value in record.items() if value is None}
        explained = {name.removesuffix("_reason") for name in record if name.endswith("_reason")}
        assert explained <= nulls, place
        assert "reason" in record or explained == nulls, place
        assert record.get("reason", "") is not None, place
        if "reason" in record and set(record) - {"reason", "status", "model_based", "normaliser"}:
            assert nulls, place


def test_every_value_is_a_plain_finite_json_value() -> None:
    document = _document(_analysis())
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    for place, record in _objects(document):
        for name, value in record.items():
            assert type(value) in (dict, list, str, int, float, bool, type(None)), f"{place}/{name}"


def test_field_names_and_order_are_those_of_the_contract() -> None:
    document = _document(_analysis())
    assert list(document) == [
        "id",
        "status",
        "created_at",
        "curve",
        "options",
        "summary",
        "classification",
        "effects",
        "u_turn",
        "inverted_u_turn",
        "emergence",
        "points",
        "fit",
        "frequentist",
        "decomposition",
        "decomposition_reason",
        "diagnostics",
        "provenance",
    ]
    names = [name for name in document["points"][0] if not name.endswith("_reason")]
    assert names[:4] == ["model", "scale", "score", "n_examples"]
    assert document["points"][0]["model_reason"] == "not_given"
    assert document["u_turn"]["scale"] == {"estimate": None, "lower": None, "upper": None, "reason": "shape_improbable"}
    assert document["emergence"]["unpredictability"]["reason"] == "not_sharp"
    assert document["emergence"]["verdict"] == "not_emergent"
    assert list(document["classification"]["probabilities"]) == [str(shape) for shape in Shape]
    assert document["provenance"]["elapsed_s"] == 0.01


def test_figures_of_the_other_engine_are_left_out() -> None:
    analysis = _analysis()
    sampled = replace(analysis, diagnostics=replace(analysis.diagnostics, r_hat=1.001, divergences=0))
    assert "r_hat" not in _document(analysis)["diagnostics"]
    assert _document(sampled)["diagnostics"]["divergences"] == 0


def test_warnings_from_reading_come_first() -> None:
    document = _document(_analysis(), (Warned("metric_assumed_proportion", "m"),))
    assert [warning["code"] for warning in document["diagnostics"]["warnings"]] == ["metric_assumed_proportion", "a"]


def test_a_nan_never_crosses_the_border() -> None:
    analysis = _analysis()
    with pytest.raises(EngineError, match="nan"):
        _document(replace(analysis, effects=replace(analysis.effects, net_change=Interval(math.nan, 0.0, 1.0))))


def test_the_curve_and_options_of_a_response_can_be_sent_again() -> None:
    document = _document(_analysis())
    again = load_curve({**document["curve"], "options": document["options"]})
    assert again.curve == _curve()
    options = load_options(again.options)
    assert resolved_options(options, smallest_effect=0.02, between_model_scale=0.03) == document["options"]


def test_identity_depends_on_curve_options_and_version_but_not_on_the_order_of_points() -> None:
    curve = _curve()
    resolved = resolved_options(Options(), smallest_effect=0.02, between_model_scale=0.03)
    reordered = replace(curve, points=curve.points[::-1])
    identity = analysis_identity(curve, resolved, 1)
    assert len(identity) == 64
    assert analysis_identity(reordered, resolved, 1) == identity
    others = (
        analysis_identity(replace(curve, task="other"), resolved, 1),
        analysis_identity(curve, {**resolved, "between_model_scale": 0.04}, 1),
        analysis_identity(curve, resolved, 2),
    )
    assert len({identity, *others}) == 4
