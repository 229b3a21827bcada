"""Scale s of the between-model variation: as asked, by default, or estimated from a suite of curves.

log s ~ N(log .03, .8²); each curve contributes its evidence under r ~ HalfCauchy(s) at nine nodes. Between them the
log evidence of the suite follows a cubic spline: a large suite tells s much better than the nodes lie apart. The
estimate for a curve leaves the curve itself out, so that no curve is used twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from models.arrays import Floats
from models.errors import InvalidOptions, Problem
from models.options import DEFAULT_BETWEEN_MODEL_SCALE, SUITE_MINIMUM, Options

if TYPE_CHECKING:
    from models.curve_models.priors import HalfCauchy
    from models.pool import Pool

LOG_SD = 0.8  # of the prior on log s: covers the .01 to .10 seen over published suites
NODES: Floats = DEFAULT_BETWEEN_MODEL_SCALE * np.exp(LOG_SD * np.linspace(-2.5, 2.5, 9))
_LOG_NODES: Floats = np.log(NODES)
FINER = 8  # times as many places between the nodes
PLACES: Floats = np.linspace(_LOG_NODES[0], _LOG_NODES[-1], FINER * (len(NODES) - 1) + 1)
_LOG_PRIOR: Floats = -0.5 * ((PLACES - math.log(DEFAULT_BETWEEN_MODEL_SCALE)) / LOG_SD) ** 2
DIGITS = 3  # significant digits of a resolved scale, so that it can be written down and asked for

Source = Literal["option", "default", "suite"]


@dataclass(frozen=True, slots=True)
class ResolvedScale:
    """The number s that an analysis uses, and where it came from."""

    value: float
    source: Source


def own_scale(options: Options) -> ResolvedScale:
    """The scale for a curve without a suite."""
    asked = options.between_model_scale
    if asked == "default":
        return ResolvedScale(DEFAULT_BETWEEN_MODEL_SCALE, "default")
    if isinstance(asked, str):
        message = f"'suite' needs at least {SUITE_MINIMUM} curves analysed together; give a number or 'default'"
        raise InvalidOptions([Problem("/options/between_model_scale", message)])
    return ResolvedScale(float(asked), "option")


def scale_evidence(pool: Pool, options: Options, variation: HalfCauchy) -> Floats:
    """Log evidence (9,) of one curve at the nodes of s, averaged over the prior on classes."""
    # At the point of use: who only looks a scale up need not load the engines.
    from models.curve_models.priors import HalfCauchy
    from models.pool import class_evidence, prior_vector, variation_factor

    prior = prior_vector(options.class_prior)
    values = [
        class_evidence(pool, variation_factor(pool, variation, HalfCauchy(node))).value for node in NODES.tolist()
    ]
    return np.array([pool.log_unit + math.log(float(prior @ value)) for value in values])


def resolve_suite_scale(total: Floats, left_out: Floats | None = None) -> ResolvedScale:
    """Posterior mean of log s given the suite's summed log evidence (9,), less a curve's own."""
    evidence = total if left_out is None else total - left_out
    log_posterior = _LOG_PRIOR + finer() @ (evidence - evidence.max())
    weights = np.exp(log_posterior - log_posterior.max())
    value = math.exp(float(np.sum(weights * PLACES) / np.sum(weights)))
    return ResolvedScale(float(f"{value:.{DIGITS - 1}e}"), "suite")


@cache
def finer() -> Floats:
    """Matrix (65, 9) from values at the nodes to those of their cubic spline at all places, without knots at the ends.

    The first two and the last two pieces are one polynomial each (de Boor 1978, A Practical Guide to Splines, ch. 4).
    """
    count, step = len(NODES), float(_LOG_NODES[1] - _LOG_NODES[0])
    second, jumps = np.zeros((count, count)), np.zeros((count, count))
    second[0, :3] = second[-1, -3:] = 1.0, -2.0, 1.0
    for i in range(1, count - 1):
        second[i, i - 1 : i + 2], jumps[i, i - 1 : i + 2] = (1.0, 4.0, 1.0), (6.0, -12.0, 6.0)
    bends, values = np.linalg.solve(second, jumps), np.eye(count)
    left = np.minimum(np.arange(len(PLACES)) // FINER, count - 2)
    after = ((PLACES - _LOG_NODES[left]) / step)[:, None]
    before = 1.0 - after
    bent = (before**3 - before) * bends[left] + (after**3 - after) * bends[left + 1]
    return np.asarray(before * values[left] + after * values[left + 1] + bent / 6)
