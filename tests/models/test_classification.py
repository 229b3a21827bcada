"""The reasons for which a curve has no label."""

from __future__ import annotations

from models.analysis import analyze
from models.classification import MCSE_MARGIN
from models.curve import ScalePoint, ScalingCurve
from models.metrics import REGISTRY
from models.options import UNDETERMINED, Options


def test_a_probability_above_the_threshold_by_less_than_its_error_has_a_reason_of_its_own() -> None:
    points = tuple(ScalePoint(x, y, 300) for x, y in ((1e8, 0.5), (4e8, 0.6), (1.6e9, 0.7)))
    curve = ScalingCurve("task", REGISTRY["accuracy"], points)
    found = analyze(curve, Options()).classification
    between = found.probability - MCSE_MARGIN * found.probability_mcse / 2
    near = analyze(curve, Options(decision_threshold=between)).classification
    assert (near.label, near.reasons) == (UNDETERMINED, ("within_monte_carlo_error",))
    above = analyze(curve, Options(decision_threshold=found.probability + 0.01)).classification
    assert (above.label, above.reasons) == (UNDETERMINED, ("below_decision_threshold",))
