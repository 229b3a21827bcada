"""Which measurement next: what each candidate is expected to do for the label and for the turn.

A candidate outside the tested range widens the range of which the shape is a statement. Its expectations rest on the
posterior over that wider range, with the priors that an analysis of it would have, so that a turn or a jump in the
untested part has its share.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from models.analysis import averaged_posterior
from models.between_model import ResolvedScale, own_scale
from models.candidates import Action, Candidate, Wanted, candidates
from models.classification import decide
from models.curve import FEWEST_FOR_TURN, ScalingCurve
from models.curve_models.priors import HalfCauchy
from models.further import Law, new_model, same_model, with_outcome, with_place
from models.likelihood import Observations, observe
from models.options import UNDETERMINED, Options, Shape
from models.posterior import effective_sample_size
from models.preposterior import FEWEST_DRAWS, OUTCOMES, REFIT_DRAWS, Ground, expected, ground, turn_decades
from models.results import Warned
from models.scatter import is_erratic
from models.shapes import SHAPES

DRAWS = 2048  # effective ones to aim at: four times an analysis', because the outcomes share them out
LIKELY_TURN = 0.1  # probability of a turned shape from which narrowing its turn is worth a recommendation
TIE = 0.02  # difference in probability that is no reason to prefer a candidate
DECIDED, TURN_UNLIKELY, TOO_IMPROBABLE = "label_is_decided", "turn_unlikely", "probability_too_small"
NO_GAIN, FEW_SCALES = "no_candidate_helps", "fewer_than_three_scales"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the curve says today; `turn_decades` is the width of the turn's interval, given `turned_shape`."""

    label: str
    most_probable: Shape
    probability: float
    probabilities: Mapping[Shape, float]
    turned_shape: Shape
    turn_decades: float | None
    turn_decades_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Prospect:
    """What one measurement is expected to do.

    `labels` are the probabilities of each label after it; `top_probability_before` and `expected_top_probability` those
    of the most probable shape, `expected_bits` the reduction in entropy of the shape; all over the range that the
    measurement gives the curve. `turn_decades` is the expected width of the turn's interval where the curve turns.
    """

    action: Action
    scale: float
    language_model: str | None
    n_examples: int | None
    stderr: float | None
    extends_range: bool
    probability_decided: float
    probability_decided_mcse: float
    labels: Mapping[str, float]
    top_probability_before: float
    expected_top_probability: float
    expected_bits: float
    turn_decades: float | None
    turn_decades_reason: str | None
    effective_sample_size: float
    refits: int


@dataclass(frozen=True, slots=True)
class NextPlan:
    """All candidates, and the places of the best in `prospects`."""

    now: Standing
    prospects: tuple[Prospect, ...]
    best_for_label: int | None
    best_for_turn: int | None
    warnings: tuple[Warned, ...]
    best_for_label_reason: str | None = None
    best_for_turn_reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Setting:
    """One curve made ready; no joint errors of shared items."""

    curve: ScalingCurve
    options: Options
    variation: HalfCauchy
    observations: Observations
    turned: Shape

    def grounded(self, observations: Observations, draws: int = DRAWS) -> Ground:
        """The posterior over these observations."""
        return ground(observations, self.options, self.variation, draws)


@dataclass(frozen=True, slots=True)
class _Site:
    """Where a measurement goes: point `index` of these observations; `seen` is the same place before it."""

    observations: Observations
    index: int
    seen: int


def plan_next(curve: ScalingCurve, options: Options, wanted: Wanted, scale: ResolvedScale | None = None) -> NextPlan:
    """What each measurement is expected to do; `scale` as for `analyze`. Raises `InvalidInput`."""
    resolved = scale or own_scale(options)
    observations = observe(curve, options)
    asked = candidates(curve, observations, wanted)
    now, alone = _standing(curve, options, resolved), replace(observations, pairing=None)
    setting = _Setting(curve, options, HalfCauchy(resolved.value), alone, now.turned_shape)
    prospects = tuple(_prospects(setting, asked))
    label, label_reason = _best_for_label(now, prospects)
    turn, turn_reason = (None, FEW_SCALES) if curve.n_scales < FEWEST_FOR_TURN else _best_for_turn(now, prospects)
    notes = tuple(_warnings(observations, prospects))
    return NextPlan(now, prospects, label, turn, notes, label_reason, turn_reason)


def _standing(curve: ScalingCurve, options: Options, scale: ResolvedScale) -> Standing:
    averaged = averaged_posterior(curve, options, scale)
    decision = decide(averaged.pool, options, options.class_prior)
    label = UNDETERMINED if is_erratic(averaged, decision.best) else decision.label
    places = [SHAPES.index(shape) for shape in (Shape.U_SHAPED, Shape.INVERTED_U)]
    turned = SHAPES[max(places, key=lambda place: float(decision.probabilities[place]))]
    width = _known(turn_decades(averaged, averaged.weights, turned))
    return Standing(
        label=label,
        most_probable=SHAPES[decision.best],
        probability=float(decision.probabilities[decision.best]),
        probabilities=dict(zip(SHAPES, decision.probabilities.tolist(), strict=True)),
        turned_shape=turned,
        turn_decades=width,
        turn_decades_reason=TOO_IMPROBABLE if width is None else None,
    )


def _prospects(setting: _Setting, asked: tuple[Candidate, ...]) -> Iterator[Prospect]:
    """In the order of the candidates; those at one new scale, and all at known ones, share their draws."""
    known: tuple[float | None, Ground] | None = None
    for candidate in asked:
        new = candidate.action is Action.NEW_SCALE
        site, key = _site(setting, candidate), candidate.scale if new else None
        if known is None or known[0] != key:
            known = key, setting.grounded(site.observations if new else setting.observations)
        yield _prospect(setting, known[1], site, candidate)


def _site(setting: _Setting, candidate: Candidate) -> _Site:
    if candidate.action is Action.MORE_EXAMPLES and candidate.index is not None:
        return _Site(setting.observations, candidate.index, candidate.index)
    grown, index = with_place(setting.observations, candidate.scale)
    return _Site(grown, index, index if candidate.index is None else candidate.index)


def _prospect(setting: _Setting, before: Ground, site: _Site, candidate: Candidate) -> Prospect:
    refit = partial(_refitted, setting, site, candidate)
    found = expected(before, _law(before, site, candidate), setting.options, setting.turned, refit)
    decided = 1 - found.labels[UNDETERMINED]
    retested = candidate.action is Action.MORE_EXAMPLES and candidate.index is not None
    return Prospect(
        action=candidate.action,
        scale=candidate.scale,
        language_model=setting.curve.points[candidate.index or 0].language_model if retested else None,
        n_examples=candidate.effort.n_examples,
        stderr=candidate.effort.stderr,
        extends_range=not setting.curve.points[0].scale <= candidate.scale <= setting.curve.points[-1].scale,
        probability_decided=decided,
        probability_decided_mcse=_mcse(decided, effective_sample_size(before.averaged.weights), found.near),
        labels=found.labels,
        top_probability_before=float(before.probabilities.max()),
        expected_top_probability=found.top_probability,
        expected_bits=found.bits,
        turn_decades=found.turn_decades,
        turn_decades_reason=TOO_IMPROBABLE if found.turn_decades is None else None,
        effective_sample_size=found.effective_sample_size,
        refits=found.refits,
    )


def _law(before: Ground, site: _Site, candidate: Candidate) -> Law:
    averaged, effort = before.averaged, candidate.effort
    data, r = averaged.observations, averaged.pool.r
    means = averaged.curves(np.arange(len(r)), data.u[[site.seen]])[:, 0]
    if candidate.action is Action.MORE_EXAMPLES:
        return same_model(data, site.seen, means, r, effort)
    return new_model(data, means, r, effort)


def _refitted(setting: _Setting, site: _Site, candidate: Candidate, outcome: float) -> Ground:
    return setting.grounded(with_outcome(site.observations, site.index, candidate.effort, outcome), REFIT_DRAWS)


def _mcse(decided: float, draws: float, near: float) -> float:
    """Of the draws that the outcomes come from, and of the few outcomes that stand for all, with two borders.

    And of the probabilities after them, whose errors are shared: half of what lies within one of the threshold.
    """
    return math.sqrt(decided * (1 - decided) / draws + 1 / (6 * OUTCOMES**2) + (near / 2) ** 2)


def _best_for_label(now: Standing, prospects: tuple[Prospect, ...]) -> tuple[int | None, str | None]:
    """The most probable to decide the label; among equals the one that tells most of the shape."""
    if now.label != UNDETERMINED:
        return None, DECIDED
    top = max(prospect.probability_decided for prospect in prospects)
    if top <= TIE:
        return None, NO_GAIN
    tied = [i for i, prospect in enumerate(prospects) if prospect.probability_decided >= top - TIE]
    return max(tied, key=lambda i: prospects[i].expected_bits), None


def _best_for_turn(now: Standing, prospects: tuple[Prospect, ...]) -> tuple[int | None, str | None]:
    """The one after which the turn's interval is the narrowest."""
    if now.probabilities[now.turned_shape] < LIKELY_TURN or now.turn_decades is None:
        return None, TURN_UNLIKELY
    widths = [math.inf if prospect.turn_decades is None else prospect.turn_decades for prospect in prospects]
    best = int(np.argmin(widths))
    return (None, NO_GAIN) if widths[best] >= now.turn_decades else (best, None)


def _warnings(observations: Observations, prospects: tuple[Prospect, ...]) -> Iterator[Warned]:
    if observations.pairing is not None:
        message = "the scores on shared items are planned as if each model had items of its own"
        yield Warned("pairing_ignored", message)
    poor = sum((prospect.effective_sample_size or math.inf) < FEWEST_DRAWS for prospect in prospects)
    if poor:
        message = f"{poor} of {len(prospects)} candidates rest on few effective draws: their figures are rough"
        yield Warned("few_draws", message)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
