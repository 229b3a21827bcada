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
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from models.arrays import Floats
from models.curve_models import FLAT_SHARES, flat_shares
from models.curve_models.priors import HalfCauchy
from models.curve_models.record import CurveModel
from models.engines.cells import Cells, Proposal, cell_draws, cell_proposal, solved_cells
from models.engines.clouds import cloud_draws
from models.engines.dents import SURPRISE, TWO_STEPS, dent_draws, dent_of
from models.engines.target import Target, Weighted, make_target, pack, weigh
from models.likelihood import Observations
from models.options import DEFAULT_CLASS_PRIOR, Shape
from models.posterior import ModelPosterior, Work

# Draws by which a proposal is judged: from cells, the first of a Sobol sequence, which go on counting, and from clouds.
PILOT, EVEN_PILOT, CLOUD_PILOT = 128, 512, 256
KNOWS_NOTHING = 10.0  # effective draws of a pilot below which its evidence may be off by any amount
LONGER = 4  # times a pilot's draws, where it knows nothing
HOPELESS = 12.0  # nats behind the best model, by draws and by cells, from which even that does not matter
MARGIN = 1.25  # on the draws that an efficiency, which is an estimate, asks for
# Times the planned draws that a model takes from its cells at once, and that it may take where its weights are poor.
EASY_TIMES, MOST_TIMES = 4, 16
# Effective over actual draws that is asked for where all models get the same draws: less of many, but not ever less.
GOOD_EFFICIENCY, ENOUGH, LEAST_EFFICIENCY = 0.25, 512.0, 1 / 16
POOR_EFFICIENCY = 0.03  # effective over actual draws of a last pass, below which another is made
MOST_PILOTS, MOST_FINALS = 6, 4
PROGRESS, PATIENCE = 1.2, 2  # factor on the best efficiency so far, and passes without it that end the pilots


def quadrature(
    models: Sequence[CurveModel], observations: Observations, variation: HalfCauchy, work: Work
) -> tuple[ModelPosterior, ...]:
    """Weighted draws from each model's posterior; deterministic for a seed. Errors shrink as 1/sqrt(draws).

    A model of weight w gets about w times `work.draws` effective draws; with `work.even` all get `work.draws` draws.
    """
    data = pack(observations)
    places = [_Place.of(make_target(model, observations, variation, data)) for model in models]
    size = min(EVEN_PILOT if work.even else PILOT, work.draws)
    pilots = [place.more(None, size, work.seed) for place in places]
    missed = _missed(places, pilots, observations, Work(max(size, CLOUD_PILOT), work.seed))
    known = [pilot if more is None else pilot.with_more(more) for pilot, more in zip(pilots, missed, strict=True)]
    evidences = np.array([one.estimate.log_evidence for one in known])
    weights = _expected_weights(models, evidences)
    hoped = np.maximum(evidences, [place.log_evidence for place in places])
    results = []
    for place, pilot, more, weight, hope in zip(places, known, missed, weights, hoped, strict=True):
        hopeless = hope < evidences.max() - HOPELESS and not work.even
        plan = _Plan(work, float(weight), size)
        if hopeless:
            weighted = pilot
        elif more is None:
            weighted = _completed(place, pilot, plan)
        else:
            weighted = _from_around(place.target, *_pilots_around(place.target, _Gathered.of(pilot), plan), plan)
        results.append(weighted.posterior(place.target.model))
    return tuple(results)


def _missed(
    places: Sequence[_Place], pilots: Sequence[Weighted], observations: Observations, work: Work
) -> list[Weighted | None]:
    """Draws around a dent of the curve, for each model whose cells missed what is there."""
    dent = dent_of(observations) if any(place.target.model.name in TWO_STEPS for place in places) else None
    found: list[Weighted | None] = []
    for place, pilot in zip(places, pilots, strict=True):
        latest = None
        if dent is not None and place.target.model.name in TWO_STEPS:
            latest = weigh(place.target, dent_draws(place.target, dent, work))
            missed = latest.estimate.log_evidence > pilot.estimate.log_evidence + SURPRISE
            latest = latest if missed else None
        found.append(latest)
    return found


def _expected_weights(models: Sequence[CurveModel], evidences: Floats) -> Floats:
    """About the weights (J,) in the averaged posterior: a flat model stands for its class, the others share theirs."""
    weights = _prior_weights(tuple(model.name for model in models)) * np.exp(evidences - evidences.max())
    return np.asarray(weights / weights.sum())


@lru_cache(maxsize=256)
def _prior_weights(names: tuple[str, ...]) -> Floats:
    others = max(sum(name not in FLAT_SHARES for name in names), 1)
    flat, shares = DEFAULT_CLASS_PRIOR[Shape.FLAT], flat_shares(names)
    return np.array([flat * shares[name] if name in shares else (1 - flat) / others for name in names])


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

    @property
    def log_evidence(self) -> float:
        """Evidence by Laplace's approximation in the cells."""
        return self.proposal.log_evidence

    def more(self, known: Weighted | None, count: int, seed: int) -> Weighted:
        """`count` draws from the cells, of which the known ones are the first."""
        first = 0 if known is None else len(known.r)
        if known is not None and count <= first:
            return known
        # Powers of two are cached and share their first draws.
        work = Work(1 << (count - 1).bit_length(), seed)
        latest = weigh(self.target, cell_draws(self.cells, self.proposal, range(first, count), work))
        return latest if known is None else known.with_more(latest)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How much one model asks for: the work, the model's weight, and the size of a pilot."""

    work: Work
    weight: float
    pilot: int

    def draws(self, weighted: Weighted) -> int | None:
        """Draws to take from a proposal that gave these; None where they would be too many."""
        efficiency = weighted.efficiency
        if self.work.even:
            asked = min(GOOD_EFFICIENCY, max(ENOUGH / self.work.draws, LEAST_EFFICIENCY))
            return self.work.draws if efficiency >= asked else None
        if weighted.estimate.effective_sample_size < KNOWS_NOTHING:
            return None
        wanted = self.pilot * math.ceil(MARGIN * self.weight * self.work.draws / efficiency / self.pilot)
        return wanted if wanted <= MOST_TIMES * self.work.draws else None

    def easy(self, wanted: int | None) -> bool:
        """Whether so many draws are few enough not to look for a better proposal."""
        return wanted is not None and wanted <= EASY_TIMES * self.work.draws


def _completed(place: _Place, pilot: Weighted, plan: _Plan) -> Weighted:
    """From a pilot to as many draws as the model needs."""
    known, seed = pilot, plan.work.seed
    wanted = plan.draws(known)
    if wanted is None and known.estimate.effective_sample_size < KNOWS_NOTHING:
        known = place.more(known, LONGER * plan.pilot, seed)
        wanted = plan.draws(known)
    if plan.easy(wanted):
        return place.more(known, wanted or 0, seed)
    around, needed = _pilots_around(place.target, _Gathered.of(known), plan)
    if wanted is not None and (needed is None or needed > wanted):
        return place.more(known, wanted, seed)
    return _from_around(place.target, around, needed, plan)


def _from_around(target: Target, around: _Gathered, needed: int | None, plan: _Plan) -> Weighted:
    """The last pass around all draws, which asked for so many (None: for too many)."""
    most = plan.work.draws * (1 if plan.work.even else EASY_TIMES)
    return _final(target, around, Work(1 << ((needed or most) - 1).bit_length(), plan.work.seed))


@dataclass(frozen=True, slots=True)
class _Gathered:
    """All draws of a model so far, and the normal coordinates (S, q + 1) of their shape and r."""

    weighted: Weighted
    z: Floats

    @classmethod
    def of(cls, weighted: Weighted) -> _Gathered:
        """The first of them."""
        return cls(weighted, np.asarray(ndtri(weighted.quantiles)))

    def with_more(self, latest: Weighted) -> _Gathered:
        """These and the latest."""
        return _Gathered(self.weighted.with_more(latest), np.concatenate([self.z, ndtri(latest.quantiles)]))


def _pilots_around(target: Target, known: _Gathered, plan: _Plan) -> tuple[_Gathered, int | None]:
    """Passes around all draws so far, with these, and the draws that the last pass asks for.

    Each pass is an unbiased estimate, so together they forget no mode that one met.
    """
    target = _in_turn(target)
    size = Work(max(plan.pilot, CLOUD_PILOT), plan.work.seed)
    wanted: int | None = None
    best, idle = 0.0, 0
    for number in range(1, MOST_PILOTS):
        latest = weigh(target, cloud_draws(target, known.weighted, known.z, size.renewed(number)))
        known = known.with_more(latest)
        wanted = plan.draws(latest)
        effective = latest.estimate.effective_sample_size
        idle = 0 if effective >= PROGRESS * best else idle + 1
        best = max(best, effective)
        if plan.easy(wanted) or idle == PATIENCE:
            break
    return known, wanted


def _in_turn(target: Target) -> Target:
    """The target with the levels drawn one after the other where poor weights call for it."""
    return replace(target, in_turn=target.at_bound) if target.model.in_turn == "when_poor" else target


def _final(target: Target, known: _Gathered, work: Work) -> Weighted:
    """The whole number of draws, again with what they taught where they are poor.

    A pass around all draws so far includes the surroundings of any single draw that outweighed the others: it is either
    confirmed as a mode there or shown to have been an accident.
    """
    target = _in_turn(target)
    passes: list[Weighted] = []
    for number in range(MOST_FINALS):
        if passes:
            known = known.with_more(passes[-1])
        around = cloud_draws(target, known.weighted, known.z, work.renewed(MOST_PILOTS + number))
        passes.append(weigh(target, around))
        if passes[-1].estimate.effective_sample_size >= POOR_EFFICIENCY * work.draws:
            break
    return max(passes, key=lambda latest: latest.estimate.effective_sample_size)
