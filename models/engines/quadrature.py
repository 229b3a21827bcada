"""`quadrature`: posterior and evidence of a curve model by Laplace approximation and importance sampling.

Pilot: cells over the shape parameters and the between-model variation r, in each a Laplace approximation of the levels,
draws from a fixed Sobol sequence. The pilots' evidences say how much each model counts, hence how many effective draws
it needs. Where the cells would take too many draws for that, passes around all draws so far follow. Levels are drawn
around their own mode given each draw's shape and r in every pass.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.arrays import Floats
from models.curve_models.priors import HalfCauchy
from models.curve_models.record import CurveModel
from models.engines.cells import Cells, Proposal, cell_draws, cell_proposal, solved_cells
from models.engines.clouds import cloud_draws
from models.engines.target import Draws, Target, joined, make_target, weigh
from models.likelihood import Observations
from models.posterior import ModelPosterior, Work, pareto_k

PILOT = 256  # draws by which a proposal is judged; the first of a Sobol sequence, so that they go on counting
KNOWS_NOTHING = 10.0  # effective draws of a pilot below which its evidence may be off by any amount
HOPELESS = 25.0  # nats behind the best model from which even that does not matter
MOST_TIMES = 4  # times the planned draws that a model may take where its weights are poor
GOOD_EFFICIENCY = 0.25  # effective over actual draws that is asked for where all models get the same draws
POOR_EFFICIENCY = 0.03  # effective over actual draws of a last pass, below which another is made
MOST_PILOTS, MOST_FINALS = 6, 4


def quadrature(
    models: Sequence[CurveModel], observations: Observations, variation: HalfCauchy, work: Work
) -> tuple[ModelPosterior, ...]:
    """Weighted draws from each model's posterior; deterministic for a seed. Errors shrink as 1/sqrt(draws).

    A model of weight w gets about w times `work.draws` effective draws; with `work.even` all get `work.draws` draws.
    """
    places = [_Place.of(make_target(model, observations, variation)) for model in models]
    size = min(PILOT, work.draws) if not work.even else max(min(PILOT, work.draws), work.draws // MOST_TIMES)
    pilots = [_Pass.of(place.target, place.draws(range(size), Work(size, work.seed))) for place in places]
    evidences = np.array([pilot.result.log_evidence for pilot in pilots])
    behind = evidences.max() - evidences
    weights = np.exp(-behind) / np.sum(np.exp(-behind))
    results = []
    for j, pilot in enumerate(pilots):
        hopeless = behind[j] > HOPELESS and not work.even
        plan = _Plan(work, float(weights[j]), size)
        results.append(pilot.result if hopeless else _completed(places[j], pilot, plan))
    return tuple(replace(result, pareto_k=pareto_k(result.log_weights)) for result in results)


@dataclass(frozen=True, slots=True)
class _Place:
    """One curve model on one curve, with its cells and what they propose."""

    target: Target
    cells: Cells
    proposal: Proposal

    @classmethod
    def of(cls, target: Target) -> _Place:
        """Solve the cells."""
        cells = solved_cells(target)
        return cls(target, cells, cell_proposal(cells))

    def draws(self, rows: range, work: Work) -> Draws:
        """Draws from the cells."""
        return cell_draws(self.cells, self.proposal, rows, work)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How much one model asks for: the work, the model's weight, and the size of a pilot."""

    work: Work
    weight: float
    pilot: int

    def draws(self, result: ModelPosterior) -> int | None:
        """Draws to take from a proposal that gave this result; None where they would be too many."""
        efficiency = result.effective_sample_size / result.draws
        if self.work.even:
            return self.work.draws if efficiency >= GOOD_EFFICIENCY else None
        if result.effective_sample_size < KNOWS_NOTHING:
            return None
        wanted = self.pilot * math.ceil(self.weight * self.work.draws / efficiency / self.pilot)
        return wanted if wanted <= MOST_TIMES * self.work.draws else None


def _completed(place: _Place, pilot: _Pass, plan: _Plan) -> ModelPosterior:
    """From a pilot to as many draws as the model needs."""
    wanted = plan.draws(pilot.result)
    if wanted is None:
        return _around(place.target, pilot, plan)
    if wanted <= plan.pilot:
        return pilot.result
    # Powers of two are cached and share their first draws: the pilot's are among them.
    whole = Work(1 << (wanted - 1).bit_length(), plan.work.seed)
    return joined(pilot.result, weigh(place.target, place.draws(range(plan.pilot, wanted), whole)))


def _around(target: Target, known: _Pass, plan: _Plan) -> ModelPosterior:
    """Passes around all draws so far: each is an unbiased estimate, so together they forget no mode that one met."""
    if target.model.in_turn == "when_poor":
        target = replace(target, in_turn=target.at_bound)
    size = Work(plan.pilot, plan.work.seed)
    wanted: int | None = None
    for number in range(1, MOST_PILOTS):
        latest = _Pass.of(target, cloud_draws(target, known.result, known.quantiles, size.renewed(number)))
        known = known.with_more(latest)
        wanted = plan.draws(latest.result)
        if wanted is not None:
            break
    most = plan.work.draws * (1 if plan.work.even else MOST_TIMES)
    return _final(target, known, Work(1 << ((wanted or most) - 1).bit_length(), plan.work.seed))


def _final(target: Target, known: _Pass, work: Work) -> ModelPosterior:
    """The whole number of draws, again with what they taught where they are poor.

    A pass around all draws so far includes the surroundings of any single draw that outweighed the others: it is either
    confirmed as a mode there or shown to have been an accident.
    """
    results: list[ModelPosterior] = []
    for number in range(MOST_FINALS):
        around = cloud_draws(target, known.result, known.quantiles, work.renewed(MOST_PILOTS + number))
        latest = _Pass.of(target, around)
        known = known.with_more(latest)
        results.append(latest.result)
        if latest.result.effective_sample_size >= POOR_EFFICIENCY * work.draws:
            break
    return max(results, key=lambda result: result.effective_sample_size)


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
