"""Verdicts on emergence over a suite: how common each is under each metric, and which metrics carry the claims.

Schaeffer et al. (arXiv 2304.15004, section 4) found 92 % of the claims of BIG-bench under two metrics. The share here
has an interval over tasks: the curves of one task, among them the metrics of the same outputs, are one cluster. The
two metrics are those with the most claims, which flatters the share; `held_out_share` chooses them from other tasks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import stdtrit

from models.arrays import Floats
from models.resolution import jeffreys
from models.results import Interval, Verdict
from models.suite_curve import SuiteCurve

TOP = 2  # metrics that are set against the others, as in the source
NO_VERDICTS, NO_CLAIMS, ONE_TASK = "no_verdicts", "no_claims", "fewer_than_two_tasks"
FEW_METRICS = "fewer_than_three_metrics"  # two of two metrics hold every claim


@dataclass(frozen=True, slots=True)
class VerdictShares:
    """Verdicts of the curves of one metric, or of all (`metric` None): counts, and shares with intervals over tasks."""

    metric: str | None
    n_curves: int
    n_tasks: int
    verdicts: Mapping[Verdict, int]
    shares: Mapping[Verdict, Interval]
    metric_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Claims:
    """Curves that claim emergence, and their share under the `top_metrics`.

    `share_of_all_curves` is what that share would be if claims fell on metrics as curves do; `held_out_share` the share
    with the metrics chosen, for the claims of each task, from those of the other tasks.
    """

    n_claims: int
    n_tasks: int
    n_metrics: int
    top_metrics: tuple[str, ...]
    share: Interval
    share_of_all_curves: float | None
    held_out_share: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SuiteEmergence:
    """Verdicts of a suite; `n_curves` and `n_metrics` count the curves that have one, and their metrics.

    `emergent_looking` are rises that are probably sharp (positive, and narrower than a decade, each with probability
    .5), whatever explains them; `emergent` those that nothing explained.
    """

    n_curves: int
    n_metrics: int
    all_metrics: VerdictShares
    by_metric: tuple[VerdictShares, ...]
    emergent_looking: Claims
    emergent: Claims
    reason: str | None = None


def suite_emergence(curves: Sequence[SuiteCurve], level: float) -> SuiteEmergence:
    """Verdicts of the curves that have one."""
    judged = [curve for curve in curves if curve.verdict is not None]
    metrics = Counter(_metric(curve) for curve in judged)
    return SuiteEmergence(
        n_curves=len(judged),
        n_metrics=len(metrics),
        all_metrics=_verdict_shares(judged, None, level),
        by_metric=tuple(
            _verdict_shares([curve for curve in judged if _metric(curve) == metric], metric, level)
            for metric, _ in metrics.most_common()
        ),
        emergent_looking=claims(judged, lambda curve: curve.verdict != Verdict.NOT_EMERGENT, level),
        emergent=claims(judged, partial(_has, Verdict.EMERGENT), level),
        reason=None if judged else NO_VERDICTS,
    )


def looking_share(found: VerdictShares) -> Interval:
    """Share of the curves that look emergent, whatever explains them."""
    rest = found.shares[Verdict.NOT_EMERGENT]
    estimate, lower, upper = (None if end is None else 1 - end for end in (rest.estimate, rest.upper, rest.lower))
    return Interval(estimate, lower, upper, rest.reason)


def claims(judged: Sequence[SuiteCurve], claimed: Callable[[SuiteCurve], bool], level: float) -> Claims:
    """The curves of those judged that make a claim, and the metrics that it stands under."""
    own = [curve for curve in judged if claimed(curve)]
    tasks, metrics = {_task(curve) for curve in own}, Counter(_metric(curve) for curve in judged)
    counts = Counter(_metric(curve) for curve in own)
    top = _top(counts)
    reason = NO_CLAIMS if not own else FEW_METRICS if len(metrics) <= TOP else None
    if reason is not None:
        missing = Interval(None, None, None, reason)
        return Claims(len(own), len(tasks), len(counts), top, missing, None, None, reason)
    return Claims(
        n_claims=len(own),
        n_tasks=len(tasks),
        n_metrics=len(counts),
        top_metrics=top,
        share=share_over_tasks(own, lambda curve: _metric(curve) in top, level),
        share_of_all_curves=sum(metrics[name] for name in top) / len(judged),
        held_out_share=_held_out(own) if len(tasks) > 1 else None,
        reason=None if len(tasks) > 1 else ONE_TASK,
    )


def share_over_tasks(curves: Sequence[SuiteCurve], chosen: Callable[[SuiteCurve], bool], level: float) -> Interval:
    """Share of the curves that are chosen, with tasks as clusters."""
    return share_of_clusters(_sums(curves, lambda _: True), _sums(curves, chosen), level)


def share_of_clusters(size: Floats, hits: Floats, level: float) -> Interval:
    """Share of hits in clusters (tasks) of these sizes, which are drawn whole.

    Jeffreys's interval at the effective number of curves, p (1 - p) over the variance of the ratio between tasks, with
    Korn and Graubard's correction for few clusters (1998, Survey Methodology 24, 193). Where p is 0 or 1 a task counts
    as one curve.
    """
    total, count = float(size.sum()), len(size)
    p = float(hits.sum()) / total
    if count < 2:
        return Interval(p, None, None, ONE_TASK)
    n = np.array([_effective(size, hits, level)])
    lower, upper = jeffreys(n * p, n, level)
    return Interval(p, min(float(lower[0]), p), max(float(upper[0]), p))


def _effective(size: Floats, hits: Floats, level: float) -> float:
    total, count = float(size.sum()), len(size)
    p = float(hits.sum()) / total
    variance = count / (count - 1) * float(np.sum((hits - p * size) ** 2)) / total**2
    if p in (0.0, 1.0):
        return float(count)
    quantile = (1 + level) / 2
    correction = float(stdtrit(max(total - 1, 1), quantile) / stdtrit(count - 1, quantile)) ** 2
    return (min(p * (1 - p) / variance, total) if variance > 0 else total) * correction


def _sums(curves: Sequence[SuiteCurve], chosen: Callable[[SuiteCurve], bool]) -> Floats:
    """Number of chosen curves of each task."""
    found: dict[str, float] = dict.fromkeys((_task(curve) for curve in curves), 0.0)
    for curve in curves:
        found[_task(curve)] += chosen(curve)
    return np.array(list(found.values()))


def _verdict_shares(curves: Sequence[SuiteCurve], metric: str | None, level: float) -> VerdictShares:
    counts = Counter(curve.verdict for curve in curves)
    return VerdictShares(
        metric=metric,
        n_curves=len(curves),
        n_tasks=len({_task(curve) for curve in curves}),
        verdicts={verdict: counts[verdict] for verdict in Verdict if counts[verdict]},
        shares={verdict: share_over_tasks(curves, partial(_has, verdict), level) for verdict in Verdict if curves},
        metric_reason="all_metrics" if metric is None else None,
    )


def _held_out(own: Sequence[SuiteCurve]) -> float:
    counts, hits = Counter(_metric(curve) for curve in own), 0
    by_task: dict[str, Counter[str]] = {}
    for curve in own:
        by_task.setdefault(_task(curve), Counter())[_metric(curve)] += 1
    for inside in by_task.values():
        top = _top(counts - inside)
        hits += sum(inside[name] for name in top)
    return hits / len(own)


def _top(counts: Counter[str]) -> tuple[str, ...]:
    """The metrics with the most claims; of equals the first by name."""
    return tuple(sorted(counts, key=lambda name: (-counts[name], name))[:TOP])


def _has(verdict: Verdict, curve: SuiteCurve) -> bool:
    return curve.verdict == verdict


def _metric(curve: SuiteCurve) -> str:
    return curve.groups["metric"] or ""


def _task(curve: SuiteCurve) -> str:
    return curve.outputs[0]
