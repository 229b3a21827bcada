"""One more measurement, not made yet: what it will show, and how each outcome changes the weights of the draws.

Seen from a draw of the curve the outcome is beta-binomial (counts) or normal (scores with a standard error). Another
language model varies around the curve as the observation model says. More examples for a model that was tested already
are examples of the same model: what its first examples said of its own performance is kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from models.arrays import Floats, Ints
from models.compiled import compiled
from models.likelihood import LARGEST_N, UNKNOWING, NoiseKind, Observations

NEAREST = 1e-12  # a mean is this far from its bounds at least, so that both outcomes stay possible
LARGEST_R = 1 - 1e-9  # at 1 the beta distribution of the models has no density
STIRLING_FROM = 8.0  # four Stirling terms are exact to 1e-11 from here
HALF = 0.5  # added to both counts, so that none and all leave a variance (Cox 1970, section 3.2)
OUTCOME_DRAWS = 4096
STREAM = 8117  # keeps these random numbers apart from any other use of the same seed


@dataclass(frozen=True, slots=True)
class CountLaw:
    """Successes of `n` trials, beta-binomial with a (T,) and b (T,) seen from T draws."""

    n: float
    a: Floats
    b: Floats


@dataclass(frozen=True, slots=True)
class ScoreLaw:
    """A score, normal with `mean` (T,) and `sd` (T,) seen from T draws; within [0, 1] where `bounded`."""

    mean: Floats
    sd: Floats
    bounded: bool


type Law = CountLaw | ScoreLaw


@dataclass(frozen=True, slots=True)
class Effort:
    """How well a model is tested: so many examples, or a standard error in score units; the other is None."""

    n_examples: int | None = None
    stderr: float | None = None


def new_model(observations: Observations, mean: Floats, r: Floats, effort: Effort) -> Law:
    """The law of another language model's score where the curve has `mean` (T,), between-model variations r (T,)."""
    if effort.n_examples is not None:
        return _counts(_trials(observations, effort.n_examples), mean, r)
    own = r**2 * _spread(observations, mean)
    return ScoreLaw(mean, np.sqrt(_stderr(observations, effort) ** 2 + own), observations.bounded)


def same_model(observations: Observations, index: int, mean: Floats, r: Floats, effort: Effort) -> Law:
    """The law of what more examples for the model at point `index` will show, given what its first ones showed."""
    if observations.noise[index] == NoiseKind.BETA_BINOMIAL:
        before = _counts(_trials_at(observations, index, effort), mean, r)
        k, n = float(observations.successes[index]), float(observations.trials[index])
        return CountLaw(before.n, before.a + k, before.b + (n - k))
    own = np.maximum(r**2 * _spread(observations, mean), np.finfo(float).tiny)
    first = float(observations.stderr[index]) ** 2
    variance = 1 / (1 / own + 1 / first)
    center = variance * (mean / own + float(observations.y[index]) / first)
    return ScoreLaw(center, np.sqrt(_stderr_at(observations, index, effort) ** 2 + variance), observations.bounded)


def outcomes(law: Law, chosen: Ints, count: int, seed: int) -> Floats:
    """Outcomes (count,), each standing for an equal share of what is to be expected.

    `chosen` are indices of equally weighted draws; the outcomes are the middles of equal parts of a simulated sample.
    """
    generator = np.random.default_rng((seed, STREAM))
    if isinstance(law, CountLaw):
        sample = generator.binomial(int(law.n), generator.beta(law.a[chosen], law.b[chosen])).astype(float)
    else:
        sample = law.mean[chosen] + law.sd[chosen] * generator.standard_normal(len(chosen))
        sample = np.clip(sample, 0.0, 1.0) if law.bounded else sample
    places = ((np.arange(count) + 0.5) / count * len(sample)).astype(np.int64)
    return np.asarray(np.sort(sample)[places])


def factors(law: Law, found: Floats) -> Floats:
    """Likelihood (M, T) of outcomes (M,) under every draw, up to a factor for each outcome; the largest is 1."""
    if isinstance(law, CountLaw):
        logs = np.empty((len(found), len(law.a)))
        _count_logs(found, law.n, law.a, law.b, logs)
    else:
        logs = -0.5 * ((found[:, None] - law.mean) / law.sd) ** 2 - np.log(law.sd)
    return np.asarray(np.exp(logs - logs.max(axis=1, keepdims=True)))


def with_place(observations: Observations, scale: float) -> tuple[Observations, int]:
    """The observations with one more point, at `scale`, that says nothing, and its index; the priors span it as well.

    Joint errors of shared items are left out: the new point would have none.
    """
    z = np.append(observations.z, math.log10(scale))
    order = np.argsort(z, kind="stable")
    z = z[order]
    kind, effects = observations.usual_noise, observations.design_effects

    def grown(values: Floats, last: float) -> Floats:
        return np.asarray(np.append(values, last)[order])

    grown_observations = replace(
        observations,
        u=(z - z[0]) / (z[-1] - z[0]),
        z=z,
        y=grown(observations.y, 0.0),
        successes=grown(observations.successes, 0.0),
        trials=grown(observations.trials, 0.0),
        stderr=grown(observations.stderr, 0.0 if kind is NoiseKind.BETA_BINOMIAL else UNKNOWING),
        noise=np.append(observations.noise, kind)[order],
        pairing=None,
        submitted=None,
        design_effects=None if effects is None else grown(effects, float(np.mean(effects))),
    )
    return grown_observations, int(np.argmax(order))


def with_outcome(observations: Observations, index: int, effort: Effort, outcome: float) -> Observations:
    """The observations with an outcome at point `index`, in place of nothing or beside what is known there."""
    found, own = [values.copy() for values in (observations.successes, observations.trials, observations.y)], index
    if observations.noise[own] == NoiseKind.BETA_BINOMIAL:
        found[0][own] += outcome
        found[1][own] += _trials_at(observations, own, effort)
        found[2][own] = found[0][own] / found[1][own]
        return replace(observations, successes=found[0], trials=found[1], y=found[2], pairing=None, submitted=None)
    errors = observations.stderr.copy()
    before, new = 1 / errors[own] ** 2, 1 / _stderr_at(observations, own, effort) ** 2
    found[2][own] = (found[2][own] * before + outcome * new) / (before + new)
    errors[own] = (before + new) ** -0.5
    return replace(observations, y=found[2], stderr=errors, pairing=None, submitted=None)


def _counts(n: float, mean: Floats, r: Floats) -> CountLaw:
    f, precision = np.clip(mean, NEAREST, 1 - NEAREST), 1 / np.minimum(r, LARGEST_R) ** 2 - 1
    return CountLaw(n, f * precision, (1 - f) * precision)


def _trials_at(observations: Observations, index: int, effort: Effort) -> float:
    """Independent examples for the counts at a point; a standard error is worth y (1 - y)/se² of them."""
    if effort.n_examples is not None:
        return _trials(observations, effort.n_examples)
    share = float((observations.successes[index] + HALF) / (observations.trials[index] + 2 * HALF))
    size = share * (1 - share) / max(_stderr(observations, effort) ** 2, 1 / LARGEST_N)
    return max(1.0, float(np.rint(size)))


def _stderr_at(observations: Observations, index: int, effort: Effort) -> float:
    """Standard error for the score at a point; of n examples that of a share y, its own error or more off 0 and 1."""
    if effort.n_examples is None:
        return _stderr(observations, effort)
    edge = min(float(observations.stderr[index]), 0.5)
    share = min(max(float(observations.y[index]), edge), 1 - edge)
    return math.sqrt(share * (1 - share) / _trials(observations, effort.n_examples))


def _trials(observations: Observations, n_examples: int) -> float:
    """Independent examples that so many are worth: clustered ones are worth as much less as those before."""
    effects = observations.design_effects
    return max(1.0, float(np.rint(n_examples / (1.0 if effects is None else float(np.mean(effects))))))


def _stderr(observations: Observations, effort: Effort) -> float:
    return (effort.stderr or 0.0) / observations.unit


def _spread(observations: Observations, mean: Floats) -> Floats:
    return np.clip(mean * (1 - mean), 0.0, None) if observations.bounded else np.ones(len(mean))


@compiled
def _stirling(x: float) -> float:
    square = 1.0 / (x * x)
    return (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square / 1680))) / x


@compiled
def _log_rising(k: float, a: float) -> float:
    """log(Γ(k + a)/Γ(a)) - k log a, without cancellation for large a."""
    if a > STIRLING_FROM:
        return (k + a - 0.5) * math.log1p(k / a) - k + _stirling(k + a) - _stirling(a)
    return math.lgamma(k + a) - math.lgamma(a) - k * math.log(a)


@compiled
def _count_logs(found: Floats, n: float, a: Floats, b: Floats, logs: Floats) -> None:
    """Log beta-binomial probabilities (M, T), without the binomial coefficients."""
    for t in range(len(a)):
        total = a[t] + b[t]
        whole = _log_rising(n, total)
        success, failure = math.log(a[t] / total), math.log(b[t] / total)
        for m in range(len(found)):
            k = found[m]
            value = k * success + (n - k) * failure - whole
            logs[m, t] = value + _log_rising(k, a[t]) + _log_rising(n - k, b[t])
