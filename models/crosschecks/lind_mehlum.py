"""Lind and Mehlum 2010 (Oxford Bulletin of Economics and Statistics 72(1)): a U as slopes of a parabola at both ends.

Fieller's interval of the extreme is theirs too (section III). The test cannot tell a U from a monotone curve that
saturates, because the parabola has no other way to flatten.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import stdtr, stdtrit

from models.crosschecks.regression import SIGNIFICANCE, Fit, Polynomials, Response
from models.options import Shape
from models.results import Interval, LindMehlumCheck

U_SHAPED, INVERTED_U = Shape.U_SHAPED.value, Shape.INVERTED_U.value
NOT_SIGNIFICANT = "not_significant"
SATURATION = "saturating_curves_look_alike"
SLOPE_AT_START, SLOPE_AT_END = np.array([0.0, 1.0, -2.0]), np.array([0.0, 1.0, 2.0])  # contrasts of a parabola
FURTHEST_DECADES = 300.0  # 10 to this power is still a finite number


def lind_mehlum_check(fits: Polynomials, level: float) -> LindMehlumCheck:
    """Joint one-sided test of the shape that the curvature has; `shape` is named where it is significant.

    `level` is that of the interval of the turn alone.
    """
    fitted = fits.quadratic
    curvature = float(fitted.coefficients[2])
    sign = 1.0 if curvature >= 0 else -1.0
    # A U has a falling start and a rising end: both nulls must go, so the larger p value counts.
    at_start, at_end = sign * fitted.t(SLOPE_AT_START), -sign * fitted.t(SLOPE_AT_END)
    p_value = max(float(stdtr(fitted.df, at_start)), float(stdtr(fitted.df, at_end)))
    claimed = p_value < SIGNIFICANCE
    turn, bounded = _fieller(fitted, fits.response, level)
    return LindMehlumCheck(
        status="ok",
        reason=None if claimed else NOT_SIGNIFICANT,
        shape=(U_SHAPED if sign > 0 else INVERTED_U) if claimed else None,
        p_value=p_value,
        slope_at_start=fits.response.slope_per_decade(float(SLOPE_AT_START @ fitted.coefficients)),
        slope_at_end=fits.response.slope_per_decade(float(SLOPE_AT_END @ fitted.coefficients)),
        turn=turn,
        fieller="bounded" if bounded else "unbounded",
        warning=SATURATION if claimed else None,
    )


def _fieller(fitted: Fit, response: Response, level: float) -> tuple[Interval, bool]:
    """Interval of the extreme -b1/(2 b2), in the scale's own unit, and whether it is bounded.

    The set of all e with (b1 + 2 b2 e)² <= t² var(b1 + 2 b2 e): between two roots where the curvature is significant
    at 1 - level, otherwise everything outside them, or everything.
    """
    _, slope, curvature = (float(value) for value in fitted.coefficients)
    if curvature == 0:
        return Interval(None, None, None, reason="no_curvature"), False
    square, product, rest = fieller_polynomial(fitted, level)
    extreme = -slope / (2 * curvature)
    if square <= 0:
        return _interval((extreme, None, None), response, "unbounded"), False
    root = math.sqrt(max(product**2 - 4 * square * rest, 0.0))
    ends = ((-product - root) / (2 * square), (-product + root) / (2 * square))
    return _interval((extreme, *ends), response, None), True


def fieller_polynomial(fitted: Fit, level: float) -> tuple[float, float, float]:
    """Coefficients of e², e and 1 in (b1 + 2 b2 e)² - t² var(b1 + 2 b2 e), t the two-sided quantile of that level."""
    _, b1, b2 = (float(value) for value in fitted.coefficients)
    v11, v12, v22 = (float(fitted.covariance[i, j]) for i, j in ((1, 1), (1, 2), (2, 2)))
    square = float(stdtrit(fitted.df, (1 + level) / 2)) ** 2
    return 4 * (b2**2 - square * v22), 4 * (b1 * b2 - square * v12), b1**2 - square * v11


def _interval(positions: tuple[float, float | None, float | None], response: Response, reason: str | None) -> Interval:
    estimate, lower, upper = (None if position is None else _scale(position, response) for position in positions)
    lost = [estimate, lower, upper].count(None) > positions.count(None)
    return Interval(estimate, lower, upper, reason="beyond_all_scales" if lost else reason)


def _scale(position: float, response: Response) -> float | None:
    """Scale in its own unit; None where it is no finite number."""
    z = response.z_center + response.z_half * position
    return 10.0**z if abs(z) < FURTHEST_DECADES else None
