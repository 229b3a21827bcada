"""`quadrature`: posterior and evidence of a curve model by Laplace approximation and importance sampling.

First pass: cells over the shape parameters and the between-model variation r, in each a Laplace approximation of the
levels, draws from a fixed Sobol sequence. Where the weights are poor, further passes draw around the best draws of the
pass before. Levels are drawn around their own mode given each draw's shape and r in every pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.arrays import Floats
from models.curve_models.priors import HalfCauchy
from models.curve_models.record import CurveModel
from models.engines.cells import Cells, cell_draws, log_evidence, solved_cells
from models.engines.clouds import cloud_draws
from models.engines.target import Draws, Target, joined, make_target, weigh
from models.likelihood import Observations
from models.posterior import ModelPosterior, Work, pareto_k

GOOD_EFFICIENCY = 0.25  # effective over actual draws of the pilot, from which its proposal is kept
POOR_EFFICIENCY = 0.08  # of the last pass, below which another is made
MISSED = 0.3  # nats of evidence by which a pass that falls short of another has missed a mode
MOST_PILOTS, MOST_FINALS = 6, 3
PILOT, PILOT_SHARE = (
    512,
    4,
)  # draws by which a proposal is judged; the first of a Sobol sequence, so that they go on counting
# Nats below the best model by Laplace, and one over the share of the draws that such a model gets. It then holds at
# most .05 or 1e-3 of the weight; where Laplace was wrong, it is found weak and gets its draws after all.
# A narrow mode between the centres of cells can be underrated by tens of nats.
KNOWS_NOTHING, HOPELESS = 12.0, 25.0
TIERS = ((3.0, 1), (7.0, 2), (float("inf"), 4))


def quadrature(
    models: Sequence[CurveModel], observations: Observations, variation: HalfCauchy, work: Work
) -> tuple[ModelPosterior, ...]:
    """Weighted draws from each model's posterior; deterministic for a seed. Errors shrink as 1/sqrt(draws)."""
    targets = [make_target(model, observations, variation) for model in models]
    solved = [solved_cells(target) for target in targets]
    evidences = [log_evidence(cells) for cells in solved]
    results = [
        _passes(target, cells, Work(work.draws // _share(max(evidences) - evidence, work), work.seed))
        for target, cells, evidence in zip(targets, solved, evidences, strict=True)
    ]
    best = max(result.log_evidence for result in results)
    for j, result in enumerate(results):
        if _underrated(result, best - result.log_evidence, work):
            results[j] = _passes(targets[j], solved[j], work)
    return tuple(replace(result, pareto_k=pareto_k(result.log_weights)) for result in results)


def _underrated(result: ModelPosterior, behind: float, work: Work) -> bool:
    """Whether a model got few draws that it now turns out to need: it is close after all, or its draws know nothing."""
    unknown = result.effective_sample_size < KNOWS_NOTHING and behind < HOPELESS
    return result.draws < work.draws and (behind <= TIERS[0][0] or unknown)


def _share(behind: float, work: Work) -> int:
    """One over the share of the draws for a model that is `behind` the best by so many nats."""
    return 1 if work.even else next(share for nats, share in TIERS if behind <= nats)


def _passes(target: Target, cells: Cells, work: Work) -> ModelPosterior:
    """A pilot from the cells and, while the weights are poor, passes around all draws so far.

    Each pass is an unbiased estimate by itself, so that together they forget no mode that one of them has met.
    """
    pilot = Work(min(max(PILOT, work.draws // PILOT_SHARE), work.draws), work.seed)
    proposed = cell_draws(cells, work.draws, work.seed)
    latest = known = _Pass.of(target, proposed.part(0, pilot.draws))
    if work.draws <= pilot.draws:
        return latest.result
    if latest.is_good(known):
        return joined(latest.result, weigh(target, proposed.part(pilot.draws, work.draws)))
    target = replace(target, in_turn=target.model.in_turn != "never")
    for number in range(1, MOST_PILOTS):
        latest = _Pass.of(target, cloud_draws(target, known.result, known.quantiles, pilot.renewed(number)))
        known = known.with_more(latest)
        if latest.is_good(known):
            break
    return _final(target, known, work)


def _final(target: Target, known: _Pass, work: Work) -> ModelPosterior:
    """The whole number of draws, again with what they taught where they are still poor."""
    results: list[ModelPosterior] = []
    for number in range(MOST_FINALS):
        latest = _Pass.of(
            target, cloud_draws(target, known.result, known.quantiles, work.renewed(MOST_PILOTS + number))
        )
        known = known.with_more(latest)
        results.append(latest.result)
        if latest.result.effective_sample_size >= POOR_EFFICIENCY * work.draws:
            break
    best = max(result.log_evidence for result in results)
    complete = [result for result in results if result.log_evidence > best - MISSED]
    return max(complete, key=lambda result: result.effective_sample_size)


@dataclass(frozen=True, slots=True)
class _Pass:
    """Weighted draws with their prior quantiles (S, q + 1)."""

    result: ModelPosterior
    quantiles: Floats

    @classmethod
    def of(cls, target: Target, proposed: Draws) -> _Pass:
        """Weigh proposed draws."""
        return cls(weigh(target, proposed), proposed.quantiles)

    def with_more(self, other: _Pass) -> _Pass:
        """These draws and others."""
        return _Pass(joined(self.result, other.result), np.concatenate([self.quantiles, other.quantiles]))

    def is_good(self, known: _Pass) -> bool:
        """Whether this pass has enough effective draws and misses nothing that earlier ones found."""
        enough = self.result.effective_sample_size >= GOOD_EFFICIENCY * len(self.quantiles)
        return enough and self.result.log_evidence > known.result.log_evidence - MISSED
