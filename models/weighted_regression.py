"""Weighted least squares with weights 1/(v + tau²): what meta-analysis and meta-regression have in common.

X (k, p) are the columns, y (k,) the effects, v (k,) their sampling variances; W = diag(1/(v + tau²)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.arrays import Floats

REML_NODES = 60  # starts of the search: the restricted likelihood may have more than one peak
RELATIVE_TOLERANCE = 1e-12
SMALLEST_ROOT = 1e-15  # of the upper end, below which a root counts as zero
MOST_BISECTIONS = 1000
SMALLEST_SHARE = 1e-8  # of the typical variance, below which tau² is zero
LARGEST_MULTIPLE = 1e3  # of the total variation of y, beyond which no tau² is looked for
MOST_DOUBLINGS = 200


@dataclass(frozen=True, slots=True)
class Design:
    """Effects y (k,), sampling variances v (k,), columns (k, p) of full rank, k > p."""

    y: Floats
    v: Floats
    columns: Floats

    @property
    def df(self) -> int:
        """Residual degrees of freedom k - p."""
        return len(self.y) - int(self.columns.shape[1])


@dataclass(frozen=True, slots=True)
class WeightedFit:
    """Coefficients (p,), covariance (p, p) and the weighted residual sum of squares at a given tau²."""

    coefficients: Floats
    covariance: Floats
    q: float


def weighted_fit(design: Design, tau2: float) -> WeightedFit:
    """The fit with weights 1/(v + tau²)."""
    root = 1 / np.sqrt(design.v + tau2)
    # By QR: weights may differ by many orders of magnitude.
    q, r = np.linalg.qr(design.columns * root[:, None])
    inverse = np.linalg.inv(r)
    coefficients = inverse @ (q.T @ (root * design.y))
    residuals = root * (design.y - design.columns @ coefficients)
    return WeightedFit(coefficients, inverse @ inverse.T, float(np.sum(residuals**2)))


def generalised_q(design: Design, tau2: float) -> float:
    """Weighted residual sum of squares; falls as tau² grows."""
    return weighted_fit(design, tau2).q


def typical_variance(design: Design) -> float:
    """Higgins and Thompson's typical sampling variance (k - p)/tr(P), P the residual projection with weights 1/v."""
    weights = 1 / design.v
    q, _ = np.linalg.qr(design.columns * np.sqrt(weights)[:, None])
    trace = float(np.sum(weights * np.maximum(1 - np.sum(q**2, axis=1), 0.0)))
    # Never below the sum of the k - p smallest weights (Cauchy's interlacing), where rounding would bring it.
    return design.df / max(trace, float(np.sum(np.sort(weights)[: design.df])))


def zero_of_q(design: Design, target: float) -> float:
    """The tau² >= 0 at which the generalised Q equals `target` > 0; 0 where it is smaller from the start."""
    from scipy.optimize import brentq  # here, since it takes half a second to load

    if generalised_q(design, 0.0) <= target:
        return 0.0
    upper = typical_variance(design)
    for _ in range(MOST_DOUBLINGS):
        if generalised_q(design, upper) < target:
            break
        upper *= 2

    def surplus(share: float) -> float:
        return generalised_q(design, share * upper) - target

    # In shares of the upper end: the tolerance is an absolute one, and effects may be small in their own unit.
    return upper * float(
        brentq(surplus, 0.0, 1.0, xtol=SMALLEST_ROOT, rtol=RELATIVE_TOLERANCE, maxiter=MOST_BISECTIONS)
    )


def reml_tau2(design: Design) -> float:
    """tau² of largest restricted likelihood."""
    from scipy.optimize import minimize_scalar  # here, since it takes half a second to load

    typical = typical_variance(design)
    largest = typical + LARGEST_MULTIPLE * float(np.var(design.y))
    nodes = np.geomspace(SMALLEST_SHARE * typical, largest, REML_NODES)
    best = int(np.argmax(restricted_log_likelihoods(design, nodes)))
    ends = np.log(nodes[[max(best - 1, 0), min(best + 1, REML_NODES - 1)]])
    found = minimize_scalar(
        lambda log_tau2: -restricted_log_likelihood(design, math.exp(log_tau2)),
        bounds=(float(ends[0]), float(ends[1])),
        method="bounded",
        options={"xatol": 1e-10},
    )
    tau2 = math.exp(float(found.x))
    return tau2 if restricted_log_likelihood(design, tau2) > restricted_log_likelihood(design, 0.0) else 0.0


def restricted_log_likelihood(design: Design, tau2: float) -> float:
    """Restricted log likelihood but for constants: -(sum log(v + tau²) + log det X'WX + Q)/2."""
    return float(restricted_log_likelihoods(design, np.array([tau2]))[0])


def restricted_log_likelihoods(design: Design, tau2: Floats) -> Floats:
    """The same at many tau² (m,), side by side."""
    variances = design.v + tau2[:, None]
    root = 1 / np.sqrt(variances)
    q, r = np.linalg.qr(design.columns * root[:, :, None])
    response = root * design.y
    fitted = (q @ (np.swapaxes(q, 1, 2) @ response[:, :, None]))[:, :, 0]
    squares = np.sum((response - fitted) ** 2, axis=1)
    log_determinant = 2 * np.sum(np.log(np.abs(np.diagonal(r, axis1=1, axis2=2))), axis=1)
    return np.asarray(-0.5 * (np.sum(np.log(variances), axis=1) + log_determinant + squares))
