"""Frequentist cross-checks: three tests of shape that use none of the priors, each with the gate it needs."""

from models.crosschecks.glm import glm_check
from models.crosschecks.lind_mehlum import lind_mehlum_check
from models.crosschecks.regression import NotApplicable, Polynomials, polynomials
from models.crosschecks.two_lines import two_lines_check
from models.curve import ScalingCurve
from models.likelihood import Observations
from models.results import Frequentist, GlmCheck, LindMehlumCheck, TwoLinesCheck

NOT_APPLICABLE = "not_applicable"
MINIMUM_SCALES = 5  # two degrees of freedom are left for the dispersion beside a quadratic
MINIMUM_SCALES_TWO_LINES = 8  # four on each side of the break, two of them left for the dispersion of each line


def crosschecks(curve: ScalingCurve, observations: Observations, level: float) -> Frequentist:
    """All checks, on performance: higher is better; intervals at `level`."""
    try:
        fits = _fits(curve, observations)
    except NotApplicable as refusal:
        status, reason = NOT_APPLICABLE, refusal.reason
        return Frequentist(
            GlmCheck(status, reason),
            LindMehlumCheck(status, reason),
            TwoLinesCheck(status, _two_lines_gate(curve) or reason),
        )
    return Frequentist(glm_check(fits), lind_mehlum_check(fits, level), _two_lines(curve, fits))


def _fits(curve: ScalingCurve, observations: Observations) -> Polynomials:
    if curve.n_scales < MINIMUM_SCALES:
        raise NotApplicable("fewer_than_five_scales")
    return polynomials(observations)


def _two_lines_gate(curve: ScalingCurve) -> str | None:
    return "fewer_than_eight_scales" if curve.n_scales < MINIMUM_SCALES_TWO_LINES else None


def _two_lines(curve: ScalingCurve, fits: Polynomials) -> TwoLinesCheck:
    gate = _two_lines_gate(curve)
    if gate is not None:
        return TwoLinesCheck(NOT_APPLICABLE, gate)
    try:
        return two_lines_check(fits)
    except NotApplicable as refusal:
        return TwoLinesCheck(NOT_APPLICABLE, refusal.reason)
