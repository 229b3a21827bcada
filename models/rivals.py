"""What people extrapolate scaling curves with: the rivals that a backtest sets the forecast against.

Each is fitted by least squares to the scores and gives a point forecast and a predictive distribution, the strongest
honest one that its residuals allow: a Student t on its own scale with the degrees of freedom that the fit leaves, never
narrower than the sampling error of the scores themselves. Bounded scores, and the levels between which a curve runs,
stay between 0 and 1.
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
DECIMALS = 12  # of a score, beyond which lies what the way to the logit and back has lost
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
TRIED = 3  # nodes of the grid from which least squares start
PARALLEL = 1e-12  # of the product of two squared lengths; rows with less between them are multiples of one another


@dataclass(frozen=True, slots=True)
class RivalForecast:
    """A rival's performance at the new scale: its point, and quantiles (Q,) of equal share."""

    point: float
    quantiles: Floats


@dataclass(frozen=True, slots=True)
class Seen:
    """Scores (N,) at positions u (N,) in [0, 1]; the target at `target`.

    `variance` (N,) is their sampling variance, `sizes` (N,) what each counts for beside others of its scale, `examples`
    (N,) by how many examples those at a bound are moved off it where they need a logit.
    """

    u: Floats
    y: Floats
    variance: Floats
    sizes: Floats
    examples: Floats
    bounded: bool
    target: float

    @property
    def linked(self) -> tuple[Floats, Floats]:
        """Scores on the logit scale where they are bounded, and their sampling variances there."""
        if not self.bounded:
            return self.y, self.variance
        inside = _off_the_bounds(self.y, self.examples)
        return np.asarray(logit(inside)), self.variance / (inside * (1 - inside)) ** 2


Rival = Callable[[Seen], RivalForecast]


def seen(observations: Observations, position: float) -> Seen:
    """The scores that the rivals see."""
    y, trials, sizes = observations.y, observations.trials, sizes_of_tests(observations)
    if not observations.bounded:
        return Seen(observations.u, y, observations.stderr**2, sizes, sizes, bounded=False, target=position)
    examples = np.where(trials > 0, trials, BOUNDED_EXAMPLES)
    inside = _off_the_bounds(y, examples)
    variance = np.where(trials > 0, inside * (1 - inside) / examples, observations.stderr**2)
    return Seen(observations.u, y, variance, sizes, examples, bounded=True, target=position)


def _off_the_bounds(y: Floats, examples: Floats) -> Floats:
    """Half an example more of both outcomes, so that none and all have a logit."""
    return np.asarray((y * examples + HALF) / (examples + 2 * HALF))


def _with_bounds(inside: Floats, examples: float) -> Floats:
    """The reverse of `_off_the_bounds`: what a score would be that had been moved off the bounds."""
    scores = (inside * (examples + 2 * HALF) - HALF) / examples
    return np.clip(np.round(scores, DECIMALS), 0.0, 1.0)


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
    """floor + (ceiling - floor) sigmoid((u - m)/w) by least squares on the score, both ends within its bounds."""
    return _curved(given, _LOGISTIC)


def broken_law(given: Seen) -> RivalForecast:
    """a + b x^-c0 (1 + (x/d)^(1/f))^(-c1 f), Caballero et al., arXiv 2210.14891, eq. 1 with one break.

    Without the break where there are too few scores for its six parameters. The limit a lies within the score's bounds.
    """
    return _curved(given, _POWER if len(given.y) < FEWEST_FOR_BREAK else _BROKEN)


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
    examples = float(np.mean(given.examples[given.u == given.u.max()]))
    scores = _with_bounds(np.asarray(expit(np.append(values, point))), examples)
    return RivalForecast(float(scores[-1]), scores[:-1])


@cache
def _t_quantiles(freedom: int) -> Floats:
    return np.asarray(stdtrit(freedom, (np.arange(QUANTILES) + 0.5) / QUANTILES))


Basis = Callable[[Floats, Floats], Floats]
"""(parameters (..., q), u (N,)) -> the curve s (..., N), of which the rival takes a first (1 - s) + second s, or
first + second s: two levels that are linear."""


@dataclass(frozen=True, slots=True)
class _Family:
    """A curved rival: its basis, where its least squares start, its number of parameters.

    `between`: the curve lies between two levels, both within the bounds of a score; else the first one alone does.
    """

    basis: Basis
    starts: Callable[[], Floats]
    parameters: int
    between: bool

    def rows(self, shape: Floats, u: Floats) -> tuple[Floats, Floats]:
        """What the first and the second level are multiplied by (..., N)."""
        curve = self.basis(shape, u)
        return 1 - curve if self.between else np.ones_like(curve), curve

    def limits(self, *, bounded: bool) -> Floats:
        """Least and largest of the first and of the second level."""
        free = [-np.inf, np.inf]
        return np.array([[0.0, 1.0] if bounded else free, [0.0, 1.0] if bounded and self.between else free])


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


def _power_starts() -> Floats:
    return EXPONENTS[:, None]


_LOGISTIC = _Family(_logistic_basis, _logistic_starts, LOGISTIC_PARAMETERS, between=True)
_POWER = _Family(_power_basis, _power_starts, POWER_PARAMETERS, between=False)
_BROKEN = _Family(_broken_basis, _broken_starts, BROKEN_PARAMETERS, between=False)


def _curved(given: Seen, family: _Family) -> RivalForecast:
    """Grid, then least squares from its best nodes; both levels are solved for at every step.

    Spread by the residuals on the score's scale. What these leave open of the parameters is not added: with it, by the
    delta method, the logistic covered better and had a CRPS higher by a quarter and more (docs/forecast.md).
    """
    from scipy.optimize import least_squares  # here, since it takes half a second to load

    starts, limits = family.starts(), family.limits(bounded=given.bounded)
    costs = fitted(*family.rows(starts, given.u), given.y, limits)[1]
    lowest, highest = starts.min(axis=0) - 1.0, starts.max(axis=0) + 1.0

    def residuals(shape: Floats) -> Floats:
        rows = family.rows(shape, given.u)
        return np.asarray(_sum(fitted(*rows, given.y, limits)[0], rows) - given.y)

    bounds = (np.maximum(lowest, _floor(starts.shape[1])), highest)
    tried = np.argsort(costs, kind="stable")[:TRIED]
    found = min(
        (least_squares(residuals, starts[node], bounds=bounds, max_nfev=MOST_EVALUATIONS) for node in tried),
        key=lambda fit: float(fit.cost),
    )
    levels = fitted(*family.rows(found.x, given.u), given.y, limits)[0]
    point = float(_sum(levels, family.rows(found.x, np.array([given.target])))[0])
    freedom = max(len(given.y) - family.parameters, 1)
    variance = max(2.0 * float(found.cost) / freedom, float(np.mean(given.variance)))
    values = point + np.sqrt(variance) * _t_quantiles(freedom)
    if not given.bounded:
        return RivalForecast(point, values)
    return RivalForecast(min(max(point, 0.0), 1.0), np.clip(values, 0.0, 1.0))


def _sum(levels: Floats, rows: tuple[Floats, Floats]) -> Floats:
    return np.asarray(levels[..., :1] * rows[0] + levels[..., 1:] * rows[1])


def _floor(count: int) -> Floats:
    """Least values of the parameters: the last one of the logistic and of the broken law is a log width."""
    floor = np.full(count, -np.inf)
    if count > 1:
        floor[-1] = NARROWEST
    return floor


def fitted(first: Floats, second: Floats, y: Floats, limits: Floats) -> tuple[Floats, Floats]:
    """Levels (..., 2) of the least squares of y (N,) on two rows (..., N) within limits (2, 2), and the squares (...).

    The least of a convex function over a rectangle: inside, or on one of its sides. Rows that are multiples of one
    another share the smallest levels.
    """
    inside = np.stack(_solved(first, second, y), axis=-1)
    tried = [inside]
    for own, (row, other) in enumerate(((first, second), (second, first))):
        for end in limits[own][np.isfinite(limits[own])]:
            free = _ratio(other @ y - end * np.sum(row * other, axis=-1), np.sum(other**2, axis=-1))
            pair = [np.full_like(free, end), free]
            tried.append(np.stack(pair if own == 0 else pair[::-1], axis=-1))
    levels = np.clip(np.stack(tried), limits[:, 0], limits[:, 1])
    squares = np.sum((_sum(levels, (first, second)) - y) ** 2, axis=-1)
    best = np.argmin(squares, axis=0)[None]
    return (
        np.take_along_axis(levels, best[..., None], axis=0)[0],
        np.take_along_axis(squares, best, axis=0)[0],
    )


def _solved(first: Floats, second: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Levels of the least squares without limits."""
    a, b, c = np.sum(first**2, axis=-1), np.sum(first * second, axis=-1), np.sum(second**2, axis=-1)
    determinant = a * c - b**2
    own = determinant > PARALLEL * a * c
    with_first, with_second, shared = first @ y, second @ y, a + c
    levels = (
        np.where(own, _ratio(c * with_first - b * with_second, determinant), _ratio(with_first, shared)),
        np.where(own, _ratio(a * with_second - b * with_first, determinant), _ratio(with_second, shared)),
    )
    return np.asarray(levels[0]), np.asarray(levels[1])


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
