"""The reasons for which a curve has no label, and what Bayes factors between classes are over."""

from __future__ import annotations

from models.analysis import analyze
from models.classification import MCSE_MARGIN
from models.curve import ScalePoint, ScalingCurve
from models.metrics import REGISTRY
from models.options import UNDETERMINED, Options, Shape
from models.pool import EVIDENCE_POWER
from models.results import LogBayesFactor


def test_a_probability_above_the_threshold_by_less_than_its_error_has_a_reason_of_its_own() -> None:
    points = tuple(ScalePoint(x, y, 300) for x, y in ((1e8, 0.5), (4e8, 0.6), (1.6e9, 0.7)))
    curve = ScalingCurve("task", REGISTRY["accuracy"], points)
    found = analyze(curve, Options()).classification
    between = found.probability - MCSE_MARGIN * found.probability_mcse / 2
    near = analyze(curve, Options(decision_threshold=between)).classification
    assert (near.label, near.reasons) == (UNDETERMINED, ("within_monte_carlo_error",))
    above = analyze(curve, Options(decision_threshold=found.probability + 0.01)).classification
    assert (above.label, above.reasons) == (UNDETERMINED, ("below_decision_threshold",))


def test_log_bayes_factors_are_over_the_largest_evidence_whichever_class_the_prior_makes_the_most_probable() -> None:
    points = tuple(ScalePoint(10.0 ** (8 + i), y, 400) for i, y in enumerate((0.5, 0.51, 0.505, 0.51)))
    curve = ScalingCurve("task", REGISTRY["accuracy"], points)
    prior = dict(zip(Shape, (0.3, 0.3, 0.2, 0.19, 0.01), strict=True))
    found, usual = (analyze(curve, options).classification for options in (Options(class_prior=prior), Options()))
    assert (found.most_probable, usual.most_probable) == (Shape.POSITIVE, Shape.FLAT)
    assert found.log_bayes_factors[Shape.FLAT].estimate == 0
    assert (found.log_bayes_factors[Shape.POSITIVE].estimate or 0) < -1


def test_the_description_of_a_log_bayes_factor_names_the_power_that_evidences_count_by() -> None:
    said = (LogBayesFactor.__doc__ or "").partition("\n")[0]
    assert "over the largest evidence" in said
    assert f"to the power {EVIDENCE_POWER:g} " in said
