"""Compiled inner loops of `quadrature`: exact log likelihood, and Laplace approximation of the levels.

Draws lie side by side, in the rows of `models.engines.lanes`; the steps that are taken along them are in the modules
beside it.
"""

from __future__ import annotations

import numpy as np

from models.arrays import Floats
from models.compiled import compiled, part
from models.engines.lanes import (
    COMPLEMENT,
    HALF,
    INFORMATION,
    LEVELS,
    MOST_LEVELS,
    NOISE,
    PAIRED,
    SCORE,
    TAILS,
    VALUE,
    F,
    Given,
    Lanes,
    R,
    X,
    add_multiple,
    best_width,
    fill,
    give,
    give_row,
    make_lanes,
    place,
    take,
    take_row,
)
from models.engines.paired_kernels import add_paired_log_likelihood, paired_residuals
from models.engines.point_kernels import add_log_likelihood, set_variation
from models.engines.posterior_kernels import half_log_determinant, log_posterior, set_gradient, settle
from models.engines.proposal_kernels import draw_level, draw_together, marginal_sd, side_sds, subtract_log_proposal
from models.engines.vector_math import LOG_TWO_PI

MOST_STEPS, DRAW_STEPS = 24, 3  # per cell, and per draw, which starts from a mode near by
# Square of the last step in posterior standard deviations, per cell and per draw: a draw's proposal has heavy tails.
NEAR, DRAW_NEAR = 0.1, 9.0
FEWEST_SIDE_BY_SIDE = 32  # nodes from which lanes are filled without the variations
NO_NOISE = np.empty((1, 1))
LAPLACE, TOGETHER, IN_TURN = 0, 1, 2  # what is done with the modes of the levels


def laplace_cells(rates: Floats, offset: Floats, columns: Floats, given: Given) -> tuple[Floats, Floats]:
    """Modes (G, R, p) in x and log evidences (G, R) at G shape nodes and R between-model variations (descending).

    Many nodes lie side by side, and go from variation to variation with the mode before as their start; of few nodes
    all variations lie side by side.
    """
    (g_count, r_count), p = (len(offset), len(rates)), columns.shape[2]
    chain = g_count >= FEWEST_SIDE_BY_SIDE
    walked = np.tile(rates, (g_count, 1)) if chain else np.tile(rates, g_count)[:, None]
    starts = np.zeros((len(walked), p))
    modes, log_density = solved(starts, NO_NOISE, walked, (offset, columns), given, LAPLACE)
    log_mass = log_density + 0.5 * p * LOG_TWO_PI
    if chain:
        return modes.transpose(1, 0, 2), log_mass.T
    return modes.reshape(g_count, r_count, p), log_mass.reshape(g_count, r_count)


def modes(starts: Floats, rates: Floats, design: tuple[Floats, Floats], given: Given) -> Floats:
    """Modes (S, p) of the levels in x at S places of shape and r, by Newton steps from `starts` (S, p)."""
    return np.asarray(solved(starts, NO_NOISE, rates[:, None], design, given, LAPLACE)[0][0])


def weigh_draws(
    starts: Floats, noise: Floats, rates: Floats, design: tuple[Floats, Floats], given: Given, in_turn: int
) -> tuple[Floats, Floats]:
    """Levels (S, p) drawn around each draw's own mode, and the log of posterior over proposal (S,).

    `starts` (S, p): a mode near by, from which Newton steps are taken; `noise` (S, p + 1): t draws with a last entry of
    0, or normal draws with a last entry of 1 where the levels come from their prior. `in_turn`: each level is drawn
    around its mode given the levels before it, which follows a curved ridge, where one level's best value hangs on
    another's, as a joint normal cannot.
    """
    levels, log_weights = solved(starts, noise, rates[:, None], design, given, IN_TURN if in_turn else TOGETHER)
    return levels[0], log_weights[0]


@compiled
def solved(
    starts: Floats, noise: Floats, rates: Floats, design: tuple[Floats, Floats], given: Given, how: int
) -> tuple[Floats, Floats]:
    """Modes or drawn levels (R, S, p), and log densities (R, S), of S places that go through R variations (S, R) each.

    The density is that of the posterior over the proposal's, or Laplace's evidence but for a constant. One function for
    all of these, because each is compiled together with all that it calls. A design of fewer rows has each for as many
    places one after the other.
    """
    (count, p), r_count = starts.shape, rates.shape[1]
    found, log_weight = np.empty((r_count, count, p)), np.empty((r_count, count))
    lanes = make_lanes(best_width(count), p, given.data)
    rows = lanes.rows
    until = (MOST_STEPS, NEAR) if how == LAPLACE else (DRAW_STEPS, DRAW_NEAR)
    for first in range(0, count, rows.shape[1]):
        place(lanes, first, count // len(design[0]), design)
        take(lanes, X, starts, first)
        take(lanes, NOISE, noise, first)
        for j in range(r_count):
            for lane in range(rows.shape[1]):
                rows[R, lane] = rates[min(first + lane, count - 1), j]
            _move(lanes, until, given, how)
            log_posterior(lanes, given)
            if how == LAPLACE:
                add_multiple(-1.0, rows[HALF], rows[VALUE])
            else:
                subtract_log_proposal(lanes, p)
            give(lanes, X if how == LAPLACE else LEVELS, found[j], first)
            give_row(rows[VALUE], log_weight[j], first)
    return found, log_weight


@compiled
def gradient(x: Floats, rates: Floats, design: tuple[Floats, Floats], given: Given) -> tuple[Floats, Floats]:
    """Score (p,) and information (p, p; lower triangle) of the levels at x (1, p), as the kernels see them."""
    p = x.shape[1]
    score, information = np.empty(p), np.zeros((p, p))
    lanes = make_lanes(1, p, given.data)
    place(lanes, 0, 1, design)
    take(lanes, X, x, 0)
    take_row(rates, lanes.rows[R], 0)
    set_variation(lanes)
    set_gradient(lanes, given)
    for a in range(p):
        score[a] = lanes.rows[SCORE + a, 0]
        for b in range(a + 1):
            information[a, b] = lanes.rows[INFORMATION + MOST_LEVELS * a + b, 0]
    return score, information


@compiled
def log_likelihoods(f: Floats, complement: Floats, r: Floats, data: Floats) -> Floats:
    """Exact log likelihood (S,) of means f (S, N) with complements 1 - f and variations r (S,)."""
    total = np.empty(len(r))
    lanes = make_lanes(best_width(len(r)), 0, data)
    for first in range(0, len(r), lanes.rows.shape[1]):
        take_row(r, lanes.rows[R], first)
        set_variation(lanes)
        fill(0.0, lanes.rows[VALUE])
        for i in range(len(data)):
            _take_point(lanes, i, f, complement, first)
            if data[0, 0] == PAIRED:
                paired_residuals(i, lanes, data, lanes.curve[len(data) + i])
            else:
                add_log_likelihood(i, lanes, data)
        if data[0, 0] == PAIRED:
            add_paired_log_likelihood(0, lanes, data)
        give_row(lanes.rows[VALUE], total, first)
    return total


@part
def _move(lanes: Lanes, until: tuple[int, float], given: Given, how: int) -> None:
    """Move x to the mode, or to draws around it; parts of the proposal's log density are left."""
    p = len(given.priors)
    set_variation(lanes)
    fill(1.0, lanes.rows[TAILS])
    fill(0.0, lanes.rows[HALF])
    for j in range(p if how == IN_TURN else 1):
        settle(lanes, j, until, given)
        if how == IN_TURN:
            marginal_sd(lanes, p, j)
            if p == 1:
                side_sds(lanes, given)
            draw_level(j, lanes, p)
    if how != IN_TURN:
        half_log_determinant(lanes, p)
    if how == TOGETHER:
        draw_together(lanes, p)


@part
def _take_point(lanes: Lanes, i: int, f: Floats, complement: Floats, first: int) -> None:
    """Mean and complement of point i of the draws from `first` on."""
    for lane in range(lanes.rows.shape[1]):
        s = min(first + lane, len(f) - 1)
        lanes.rows[F, lane], lanes.rows[COMPLEMENT, lane] = f[s, i], complement[s, i]
