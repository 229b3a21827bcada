"""Regressions on log10 scale: quasi-binomial with logit link for counts, weighted least squares for normal noise.

Both are generalised linear models with the dispersion estimated by Pearson's X² over N - p, solved by Newton's steps;
where these do not arrive, statsmodels judges. Positions run from -1 to 1, so that the columns of a polynomial are well
conditioned.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from models.arrays import Bools, Floats
from models.crosschecks.newton import NO_VARIATION, least_squares, newton
from models.likelihood import NoiseKind, Observations

MOST_STEPS = 50
DEVIANCE_TOLERANCE, RELATIVE_TOLERANCE = 1e-10, 1e-13
UNSOLVED = 1e-6  # estimating equations, as a share of the sum of their absolute terms' weights
SIGNIFICANCE = 0.05  # at which a check claims a shape


class NotApplicable(Exception):
    """A check cannot be done on these data; `reason` is a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Response:
    """N scores to regress: y with known relative weights (trials, or 1/se²), at positions x in [-1, 1].

    `z` is log10 scale = z_center + z_half x. `inside` marks the points whose position says something finite on the
    scale of the linear predictor: for counts, those that are neither none nor all right. `unit` turns a linear
    predictor into logits or score units.
    """

    x: Floats
    y: Floats
    weights: Floats
    counts: bool
    inside: Bools
    z_center: float
    z_half: float
    unit: float

    def slope_per_decade(self, slope: float) -> float:
        """Slope by x as change of the (logit) performance per decade of scale."""
        return slope * self.unit / self.z_half


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients (p,), their covariance (p, p) with the dispersion in it, dispersion, residual degrees of freedom."""

    coefficients: Floats
    covariance: Floats
    dispersion: float
    df: int

    def t(self, contrast: Floats) -> float:
        """t statistic of a contrast (p,) of the coefficients."""
        return float(contrast @ self.coefficients / np.sqrt(contrast @ self.covariance @ contrast))

    def t_of(self, index: int) -> float:
        """t statistic of one coefficient."""
        return float(self.coefficients[index] / np.sqrt(self.covariance[index, index]))

    def p_value(self, contrast: Floats) -> float:
        """Two-sided p value of a contrast."""
        return self.two_sided(self.t(contrast))

    def two_sided(self, t: float) -> float:
        """Two-sided p value of a t statistic."""
        return 2 * float(stdtr(self.df, -abs(t)))


@dataclass(frozen=True, slots=True)
class Polynomials:
    """The response with its linear and its quadratic fit."""

    response: Response
    linear: Fit
    quadratic: Fit


def polynomials(observations: Observations) -> Polynomials:
    """Both fits; raises `NotApplicable`."""
    response = make_response(observations)
    if distinct(response.x[response.inside]) < 3:
        # From three such scales on, no parabola separates successes from failures: the estimates exist.
        raise NotApplicable("fewer_than_three_scales_off_the_bounds")
    columns = np.empty((len(response.x), 3))
    columns[:, 0], columns[:, 1], columns[:, 2] = 1.0, response.x, response.x * response.x
    return Polynomials(response, fit(response, columns[:, :2]), fit(response, columns))


def distinct(values: Floats) -> int:
    """Number of different values."""
    return len(set(values.tolist()))


def make_response(observations: Observations) -> Response:
    """The response of a curve; raises `NotApplicable` where nothing varies or noise kinds are mixed."""
    kind = observations.noise[0]
    if (observations.noise != kind).any():
        raise NotApplicable("mixed_noise_kinds")
    counts = bool(kind == NoiseKind.BETA_BINOMIAL)
    y = observations.successes / observations.trials if counts else observations.y
    inside = (observations.successes > 0) & (observations.successes < observations.trials) | (not counts)
    if not inside.any():
        raise NotApplicable("all_scores_at_the_bounds")
    if y.min() == y.max():
        raise NotApplicable("no_variation")
    return Response(
        x=2 * observations.u - 1,
        y=y,
        weights=observations.trials if counts else 1 / observations.stderr**2,
        counts=counts,
        inside=inside,
        z_center=float(observations.z[0] + observations.z[-1]) / 2,
        z_half=observations.decades / 2,
        unit=1.0 if counts else observations.unit,
    )


def fit(response: Response, columns: Floats) -> Fit:
    """Fit of the linear predictor columns (N, p); raises `NotApplicable` where there is no finite answer."""
    mean_weight = float(response.weights.sum()) / len(response.weights)
    weights = response.weights / mean_weight
    columns = np.ascontiguousarray(columns)
    start = _start(response, weights, columns)
    coefficients, inverse, dispersion, arrived = newton(response.y, weights, columns, start, int(response.counts))
    if dispersion <= NO_VARIATION * _total_variation(response, weights):
        raise NotApplicable("no_residual_variation")
    if not arrived:
        return reference_fit(response, columns)
    return Fit(coefficients, inverse * dispersion, dispersion * mean_weight, len(response.y) - columns.shape[1])


def reference_fit(response: Response, columns: Floats) -> Fit:
    """The same by statsmodels, which takes longer."""
    mean_weight = float(response.weights.sum()) / len(response.weights)
    weights = response.weights / mean_weight
    # Newton's steps can run away from one start: statsmodels' own is the second.
    for start in (_start(response, weights, np.ascontiguousarray(columns)), None):
        coefficients, covariance, dispersion, solved = _iterated(response, weights, columns, start)
        if dispersion <= NO_VARIATION * _total_variation(response, weights):
            raise NotApplicable("no_residual_variation")
        if solved:
            return Fit(coefficients, covariance, dispersion * mean_weight, len(response.y) - columns.shape[1])
    raise NotApplicable("no_convergence")


def _iterated(
    response: Response, weights: Floats, columns: Floats, start: Floats | None
) -> tuple[Floats, Floats, float, bool]:
    """Coefficients, covariance, dispersion, and whether the estimating equations are solved."""
    from statsmodels.genmod.families import Binomial, Gaussian
    from statsmodels.genmod.generalized_linear_model import GLM
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", PerfectSeparationWarning)  # judged by the residual variation
        family = Binomial() if response.counts else Gaussian()
        model = GLM(response.y, columns, family=family, var_weights=weights)
        control = {"maxiter": MOST_STEPS, "tol": DEVIANCE_TOLERANCE, "rtol": RELATIVE_TOLERANCE}
        result = model.fit(start_params=start, scale="X2", **control)
        coefficients, covariance = np.asarray(result.params), np.asarray(result.cov_params())
    remainder = np.abs((weights * (response.y - model.mu)) @ columns)
    solved = bool((remainder <= UNSOLVED * (weights @ np.abs(columns))).all() and np.isfinite(covariance).all())
    return coefficients, covariance, float(result.scale), solved and result.converged


def _start(response: Response, weights: Floats, columns: Floats) -> Floats:
    """Weighted least squares on the empirical logit, or on y."""
    return least_squares(response.y, response.weights, weights, columns, int(response.counts))


def _total_variation(response: Response, weights: Floats) -> float:
    """Mean Pearson X² around the weighted mean."""
    center = float(weights @ response.y / weights.sum())
    variance = center * (1 - center) if response.counts else 1.0
    return float((weights * (response.y - center) ** 2).sum()) / len(weights) / variance


def predicted(columns: Floats, fitted: Fit) -> tuple[Floats, Floats]:
    """Linear predictor (N,) and its standard error (N,); `NotApplicable` where rounding alone tells columns apart.

    Scales that lie much nearer to one another than to the rest make such columns.
    """
    variance = (columns @ fitted.covariance * columns).sum(axis=1)
    if variance.min() < 0:
        raise NotApplicable("no_convergence")
    return columns @ fitted.coefficients, np.sqrt(variance)
