"""A suite of curves summed up: prevalence of the shapes, error of the labels, typical turns, pooled changes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from models.arrays import Floats
from models.errors import InvalidOptions, Problem
from models.false_labels import ErrorControl, error_control, label_probabilities
from models.group_sampling import GroupData, GroupSampler, sample_groups
from models.options import DEFAULT_INTERVAL, Shape
from models.pooling import PooledTurn, pooled_turn
from models.prevalence import (
    Prevalence,
    cluster_weights,
    pi_posterior,
    prevalence,
    summarised,
    updated_probabilities,
)
from models.random_effects import Pooling
from models.results import Analysis, Interval
from models.shapes import SHAPES
from models.suite_curve import SuiteCurve, suite_curve
from models.suite_effects import Moderated, PooledEffect, moderated_effects, pooled_effects
from models.suite_emergence import SuiteEmergence, suite_emergence
from models.suite_words import suite_words
from models.turn import interval

GROUPINGS = ("metric", "task_group", "model_family", "prompting")
DEFAULT_FDR_LEVEL = 0.05
FEWEST_CURVES = 2  # from which curves are a suite
MOST_GROUPS = 64  # beyond it, groups are too small to say anything apart
ONE_GROUP, TOO_MANY_GROUPS, NOT_CONVERGED = "fewer_than_two_groups", "more_than_64_groups", "sampler_did_not_converge"
UNRELIABLE = "engine_unreliable"
THREADS = 2  # for what does not wait for other parts of the summary


class GroupEngine(StrEnum):
    """How the groups are sampled: by compiled slices, or as the reference by NUTS."""

    SLICES = "slices"
    NUTS = "nuts"


@dataclass(frozen=True, slots=True)
class SuiteOptions:
    """How a suite is summed up. `group_by`: ways of grouping, each with partial pooling.

    Raises `InvalidOptions` naming each value that is out of range.
    """

    interval: float = DEFAULT_INTERVAL
    fdr_level: float = DEFAULT_FDR_LEVEL
    group_by: tuple[str, ...] = GROUPINGS
    pooling: Pooling = field(default_factory=Pooling)
    group_engine: GroupEngine = GroupEngine.SLICES

    def __post_init__(self) -> None:
        problems = []
        if not 0.5 <= self.interval < 1:
            problems.append(Problem("/options/interval", f"{self.interval!r} is not in [0.5, 1)"))
        if not 0 < self.fdr_level <= 0.5:
            problems.append(Problem("/options/fdr_level", f"{self.fdr_level!r} is not in (0, 0.5]"))
        unknown = [name for name in self.group_by if name not in GROUPINGS]
        if unknown:
            names = ", ".join(GROUPINGS)
            problems.append(Problem("/options/group_by", f"{', '.join(unknown)} is not one of {names}"))
        if problems:
            raise InvalidOptions(problems)


@dataclass(frozen=True, slots=True)
class GroupedPrevalence:
    """Prevalence in every group of one way of grouping, each leaning on the others.

    `spread` is the sd of the log odds between groups; `n_ungrouped` curves belong to no group.
    """

    groups: tuple[Prevalence, ...]
    spread: Interval
    n_ungrouped: int
    r_hat: float | None = None
    r_hat_reason: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SuiteSummary:
    """Everything that is said of a suite.

    `left_out` counts the curves without a vote, by reason; `verdicts` the verdicts on emergence by metric.
    """

    summary: str
    n_curves: int
    labels: Mapping[str, int]
    left_out: Mapping[str, int]
    n_erratic: int
    verdicts: Mapping[str, Mapping[str, int]]
    emergence: SuiteEmergence
    prevalence: Prevalence
    grouped: Mapping[str, GroupedPrevalence]
    error_control: ErrorControl
    u_turn: PooledTurn
    u_turn_uncensored: PooledTurn
    inverted_u_turn: PooledTurn
    effects: tuple[PooledEffect, ...]
    moderators: tuple[Moderated, ...]


def suite_summary(analyses: Iterable[Analysis], options: SuiteOptions | None = None) -> SuiteSummary:
    """Sum up analyses, which are gone through once; of each only a small part is kept.

    Raises `InvalidOptions` where fewer than two are given.
    """
    return summary_of_curves([suite_curve(analysis) for analysis in analyses], options)


def summary_of_curves(curves: Sequence[SuiteCurve], options: SuiteOptions | None = None) -> SuiteSummary:
    """The same of what is kept of the analyses."""
    how = options or SuiteOptions()
    if len(curves) < FEWEST_CURVES:
        message = f"{len(curves)} curve(s): a suite has at least {FEWEST_CURVES}"
        raise InvalidOptions([Problem("/analyses", message)])
    voting = [curve for curve in curves if curve.reliable]
    evidence = np.array([curve.evidence for curve in curves])
    draws = _drawn_prevalences(voting)
    probabilities = updated_probabilities(evidence, draws)
    # From here on a curve's shapes are as probable as they are in this suite.
    seen = [replace(c, probabilities=row) for c, row in zip(curves, probabilities, strict=True) if c.reliable]
    # Most of the time is spent in array functions, which leave the interpreter to other threads.
    with ThreadPoolExecutor(THREADS) as threads:
        censored = threads.submit(pooled_turn, seen, Shape.U_SHAPED, how.interval, censored=True)
        uncensored = threads.submit(pooled_turn, seen, Shape.U_SHAPED, how.interval, censored=False)
        inverted = threads.submit(pooled_turn, seen, Shape.INVERTED_U, how.interval, censored=False)
        effects = threads.submit(pooled_effects, seen, how.pooling)
        moderators = threads.submit(moderated_effects, seen, how.pooling)
        labels, shares = dict(Counter(curve.label for curve in curves)), prevalence(voting, how.interval)
        grouped = {name: grouped_prevalence(voting, name, how) for name in how.group_by}
        errors = error_control(curves, label_probabilities(evidence, draws), how.fdr_level)
        emergence = suite_emergence(voting, how.interval)
    return SuiteSummary(
        summary=suite_words(labels, shares, errors, uncensored.result(), emergence),
        n_curves=len(curves),
        labels=labels,
        left_out={UNRELIABLE: len(curves) - len(voting)},
        n_erratic=sum(curve.erratic for curve in curves),
        verdicts=_verdicts(curves),
        emergence=emergence,
        prevalence=shares,
        grouped=grouped,
        error_control=errors,
        u_turn=censored.result(),
        u_turn_uncensored=uncensored.result(),
        inverted_u_turn=inverted.result(),
        effects=effects.result(),
        moderators=moderators.result(),
    )


def _verdicts(curves: Sequence[SuiteCurve]) -> dict[str, dict[str, int]]:
    """How often each verdict fell under each metric; where verdicts are computed."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for curve in curves:
        if curve.verdict is not None:
            counts[curve.verdict][curve.groups["metric"] or ""] += 1
    return {verdict: dict(metrics) for verdict, metrics in counts.items()}


def _drawn_prevalences(voting: Sequence[SuiteCurve]) -> Floats:
    """Draws (S, 5) of the suite's prevalences; of a suite without a vote all are even."""
    if not voting:
        return np.full((1, len(SHAPES)), 1 / len(SHAPES))
    return pi_posterior(np.array([curve.evidence for curve in voting]), cluster_weights(voting)).draws


def grouped_prevalence(curves: Sequence[SuiteCurve], grouping: str, how: SuiteOptions) -> GroupedPrevalence:
    """Prevalence by group, with partial pooling; PyMC is imported here where it is asked for."""
    own = [curve for curve in curves if curve.groups[grouping] is not None]
    names = sorted({curve.groups[grouping] or "" for curve in own})
    ungrouped = len(curves) - len(own)
    if not 2 <= len(names) <= MOST_GROUPS:
        return _no_groups(ungrouped, ONE_GROUP if len(names) < 2 else TOO_MANY_GROUPS)
    members = [[curve for curve in own if curve.groups[grouping] == name] for name in names]
    draws = _group_sampler(how.group_engine)(
        GroupData(
            evidence=np.concatenate([[curve.evidence for curve in group] for group in members]),
            weights=np.concatenate([cluster_weights(group) for group in members]),
            group=np.repeat(np.arange(len(names)), [len(group) for group in members]),
            n_groups=len(names),
        )
    )
    if not draws.reliable:
        return _no_groups(ungrouped, NOT_CONVERGED)
    found = [
        summarised(group, draws.pi[:, g], how.interval, name)
        for g, (name, group) in enumerate(zip(names, members, strict=True))
    ]
    return GroupedPrevalence(tuple(found), interval(draws.spread, how.interval), ungrouped, draws.r_hat)


def _group_sampler(engine: GroupEngine) -> GroupSampler:
    if engine is GroupEngine.SLICES:
        return sample_groups
    from models.group_prevalence import sample_by_nuts

    return sample_by_nuts


def _no_groups(ungrouped: int, reason: str) -> GroupedPrevalence:
    return GroupedPrevalence((), Interval(None, None, None, reason), ungrouped, None, reason, reason)
