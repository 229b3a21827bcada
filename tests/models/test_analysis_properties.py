"""Properties that every analysis has, on random curves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.analysis import analyze
from models.curve import ScalePoint, ScalingCurve
from models.metrics import Metric, MetricKind
from models.options import Options, Shape
from models.results import Analysis

ACCURACY = Metric("accuracy", MetricKind.PROPORTION)
ERROR_RATE = replace(ACCURACY, name="error_rate", higher_is_better=False)
SOME = settings(max_examples=25, deadline=None)


@st.composite
def curves(draw: st.DrawFn) -> ScalingCurve:
    """Curves of 3 to 7 scales with counts between none and all."""
    size = draw(st.integers(3, 7))
    n = draw(st.sampled_from([20, 300, 5000]))
    counts = draw(st.lists(st.integers(0, n), min_size=size, max_size=size))
    scales = 10 ** np.cumsum(draw(st.lists(st.floats(0.1, 1.5), min_size=size, max_size=size)))
    return _curve(ACCURACY, [(float(x), k, n) for x, k in zip(scales, counts, strict=True)])


def _curve(metric: Metric, rows: list[tuple[float, int, int]]) -> ScalingCurve:
    points = tuple(ScalePoint(scale=x, score=k / n, n_examples=n, n_correct=k) for x, k, n in rows)
    return ScalingCurve("task", metric, points)


def _rows(curve: ScalingCurve) -> list[tuple[float, int, int]]:
    return [(p.scale, p.n_correct or 0, p.n_examples or 0) for p in curve.points]


def _numbers(analysis: Analysis) -> tuple[object, ...]:
    """All that must not depend on how the same data are written down."""
    emergence, gap = analysis.emergence, analysis.emergence.explanations.scale_gap
    found = (
        replace(emergence.unpredictability, first_hidden_scale=None),
        replace(emergence.explanations, scale_gap=replace(gap, lower_scale=None, upper_scale=None)),
    )
    rest = replace(emergence, unpredictability=found[0], explanations=found[1])
    return analysis.classification, analysis.effects, rest, analysis.fit.models


def _scales(analysis: Analysis) -> list[float]:
    """All positions, in the unit of the scale."""
    emergence, gap = analysis.emergence, analysis.emergence.explanations.scale_gap
    given = (
        analysis.u_turn.scale.estimate,
        analysis.inverted_u_turn.scale.estimate,
        emergence.unpredictability.first_hidden_scale,
        gap.lower_scale,
        gap.upper_scale,
    )
    return [-1.0 if scale is None else scale for scale in given]


@SOME
@given(curves(), st.randoms(use_true_random=False))
def test_the_order_of_points_changes_nothing(curve: ScalingCurve, random: object) -> None:
    rows = _rows(curve)
    random.shuffle(rows)  # type: ignore[attr-defined]  # hypothesis types its Random loosely
    assert analyze(curve, Options()) == analyze(_curve(ACCURACY, rows), Options())


@SOME
@given(curves())
def test_the_unit_of_scale_changes_nothing_but_the_unit(curve: ScalingCurve) -> None:
    plain = analyze(curve, Options())
    moved = analyze(_curve(ACCURACY, [(1024 * x, k, n) for x, k, n in _rows(curve)]), Options())
    assert _numbers(plain) == _numbers(moved)
    assert [scale / 1024 if scale > 0 else scale for scale in _scales(moved)] == pytest.approx(_scales(plain))


@SOME
@given(curves())
def test_an_error_rate_is_the_accuracy_seen_from_below(curve: ScalingCurve) -> None:
    accuracy = analyze(curve, Options())
    errors = analyze(_curve(ERROR_RATE, [(x, n - k, n) for x, k, n in _rows(curve)]), Options())
    assert errors.classification.label == accuracy.classification.label
    for shape in Shape:
        there, here = errors.classification.probabilities[shape], accuracy.classification.probabilities[shape]
        assert there == pytest.approx(here, abs=1e-6)
    assert [1 - g.estimate for g in errors.fit.grid] == pytest.approx([g.estimate for g in accuracy.fit.grid], abs=1e-6)


@SOME
@given(curves())
def test_probabilities_sum_to_one_and_the_label_is_the_most_probable_shape_or_none(curve: ScalingCurve) -> None:
    label = analyze(curve, Options()).classification
    assert sum(label.probabilities.values()) == pytest.approx(1)
    assert label.most_probable is max(label.probabilities, key=lambda shape: label.probabilities[shape])
    assert label.label in {label.most_probable.value, "undetermined"}
    assert label.label == "undetermined" or label.probability >= 0.8


@pytest.mark.slow
def test_more_data_narrow_the_intervals_down_to_the_between_model_variation() -> None:
    """Median width of the net change over random U curves, at 100, 2 000, 40 000 and 10^7 examples a model."""
    rng = np.random.default_rng(3)
    widths = []
    for n in (100, 2000, 40_000, 10_000_000):
        found = []
        for _ in range(12):
            level = 0.6 + 0.15 * rng.normal(size=1) + 0.3 * (np.linspace(0, 1, 8) - rng.uniform(0.3, 0.7)) ** 2
            true = np.clip(level + rng.normal(0, 0.01, 8), 0.02, 0.98)
            rows = [(10.0**i, int(rng.binomial(n, p)), n) for i, p in enumerate(true)]
            change = analyze(_curve(ACCURACY, rows), Options(between_model_scale=0.03)).effects.net_change
            assert change.upper is not None
            assert change.lower is not None
            found.append(change.upper - change.lower)
        widths.append(float(np.median(found)))
    assert widths[0] > widths[1] > widths[2]
    assert widths[3] == pytest.approx(widths[2], rel=0.5)
    assert widths[3] > 0.01


def test_the_same_input_gives_the_same_numbers_twice() -> None:
    curve = _curve(ACCURACY, [(1e8, 30, 100), (1e9, 20, 100), (1e10, 60, 100)])
    assert analyze(curve, Options()) == analyze(curve, Options())
