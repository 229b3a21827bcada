"""Prevalence of the shapes by group with partial pooling, for suites of any size.

pi_g = softmax(log m + sigma z_g), z_g ~ N(0, 1), m ~ Dirichlet(1/2, ..., 1/2), sigma ~ HalfNormal(1); the likelihood is
that of `models.prevalence`. With sigma = 0 all groups are one suite; a group with few curves leans on the others.
`models.group_prevalence` is the same model in PyMC, the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from models.arrays import Floats, Ints
from models.group_kernels import chain
from models.group_records import Approximation, Evidences, Model, Settings, State
from models.prevalence import CONCENTRATION, information, log_ratio_basis, pi_mode, prior_information

SPREAD_SD = 1.0  # prior of sigma: a group has e times the odds of another, or 1/e, without surprise
STARTS = (0.1, 0.3, 0.6, 1.2)  # of sigma, one a chain: far apart, so that chains that agree have forgotten them
SEED = 20230428  # fixed: the same suite gives the same numbers
# Evidence over the largest, below which a curve's other shapes no longer matter and the curve is only counted.
NEGLIGIBLE = 1e-6
R_HAT_LIMIT = 1.02  # over many prevalences: the 1.01 of Vehtari et al. 2021 (arXiv 1903.08008) is for each alone
DIVERGENT_SHARE = 0.002  # of the draws, that is let pass
SMALL_GROUP = 50.0  # curves below which what a group has in common with the others says more than its own
PULL = 20.0  # curves' worth by which the place of a group's approximation leans on the whole suite
EFFORTS = ((400, 2000), (1000, 8000))  # steps of warming up and draws of each chain, until they agree


@dataclass(frozen=True, slots=True)
class GroupDraws:
    """Prevalences (S, G, 5) of G groups, the spread sigma between groups (S,), and the sampler's figures."""

    pi: Floats
    spread: Floats
    r_hat: float
    divergences: int = 0

    @property
    def reliable(self) -> bool:
        """Whether the chains agree."""
        return self.r_hat <= R_HAT_LIMIT and self.divergences <= DIVERGENT_SHARE * len(self.spread)


@dataclass(frozen=True, slots=True)
class GroupData:
    """Evidences (I, 5) over the largest of each row, powers (I,) and group numbers (I,) from 0 to G - 1."""

    evidence: Floats
    weights: Floats
    group: Ints
    n_groups: int


type GroupSampler = Callable[[GroupData], GroupDraws]


def sample_groups(data: GroupData) -> GroupDraws:
    """Draws of every group's prevalences, from longer chains where short ones do not agree."""
    model, level, groups = _packed(data)
    draws = _sampled(model, level, groups, EFFORTS[0])
    for effort in EFFORTS[1:]:
        if draws.reliable:
            break
        draws = _sampled(model, level, groups, effort)
    return draws


def _sampled(model: Model, level: Floats, groups: Floats, effort: tuple[int, int]) -> GroupDraws:
    """Chains from the same m and groups and from different sigmas, side by side where there are cores for them."""
    warming, draws = effort

    def chained(number: int) -> tuple[Floats, Floats]:
        start = State(level.copy(), groups.copy(), np.log([STARTS[number]]), np.zeros(len(groups)))
        eta, spread = chain(np.random.default_rng([SEED, number]), model, start, warming + draws)
        return eta[warming:], spread[warming:]

    with ThreadPoolExecutor(len(STARTS)) as threads:
        etas, spreads = zip(*threads.map(chained, range(len(STARTS))), strict=True)
    pi, spread = np.exp(np.array(etas) @ model.how.basis.T), np.array(spreads)
    pi /= pi.sum(axis=-1, keepdims=True)
    r_hat = max(float(split_r_hat(spread)), float(np.max(split_r_hat(pi))))
    return GroupDraws(pi.reshape(-1, *pi.shape[2:]), spread.ravel(), r_hat)


def split_r_hat(draws: Floats) -> Floats:
    """Split R-hat of draws (chains, draws, ...): Gelman et al., Bayesian Data Analysis, 3rd edition, equation 11.4."""
    half = draws.shape[1] // 2
    parts = np.concatenate([draws[:, :half], draws[:, half : 2 * half]])
    within = parts.var(axis=1, ddof=1).mean(axis=0)
    between = parts.mean(axis=1).var(axis=0, ddof=1)
    return np.asarray(np.sqrt((half - 1) / half + between / within))


def _packed(data: GroupData) -> tuple[Model, Floats, Floats]:
    """The model with its approximations, and the places of m (4,) and the groups (G, 4) around which these stand."""
    overall = pi_mode(data.evidence, data.weights)
    level = log_ratio_basis(len(overall)).T @ np.log(overall)
    members = [data.group == g for g in range(data.n_groups)]
    parts = [_parabola(data.evidence[own], data.weights[own], overall) for own in members]
    places, linear, curvature = (np.array(column) for column in zip(*parts, strict=True))
    small = np.bincount(data.group, data.weights, data.n_groups) < SMALL_GROUP
    moves, prior = np.array([np.ones_like(small), small, np.zeros_like(small)]), prior_information(overall)
    values, roots = np.linalg.eigh(curvature)
    level_values, level_roots = np.linalg.eigh(np.tensordot(moves.astype(float), curvature, 1) + prior)
    near = Approximation(
        linear=linear,
        curvature=curvature,
        roots=roots,
        values=np.maximum(values, 0.0),
        moves=moves,
        level_linear=prior @ level,
        level_roots=level_roots,
        level_values=level_values,
    )
    settings = Settings(log_ratio_basis(len(overall)), CONCENTRATION, SPREAD_SD)
    return Model(_evidences(data), near, settings), level, places


def _parabola(evidence: Floats, weights: Floats, overall: Floats) -> tuple[Floats, Floats, Floats]:
    """A group's place (4,) near its mode; linear term (4,) and curvature (4, 4) of its log likelihood there."""
    pi, basis = pi_mode(evidence, weights, PULL * overall), log_ratio_basis(len(overall))
    joint = evidence * pi
    expected = weights @ (joint / joint.sum(axis=1, keepdims=True))
    slope = basis.T @ (expected - weights.sum() * pi)
    values, roots = np.linalg.eigh(information(evidence, weights, pi))
    curvature = (roots * np.maximum(values, 0.0)) @ roots.T  # a mixture can be convex here and there
    mode = basis.T @ np.log(pi)
    return mode, slope + curvature @ mode, curvature


def _evidences(data: GroupData) -> Evidences:
    """Curves that have one shape for certain as counts, the others row by row, by group and weight."""
    certain = np.sum(data.evidence > NEGLIGIBLE, axis=1) == 1
    counts = np.zeros((data.n_groups, data.evidence.shape[1]))
    np.add.at(counts, (data.group[certain], np.argmax(data.evidence, axis=1)[certain]), data.weights[certain])
    rest = np.flatnonzero(~certain)
    rest = rest[np.lexsort((data.weights[rest], data.group[rest]))]
    starts = np.searchsorted(data.group[rest], np.arange(data.n_groups + 1))
    return Evidences(np.ascontiguousarray(data.evidence[rest]), data.weights[rest], starts, counts)
