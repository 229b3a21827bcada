"""Simonsohn 2018 (Advances in Methods and Practices in Psychological Science 1(4)): two lines of opposite slope.

The break is set by his Robin Hood procedure. In place of his penalised spline stands a natural cubic spline with five
knots, and in place of robust errors the dispersion around both lines: with eight points the leverages reach one, where
robust errors are undefined.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from models.arrays import Bools, Floats
from models.crosschecks.lind_mehlum import INVERTED_U, NOT_SIGNIFICANT, SLOPE_AT_START, U_SHAPED
from models.crosschecks.regression import (
    SIGNIFICANCE,
    Fit,
    NotApplicable,
    Polynomials,
    Response,
    distinct,
    fit,
    predicted,
)
from models.results import TwoLinesCheck

KNOTS = (0.05, 0.275, 0.5, 0.725, 0.95)  # Harrell, Regression Modeling Strategies, table 2.3
MIDDLE = (0.1, 0.9)  # quantiles between which the break may lie (Simonsohn's code, step 10)
SLOPE = 1  # index of the tested slope


@dataclass(frozen=True, slots=True)
class _Lines:
    """Slope by x, t statistic and two-sided p value of the line before and of the line after the break."""

    slopes: tuple[float, float]
    t: tuple[float, float]
    p_values: tuple[float, float]


def two_lines_check(fits: Polynomials) -> TwoLinesCheck:
    """The test at the Robin Hood break; raises `NotApplicable`."""
    response = fits.response
    flat = _flat_region(fits)
    middle = median(flat)
    lines = _lines(response, middle)
    position = _quantile(flat, robin_hood_share(*lines.t))
    if position != middle:
        lines = _lines(response, position)
    shape = _shape(lines)
    return TwoLinesCheck(
        status="ok",
        reason=NOT_SIGNIFICANT if shape is None else None,
        shape=shape,
        break_scale=float(10.0 ** (response.z_center + response.z_half * position)),
        slope_before=response.slope_per_decade(lines.slopes[0]),
        p_value_before=lines.p_values[0],
        slope_after=response.slope_per_decade(lines.slopes[1]),
        p_value_after=lines.p_values[1],
    )


def robin_hood_share(before: float, after: float) -> float:
    """Quantile of the flat region at which the break is set: the stronger line gives points to the weaker one."""
    total = abs(before) + abs(after)
    return abs(after) / total if total > 0 else 0.5


def _shape(lines: _Lines) -> str | None:
    if max(lines.p_values) >= SIGNIFICANCE or lines.slopes[0] * lines.slopes[1] >= 0:
        return None
    return U_SHAPED if lines.slopes[0] < 0 else INVERTED_U


def _flat_region(fits: Polynomials) -> list[float]:
    """Ascending positions whose smooth fit is within one standard error of the middle's most extreme one."""
    response = fits.response
    columns = natural_spline(response.x)
    if np.linalg.matrix_rank(columns[response.inside]) < columns.shape[1]:
        raise NotApplicable("too_few_scales_off_the_bounds")
    eta, error = predicted(columns, fit(response, columns))
    positions = response.x.tolist()
    low, high = (_quantile(positions, share) for share in MIDDLE)
    middle = (response.x > low) & (response.x < high)
    # The parabola says whether to look for a minimum: does it fall at the start?
    falls = float(fits.quadratic.coefficients @ SLOPE_AT_START) <= 0
    height = eta[middle] if falls else -eta[middle]
    flat: list[float] = response.x[middle][height - error[middle] < height.min()].tolist()
    if not flat:
        raise NotApplicable("no_flat_region")
    return flat


def natural_spline(x: Floats) -> Floats:
    """Natural cubic spline basis (N, 5) (Hastie, Tibshirani and Friedman, Elements, eq. 5.4 and 5.5)."""
    scales = sorted(set(x.tolist()))
    knots = np.array([_quantile(scales, share) for share in KNOTS])
    cubes = np.maximum(x[:, None] - knots, 0.0) ** 3
    ratio = (cubes[:, :-1] - cubes[:, -1:]) / (knots[-1] - knots[:-1])
    basis = np.empty((len(x), len(KNOTS)))
    basis[:, 0], basis[:, 1], basis[:, 2:] = 1.0, x, ratio[:, :-1] - ratio[:, -1:]
    return basis


def _quantile(ordered: Sequence[float], share: float) -> float:
    """numpy's linear quantile of ascending values, to the last bit."""
    place = (len(ordered) - 1) * share
    index = math.floor(place)
    below, above, part = ordered[index], ordered[min(index + 1, len(ordered) - 1)], place - index
    return above - (above - below) * (1 - part) if part >= 0.5 else below + (above - below) * part


def _lines(response: Response, position: float) -> _Lines:
    """Slope of each line; a point at the break belongs to the line that is being tested."""
    before = _tested_line(response, response.x <= position)
    after = _tested_line(response, response.x >= position)
    t = before.t_of(SLOPE), after.t_of(SLOPE)
    return _Lines(
        slopes=(float(before.coefficients[SLOPE]), float(after.coefficients[SLOPE])),
        t=t,
        p_values=(before.two_sided(t[0]), after.two_sided(t[1])),
    )


def _tested_line(response: Response, side: Bools) -> Fit:
    """Two lines that need not meet; the first two coefficients are those of the tested side."""
    columns = [*_line(response, side, tested=True), *_line(response, ~side, tested=False)]
    return fit(response, np.array(columns).T)


def _line(response: Response, side: Bools, *, tested: bool) -> list[Floats]:
    """Intercept and slope of one side; the other side has no slope where it has one scale."""
    inside, scales = distinct(response.x[side & response.inside]), distinct(response.x[side])
    if inside < min(scales, 2) or (tested and scales < 2):
        raise NotApplicable("too_few_scales_off_the_bounds")
    constant = side.astype(float)
    return [constant, constant * response.x] if scales > 1 else [constant] if scales == 1 else []
