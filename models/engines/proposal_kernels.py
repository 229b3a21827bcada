"""Draws of the levels around their mode, and the density of the proposal that they come from."""

from __future__ import annotations

import math

from models.arrays import Floats
from models.compiled import part
from models.engines.lanes import (
    HALF,
    INFORMATION,
    LEFT,
    LOG_PRIOR,
    MODE,
    MOST_LEVELS,
    NOISE,
    RIGHT,
    SCORE,
    SD,
    SPARE,
    TAILS,
    TOP,
    VALUE,
    Given,
    Lanes,
    X,
    add_multiple,
    add_product,
    copy,
    divide,
    fill,
)
from models.engines.posterior_kernels import log_posterior, set_log_prior, solve, solve_transposed
from models.engines.vector_math import exp, log

T_DF = 7.0  # heavier than the normal that it stands for, light enough to waste few draws
LOG_T_CONSTANT = math.lgamma(4.0) - math.lgamma(3.5) - 0.5 * math.log(7.0 * math.pi)
WIDEST = 5.0
LEVEL_PRIOR_SHARE = 0.1  # of the draws whose levels come from the prior: bounds the weights of skewed posteriors


@part
def draw_together(lanes: Lanes, p: int) -> None:
    """Draw all levels from a t around their mode; parts of the proposal's log density are left."""
    rows = lanes.rows
    for a in range(p):
        copy(rows[NOISE + a], rows[SCORE + a])
        copy(rows[X + a], rows[MODE + a])
    solve_transposed(lanes, p, 0)
    from_prior, tails, distance = rows[NOISE + p], rows[TAILS], rows[SPARE]
    for a in range(p):
        x, step, noise = rows[X + a], rows[SCORE + a], rows[NOISE + a]
        for s in range(len(x)):
            x[s] = noise[s] if from_prior[s] > 0.0 else x[s] + step[s]
    for a in range(p):
        fill(0.0, distance)
        for c in range(a, p):
            entry, x, mode = rows[INFORMATION + MOST_LEVELS * c + a], rows[X + c], rows[MODE + c]
            for s in range(len(x)):
                distance[s] += entry[s] * (x[s] - mode[s])
        _widen_tails(distance, tails)


@part
def marginal_sd(lanes: Lanes, p: int, first: int) -> None:
    """Standard deviation of level `first` by the factored information, later levels integrated out."""
    for a in range(first, p):
        fill(1.0 if a == first else 0.0, lanes.rows[SCORE + a])
    solve(lanes, p, first)
    sd = lanes.rows[SD]
    fill(0.0, sd)
    for a in range(first, p):
        add_product(lanes.rows[SCORE + a], lanes.rows[SCORE + a], sd)
    for s in range(len(sd)):
        sd[s] = math.sqrt(sd[s])
    copy(sd, lanes.rows[LEFT])
    copy(sd, lanes.rows[RIGHT])


@part
def side_sds(lanes: Lanes, given: Given) -> None:
    """Widths to the left and right of the mode of a single level, by the fall of the density two sd away.

    A score of 0 or 1 is a cliff on one side and says nothing on the other, where one width would be far too narrow.
    """
    rows = lanes.rows
    x, sd, top, value = rows[X], rows[SD], rows[TOP], rows[VALUE]
    for place in range(3):
        if place > 0:
            add_multiple(2.0 if place == 1 else -4.0, sd, x)
        log_posterior(lanes, given)
        if place == 0:
            copy(value, top)
            continue
        target = rows[LEFT] if place == 2 else rows[RIGHT]
        for s in range(len(target)):
            fall = max(top[s] - value[s], 0.01)
            target[s] = sd[s] * min(max(math.sqrt(2.0 / fall), 1.0), WIDEST)
    add_multiple(2.0, sd, x)


@part
def draw_level(j: int, lanes: Lanes, p: int) -> None:
    """Draw level j from a t around its mode given the levels before it; parts of the proposal's density are left."""
    rows = lanes.rows
    from_prior, tails, half, distance = rows[NOISE + p], rows[TAILS], rows[HALF], rows[SPARE]
    sd, left, right = rows[SD], rows[LEFT], rows[RIGHT]
    x, noise = rows[X + j], rows[NOISE + j]
    for s in range(len(x)):
        drawn = (right[s] if noise[s] > 0.0 else left[s]) * noise[s]
        distance[s] = noise[s] - x[s] if from_prior[s] > 0.0 else drawn
    for s in range(len(x)):
        x[s] += distance[s]
        sd[s] = right[s] if distance[s] > 0.0 else left[s]
    divide(sd, distance)
    _widen_tails(distance, tails)
    for s in range(len(half)):
        half[s] -= log(sd[s])


@part
def subtract_log_proposal(lanes: Lanes, p: int) -> None:
    """Subtract from the value the log density of the levels' proposal: a t, and the prior with a small share."""
    log_t, log_prior, tails, value = lanes.rows[HALF], lanes.rows[LOG_PRIOR], lanes.rows[TAILS], lanes.rows[VALUE]
    set_log_prior(lanes, p, log_prior)
    for s in range(len(log_t)):
        log_t[s] += p * LOG_T_CONSTANT - 0.5 * (T_DF + 1) * log(tails[s])
    for s in range(len(value)):
        high = max(log_prior[s], log_t[s])
        prior_part = LEVEL_PRIOR_SHARE * exp(log_prior[s] - high)
        value[s] -= high + log(prior_part + (1 - LEVEL_PRIOR_SHARE) * exp(log_t[s] - high))


@part
def _widen_tails(distance: Floats, tails: Floats) -> None:
    """One more coordinate of a product of t densities, at a distance in its standard deviations."""
    for s in range(len(tails)):
        tails[s] *= 1.0 + distance[s] * distance[s] / T_DF
