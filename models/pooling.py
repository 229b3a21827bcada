"""Turns of many curves pooled: turn_i ~ N(mu, tau²) on log10 scale, a flat prior on mu, tau ~ HalfNormal(1 decade).

A curve's likelihood is its posterior of the turn over the prior that went into it, so that the prior is not counted
once a curve. A curve that falls so far may turn beyond its largest model: it is a mixture of a turn inside and of one
beyond, in proportion to the evidences of the two shapes, and enters as a censored turn. A curve counts with the
probability that it is of one of the two kinds. Whether it will ever turn nobody knows: the same without censoring is
given beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from models.arrays import Floats
from models.compiled import compiled, part
from models.curve import ScaleKind
from models.engines.vector_math import exp, normal_tail
from models.options import Shape
from models.results import Interval
from models.shapes import INVERSE, SHAPES
from models.suite_curve import SuiteCurve
from models.turn_posterior import TurnPosterior

COARSE, FINE = (31, 16), (41, 24)  # nodes of mu and of tau while the grid closes in on the posterior, and at the end
VISIBLE = 1e-7  # of the largest marginal mass, above which a node stays in the grid
SPREAD_RANGE = (0.01, 4.0)  # decades
SPREAD_SD = 1.0  # decades: turns of one suite that lie three decades apart would be no surprise
MARGIN = 3.0  # decades beyond all observed ranges in which the mean turn is looked for
FEWEST_TURNS = 2.0  # summed probability of a turn inside the range
SMALLEST_WEIGHT = 0.05  # probability of being of the turning kind, below which a curve is left out
MOST_LEFT_OUT = 200  # curves up to which each is left out in turn
PREDICTION_NODES = 2001
TOO_FEW, TOO_MANY = "fewer_than_two_turns", "more_curves_than_are_left_out_in_turn"
LARGEST_LOG10 = 300.0  # a scale beyond is no number any more
TINY = 1e-300


@dataclass(frozen=True, slots=True)
class TurnEvidence:
    """One curve: posterior of the turn given that it lies inside, evidences of that and of a turn beyond `end`.

    `weight` is the power with which the curve enters.
    """

    name: str
    turn: TurnPosterior
    inside: float
    beyond: float
    end: float
    weight: float


@dataclass(frozen=True, slots=True)
class TurnWithout:
    """The typical scale of the turn without the curve `name`."""

    name: str
    scale: Interval


@dataclass(frozen=True, slots=True)
class PooledTurn:
    """The typical turn: its scale, the spread of turns (sd in decades), and the turn of a new task.

    `n_inside` and `n_beyond` are expected numbers of turns inside the observed ranges and beyond the largest model;
    `n_left_out` curves would count, but have another kind of scale.
    """

    shape: Shape
    censored: bool
    scale_kind: ScaleKind | None
    n_curves: int
    n_inside: float
    n_beyond: float
    scale: Interval
    spread_decades: Interval
    new_scale: Interval
    leave_one_out: tuple[TurnWithout, ...] = ()
    leave_one_out_reason: str | None = None
    reason: str | None = None
    n_left_out: int = 0


@dataclass(frozen=True, slots=True)
class _Grid:
    """Nodes of mu (M,) and tau (T,), and the log posterior (M, T) there."""

    mu: Floats
    tau: Floats
    log_posterior: Floats

    def masses(self, left_out: TurnEvidence | None = None) -> Floats:
        """Posterior masses (M, T) of the nodes, perhaps without a curve."""
        rest = 0.0 if left_out is None else log_likelihood(left_out, self.mu, self.tau)
        log_posterior = self.log_posterior - rest
        mass = np.exp(log_posterior - log_posterior.max())
        return np.asarray(mass / mass.sum())


def pooled_turn(curves: Sequence[SuiteCurve], shape: Shape, level: float, *, censored: bool) -> PooledTurn:
    """The typical turn of the U (or inverted U) curves among those with the commonest kind of scale.

    None is told where fewer than two turns are expected inside the observed ranges, however many may come later.
    Only U curves can be censored: that a rising curve will fall some day is nobody's first thought.
    """
    kinds = Counter(curve.scale_kind for curve in curves)
    kind = kinds.most_common(1)[0][0] if kinds else None
    pairs = [(curve.scale_kind is kind, turn_evidence(curve, shape, censored=censored)) for curve in curves]
    found = [evidence for own, evidence in pairs if own and evidence is not None]
    other = sum(not own and evidence is not None for own, evidence in pairs)
    own = [curve.probabilities for curve in curves if curve.scale_kind is kind and curve.reliable]
    inside = float(sum(row[SHAPES.index(shape)] for row in own))
    beyond = float(sum(row[INVERSE] for row in own)) if _may_come(shape, censored=censored) else 0.0
    if inside < FEWEST_TURNS or not found:
        empty = Interval(None, None, None, TOO_FEW)
        none = (empty, empty, empty, (), TOO_FEW, TOO_FEW)
        return PooledTurn(shape, censored, kind, len(found), inside, beyond, *none, n_left_out=other)
    grid = _closing_in(found)
    masses = grid.masses()
    many = len(found) > MOST_LEFT_OUT
    return PooledTurn(
        shape=shape,
        censored=censored,
        scale_kind=kind,
        n_curves=len(found),
        n_inside=inside,
        n_beyond=beyond,
        scale=_scales(grid.mu, masses.sum(axis=1), level),
        spread_decades=_interval(grid.tau, masses.sum(axis=0), level),
        new_scale=_new_scale(grid, masses, level),
        leave_one_out=() if many else _without_each(found, grid, level),
        leave_one_out_reason=TOO_MANY if many else None,
        n_left_out=other,
    )


def _may_come(shape: Shape, *, censored: bool) -> bool:
    """Whether falling curves count as turning, perhaps, beyond their largest model."""
    return censored and shape is Shape.U_SHAPED


def turn_evidence(curve: SuiteCurve, shape: Shape, *, censored: bool) -> TurnEvidence | None:
    """What a curve says of the typical turn; None where it says nothing."""
    turn = curve.u_turn if shape is Shape.U_SHAPED else curve.inverted_u_turn
    inside = SHAPES.index(shape)
    may_come = _may_come(shape, censored=censored)
    weight = float(curve.probabilities[inside] + (curve.probabilities[INVERSE] if may_come else 0.0))
    if not curve.reliable or weight < SMALLEST_WEIGHT:
        return None
    beyond = float(curve.evidence[INVERSE]) if may_come else 0.0
    if turn is None:
        # The turn inside was too improbable to be reported: whatever it is, the curve is one that may turn later.
        turn = TurnPosterior(np.array(curve.log_range), np.ones(1)) if may_come else None
        return None if turn is None else TurnEvidence(curve.name, turn, 0.0, 1.0, curve.log_range[1], weight)
    return TurnEvidence(curve.name, turn, float(curve.evidence[inside]), beyond, curve.log_range[1], weight)


def log_likelihood(evidence: TurnEvidence, mu: Floats, tau: Floats) -> Floats:
    """Log of p(curve | mu, tau) (M, T) up to a constant, to the power of the curve's weight."""
    heights = np.zeros(0)
    if evidence.inside > 0:
        cells = (len(evidence.turn.edges) - 1) * np.diff(evidence.turn.edges) * evidence.turn.prior
        heights = evidence.inside / cells
    total = _likelihood(evidence.turn.edges, heights, (evidence.beyond, evidence.end), mu, tau)
    return np.asarray(evidence.weight * np.log(np.maximum(total, TINY)))


@compiled
def _likelihood(edges: Floats, heights: Floats, beyond: tuple[float, float], mu: Floats, tau: Floats) -> Floats:
    """Evidences (M, T) of a turn between the edges, by heights (E,) of its cells, and beyond an end."""
    found, below, end = np.empty((len(mu), len(tau))), np.zeros(len(edges)), np.empty(1)
    for m in range(len(mu)):
        for t in range(len(tau)):
            end[0] = mu[m]
            _put_shares_below(end, beyond[1], 1.0 / tau[t], end)  # as much of the turns lies beyond the end
            total = beyond[0] * end[0]
            if len(heights) > 0:
                _put_shares_below(edges, mu[m], 1.0 / tau[t], below)
            for e in range(len(heights)):
                total += heights[e] * (below[e + 1] - below[e])
            found[m, t] = total
    return found


@part
def _put_shares_below(places: Floats, center: float, precision: float, below: Floats) -> None:
    """Probabilities (E,) of a normal variable below places (E,); two loops, which compile to vector instructions."""
    for e in range(len(places)):
        below[e] = (places[e] - center) * precision
    for e in range(len(places)):
        z = below[e]
        tail = normal_tail(abs(z), exp(-0.5 * z * z))
        below[e] = tail if z < 0.0 else 1.0 - tail


def _closing_in(found: Sequence[TurnEvidence]) -> _Grid:
    """The grid, first over everything that may be, then closer and closer around the posterior."""
    lowest = min(float(e.turn.edges[0]) for e in found) - MARGIN
    highest = max(e.end for e in found) + MARGIN
    mu, log_tau = (lowest, highest), (float(np.log(SPREAD_RANGE[0])), float(np.log(SPREAD_RANGE[1])))
    for _ in range(2):
        # A small spread shows only once the nodes of mu lie closer than it is wide: its range stays whole.
        grid = _grid(found, mu, log_tau, COARSE)
        mu = _seen(grid.mu, grid.masses().sum(axis=1))
    grid = _grid(found, mu, log_tau, COARSE)
    masses = grid.masses()
    return _grid(found, _seen(grid.mu, masses.sum(axis=1)), _seen(np.log(grid.tau), masses.sum(axis=0)), FINE)


def _grid(
    found: Sequence[TurnEvidence],
    mu_range: tuple[float, float],
    log_tau_range: tuple[float, float],
    nodes: tuple[int, int],
) -> _Grid:
    mu, tau = np.linspace(*mu_range, nodes[0]), np.exp(np.linspace(*log_tau_range, nodes[1]))
    # The nodes are even in log tau: its density there is tau times that of tau.
    log_posterior = np.tile(-0.5 * (tau / SPREAD_SD) ** 2 + np.log(tau), (nodes[0], 1))
    for evidence in found:
        log_posterior += log_likelihood(evidence, mu, tau)
    return _Grid(mu, tau, log_posterior)


def _seen(nodes: Floats, masses: Floats) -> tuple[float, float]:
    """Ends of the nodes that carry mass, with one more node on each side."""
    seen = np.flatnonzero(masses > VISIBLE * masses.max())
    first, last = max(int(seen[0]) - 1, 0), min(int(seen[-1]) + 1, len(nodes) - 1)
    return float(nodes[first]), float(nodes[last])


def _interval(nodes: Floats, masses: Floats, level: float) -> Interval:
    """Median and equal-tailed interval of a distribution with these masses at equally spaced nodes."""
    cumulative = np.cumsum(masses) - masses / 2
    places = np.interp([(1 - level) / 2, 0.5, (1 + level) / 2], cumulative / masses.sum(), nodes).tolist()
    return Interval(places[1], places[0], places[2])


def _scales(nodes: Floats, masses: Floats, level: float) -> Interval:
    """The same in the scale's own unit."""
    found = _interval(nodes, masses, level)
    ends = [10.0 ** float(np.clip(x, -LARGEST_LOG10, LARGEST_LOG10)) for x in _ends(found)]
    return Interval(ends[1], ends[0], ends[2])


def _ends(interval: Interval) -> tuple[float, float, float]:
    return interval.lower or 0.0, interval.estimate or 0.0, interval.upper or 0.0


def _new_scale(grid: _Grid, masses: Floats, level: float) -> Interval:
    """Turn of a new task: the normal distribution averaged over mu and tau."""
    reach = 4 * float(grid.tau[-1])
    nodes = np.linspace(grid.mu[0] - reach, grid.mu[-1] + reach, PREDICTION_NODES)
    below = np.zeros(PREDICTION_NODES)
    for j, tau in enumerate(grid.tau.tolist()):
        below += ndtr((nodes[:, None] - grid.mu) / tau) @ masses[:, j]
    return _scales((nodes[1:] + nodes[:-1]) / 2, np.maximum(np.diff(below), 0.0), level)


def _without_each(found: Sequence[TurnEvidence], grid: _Grid, level: float) -> tuple[TurnWithout, ...]:
    return tuple(
        TurnWithout(evidence.name, _scales(grid.mu, grid.masses(evidence).sum(axis=1), level)) for evidence in found
    )
