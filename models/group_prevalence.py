"""Prevalence of the shapes by group in PyMC, sampled by nutpie: the reference of `models.group_sampling`.

The model is compiled once for up to 16 groups and once for up to 64: the groups that are too many have no curves. A
thousand curves take about ten seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import arviz
import numpy as np
import nutpie
import pymc as pm
import pytensor.tensor as pt

from models.group_sampling import NEGLIGIBLE, SPREAD_SD, GroupData, GroupDraws
from models.prevalence import CONCENTRATION, log_ratio_basis
from models.shapes import SHAPES

CHAINS = 4
# Curves of a group from which its log ratios are sampled themselves and not as deviations from m: then the data hold
# them, and sampled as deviations they would be tied to m and sigma (Betancourt and Girolami 2013, arXiv 1312.0906).
CENTRED_FROM = 1000.0
PADDED = (16, 64)  # numbers of groups that a model is compiled for
SEED = 20230428  # fixed: the same suite gives the same numbers


@dataclass(frozen=True, slots=True)
class Effort:
    """Steps of tuning, draws of each chain, the acceptance rate to aim at, and the size of groups that are centred."""

    tuning: int
    draws: int
    target_accept: float
    centred_from: float


# The second where the chains do not agree: large groups that are all alike want deviations after all.
EFFORTS = (Effort(400, 500, 0.9, CENTRED_FROM), Effort(1000, 1500, 0.98, np.inf))


def sample_by_nuts(data: GroupData, efforts: Sequence[Effort] = EFFORTS) -> GroupDraws:
    """Draws of every group's prevalences; with more effort where the chains do not agree."""
    draws = _sampled(data, efforts[0])
    for effort in efforts[1:]:
        if draws.reliable:
            break
        draws = _sampled(data, effort)
    return draws


def _sampled(data: GroupData, effort: Effort) -> GroupDraws:
    size = padded_groups(data.n_groups)
    trace = nutpie.sample(
        _compiled(size).with_data(**shared_data(data, size, effort.centred_from)),
        draws=effort.draws,
        tune=effort.tuning,
        chains=CHAINS,
        seed=SEED,
        target_accept=effort.target_accept,
        save_warmup=False,
        progress_bar=False,
    )
    pi = np.asarray(trace.posterior["pi"].values)[:, :, : data.n_groups]
    spread = np.asarray(trace.posterior["spread"].values)
    columns = [spread, *(pi[:, :, g, c] for g in range(data.n_groups) for c in range(len(SHAPES)))]
    return GroupDraws(
        pi=pi.reshape(-1, data.n_groups, len(SHAPES)),
        spread=spread.ravel(),
        r_hat=max(float(arviz.rhat(x)) for x in columns),
        divergences=int(np.sum(trace.sample_stats["diverging"].values)),
    )


def padded_groups(count: int) -> int:
    """The number of groups of the compiled model that holds so many."""
    return next(size for size in PADDED if count <= size)


@lru_cache(maxsize=4)
def _compiled(groups: int) -> Any:
    empty = GroupData(np.ones((1, len(SHAPES))), np.zeros(1), np.zeros(1, dtype=np.int64), 1)
    return nutpie.compile_pymc_model(pymc_model(shared_data(empty, groups), groups), backend="numba")


def pymc_model(shared: dict[str, Any], groups: int) -> pm.Model:
    """The model, all data in shared variables."""
    size = len(SHAPES)
    with pm.Model() as built:
        data = {name: pm.Data(name, value) for name, value in shared.items()}
        overall = pm.Dirichlet("overall", np.full(size, CONCENTRATION))
        spread = pm.HalfNormal("spread", SPREAD_SD)
        # Log ratios have one dimension less than shapes; without the redundant one the sampler takes longer steps.
        middle, centred = pt.log(overall) @ log_ratio_basis(size), data["centred"][:, None]
        z = pm.Normal("z", centred * middle, spread**centred, shape=(groups, size - 1))
        eta = ((1 - centred) * middle + spread ** (1 - centred) * z) @ log_ratio_basis(size).T
        log_pi = eta - pt.log(pt.exp(eta).sum(axis=1, keepdims=True))
        pi = pm.Deterministic("pi", pt.exp(log_pi))
        mixture = pt.log((pi[data["group"]] * data["evidence"]).sum(axis=1))
        pm.Potential("uncertain", (data["weights"] * mixture).sum())
        pm.Potential("certain", (data["counts"] * log_pi).sum())
    return built


def shared_data(data: GroupData, groups: int, centred_from: float = CENTRED_FROM) -> dict[str, Any]:
    """Curves that have one shape for certain as counts (G, 5), the others row by row."""
    certain = np.sum(data.evidence > NEGLIGIBLE, axis=1) == 1
    counts = np.zeros((groups, data.evidence.shape[1]))
    best = np.argmax(data.evidence, axis=1)
    np.add.at(counts, (data.group[certain], best[certain]), data.weights[certain])
    # A row without weight, so that no array is ever empty.
    rest = np.flatnonzero(~certain)
    return {
        "evidence": np.vstack([data.evidence[rest], np.ones(data.evidence.shape[1])]),
        "weights": np.append(data.weights[rest], 0.0),
        "group": np.append(data.group[rest], 0),
        "counts": counts,
        "centred": (np.bincount(data.group, data.weights, groups) >= centred_from).astype(float),
    }
