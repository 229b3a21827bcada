"""Meta-regression: effects explained by columns, with the variance that they leave between effects.

tau² by REML or the other estimators; coefficients by Knapp and Hartung 2003 (t with k - p degrees of freedom),
their factor no less than one (Röver, Knapp and Friede 2015).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, fdtrc, ndtr, stdtr

from models.arrays import Floats
from models.random_effects import (
    Effect,
    Pooling,
    critical_value,
    estimate_tau2,
    knapp_hartung_factor,
    mean_design,
    tau2_interval,
)
from models.results import Interval
from models.weighted_regression import Design, generalised_q, typical_variance, weighted_fit

INTERCEPT = "intercept"
TOO_FEW = "too_few_effects_for_the_columns"
NOT_SEPARATE = "columns_cannot_be_told_apart"
LARGEST_CONDITION = 1e10  # of the standardised columns
ROUNDING = 1e-9  # of its standard error; a coefficient below is what arithmetic leaves of zero


@dataclass(frozen=True, slots=True)
class Coefficient:
    """Change of the effect for one unit of a column."""

    name: str
    value: Interval
    standard_error: float | None
    p_value: float | None


@dataclass(frozen=True, slots=True)
class MetaRegression:
    """Coefficients, the test of all of them but the intercept, and what they leave unexplained.

    `r2`: share of tau² without columns that the columns explain, None where tau² without columns is 0.
    """

    n_effects: int
    coefficients: tuple[Coefficient, ...]
    moderators_p_value: float | None
    tau2: Interval
    i2: float | None
    q_residual: float | None
    q_residual_p_value: float | None
    r2: float | None
    r2_reason: str | None = None
    reason: str | None = None


def meta_regression(
    effects: Sequence[Effect], columns: Mapping[str, Floats], pooling: Pooling | None = None
) -> MetaRegression:
    """Regress effects on named columns (k,); an intercept is added."""
    how = pooling or Pooling()
    names = (INTERCEPT, *columns)
    if len(effects) <= len(names):
        return _nothing(len(effects), TOO_FEW)
    matrix = np.column_stack([np.ones(len(effects)), *columns.values()])
    if not np.linalg.cond(matrix / np.maximum(np.abs(matrix).max(axis=0), 1e-300)) < LARGEST_CONDITION:
        return _nothing(len(effects), NOT_SEPARATE)
    plain = mean_design(effects)
    return _fitted(Design(plain.y, plain.v, matrix), plain, names, how)


def _fitted(design: Design, plain: Design, names: tuple[str, ...], how: Pooling) -> MetaRegression:
    tau2, total = estimate_tau2(design, how.method), estimate_tau2(plain, how.method)
    fit = weighted_fit(design, tau2)
    covariance = fit.covariance * (knapp_hartung_factor(fit, design) if how.knapp_hartung else 1.0)
    residual = generalised_q(design, 0.0)
    r2 = max(0.0, 1 - tau2 / total) if total > 0 else None
    return MetaRegression(
        n_effects=len(design.y),
        coefficients=_coefficients(fit.coefficients, covariance, names, how, design.df),
        moderators_p_value=_moderators(fit.coefficients, covariance, how, design.df),
        tau2=tau2_interval(design, tau2, how.level),
        i2=tau2 / (tau2 + typical_variance(design)),
        q_residual=residual,
        q_residual_p_value=float(chdtrc(design.df, residual)),
        r2=r2,
        r2_reason=None if r2 is not None else "no_variance_between_effects",
    )


def _coefficients(
    values: Floats, covariance: Floats, names: tuple[str, ...], how: Pooling, df: int
) -> tuple[Coefficient, ...]:
    errors = np.sqrt(np.diag(covariance))
    width = critical_value(how, df)
    found = []
    for name, solved, error in zip(names, values.tolist(), errors.tolist(), strict=True):
        value = solved if abs(solved) > ROUNDING * error else 0.0
        statistic = _statistic(value, error)
        p_value = 2 * float(stdtr(df, -statistic) if how.knapp_hartung else ndtr(-statistic))
        found.append(Coefficient(name, Interval(value, value - width * error, value + width * error), error, p_value))
    return tuple(found)


def _statistic(value: float, error: float) -> float:
    """|value| in standard errors; 0 for a value of zero, however small its error."""
    if value == 0:
        return 0.0
    return abs(value) / error if error > 0 else math.inf


def _moderators(values: Floats, covariance: Floats, how: Pooling, df: int) -> float | None:
    """P value of the test that every coefficient but the intercept is zero."""
    size = len(values) - 1
    if size == 0 or not np.all(np.diag(covariance) > 0):
        return None
    statistic = float(values[1:] @ np.linalg.solve(covariance[1:, 1:], values[1:]))
    return float(fdtrc(size, df, statistic / size) if how.knapp_hartung else chdtrc(size, statistic))


def _nothing(count: int, reason: str) -> MetaRegression:
    empty = Interval(None, None, None, reason)
    return MetaRegression(count, (), None, empty, None, None, None, None, reason, reason)
