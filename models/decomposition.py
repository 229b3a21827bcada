"""The two-task decomposition of a curve: where the distractor is learnt, where the true task displaces it, the turn.

Asked for by distractor accuracy beside the true accuracy; the model is that of `models.distractor`. What lies beyond
the observed scales follows from the priors alone, so an end of an interval there is open.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.arrays import Bools, Floats
from models.curve import ScalingCurve
from models.curve_models.priors import HalfCauchy
from models.decomposition_words import BEFORE, decomposition_words
from models.distractor import (
    Counts,
    TwoTaskDraws,
    TwoTaskPrior,
    counts,
    draws_at,
    log_likelihood,
    mean_shares,
)
from models.engines.annealing import annealed
from models.likelihood import Observations
from models.options import Options
from models.resampling import resampled
from models.results import NO_DISTRACTOR, Decomposition, Interval
from models.turn import interval, quantiles

FEWEST_SCALES = 3  # two transitions and what lies between them
FIRST_NODE, LAST_NODE, NODES = -0.5, 3.0, 701  # where a minimum is looked for, in observed ranges
HORIZON = 1.0  # decades beyond the observed scales up to which a median is told
SMALLEST_PROBABILITY = 0.01  # of a turn, from which it is described
DRAWS = 4096  # equally weighted ones that are described
FEWEST_DRAWS = 400.0  # effective ones, as for an analysis
FEW_SCALES, UNRELIABLE = "fewer_than_three_scales", "engine_unreliable"
BEYOND, OUTSIDE = "beyond_largest_scale", "beyond_observed_scales"
TOO_IMPROBABLE = "probability_too_small"

type Decomposed = tuple[Decomposition | None, str | None]
"""The decomposition, or the reason why there is none."""


def decomposition(
    curve: ScalingCurve, observations: Observations, options: Options, variation: HalfCauchy
) -> Decomposed:
    """The decomposition of a curve with distractor accuracy; costs nothing without."""
    if all(point.distractor_share is None for point in curve.points):
        return None, NO_DISTRACTOR
    if curve.n_scales < FEWEST_SCALES:
        return None, FEW_SCALES
    seen, setting = counts(curve, observations), _Setting(observations, options, variation)
    joint = _sampled(setting, seen)
    # Of two options the one is what the other leaves: the distractor's accuracy says nothing more.
    alone = joint if seen.closed else _sampled(setting, seen.without_distractor())
    if min(joint.effective_sample_size, alone.effective_sample_size) < FEWEST_DRAWS:
        return None, UNRELIABLE
    return _described(setting, curve, joint, alone), None


@dataclass(frozen=True, slots=True)
class _Setting:
    observations: Observations
    options: Options
    variation: HalfCauchy

    @property
    def margin(self) -> float:
        """The horizon in observed ranges."""
        return HORIZON / self.observations.decades

    def scales(self, positions: Floats) -> Interval:
        """Quantiles of positions as scales; ends outside the observed range are open."""
        lower, estimate, upper = quantiles(positions, self.options.interval).tolist()
        early, late = lower < 0.0, upper > 1.0
        told = -self.margin <= estimate <= 1.0 + self.margin
        reason = {(True, True): OUTSIDE, (True, False): BEFORE, (False, True): BEYOND}.get((early, late))
        ends = self.observations.scale_at(np.array([lower, estimate, upper])).tolist()
        return Interval(ends[1] if told else None, None if early else ends[0], None if late else ends[2], reason)


@dataclass(frozen=True, slots=True)
class _Sample:
    """Equally weighted draws, the positions of the lowest true accuracy, which draws turn; checks of the sampler."""

    draws: TwoTaskDraws
    turn: Floats
    turns: Bools
    effective_sample_size: float
    pareto_k: float


def _sampled(setting: _Setting, seen: Counts) -> _Sample:
    prior = TwoTaskPrior(setting.observations.chance, setting.variation, seen.closed)
    found = annealed(lambda x: log_likelihood(draws_at(x, prior), seen), prior.dimension, setting.options.seed)
    draws = draws_at(found.x[resampled(found.weights, DRAWS)], prior)
    position, turns = turn(draws, setting.observations.delta)
    return _Sample(draws, position, turns, found.effective_sample_size, found.pareto_k)


def turn(draws: TwoTaskDraws, delta: float) -> tuple[Floats, Bools]:
    """Position (S,) of the lowest true accuracy, and whether it lies deeper than `delta` below start and top."""
    nodes = np.linspace(FIRST_NODE, LAST_NODE, NODES)
    true = mean_shares(draws, nodes)[0]
    place = np.clip(true.argmin(axis=1), 1, NODES - 2)
    rows = np.arange(len(place))
    before, lowest, after = (true[rows, place + step] for step in (-1, 0, 1))
    bend = before - 2 * lowest + after
    shift = np.where(bend > 0, 0.5 * (before - after) / np.where(bend > 0, bend, 1.0), 0.0)
    position = nodes[place] + np.clip(shift, -1.0, 1.0) * (nodes[1] - nodes[0])
    return position, (draws.start - lowest > delta) & (draws.top - lowest > delta)


def _described(setting: _Setting, curve: ScalingCurve, joint: _Sample, alone: _Sample) -> Decomposition:
    draws, level = joint.draws, setting.options.interval
    beyond, gain = _share_beyond(joint), _gain(setting, joint, alone)
    found = Decomposition(
        summary="",
        distractor_learnt=setting.scales(draws.m1),
        distractor_rise=interval(draws.high - draws.d_start, level),
        true_task_learnt=setting.scales(draws.m1 + draws.gap),
        true_rise=interval(draws.top - draws.low, level),
        turn=_turn(setting, joint),
        probability_turn=float(np.mean(joint.turns)),
        probability_turn_beyond_largest=beyond,
        probability_turn_beyond_largest_reason=TOO_IMPROBABLE if beyond is None else None,
        turn_without_distractor=_turn(setting, alone),
        precision_gain=gain,
        precision_gain_reason=TOO_IMPROBABLE if gain is None else None,
        effective_sample_size=min(joint.effective_sample_size, alone.effective_sample_size),
        pareto_k=max(joint.pareto_k, alone.pareto_k),
    )
    return replace(found, summary=decomposition_words(curve, found, setting.observations.delta))


def _turn(setting: _Setting, sample: _Sample) -> Interval:
    if float(np.mean(sample.turns)) <= SMALLEST_PROBABILITY:
        return Interval(None, None, None, TOO_IMPROBABLE)
    return setting.scales(sample.turn[sample.turns])


def _share_beyond(sample: _Sample) -> float | None:
    """P(the turn lies above the largest scale), given that there is one."""
    if float(np.mean(sample.turns)) <= SMALLEST_PROBABILITY:
        return None
    return float(np.mean(sample.turn[sample.turns] > 1.0))


def _gain(setting: _Setting, joint: _Sample, alone: _Sample) -> float | None:
    """Width of the turn's interval from the true accuracy alone over that with the distractor, both to the horizon."""
    widths = []
    for sample in (alone, joint):
        if float(np.mean(sample.turns)) <= SMALLEST_PROBABILITY:
            return None
        inside = np.clip(sample.turn[sample.turns], -setting.margin, 1.0 + setting.margin)
        lower, _, upper = quantiles(inside, setting.options.interval).tolist()
        widths.append(upper - lower)
    return float(widths[0] / widths[1]) if widths[1] > 0 else None
