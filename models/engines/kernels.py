"""Compiled inner loops of `quadrature`: exact log likelihood, and Laplace approximation of the levels.

Scalars throughout, no fast-math: the same input gives the same bytes. The levels are written as functions of standard
normal x, so that the prior is N(0, I) in every curve model and the posterior's Hessian is never singular.
All in one file: the compiler's cache follows the file of a function, not those of the functions that it calls, so that
in two files one half would go on running the other's old code.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from models.arrays import Floats
from models.compiled import compiled

STIRLING_FROM = 8.0  # four Stirling terms are exact to 1e-11 from here
LOG_UNTIL = 1e5  # the plain logarithm is twice as quick, and its error, (k + a) 1e-16, is nothing below it
FEW, SMALL = 8.0, 1e-3  # successes up to which, and a from which, a product replaces two gamma functions
TINY = 1e-200  # keeps the logarithm of a mean that underflowed finite
SMALLEST_MEAN = 1e-12  # the same of what is known of it, where a step near a bound would be endless
STEP_LIMIT = 2.0  # longest Newton step in prior standard deviations
MOST_STEPS, DRAW_STEPS = 24.0, 3.0  # per cell, and per draw, which starts from a mode near by
# Square of the last step in posterior standard deviations, per cell and per draw: a draw's proposal has heavy tails.
NEAR, DRAW_NEAR = 0.1, 9.0
T_DF = 7.0  # heavier than the normal that it stands for, light enough to waste few draws
LOG_T_CONSTANT = math.lgamma(4.0) - math.lgamma(3.5) - 0.5 * math.log(7.0 * math.pi)
WIDEST = 5.0
LEVEL_PRIOR_SHARE = 0.1  # of the draws whose levels come from the prior: bounds the weights of skewed posteriors
NORMAL, STUDENT_T, UNIFORM, LOG_NORMAL, TRIANGLE = 0, 1, 2, 3, 4  # codes of the level priors
IDENTITY, LOGIT, LOG_LOG = 0, 1, 2  # codes of the links, as in `Link`
PAIRED = 3.0  # kind of noise of counts on shared items, beside those of `NoiseKind`: all points of a curve or none
VECTOR = 7  # column of the data from which a row holds an eigenvector of the paired errors
ROOT_TWO_PI = math.sqrt(2 * math.pi)
LOG_TWO_PI = math.log(2 * math.pi)


class Given(NamedTuple):
    """What one curve model on one curve does not change: link code, priors of the levels (p, 5), data (N, 6).

    Paired data are (N, 7 + N): the kind, k, n, weight, constant and logit of a point, then a variance and eigenvector
    of the points' joint errors, which are those of no point in particular.
    """

    link: int
    priors: Floats
    data: Floats


class Node(NamedTuple):
    """One place of the shape parameters and r: offset (N,), columns (N, p), r."""

    offset: Floats
    columns: Floats
    r: float


@compiled
def _copy(values: Floats, target: Floats) -> None:
    """Number by number: numba compiles the assignment of slices, with its messages on shapes, for seconds."""
    for i in range(len(values)):
        target[i] = values[i]


@compiled
def _stirling(x: float) -> float:
    inverse = 1.0 / x
    square = inverse * inverse
    return inverse * (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square * (1.0 / 1680))))


@compiled
def log_rising(k: float, a: float) -> float:
    """log(Γ(k + a)/Γ(a)) - k log a, without cancellation for large a."""
    if k == 0.0:
        return 0.0
    if a > STIRLING_FROM:
        growth = math.log(1.0 + k / a) if a < LOG_UNTIL else math.log1p(k / a)
        return (k + a - 0.5) * growth - k + _stirling(k + a) - _stirling(a)
    if k <= FEW and a > SMALL and k == math.floor(k):
        ratio = 1.0
        for i in range(1, int(k)):
            ratio *= 1.0 + i / a
        return math.log(ratio)
    shift, low, high = 0.0, a, k + a
    product, above = 1.0, 1.0
    while low <= STIRLING_FROM:
        product *= low
        low += 1.0
    while high <= STIRLING_FROM:
        above *= high
        high += 1.0
    shift = math.log(product / above)
    upper = (high - 0.5) * math.log(high) - high + _stirling(high)
    return upper - (low - 0.5) * math.log(low) + low - _stirling(low) + shift - k * math.log(a)


@compiled
def _point_log_likelihood(f: float, complement: float, r: float, i: int, data: Floats, whole: float) -> float:
    """Log density of point i (all constants kept) for mean f, 1 - f and between-model variation r.

    `whole` is `log_rising(n, M)` of this point's n, which many points share.
    """
    noise = data[i, 0]
    if noise == 0.0:
        k, n, constant = data[i, 1], data[i, 2], data[i, 4]
        m = 1.0 / (r * r) - 1.0
        f, complement = max(f, TINY), max(complement, TINY)
        value = constant - whole
        if k > 0.0:
            value += k * math.log(f) + log_rising(k, f * m)
        if n > k:
            value += (n - k) * math.log(complement) + log_rising(n - k, complement * m)
        return float(value)
    spread = f * complement if noise == 1.0 else 1.0
    variance = data[i, 3] ** 2 + r * r * spread
    return float(-0.5 * ((data[i, 5] - f) ** 2 / variance + math.log(variance) + LOG_TWO_PI))


@compiled
def _whole(i: int, r: float, data: Floats, before: float) -> float:
    """`log_rising(n, M)` for point i; `before` is that of point i - 1."""
    if data[i, 0] != 0.0:
        return 0.0
    if i > 0 and data[i, 2] == data[i - 1, 2] and data[i - 1, 0] == 0.0:
        return before
    return log_rising(data[i, 2], 1.0 / (r * r) - 1.0)


@compiled
def _mean(eta: float, link: int) -> tuple[float, float, float]:
    """Mean, its complement and its derivative by the linear predictor."""
    if link == LOGIT:
        if eta >= 0:
            small = math.exp(-eta)
            f, complement = 1.0 / (1.0 + small), small / (1.0 + small)
        else:
            small = math.exp(eta)
            f, complement = small / (1.0 + small), 1.0 / (1.0 + small)
        return f, complement, f * complement
    if link == LOG_LOG:
        rate = math.exp(min(eta, 700.0))
        f = math.exp(-rate)
        return f, -math.expm1(-rate), -rate * f
    return eta, 1.0 - eta, 1.0


@compiled
def _normal_cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


@compiled
def _t_level(x: float, scale: float) -> tuple[float, float]:
    """Student-t level with 4 degrees of freedom at normal x, and its derivative."""
    tail = max(0.5 * math.erfc(abs(x) / math.sqrt(2.0)), TINY)
    alpha = min(4 * tail * (1 - tail), 1.0)
    root = math.sqrt(alpha)
    size = 2 * math.sqrt(max(math.cos(math.acos(root) / 3) / root - 1, 0.0))
    density = 0.375 * (1 + size * size / 4) ** -2.5
    slope = scale * math.exp(-0.5 * x * x) / ROOT_TWO_PI / density
    return (scale * size if x >= 0 else -scale * size), slope


@compiled
def _levels(x: Floats, priors: Floats, levels: Floats, slopes: Floats) -> None:
    """Levels and their lower-triangular derivatives by x; `priors` rows are (code, a, b, index of a, index of b)."""
    p = len(x)
    for j in range(p):
        code, a, b = int(priors[j, 0]), priors[j, 1], priors[j, 2]
        for i in range(p):
            slopes[j, i] = 0.0
        if code == NORMAL:
            levels[j], slopes[j, j] = a + b * x[j], b
        elif code == STUDENT_T:
            levels[j], slopes[j, j] = _t_level(x[j], b)
        elif code == LOG_NORMAL:
            levels[j] = math.exp(a + b * x[j])
            slopes[j, j] = b * levels[j]
        elif code == TRIANGLE:
            root = math.sqrt(max(_normal_cdf(-x[j]), TINY))
            levels[j] = b * (1 - root)
            slopes[j, j] = b * math.exp(-0.5 * x[j] * x[j]) / ROOT_TWO_PI / (2 * root)
        else:
            low_index, high_index = int(priors[j, 3]), int(priors[j, 4])
            low = a if low_index < 0 else levels[low_index]
            high = b if high_index < 0 else levels[high_index]
            share = _normal_cdf(x[j])
            levels[j] = low + (high - low) * share
            for i in range(j):
                if low_index >= 0:
                    slopes[j, i] += (1 - share) * slopes[low_index, i]
                if high_index >= 0:
                    slopes[j, i] += share * slopes[high_index, i]
            slopes[j, j] = (high - low) * math.exp(-0.5 * x[j] * x[j]) / ROOT_TWO_PI


@compiled
def _weight(i: int, f: float, complement: float, r: float, data: Floats) -> float:
    """Information about f in point i.

    Counts use the binomial with n/(1 + (n - 1) r²) trials; at 0 and n of n the number of trials that has the exact
    likelihood's slope there, because the beta-binomial is much flatter.
    """
    noise = data[i, 0]
    if noise != 0.0:
        spread = f * complement if noise == 1.0 else 1.0
        return float(1.0 / (data[i, 3] ** 2 + r * r * spread))
    k, n = data[i, 1], data[i, 2]
    f, complement = max(f, SMALLEST_MEAN), max(complement, SMALLEST_MEAN)
    if k in (0.0, n):
        rest = (complement if k == 0.0 else f) * (1.0 / (r * r) - 1.0)
        trials = rest * math.log1p(n / rest)
    else:
        trials = n / (1 + (n - 1) * r * r)
    return trials / (f * complement)


@compiled
def _paired_residuals(offset: Floats, columns: Floats, levels: Floats, given: Given) -> tuple[Floats, Floats]:
    """Weighted distance (N,) of each empirical logit from the curve's, and minus its derivative by the predictor."""
    count = len(offset)
    residuals, slopes = np.empty(count), np.empty(count)
    for i in range(count):
        eta = offset[i]
        for j in range(len(levels)):
            eta += columns[i, j] * levels[j]
        f, complement, derivative = _mean(eta, given.link)
        residuals[i] = _paired_residual(f, complement, i, given.data)
        slopes[i] = given.data[i, 3] * derivative / (max(f, SMALLEST_MEAN) * max(complement, SMALLEST_MEAN))
    return residuals, slopes


@compiled
def _paired_residual(f: float, complement: float, i: int, data: Floats) -> float:
    """Weighted distance of the empirical logit of point i from that of the mean f."""
    logit = math.log(max(f, TINY)) - math.log(max(complement, TINY))
    return float(data[i, 3] * (data[i, 5] - logit))


@compiled
def _paired_log_likelihood(residuals: Floats, r: float, data: Floats) -> float:
    """Log density of all points together, along the eigenvectors of their joint errors: O(N²) for any r."""
    value = 0.0
    for k in range(len(residuals)):
        along = 0.0
        for i in range(len(residuals)):
            along += data[k, VECTOR + i] * residuals[i]
        variance = data[k, 6] + r * r
        value += data[k, 4] - 0.5 * (along * along / variance + math.log(variance) + LOG_TWO_PI)
    return value


@compiled
def _paired_gradient(p: int, node: Node, given: Given, work: Floats) -> None:
    """Add what paired points say to score and information; levels and their derivatives stand in `work`."""
    columns, slopes, rate = node.columns, work[p + 2 : 2 * p + 2], work[2 * p + 2]
    residuals, steps = _paired_residuals(node.offset, columns, work[p + 1], given)
    count = len(residuals)
    rates = np.zeros((count, p))
    for i in range(count):
        for a in range(p):
            for j in range(a, p):
                rates[i, a] += steps[i] * columns[i, j] * slopes[j, a]
    for k in range(count):
        along = 0.0
        for a in range(p):
            rate[a] = 0.0
        for i in range(count):
            share = given.data[k, VECTOR + i]
            along += share * residuals[i]
            for a in range(p):
                rate[a] += share * rates[i, a]
        weight = 1.0 / (given.data[k, 6] + node.r * node.r)
        for a in range(p):
            work[p, a] += weight * along * rate[a]
            for b in range(a + 1):
                work[a, b] += weight * rate[a] * rate[b]


@compiled
def gradient(x: Floats, node: Node, given: Given, work: Floats) -> None:
    """Score (row p of `work`) and information (rows 0 to p - 1) of the levels at x, prior included."""
    p, offset, columns, data = len(x), node.offset, node.columns, given.data
    levels, slopes, rate = work[p + 1], work[p + 2 : 2 * p + 2], work[2 * p + 2]
    _levels(x, given.priors, levels, slopes)
    for a in range(p):
        work[p, a] = -x[a]
        for b in range(p):
            work[a, b] = 1.0 if a == b else 0.0
    if data[0, 0] == PAIRED:
        _paired_gradient(p, node, given, work)
        return
    for i in range(len(offset)):
        eta = offset[i]
        for j in range(p):
            eta += columns[i, j] * levels[j]
        f, complement, derivative = _mean(eta, given.link)
        for a in range(p):
            total = 0.0
            for j in range(a, p):
                total += columns[i, j] * slopes[j, a]
            rate[a] = derivative * total
        weight = _weight(i, f, complement, node.r, data)
        residual = weight * (data[i, 5] - f)
        for a in range(p):
            work[p, a] += residual * rate[a]
            for b in range(a + 1):
                work[a, b] += weight * rate[a] * rate[b]


@compiled
def _factor(work: Floats, p: int, first: int) -> float:
    """Cholesky factor, in place, of the information of the levels from `first` on; half its log determinant."""
    total = 0.0
    for a in range(first, p):
        for b in range(first, a + 1):
            value = work[a, b]
            for c in range(first, b):
                value -= work[a, c] * work[b, c]
            if a == b:
                work[a, a] = math.sqrt(max(value, 1e-12))
                total += math.log(work[a, a])
            else:
                work[a, b] = value / work[b, b]
    return total


@compiled
def _newton_step(x: Floats, work: Floats, first: int, limit: float) -> tuple[float, float]:
    """Move the levels from `first` on by the damped Newton step; its square by the information, the next one's limit.

    The limit is halved where the step turns back on the one before, which stands in the last row of `work`: where the
    curvature changes quickly, as on the flanks of a log-log curve, whole steps would jump over the mode for ever.
    """
    p = len(x)
    step, before = work[p], work[2 * p + 3]
    decrement = 0.0
    for a in range(first, p):
        for c in range(first, a):
            step[a] -= work[a, c] * step[c]
        step[a] /= work[a, a]
        decrement += step[a] * step[a]
    length, along = 0.0, 0.0
    for a in range(p - 1, first - 1, -1):
        for c in range(a + 1, p):
            step[a] -= work[c, a] * step[c]
        step[a] /= work[a, a]
        length += step[a] * step[a]
        along += step[a] * before[a]
    length = math.sqrt(length)
    limit = 0.5 * limit if along < 0.0 else limit
    shrink = 1.0 if length <= limit else limit / length
    for a in range(first, p):
        x[a] += shrink * step[a]
        before[a] = step[a]
    return decrement, limit


@compiled
def _settle(x: Floats, free: int, until: tuple[float, float], node: Node, given: Given, work: Floats) -> float:
    """Move the last `free` levels to their mode given the others; half the log determinant of the information.

    `until`: the most steps, and the square of a step that is the last. The curvature before that step serves: Newton's
    next error is about the step's square.
    """
    half, limit = 0.0, STEP_LIMIT
    (most, near), first = until, len(x) - free
    for a in range(len(x)):
        work[2 * len(x) + 3, a] = 0.0
    for _ in range(int(most)):
        gradient(x, node, given, work)
        half = _factor(work, len(x), first)
        decrement, limit = _newton_step(x, work, first, limit)
        if decrement < near:
            break
    return half


@compiled
def _marginal_sd(work: Floats, p: int, first: int) -> float:
    """Standard deviation of level `first` by the factored information, later levels integrated out."""
    total, solved = 0.0, work[p]
    for a in range(first, p):
        value = 1.0 if a == first else 0.0
        for c in range(first, a):
            value -= work[a, c] * solved[c]
        solved[a] = value / work[a, a]
        total += solved[a] * solved[a]
    return math.sqrt(total)


@compiled
def _log_posterior(x: Floats, node: Node, given: Given, work: Floats) -> float:
    """Exact log likelihood plus the log density of x under N(0, I); the levels are left in row p + 1 of `work`."""
    p, offset, columns, data = len(x), node.offset, node.columns, given.data
    levels, slopes = work[p + 1], work[p + 2 : 2 * p + 2]
    _levels(x, given.priors, levels, slopes)
    value, whole = 0.0, 0.0
    for a in range(p):
        value -= 0.5 * (x[a] * x[a] + LOG_TWO_PI)
    if data[0, 0] == PAIRED:
        return value + _paired_log_likelihood(_paired_residuals(offset, columns, levels, given)[0], node.r, data)
    for i in range(len(offset)):
        eta = offset[i]
        for j in range(p):
            eta += columns[i, j] * levels[j]
        f, complement, _ = _mean(eta, given.link)
        whole = _whole(i, node.r, data, whole)
        value += _point_log_likelihood(f, complement, node.r, i, data, whole)
    return value


@compiled
def _laplace(x: Floats, node: Node, given: Given, work: Floats) -> float:
    """Move x to the levels' mode; the log evidence there."""
    p = len(x)
    half = _settle(x, p, (MOST_STEPS, NEAR), node, given, work)
    return _log_posterior(x, node, given, work) + 0.5 * p * LOG_TWO_PI - half


@compiled
def laplace_cells(rates: Floats, offset: Floats, columns: Floats, given: Given) -> tuple[Floats, Floats]:
    """Modes (G, R, p) in x and log evidences (G, R) at G shape nodes and R between-model variations (descending)."""
    g_count, r_count, p = len(offset), len(rates), columns.shape[2]
    modes, log_mass = np.empty((g_count, r_count, p)), np.empty((g_count, r_count))
    work, x = np.empty((2 * p + 4, p)), np.zeros(p)
    for g in range(g_count):
        if g > 0:
            _copy(modes[g - 1, 0], x)
        for j in range(r_count):
            log_mass[g, j] = _laplace(x, Node(offset[g], columns[g], rates[j]), given, work)
            _copy(x, modes[g, j])
    return modes, log_mass


@compiled
def _log_mixed(log_prior: float, log_t: float) -> float:
    high = max(log_prior, log_t)
    return high + math.log(
        LEVEL_PRIOR_SHARE * math.exp(log_prior - high) + (1 - LEVEL_PRIOR_SHARE) * math.exp(log_t - high)
    )


@compiled
def _log_level_density(x: Floats, mode: Floats, half: float, work: Floats) -> float:
    """Log density at x of the levels' proposal: a t around the mode, and the prior with a small share."""
    p = len(x)
    log_prior, tails = -0.5 * p * LOG_TWO_PI, 1.0
    for a in range(p):
        log_prior -= 0.5 * x[a] * x[a]
        distance = 0.0
        for c in range(a, p):
            distance += work[c, a] * (x[c] - mode[c])
        tails *= 1.0 + distance * distance / T_DF
    return _log_mixed(log_prior, p * LOG_T_CONSTANT + half - 0.5 * (T_DF + 1) * math.log(tails))


@compiled
def _draw_levels(x: Floats, noise: Floats, work: Floats) -> None:
    """Move x from the mode to a draw: the last entry of `noise` says from where, the others are its coordinates."""
    p = len(x)
    if noise[p] > 0.0:
        for a in range(p):
            x[a] = noise[a]
        return
    for a in range(p - 1, -1, -1):
        value = noise[a]
        for c in range(a + 1, p):
            value -= work[c, a] * work[p, c]
        work[p, a] = value / work[a, a]
    for a in range(p):
        x[a] += work[p, a]


@compiled
def _side_sds(mode: Floats, sd: float, node: Node, given: Given, work: Floats) -> tuple[float, float]:
    """Widths to the left and right of the mode of a single level, by the fall of the density two sd away.

    A score of 0 or 1 is a cliff on one side and says nothing on the other, where one width would be far too narrow.
    """
    top = _log_posterior(mode, node, given, work)
    mode[0] += 2 * sd
    right = top - _log_posterior(mode, node, given, work)
    mode[0] -= 4 * sd
    left = top - _log_posterior(mode, node, given, work)
    mode[0] += 2 * sd
    return sd * _widening(left), sd * _widening(right)


@compiled
def _widening(fall: float) -> float:
    """Factor on the width where the log density falls by `fall` instead of 2."""
    return min(max(math.sqrt(2.0 / max(fall, 0.01)), 1.0), WIDEST)


@compiled
def _draw_in_turn(x: Floats, noise: Floats, node: Node, given: Given, work: Floats) -> float:
    """Draw each level from a t around its mode given the levels before it; the log density of the proposal.

    Follows a curved ridge, where one level's best value hangs on another's, which a joint normal cannot.
    """
    p = len(x)
    log_prior, tails, widths = -0.5 * p * LOG_TWO_PI, 1.0, 1.0
    for j in range(p):
        _settle(x, p - j, (DRAW_STEPS, DRAW_NEAR), node, given, work)
        sd = _marginal_sd(work, p, j)
        left, right = sd, sd
        if p == 1:
            left, right = _side_sds(x, sd, node, given, work)
        value = noise[j] if noise[p] > 0.0 else x[j] + (right if noise[j] > 0.0 else left) * noise[j]
        sd = right if value > x[j] else left
        tails *= 1.0 + ((value - x[j]) / sd) ** 2 / T_DF
        widths *= sd
        log_prior -= 0.5 * value * value
        x[j] = value
    return _log_mixed(log_prior, p * LOG_T_CONSTANT - 0.5 * (T_DF + 1) * math.log(tails) - math.log(widths))


@compiled
def weigh_draws(
    starts: Floats, noise: Floats, rates: Floats, design: tuple[Floats, Floats], given: Given, in_turn: int
) -> tuple[Floats, Floats]:
    """Levels (S, p) drawn around each draw's own mode, and the log of posterior over proposal (S,).

    `starts` (S, p): a mode near by, from which Newton steps are taken; `noise` (S, p + 1): t draws with a last entry of
    0, or normal draws with a last entry of 1 where the levels come from their prior. `in_turn`: see
    `_draw_in_turn`.
    """
    count, p = starts.shape
    offset, columns = design
    levels, log_weight = np.empty((count, p)), np.empty(count)
    work, x, mode = np.empty((2 * p + 4, p)), np.empty(p), np.empty(p)
    for s in range(count):
        _copy(starts[s], x)
        node = Node(offset[s], columns[s], rates[s])
        if in_turn > 0:
            log_proposal = _draw_in_turn(x, noise[s], node, given, work)
        else:
            half = _settle(x, p, (DRAW_STEPS, DRAW_NEAR), node, given, work)
            _copy(x, mode)
            _draw_levels(x, noise[s], work)
            log_proposal = _log_level_density(x, mode, half, work)
        log_weight[s] = _log_posterior(x, node, given, work) - log_proposal
        _copy(work[p + 1], levels[s])
    return levels, log_weight


@compiled
def modes(starts: Floats, rates: Floats, design: tuple[Floats, Floats], given: Given) -> Floats:
    """Modes (S, p) of the levels at S places of shape and r, by Newton steps from `starts` (S, p)."""
    offset, columns = design
    found = starts.copy()
    p = starts.shape[1]
    work = np.empty((2 * p + 4, p))
    for s in range(len(rates)):
        _settle(found[s], p, (MOST_STEPS, NEAR), Node(offset[s], columns[s], rates[s]), given, work)
    return found


@compiled
def log_likelihoods(f: Floats, complement: Floats, r: Floats, data: Floats) -> Floats:
    """Exact log likelihood (S,) of means f (S, N) with complements 1 - f and variations r (S,)."""
    total = np.zeros(len(r))
    for s in range(len(r)):
        whole = 0.0
        for i in range(f.shape[1]):
            whole = _whole(i, r[s], data, whole)
            total[s] += _point_log_likelihood(f[s, i], complement[s, i], r[s], i, data, whole)
    return total


@compiled
def paired_log_likelihoods(f: Floats, complement: Floats, r: Floats, data: Floats) -> Floats:
    """The same for paired data."""
    total, residuals = np.empty(len(r)), np.empty(f.shape[1])
    for s in range(len(r)):
        for i in range(f.shape[1]):
            residuals[i] = _paired_residual(f[s, i], complement[s, i], i, data)
        total[s] = _paired_log_likelihood(residuals, r[s], data)
    return total
