"""`quadrature`: posterior and evidence of a curve model by Laplace approximation and importance sampling.

First pass: cells over the shape parameters and the between-model variation r, in each a Laplace approximation of the
levels, draws from a fixed Sobol sequence. Where the weights are poor, further passes draw around the best draws of the
pass before. Levels are drawn around their own mode given each draw's shape and r in every pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.arrays import Floats
from models.curve_models.priors import HalfCauchy
from models.curve_models.record import CurveModel
from models.engines.cells import Cells, cell_draws, log_evidence, solved_cells
from models.engines.clouds import cloud_draws
from models.engines.target import Target, joined, make_target, weigh
from models.likelihood import Observations
from models.posterior import ModelPosterior, Work

GOOD_EFFICIENCY = 0.25  # effective over actual draws of the pilot, from which its proposal is kept
MOST_CLOUD_PASSES = 5
PILOT = 512  # draws by which a proposal is judged; the first of a Sobol sequence, so that they go on counting
# Nats below the best model by Laplace, and the share of the draws that such a model gets. It then holds at most .02,
# 1e-3 or 1e-4 of the weight even when Laplace is wrong by a factor of four.
TIERS = ((5.0, 1), (9.0, 4), (float("inf"), 8))


def quadrature(
    models: Sequence[CurveModel], observations: Observations, variation: HalfCauchy, work: Work
) -> tuple[ModelPosterior, ...]:
    """Weighted draws from each model's posterior; deterministic for a seed. Errors shrink as 1/sqrt(draws)."""
    targets = [make_target(model, observations, variation) for model in models]
    solved = [solved_cells(target) for target in targets]
    evidences = [log_evidence(cells) for cells in solved]
    return tuple(
        _passes(target, cells, Work(work.draws // _share(max(evidences) - evidence, work), work.seed))
        for target, cells, evidence in zip(targets, solved, evidences, strict=True)
    )


def _share(behind: float, work: Work) -> int:
    """One over the share of the draws for a model that is `behind` the best by so many nats."""
    return 1 if work.even else next(share for nats, share in TIERS if behind <= nats)


def _passes(target: Target, cells: Cells, work: Work) -> ModelPosterior:
    """A pilot, pilots around its best draws while the weights are poor, then the whole number of draws."""
    pilot = Work(min(max(PILOT, work.draws // 8), work.draws), work.seed)
    proposed = cell_draws(cells, work.draws, work.seed)
    best = latest = first = _Pass(weigh(target, proposed.part(0, pilot.draws)), proposed.quantiles[: pilot.draws])
    if work.draws <= pilot.draws:
        return first.result
    for _ in range(MOST_CLOUD_PASSES):
        if best.result.effective_sample_size >= GOOD_EFFICIENCY * pilot.draws:
            break
        target = replace(target, in_turn=target.level_count > 1)
        around = cloud_draws(target, latest.result, latest.quantiles, pilot)
        latest = _Pass(weigh(target, around), around.quantiles)
        best = max(best, latest, key=lambda item: item.result.effective_sample_size)
    if best is first:
        return joined(first.result, weigh(target, proposed.part(pilot.draws, work.draws)))
    return weigh(target, cloud_draws(target, best.result, best.quantiles, work))


@dataclass(frozen=True, slots=True)
class _Pass:
    """Weighted draws with their prior quantiles (S, q + 1)."""

    result: ModelPosterior
    quantiles: Floats
