"""How far test sets and single models stray from a curve: what more examples could and could not mend."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist, median

from models.curve import ScalingCurve
from models.results import Analysis
from models.words import counted


@dataclass(frozen=True, slots=True)
class Strays:
    """Typical standard error of a test set and sd of single models around the curve, in score units.

    `models_at_least` is the lower end of the interval of that sd.
    """

    test_set: float
    models: float
    models_at_least: float

    @property
    def models_dominate(self) -> bool:
        """Whether more examples would help less than more models."""
        return self.models > self.test_set

    @property
    def models_surely_dominate(self) -> bool:
        """The same with the interval's lower end."""
        return self.models_at_least > self.test_set


def strays(analysis: Analysis) -> Strays:
    """Both, from the points' intervals and the fit."""
    z = 2 * NormalDist().inv_cdf((1 + analysis.options.interval) / 2)
    ends = [(point.interval.lower, point.interval.upper) for point in analysis.points]
    widths = [(upper - lower) / z for lower, upper in ends if lower is not None and upper is not None]
    sd = analysis.fit.between_model_sd
    return Strays(median(widths) if widths else 0.0, sd.estimate or 0.0, sd.lower or 0.0)


def data_text(curve: ScalingCurve) -> str:
    """`three models of 300 examples each`, `eight models of 200 to 2,000 examples`, `nine results at eight scales`."""
    count = len(curve.points)
    noun = counted(count, "model")
    if count > curve.n_scales:
        noun = f"{counted(count, 'result')} at {counted(curve.n_scales, 'scale')}"
    sizes = sorted(point.n_examples for point in curve.points if point.n_examples is not None)
    if len(sizes) < count:
        return noun
    if sizes[0] == sizes[-1]:
        return f"{noun} of {sizes[0]:,} example{'' if sizes[0] == 1 else 's'} each"
    return f"{noun} of {sizes[0]:,} to {sizes[-1]:,} examples"
