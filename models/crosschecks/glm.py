"""Trend and curvature by quasi-likelihood."""

from models.crosschecks.regression import Polynomials
from models.results import GlmCheck

SLOPE, CURVATURE = 1, 2  # indices of coefficients


def glm_check(fits: Polynomials) -> GlmCheck:
    """Coefficients per decade (and decade²) of the logit performance; in score units where the noise is normal.

    The linear term is that of the straight line, the quadratic term and the dispersion those of the parabola.
    """
    response, linear, quadratic = fits.response, fits.linear, fits.quadratic
    return GlmCheck(
        status="ok",
        linear_coefficient=response.slope_per_decade(float(linear.coefficients[SLOPE])),
        linear_p_value=linear.two_sided(linear.t_of(SLOPE)),
        quadratic_coefficient=response.slope_per_decade(float(quadratic.coefficients[CURVATURE])) / response.z_half,
        quadratic_p_value=quadratic.two_sided(quadratic.t_of(CURVATURE)),
        dispersion=quadratic.dispersion,
    )
