"""What people extrapolate scaling curves with: the rivals that a backtest sets the forecast against.

Each is fitted by least squares to the scores and gives a point forecast and a predictive distribution, the strongest
honest one that its residuals allow: a Student t on its own scale with the degrees of freedom that the fit leaves, never
narrower than the sampling error of the scores themselves. Bounded scores stay between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from scipy.special import expit, logit, stdtrit

from models.arrays import Floats
from models.likelihood import Observations
from models.scale_means import means_per_scale, sizes_of_tests

QUANTILES = 201  # of a predictive distribution, at the midpoints of equal shares
HALF = 0.5  # added to both counts, so that none and all have a logit (Cox 1970, section 3.2)
BOUNDED_EXAMPLES = (
    1e4  # stands for the test set of a bounded mean whose standard error is given, next to its bounds only
)
FEWEST_FOR_BREAK = 7  # scores from which a law with one break, six parameters, leaves a residual
LOGISTIC_PARAMETERS, POWER_PARAMETERS, BROKEN_PARAMETERS = 4, 3, 6
# Nodes from which the least squares of the curved rivals start, in fractions of the observed range of log scale.
MIDPOINTS, LOG_WIDTHS = np.linspace(-0.5, 2.0, 26), np.log(np.geomspace(0.01, 1.0, 10))
EXPONENTS = np.array([-8.0, -4.0, -2.0, -1.0, -0.3, 0.3, 1.0, 2.0, 4.0, 8.0])
BREAKS, LOG_SHARPNESS = np.linspace(0.1, 1.2, 8), np.log(np.array([0.03, 0.15, 0.6]))
STEEPEST = 40.0  # exponent times the observed range in natural logarithms
NARROWEST = np.log(0.003)
MOST_EVALUATIONS = 200


@dataclass(frozen=True, slots=True)
class RivalForecast:
    """A rival's performance at the new scale: its point, and quantiles (Q,) of equal share."""

    point: float
    quantiles: Floats


@dataclass(frozen=True, slots=True)
class Seen:
    """Scores (N,) at positions u (N,) in [0, 1]; the target at `target`.

    `variance` (N,) is their sampling variance, `sizes` (N,) what each counts for beside others of its scale.
    """

    u: Floats
    y: Floats
    variance: Floats
    sizes: Floats
    bounded: bool
    target: float

    @property
    def linked(self) -> tuple[Floats, Floats]:
        """Scores on the logit scale where they are bounded, and their sampling variances there."""
        if not self.bounded:
            return self.y, self.variance
        slope = self.y * (1 - self.y)
        return np.asarray(logit(self.y)), self.variance / slope**2


Rival = Callable[[Seen], RivalForecast]


def seen(observations: Observations, position: float) -> Seen:
    """The scores that the rivals see, with those at a bound moved off it by half an example."""
    y, trials, sizes = observations.y, observations.trials, sizes_of_tests(observations)
    if not observations.bounded:
        return Seen(observations.u, y, observations.stderr**2, sizes, bounded=False, target=position)
    size = np.where(trials > 0, trials, BOUNDED_EXAMPLES)
    inside = (y * size + HALF) / (size + 2 * HALF)
    variance = np.where(trials > 0, inside * (1 - inside) / size, observations.stderr**2)
    return Seen(observations.u, inside, variance, sizes, bounded=True, target=position)


def last_value(given: Seen) -> RivalForecast:
    """The score of the largest model; spread as a random walk on the logit whose steps are those seen."""
    values, variance = given.linked
    levels = means_per_scale(given.u, given.sizes, values[None, :])[0]
    rate = np.mean(np.diff(levels) ** 2 / np.diff(np.unique(given.u)))
    spread = max(float(rate) * (given.target - 1.0), float(np.mean(variance)))
    return _forecast(given, float(levels[-1]), spread, len(levels) - 1)


def logit_line(given: Seen) -> RivalForecast:
    """Ordinary least squares on the logit, with its textbook prediction interval."""
    values, variance = given.linked
    design = np.column_stack([np.ones(len(values)), given.u])
    coefficients = np.linalg.lstsq(design, values, rcond=None)[0]
    freedom = max(len(values) - 2, 1)
    residual = float(np.sum((values - design @ coefficients) ** 2)) / freedom
    row = np.array([1.0, given.target])
    leverage = float(row @ np.linalg.inv(design.T @ design) @ row)
    return _forecast(
        given, float(row @ coefficients), max(residual, float(np.mean(variance))) * (1 + leverage), freedom
    )


def logistic_curve(given: Seen) -> RivalForecast:
    """floor + (ceiling - floor) sigmoid((u - m)/w) by least squares on the score."""
    return _curved(given, _logistic_basis, _logistic_starts(), LOGISTIC_PARAMETERS)


def broken_law(given: Seen) -> RivalForecast:
    """a + b x^-c0 (1 + (x/d)^(1/f))^(-c1 f), Caballero et al., arXiv 2210.14891, eq. 1 with one break.

    Without the break where there are too few scores for its six parameters.
    """
    if len(given.y) < FEWEST_FOR_BREAK:
        return _curved(given, _power_basis, EXPONENTS[:, None], POWER_PARAMETERS)
    return _curved(given, _broken_basis, _broken_starts(), BROKEN_PARAMETERS)


RIVALS: Mapping[str, Rival] = {
    "last_value": last_value,
    "logit_line": logit_line,
    "logistic": logistic_curve,
    "broken_scaling_law": broken_law,
}


def _forecast(given: Seen, point: float, variance: float, freedom: int) -> RivalForecast:
    """A Student t on the logit scale (on the score's own where it is unbounded)."""
    values = point + np.sqrt(variance) * _t_quantiles(freedom)
    if not given.bounded:
        return RivalForecast(point, values)
    return RivalForecast(float(expit(point)), np.asarray(expit(values)))


@cache
def _t_quantiles(freedom: int) -> Floats:
    return np.asarray(stdtrit(freedom, (np.arange(QUANTILES) + 0.5) / QUANTILES))


Basis = Callable[[Floats, Floats], Floats]
"""(parameters (..., q), u (N,)) -> the curve (..., N) up to a level and a factor, which are linear."""


def _logistic_basis(parameters: Floats, u: Floats) -> Floats:
    return np.asarray(expit((u - parameters[..., :1]) / np.exp(parameters[..., 1:2])))


def _power_basis(parameters: Floats, u: Floats) -> Floats:
    return np.exp(-parameters[..., :1] * u)


def _broken_basis(parameters: Floats, u: Floats) -> Floats:
    """In fractions of the observed range: log x is u, so that exponents are those per range."""
    c0, c1, place, log_sharpness = (parameters[..., i : i + 1] for i in range(4))
    sharpness = np.exp(log_sharpness)
    bend = np.logaddexp(0.0, (u - place) / sharpness) - np.logaddexp(0.0, -place / sharpness)
    return np.asarray(np.exp(np.clip(-c0 * u - c1 * sharpness * bend, -STEEPEST, STEEPEST)))


@cache
def _logistic_starts() -> Floats:
    return np.array(list(product(MIDPOINTS, LOG_WIDTHS)))


@cache
def _broken_starts() -> Floats:
    return np.array(list(product(EXPONENTS, EXPONENTS, BREAKS, LOG_SHARPNESS)))


def _curved(given: Seen, basis: Basis, starts: Floats, parameters: int) -> RivalForecast:
    """Grid, then least squares from its best node; level and factor are solved for at every step.

    Spread by the residuals on the score's scale.
    """
    from scipy.optimize import least_squares  # here, since it takes half a second to load

    curves = basis(starts, given.u)
    best = starts[int(np.argmin(_squares(curves, given.y)))]
    lowest, highest = starts.min(axis=0) - 1.0, starts.max(axis=0) + 1.0

    def residuals(shape: Floats) -> Floats:
        return _residuals(basis(shape, given.u), given.y)

    found = least_squares(
        residuals,
        best,
        bounds=(np.maximum(lowest, _floor(len(best))), highest),
        max_nfev=MOST_EVALUATIONS,
    )
    level, factor = _line(basis(found.x, given.u), given.y)
    point = float(level + factor * basis(found.x, np.array([given.target]))[0])
    freedom = max(len(given.y) - parameters, 1)
    variance = max(2.0 * float(found.cost) / freedom, float(np.mean(given.variance)))
    values = point + np.sqrt(variance) * _t_quantiles(freedom)
    if not given.bounded:
        return RivalForecast(point, values)
    return RivalForecast(min(max(point, 0.0), 1.0), np.clip(values, 0.0, 1.0))


def _floor(count: int) -> Floats:
    """Least values of the parameters: the last one of the logistic and of the broken law is a log width."""
    floor = np.full(count, -np.inf)
    if count > 1:
        floor[-1] = NARROWEST
    return floor


def _line(curve: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Level and factor of the least squares of y (N,) on curves (..., N); a constant where the curve has no slope."""
    centred = curve - curve.mean(axis=-1, keepdims=True)
    size = np.sum(centred**2, axis=-1)
    factor = np.divide(centred @ (y - y.mean()), size, out=np.zeros_like(size), where=size > 0)
    return y.mean() - factor * curve.mean(axis=-1), factor


def _residuals(curve: Floats, y: Floats) -> Floats:
    level, factor = _line(curve, y)
    return np.asarray(level + factor * curve - y)


def _squares(curves: Floats, y: Floats) -> Floats:
    level, factor = _line(curves, y)
    return np.asarray(np.sum((level[:, None] + factor[:, None] * curves - y) ** 2, axis=1))
