"""Compiled steps of the sampler of `models.group_sampling`: elliptical slices around normal approximations.

A step draws an ellipse through the current place and a draw from a normal approximation of the conditional posterior,
and shrinks it until the ratio of the two densities is high enough (Murray, Adams and MacKay 2010, AISTATS; with an
approximation in the prior's place: Nishihara, Murray and Adams 2014, JMLR 15). It needs no tuning and never stays.
"""

from __future__ import annotations

import math

import numpy as np

from models.arrays import Floats
from models.compiled import compiled, part
from models.group_records import Model, State

SIZE, FREE = 5, 4  # shapes, and log ratios of shapes
T_DF = 5.0  # of the approximations: shares of shapes that no curve has fall off more slowly than a normal
ALL, SMALL, NONE = 0, 1, 2  # groups that move along: rows of `Approximation.moves`
SMALLEST = 1e-250  # a product of mixtures is turned into its logarithm before it underflows
LEAST_MIXTURE = 1e-50  # of one curve: evidences are over the largest, so only absurd prevalences come near it
STEPS_OUT, SLICE_WIDTH = 20, 1.0  # of the slices of log sigma
MOST_SHRINKS = 200  # an ellipse so small holds nothing but the current place


@compiled
def chain(rng: np.random.Generator, model: Model, state: State, draws: int) -> tuple[Floats, Floats]:
    """A chain of `draws` steps from `state`: log ratios (S, G, 4) of the groups and sigma (S,)."""
    kept = np.empty((draws, len(state.groups), FREE))
    spread = np.empty(draws)
    for g in range(len(state.groups)):
        state.heights[g] = group_height(model, g, state.groups[g])
    for step in range(draws):
        for g in range(len(state.groups)):
            _move_group(rng, model, state, g)
        # What is slow in one way of writing the model is fast in the other (Yu and Meng 2011, JCGS 20, 531): m and
        # sigma are moved with the groups held, and with the deviations (group - m)/sigma of all or of small ones held.
        for row in (NONE, step % 2):
            _move_level(rng, model, state, row)
            _move_spread(rng, model, state, row)
        kept[step] = state.groups
        spread[step] = math.exp(state.log_spread[0])
    return kept, spread


@part
def group_height(model: Model, g: int, eta: Floats) -> float:
    """Log likelihood of a group's curves at log ratios (4,)."""
    data = model.data
    log_pi = _log_shares(model.how.basis, eta)
    pi = np.exp(log_pi)
    total = 0.0
    for c in range(SIZE):
        total += data.counts[g, c] * log_pi[c]
    product, weight = 1.0, 0.0
    for i in range(data.starts[g], data.starts[g + 1]):
        if data.weights[i] != weight or product < SMALLEST:
            total += weight * math.log(product)
            product, weight = 1.0, data.weights[i]
        mixture = 0.0
        for c in range(SIZE):
            mixture += pi[c] * data.evidence[i, c]
        product *= max(mixture, LEAST_MIXTURE)
    return total + weight * math.log(product)


@part
def _log_shares(basis: Floats, eta: Floats) -> Floats:
    """Logarithms (5,) of the shares at log ratios (4,)."""
    plain = np.zeros(SIZE)
    for c in range(SIZE):
        for k in range(FREE):
            plain[c] += basis[c, k] * eta[k]
    top, total = np.max(plain), 0.0
    for c in range(SIZE):
        total += math.exp(plain[c] - top)
    return plain - (top + math.log(total))


@part
def _normal_draw(rng: np.random.Generator, roots: Floats, precision: Floats) -> Floats:
    """A draw (4,) around 0 from the normal distribution with these eigenvectors and precisions along them."""
    drawn = np.zeros(FREE)
    for k in range(FREE):
        along = rng.standard_normal() / math.sqrt(precision[k])
        for j in range(FREE):
            drawn[j] += roots[j, k] * along
    return drawn


@part
def _center(roots: Floats, precision: Floats, linear: Floats) -> Floats:
    """The place (4,) where the slope of -1/2 x'Px + b'x is zero."""
    found = np.zeros(FREE)
    for k in range(FREE):
        along = 0.0
        for j in range(FREE):
            along += roots[j, k] * linear[j]
        for j in range(FREE):
            found[j] += roots[j, k] * along / precision[k]
    return found


@part
def _times(matrix: Floats, x: Floats) -> Floats:
    """Matrix (4, 4) times vector (4,)."""
    found = np.zeros(FREE)
    for j in range(FREE):
        for k in range(FREE):
            found[j] += matrix[j, k] * x[k]
    return found


@part
def _distance(roots: Floats, precision: Floats, away: Floats) -> float:
    """x'Px of the same normal distribution."""
    total = 0.0
    for k in range(FREE):
        along = 0.0
        for j in range(FREE):
            along += roots[j, k] * away[j]
        total += precision[k] * along * along
    return total


@compiled
def _log_t(distance: float) -> float:
    """Log density of the t distribution with that precision, up to a constant."""
    return -0.5 * (T_DF + FREE) * math.log1p(distance / T_DF)


@part
def _t_scale(rng: np.random.Generator, distance: float) -> float:
    """A scale of the normal distribution that the t distribution is a mixture of, given a place drawn from it."""
    return math.sqrt(0.5 * (T_DF + distance) / rng.standard_gamma(0.5 * (T_DF + FREE)))


@part
def _move_group(rng: np.random.Generator, model: Model, state: State, g: int) -> None:
    """A new place of one group, given m and sigma."""
    near, pull = model.near, math.exp(-2.0 * state.log_spread[0])
    precision = near.values[g] + pull
    center = _center(near.roots[g], precision, near.linear[g] + pull * state.level)
    here = state.groups[g] - center
    distance = _distance(near.roots[g], precision, here)
    other = _t_scale(rng, distance) * _normal_draw(rng, near.roots[g], precision)
    limit = state.heights[g] - 0.5 * pull * _square(state.groups[g] - state.level)
    limit += math.log(1.0 - rng.random()) - _log_t(distance)
    angle = 2.0 * math.pi * rng.random()
    low, high = angle - 2.0 * math.pi, angle
    for _ in range(MOST_SHRINKS):
        away = here * math.cos(angle) + other * math.sin(angle)
        eta = center + away
        height = group_height(model, g, eta)
        near_height = _log_t(_distance(near.roots[g], precision, away))
        if height - 0.5 * pull * _square(eta - state.level) - near_height > limit:
            state.groups[g] = eta
            state.heights[g] = height
            return
        low, high = (angle, high) if angle < 0 else (low, angle)
        angle = low + (high - low) * rng.random()


@part
def _square(x: Floats) -> float:
    return float(np.sum(x * x))


@part
def _move_level(rng: np.random.Generator, model: Model, state: State, row: int) -> None:
    """A new m, with which the groups of a row move along."""
    center, precision = _level_parabola(model, state, row)
    roots, heights = model.near.level_roots[row], state.heights.copy()
    here = state.level - center
    distance = _distance(roots, precision, here)
    other = _t_scale(rng, distance) * _normal_draw(rng, roots, precision)
    limit = _level_height(model, state, state.level, row, heights)
    limit += math.log(1.0 - rng.random()) - _log_t(distance)
    angle = 2.0 * math.pi * rng.random()
    low, high = angle - 2.0 * math.pi, angle
    for _ in range(MOST_SHRINKS):
        away = here * math.cos(angle) + other * math.sin(angle)
        level = center + away
        height = _level_height(model, state, level, row, heights)
        if height - _log_t(_distance(roots, precision, away)) > limit:
            for g in range(len(state.groups)):
                if model.near.moves[row, g]:
                    state.groups[g] += level - state.level
            state.level[:] = level
            state.heights[:] = heights
            return
        low, high = (angle, high) if angle < 0 else (low, angle)
        angle = low + (high - low) * rng.random()


@part
def _level_parabola(model: Model, state: State, row: int) -> tuple[Floats, Floats]:
    """Center (4,) and precisions (4,), along the eigenvectors of the row, of the approximation to the density of m."""
    near, pull = model.near, math.exp(-2.0 * state.log_spread[0])
    linear, precision = near.level_linear.copy(), near.level_values[row].copy()
    for g in range(len(state.groups)):
        if near.moves[row, g]:
            linear += near.linear[g] - _times(near.curvature[g], state.groups[g] - state.level)
        else:
            linear += pull * state.groups[g]
            precision += pull
    return _center(near.level_roots[row], precision, linear), precision


@part
def _level_height(model: Model, state: State, level: Floats, row: int, heights: Floats) -> float:
    """Log density of m, with the `heights` that moving groups would have.

    The Jacobian of the log ratios adds one to each exponent of the Dirichlet.
    """
    total = model.how.concentration * np.sum(_log_shares(model.how.basis, level))
    pull = math.exp(-2.0 * state.log_spread[0])
    for g in range(len(state.groups)):
        if model.near.moves[row, g]:
            heights[g] = group_height(model, g, state.groups[g] + level - state.level)
            total += heights[g]
        else:
            total -= 0.5 * pull * _square(state.groups[g] - level)
    return float(total)


@part
def _move_spread(rng: np.random.Generator, model: Model, state: State, row: int) -> None:
    """A new sigma, with which the groups of a row move along, by slice sampling (Neal 2003, Ann. Stat. 31, 705)."""
    heights, now = state.heights.copy(), state.log_spread[0]
    limit = _spread_height(model, state, now, row, heights) + math.log(1.0 - rng.random())
    low = now - SLICE_WIDTH * rng.random()
    high = low + SLICE_WIDTH
    left = int(STEPS_OUT * rng.random())
    right = STEPS_OUT - 1 - left
    while left > 0 and _spread_height(model, state, low, row, heights) > limit:
        low, left = low - SLICE_WIDTH, left - 1
    while right > 0 and _spread_height(model, state, high, row, heights) > limit:
        high, right = high + SLICE_WIDTH, right - 1
    for _ in range(MOST_SHRINKS):
        new = low + (high - low) * rng.random()
        if _spread_height(model, state, new, row, heights) > limit:
            for g in range(len(state.groups)):
                if model.near.moves[row, g]:
                    state.groups[g] = state.level + math.exp(new - now) * (state.groups[g] - state.level)
            state.heights[:] = heights
            state.log_spread[0] = new
            return
        low, high = (new, high) if new < now else (low, new)


@part
def _spread_height(model: Model, state: State, log_spread: float, row: int, heights: Floats) -> float:
    """Log density of log sigma, with the `heights` that moving groups would have."""
    total = log_spread - 0.5 * math.exp(2.0 * log_spread) / model.how.spread_sd**2
    factor, pull = math.exp(log_spread - state.log_spread[0]), math.exp(-2.0 * log_spread)
    for g in range(len(state.groups)):
        away = state.groups[g] - state.level
        if model.near.moves[row, g]:
            heights[g] = group_height(model, g, state.level + factor * away)
            total += heights[g]
        else:
            total -= FREE * log_spread + 0.5 * pull * _square(away)
    return total
