"""Posterior predictive draws of the scores under given mean curves, for every kind of noise.

Counts on shared items are logits with correlated errors, as in their likelihood. Other counts are beta-binomial. Each
draw of these takes the cheapest of three ways, all on the rarer outcome (mean q <= 1/2): Cornish and Fisher's expansion
to the fourth cumulant where the counts spread over many values and are nearly normal, inversion of the exact
distribution where they are few, and a beta draw (Marsaglia and Tsang 2000, ACM TOMS 26) followed by a binomial one in
what is left. The random numbers of a seed are made once and shared by all curves.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy.special import expit, logit

from models.arrays import Floats
from models.beta_draws import Gamma, Quartet, beta_draw, gamma, next_uniform
from models.compiled import compiled, part
from models.likelihood import NoiseKind, Observations
from models.outcomes import HALF, Pairing

STREAM = 6202  # keeps these numbers apart from any other use of the same seed
PAIRED_STREAM = 10**6  # more than there are blocks of points
NEAREST = 1e-15  # a mean is this far from its bounds at least, so that it has a logit
BLOCK = 32  # points that share one block of random numbers
CACHED_BLOCKS = 4  # of 6 MB each at 4,000 draws
# Where the expansion is used, its distribution function is off by less than .002 (a test holds it to that).
LEAST_VARIANCE, MOST_SKEWNESS, MOST_KURTOSIS = 12.0, 0.45, 0.35
MOST_STEPS = 100.0  # of the inversion, up to six standard deviations above the mean
REACH = 6.0
NEGLIGIBLE = 1e-20  # probability below which an inversion past the mean ends
STIRLING_FROM = 16.0  # four Stirling terms are exact to 1e-14 from here
COUNTS, BOUNDED = float(NoiseKind.BETA_BINOMIAL), float(NoiseKind.NORMAL_BOUNDED)

NEVER, EXPANDED, SUMMED, MIXED = 0.0, 1.0, 2.0, 3.0  # ways to draw a count
KEPT_SUMS, STRIDE = 256, 8  # sums of probabilities, more than are often needed, and at which of them to look first
NO_SHARE = -1.0  # of a count that is drawn otherwise

type Law = tuple[float, float, float, float]
"""A way to draw counts, and the sd, skewness and kurtosis that the expansion needs."""
type Pair = tuple[float, float]
"""A normal and a uniform number."""


def predicted_scores(observations: Observations, means: Floats, r: Floats, seed: int) -> Floats:
    """Draws (S, N) of the performances of all points under means (S, N) and between-model variations r (S,)."""
    if observations.pairing is not None:
        return _paired_scores(observations.pairing, means, r, seed)
    trials = np.maximum(np.rint(observations.trials), 1.0)  # clusters leave a broken number of examples
    points = np.column_stack([observations.noise, trials, observations.stderr])
    means, scores = np.ascontiguousarray(means), np.empty(means.shape[::-1])
    for start in range(0, means.shape[1], BLOCK):
        _fill(scores, means, r, points, _numbers(seed, start // BLOCK, len(r)), start)
    return scores.T


def _paired_scores(paired: Pairing, means: Floats, r: Floats, seed: int) -> Floats:
    """Draws (S, N) of proportions on shared items: logits around the means' with the points' joint errors."""
    generator, n = np.random.default_rng((seed, STREAM, PAIRED_STREAM)), paired.n_examples
    common = (generator.standard_normal(means.shape) * np.sqrt(paired.variances)) @ paired.vectors.T
    own = generator.standard_normal(means.shape) * r[:, None]
    share = expit(logit(np.clip(means, NEAREST, 1 - NEAREST)) + (common + own) / paired.weight)
    return np.asarray(np.clip(np.rint(share * (n + 2 * HALF) - HALF), 0.0, n) / n)


@lru_cache(maxsize=CACHED_BLOCKS)
def _numbers(seed: int, block: int, draws: int) -> Floats:
    """Independent numbers (6, BLOCK, draws): normal, uniform, two more normal, two exponential."""
    generator, size = np.random.default_rng((seed, STREAM, block)), (BLOCK, draws)
    first = generator.standard_normal(size), generator.random(size)
    normals = generator.standard_normal((2, *size))
    return np.stack([*first, *normals, *generator.standard_exponential((2, *size))])


@part
def _stirling(x: float) -> float:
    square = 1.0 / (x * x)
    return (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square / 1680))) / x


@part
def _log_rising(k: float, a: float) -> float:
    """log(Γ(k + a)/Γ(a)) - k log a, without cancellation for large a."""
    if a > STIRLING_FROM:
        return (k + a - 0.5) * math.log1p(k / a) - k + _stirling(k + a) - _stirling(a)
    return math.lgamma(k + a) - math.lgamma(a) - k * math.log(a)


@part
def _summed(n: float, q: float, precision: float, uniform: float, sums: Floats, known: int) -> tuple[float, int]:
    """Quantile of the beta-binomial at `uniform` by summing from 0, and the number of sums that are known then.

    `sums` (2, G) holds probabilities and their sums, so that draws from one distribution add up each only once.
    """
    if uniform < 1.0 - n * q:  # Markov: P(0) >= 1 - mean
        return 0.0, known
    a, b = q * precision, (1.0 - q) * precision
    if known == 0:
        sums[0, 0] = sums[1, 0] = math.exp(n * math.log1p(-q) + _log_rising(n, b) - _log_rising(n, precision))
        known = 1
    k = 0
    while k + STRIDE < known and sums[1, k + STRIDE] < uniform:
        k += STRIDE
    while k + 1 < known and sums[1, k] < uniform:
        k += 1
    mass, below = sums[0, k], sums[1, k]
    while below < uniform and k < n and (mass > NEGLIGIBLE or k < n * q):
        k += 1
        mass *= (n - k + 1.0) * (a + k - 1.0) / (k * (b + n - k))
        below += mass
        if k < sums.shape[1]:
            sums[0, k], sums[1, k], known = mass, below, k + 1
    return float(k), known


@part
def _expansion(n: float, q: float, precision: float, variance: float) -> tuple[float, float, float]:
    """Sd, skewness and excess kurtosis of the count plus a uniform on (-1/2, 1/2), which rounding takes away again.

    Cumulants of the beta-binomial: Johnson, Kemp and Kotz 2005, Univariate Discrete Distributions, section 6.2.
    """
    product, m = q * (1.0 - q), precision
    bracket = m * (m - 1.0 + 6.0 * n) + 6.0 * n * n
    bracket += product * (3.0 * m * m * (n - 2.0) - 3.0 * m * n * (6.0 - n) - 18.0 * n * n)
    fourth = variance * (bracket / ((m + 2.0) * (m + 3.0)) - 3.0 * variance)
    spread = variance + 1.0 / 12
    sd = math.sqrt(spread)
    skewness = (1.0 - 2.0 * q) * (m + 2.0 * n) / (m + 2.0) * variance / (spread * sd)
    return sd, skewness, (fourth - 1.0 / 120) / (spread * spread)


@part
def _cornish_fisher(z: float, skewness: float, kurtosis: float) -> float:
    """Abramowitz and Stegun 26.2.49 to the fourth cumulant."""
    square = z * z
    first = z + skewness * (square - 1.0) / 6
    return first + z * (kurtosis * (square - 3.0) / 24 - skewness * skewness * (2.0 * square - 5.0) / 36)


@part
def _law(n: float, q: float, precision: float) -> Law:
    """The cheapest way to draw the rarer outcome's count (the expansion only where it increases from -5 to 5)."""
    if q <= 0.0:
        return NEVER, 0.0, 0.0, 0.0
    variance = n * q * (1.0 - q) * ((n + precision) / (1.0 + precision))
    if n > 1.0 and variance >= LEAST_VARIANCE:
        sd, skewness, kurtosis = _expansion(n, q, precision, variance)
        increasing = 1.0 - 5.0 / 3 * skewness + 3.0 * kurtosis - 145.0 / 36 * skewness * skewness > 0.0
        if increasing and skewness <= MOST_SKEWNESS and abs(kurtosis) <= MOST_KURTOSIS:
            return EXPANDED, sd, skewness, kurtosis
    few = n <= MOST_STEPS or n * q + REACH * math.sqrt(variance) <= MOST_STEPS
    return (SUMMED if few else MIXED), 0.0, 0.0, 0.0


@part
def _expanded_count(law: Law, n: float, q: float, normal: float) -> float:
    place = n * q + law[1] * _cornish_fisher(normal, law[2], law[3])
    return float(min(max(np.floor(place + 0.5), 0.0), n))


@part
def _binomial_count(n: float, p: float, normal: float, uniform: float) -> float:
    """Binomial count by expansion or inversion."""
    q = min(p, 1.0 - p)
    variance, rare = n * q * (1.0 - q), 0.0
    if variance >= LEAST_VARIANCE:
        spread = variance + 1.0 / 12
        skewness = (1.0 - 2.0 * q) * variance / (spread * math.sqrt(spread))
        kurtosis = (variance * (1.0 - 6.0 * q * (1.0 - q)) - 1.0 / 120) / (spread * spread)
        place = n * q + math.sqrt(spread) * _cornish_fisher(normal, skewness, kurtosis)
        rare = min(max(np.floor(place + 0.5), 0.0), n)
    elif uniform >= 1.0 - n * q:
        mass, odds = math.exp(n * math.log1p(-q)), q / (1.0 - q)
        rest = uniform - mass
        while rest > 0.0 and rare < n and (mass > NEGLIGIBLE or rare < n * q):
            mass *= (n - rare) / (rare + 1.0) * odds
            rare += 1.0
            rest -= mass
    return rare if p <= 0.5 else n - rare


@part
def _share(laws: tuple[Gamma, Gamma], uniform: float, given: Quartet) -> Pair:
    """A beta draw, and a uniform number for the binomial one that follows."""
    state, share = beta_draw(laws[0], laws[1], given, np.uint64(uniform * 2.0**53))
    return share, next_uniform(state)[1]


@part
def _fill_counts(scores: Floats, means: Floats, r: Floats, n: float, numbers: Floats) -> None:
    """Scores (S,) of one point of n examples; draws in a row that have one mean and one r share their law.

    Binomial draws wait until all beta draws are made: a processor overlaps short loops more than long ones.
    """
    law, sums = (NEVER, 0.0, 0.0, 0.0), np.empty((2, KEPT_SUMS))
    known = int(np.int64(0))  # no literal, for which the compiler would make `_summed` once more
    gammas = gamma(1.0), gamma(1.0)
    last_f, last_r, q, precision = -1.0, -1.0, 0.0, 0.0
    shares, uniforms = np.empty(len(r)), np.empty(len(r))
    for s in range(len(r)):
        f = means[s]
        if f != last_f or r[s] != last_r:
            last_f, last_r, known = f, r[s], 0
            q, precision = min(f, 1.0 - f), max(1.0 / (r[s] * r[s]) - 1.0, 1e-9)
            law = _law(n, q, precision)
            if law[0] == MIXED:
                gammas = gamma(f * precision), gamma((1.0 - f) * precision)
        if law[0] == MIXED:
            given = numbers[2, s], numbers[3, s], numbers[4, s], numbers[5, s]
            shares[s], uniforms[s] = _share(gammas, numbers[1, s], given)
            continue
        shares[s], count = NO_SHARE, 0.0
        if n == 1.0:
            count = 1.0 if numbers[1, s] < f else 0.0
        elif law[0] == EXPANDED:
            count = _expanded_count(law, n, q, numbers[0, s])
        elif law[0] == SUMMED:
            count, known = _summed(n, q, precision, numbers[1, s], sums, known)
        scores[s] = (count if f <= 0.5 or n == 1.0 else n - count) / n
    _fill_binomial(scores, shares, uniforms, numbers[0], n)


@part
def _fill_binomial(scores: Floats, shares: Floats, uniforms: Floats, normals: Floats, n: float) -> None:
    """Scores (S,) of the draws that have a share by now."""
    for s in range(len(scores)):
        if shares[s] != NO_SHARE:
            scores[s] = _binomial_count(n, shares[s], normals[s], uniforms[s]) / n


@compiled
def _fill(scores: Floats, means: Floats, r: Floats, points: Floats, numbers: Floats, start: int) -> None:
    """Scores (N, S) of one block of points from `start`; rows of `points` are (noise, trials, stderr)."""
    for i in range(start, min(start + numbers.shape[1], means.shape[1])):
        noise, n, stderr = points[i, 0], points[i, 1], points[i, 2]
        if noise == COUNTS:
            _fill_counts(scores[i], means[:, i], r, n, numbers[:, i - start])
            continue
        for s in range(len(r)):
            f = means[s, i]
            spread = f * (1.0 - f) if noise == BOUNDED else 1.0
            scores[i, s] = f + numbers[0, i - start, s] * math.sqrt(stderr**2 + r[s] * r[s] * spread)
