"""Random-effects meta-analysis of k effects y_i with known sampling variances v_i: y_i ~ N(mu, v_i + tau²).

Estimators of tau²: DerSimonian and Laird 1986 (Controlled Clinical Trials 7, 177), Paule and Mandel 1982 (Journal of
Research of the NBS 87, 377), restricted maximum likelihood. Interval of mu: Knapp and Hartung 2003 (Statistics in
Medicine 22, 2693), with a factor of no less than one as Röver, Knapp and Friede 2015 have it (BMC Medical Research
Methodology 15, 99): effects that agree by chance would shrink it to nothing; or normal. Interval of tau²: Q-profile,
Viechtbauer 2007 (Statistics in Medicine 26, 37).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.special import chdtrc, chdtri, ndtri, stdtrit

from models.results import Interval
from models.weighted_regression import (
    Design,
    WeightedFit,
    generalised_q,
    reml_tau2,
    typical_variance,
    weighted_fit,
    zero_of_q,
)

FEWEST_EFFECTS = 2  # from which a mean of effects and their spread exist
TOO_FEW = "fewer_than_two_effects"
AGREEING = "effects_agree_more_than_chance"


class Tau2Method(StrEnum):
    """How the variance between effects is estimated."""

    DERSIMONIAN_LAIRD = "dersimonian_laird"
    PAULE_MANDEL = "paule_mandel"
    REML = "reml"


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect with its sampling variance > 0."""

    name: str
    estimate: float
    variance: float


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is found without the effect `name`."""

    name: str
    estimate: Interval
    tau2: float | None


@dataclass(frozen=True, slots=True)
class RandomEffects:
    """The mean of the effects and how much they differ.

    `i2` is the share in [0, 1] of the total variance that lies between effects, against a typical sampling variance;
    `prediction` the interval of the true effect of a new unit: estimate +- c sqrt(tau² + standard_error²), c as for the
    estimate (Higgins, Thompson and Spiegelhalter 2009, J. R. Stat. Soc. A 172, 137). With `reason`, nothing could be
    computed.
    """

    method: Tau2Method
    knapp_hartung: bool
    n_effects: int
    estimate: Interval
    standard_error: float | None
    tau2: Interval
    q: float | None
    q_p_value: float | None
    i2: float | None
    prediction: Interval
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Pooling:
    """How effects are pooled."""

    method: Tau2Method = Tau2Method.REML
    knapp_hartung: bool = True
    level: float = 0.95


def random_effects(effects: Sequence[Effect], pooling: Pooling | None = None) -> RandomEffects:
    """Pool effects; from two on."""
    how = pooling or Pooling()
    if len(effects) < FEWEST_EFFECTS:
        return _nothing(effects, how)
    design = mean_design(effects)
    tau2, middle, error = _pooled(design, how)
    width = critical_value(how, design.df)
    q = generalised_q(design, 0.0)
    return RandomEffects(
        method=how.method,
        knapp_hartung=how.knapp_hartung,
        n_effects=len(effects),
        estimate=_around(middle, width * error),
        standard_error=error,
        tau2=tau2_interval(design, tau2, how.level),
        q=q,
        q_p_value=float(chdtrc(design.df, q)),
        i2=tau2 / (tau2 + typical_variance(design)),
        prediction=_around(middle, width * math.hypot(math.sqrt(tau2), error)),
    )


def leave_one_out(effects: Sequence[Effect], pooling: Pooling | None = None) -> tuple[LeftOut, ...]:
    """What is found without each effect in turn; nothing where fewer than three are given."""
    if len(effects) <= FEWEST_EFFECTS:
        return ()
    return tuple(_left_out(effects, index, pooling) for index in range(len(effects)))


def mean_design(effects: Sequence[Effect]) -> Design:
    """The regression whose only column is the mean."""
    return Design(
        np.array([effect.estimate for effect in effects]),
        np.array([effect.variance for effect in effects]),
        np.ones((len(effects), 1)),
    )


def estimate_tau2(design: Design, method: Tau2Method) -> float:
    """tau² >= 0 left over by the columns of the design."""
    match method:
        case Tau2Method.REML:
            return reml_tau2(design)
        case Tau2Method.PAULE_MANDEL:
            return zero_of_q(design, design.df)
        case _:
            excess = generalised_q(design, 0.0) - design.df
            return max(0.0, excess * typical_variance(design) / design.df)


def tau2_interval(design: Design, tau2: float, level: float) -> Interval:
    """Q-profile interval: the tau² at which the generalised Q is a quantile of its chi² distribution.

    Effects that agree more than chance lets them have no upper end: no tau² gives so small a Q, and an interval of
    nothing but zero would say that they are known not to differ.
    """
    tail = (1 - level) / 2
    lower, upper = (zero_of_q(design, float(chdtri(design.df, p))) for p in (tail, 1 - tail))
    if upper == 0.0 and tau2 == 0.0:
        return Interval(tau2, 0.0, None, AGREEING)
    # Q-profile and the estimate rest on different equations: the interval need not hold a tau² that is at the bound.
    return Interval(tau2, min(lower, tau2), max(upper, tau2))


def knapp_hartung_factor(fit: WeightedFit, design: Design) -> float:
    """By which the covariance grows; 1 at least."""
    return max(1.0, fit.q / design.df)


def critical_value(how: Pooling, df: int) -> float:
    """Half-width of an interval in standard errors."""
    upper = (1 + how.level) / 2
    return float(stdtrit(df, upper)) if how.knapp_hartung else float(ndtri(upper))


def _pooled(design: Design, how: Pooling) -> tuple[float, float, float]:
    """tau², the mean, and its standard error."""
    tau2 = estimate_tau2(design, how.method)
    fit = weighted_fit(design, tau2)
    middle, error = float(fit.coefficients[0]), math.sqrt(float(fit.covariance[0, 0]))
    if how.knapp_hartung:
        error *= math.sqrt(knapp_hartung_factor(fit, design))
    return tau2, middle, error


def _around(middle: float, half: float) -> Interval:
    return Interval(middle, middle - half, middle + half)


def _left_out(effects: Sequence[Effect], index: int, pooling: Pooling | None) -> LeftOut:
    rest, how = mean_design([*effects[:index], *effects[index + 1 :]]), pooling or Pooling()
    tau2, middle, error = _pooled(rest, how)
    return LeftOut(effects[index].name, _around(middle, critical_value(how, rest.df) * error), tau2)


def _nothing(effects: Sequence[Effect], how: Pooling) -> RandomEffects:
    empty = Interval(None, None, None, TOO_FEW)
    return RandomEffects(
        method=how.method,
        knapp_hartung=how.knapp_hartung,
        n_effects=len(effects),
        estimate=empty,
        standard_error=None,
        tau2=empty,
        q=None,
        q_p_value=None,
        i2=None,
        prediction=empty,
        reason=TOO_FEW,
    )
