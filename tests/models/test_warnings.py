"""Warnings that follow from a curve alone."""

from __future__ import annotations

import pytest

from models.curve import ScalePoint, ScalingCurve
from models.likelihood import observe
from models.metrics import REGISTRY
from models.options import Options
from models.warnings import curve_warnings

ACCURACY = REGISTRY["accuracy"]


def warned(*points: ScalePoint) -> dict[str, str]:
    """Messages by code."""
    curve = ScalingCurve("task", ACCURACY, points)
    return {found.code: found.message for found in curve_warnings(curve, observe(curve, Options()))}


def test_scores_that_no_count_gives_are_told_with_their_number() -> None:
    found = warned(ScalePoint(1.0, 0.5, 7), ScalePoint(2.0, 0.714, 7), ScalePoint(3.0, 0.7512, 20))
    assert found["score_not_a_count"].startswith("2 of 3 scores are no whole count of n_examples")


@pytest.mark.parametrize("score", [0.71, 0.714, 5 / 7, 0.7142857])
def test_a_score_rounded_to_its_digits_is_a_count(score: float) -> None:
    assert "score_not_a_count" not in warned(ScalePoint(1.0, 2 / 7, 7), ScalePoint(2.0, score, 7))


def test_a_score_within_the_tolerance_of_counts_is_one() -> None:
    single_precision = 0.3330000042915344
    assert "score_not_a_count" not in warned(ScalePoint(1.0, 0.2, 1000), ScalePoint(2.0, single_precision, 1000))
