"""Trend and curvature by quasi-likelihood."""

import numpy as np

from models.crosschecks.regression import Polynomials
from models.results import GlmCheck

SLOPE, CURVATURE = np.array([0.0, 1.0]), np.array([0.0, 0.0, 1.0])


def glm_check(fits: Polynomials) -> GlmCheck:
    """Coefficients per decade (and decade²) of the logit performance; in score units where the noise is normal.

    The linear term is that of the straight line, the quadratic term and the dispersion those of the parabola.
    """
    response = fits.response
    return GlmCheck(
        status="ok",
        linear_coefficient=response.slope_per_decade(float(fits.linear.coefficients[1])),
        linear_p_value=fits.linear.p_value(SLOPE),
        quadratic_coefficient=response.slope_per_decade(float(fits.quadratic.coefficients[2])) / response.z_half,
        quadratic_p_value=fits.quadratic.p_value(CURVATURE),
        dispersion=fits.quadratic.dispersion,
    )
