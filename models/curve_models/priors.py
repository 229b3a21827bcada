"""Priors of curve-model parameters: closed records with quantile function and log density.

`quantile` maps v in (0, 1) to the parameter, so that a uniform v has the prior; both are vectorised.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from models.arrays import Floats

DEGREES_OF_FREEDOM = 4  # heavy enough that one large change costs little; has a closed-form quantile


@dataclass(frozen=True, slots=True)
class Normal:
    """Normal with mean and sd."""

    mean: float
    sd: float

    def quantile(self, v: Floats) -> Floats:
        """Quantile at v in (0, 1)."""
        return np.asarray(self.mean + self.sd * ndtri(v))

    def cdf(self, x: Floats) -> Floats:
        """Distribution function at x."""
        return np.asarray(ndtr((x - self.mean) / self.sd))

    def log_density(self, x: Floats) -> Floats:
        """Log density at x."""
        return -0.5 * ((x - self.mean) / self.sd) ** 2 - math.log(self.sd * math.sqrt(2 * math.pi))


@dataclass(frozen=True, slots=True)
class StudentT:
    """Student t with 4 degrees of freedom, centred at zero."""

    scale: float

    def quantile(self, v: Floats) -> Floats:
        """Closed form for 4 degrees of freedom (Shaw 2006, Journal of Computational Finance 9(4), eq. 36)."""
        tail = np.minimum(v, 1 - v)
        root = np.sqrt(4 * tail * (1 - tail))
        size = 2 * np.sqrt(np.maximum(np.cos(np.arccos(np.minimum(root, 1.0)) / 3) / root - 1, 0))
        return np.asarray(self.scale * np.where(v < 0.5, -size, size))

    def log_density(self, x: Floats) -> Floats:
        """Log density at x: 3/8 (1 + t²/4)^(-5/2) / scale."""
        return np.asarray(math.log(0.375 / self.scale) - 2.5 * np.log1p((x / self.scale) ** 2 / 4))


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Exponential of a normal with `log_mean` and `log_sd`."""

    log_mean: float
    log_sd: float

    def quantile(self, v: Floats) -> Floats:
        """Quantile at v in (0, 1)."""
        return np.exp(self.log_mean + self.log_sd * ndtri(v))

    def cdf(self, x: Floats) -> Floats:
        """Distribution function at x > 0."""
        return np.asarray(ndtr((np.log(x) - self.log_mean) / self.log_sd))

    def log_density(self, x: Floats) -> Floats:
        """Log density at x > 0."""
        return Normal(self.log_mean, self.log_sd).log_density(np.log(x)) - np.log(x)


@dataclass(frozen=True, slots=True)
class Exponential:
    """Exponential with the given mean."""

    mean: float

    def quantile(self, v: Floats) -> Floats:
        """Quantile at v in (0, 1)."""
        return -self.mean * np.log1p(-v)

    def cdf(self, x: Floats) -> Floats:
        """Distribution function at x >= 0."""
        return -np.expm1(-np.maximum(x, 0.0) / self.mean)

    def log_density(self, x: Floats) -> Floats:
        """Log density at x >= 0."""
        return -x / self.mean - math.log(self.mean)


@dataclass(frozen=True, slots=True)
class Uniform:
    """Uniform between two numbers, or between earlier level parameters named by their index."""

    lower: float = 0.0
    upper: float = 1.0
    lower_index: int | None = None
    upper_index: int | None = None

    def quantile(self, v: Floats) -> Floats:
        """Quantile at v in (0, 1) for constant bounds."""
        return self.lower + (self.upper - self.lower) * v

    def cdf(self, x: Floats) -> Floats:
        """Distribution function between constant bounds."""
        return np.clip((x - self.lower) / (self.upper - self.lower), 0.0, 1.0)

    def log_density(self, x: Floats) -> Floats:
        """Log density inside constant bounds."""
        return np.full(np.shape(x), -math.log(self.upper - self.lower))


@dataclass(frozen=True, slots=True)
class Triangle:
    """Falling triangle on (0, upper): the smaller of two numbers that are uniform on the ordered triangle."""

    upper: float

    def quantile(self, v: Floats) -> Floats:
        """Quantile at v in (0, 1)."""
        return self.upper * (1 - np.sqrt(1 - v))

    def log_density(self, x: Floats) -> Floats:
        """Log density at x in (0, upper)."""
        return np.log1p(-x / self.upper) + math.log(2 / self.upper)


ShapePrior = Uniform | Normal | LogNormal | Exponential
LevelPrior = Uniform | Normal | StudentT | LogNormal | Triangle


@dataclass(frozen=True, slots=True)
class Parameter[P: (ShapePrior, LevelPrior)]:
    """A named parameter and its prior."""

    name: str
    prior: P


@dataclass(frozen=True, slots=True)
class HalfCauchy:
    """Half-Cauchy of scale s truncated at 1: prior of the between-model variation r."""

    scale: float

    def quantile(self, v: Floats) -> Floats:
        """Quantile at v in (0, 1)."""
        return self.scale * np.tan(v * math.atan(1 / self.scale))

    def cdf(self, r: Floats) -> Floats:
        """Distribution function at r in [0, 1]."""
        return np.arctan(r / self.scale) / math.atan(1 / self.scale)

    def log_density(self, r: Floats) -> Floats:
        """Log density at r in (0, 1)."""
        return -np.log1p((r / self.scale) ** 2) - math.log(self.scale * math.atan(1 / self.scale))
