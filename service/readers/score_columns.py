"""All scores of an input in columns, by curve: fractions, sizes of test sets, and what they say about each curve."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.arrays import Bools, Floats, Ints
from models.metrics import MetricKind
from service.readers.counts import counts_elsewhere, exact_counts
from service.readers.gathering import Gathering, curve_names
from service.readers.metric_kinds import Signs

PERCENT = 100.0
CLUSTERED = 1.02  # ratio of variances; a standard error of so much more or less than another is no rounding

_ALL = slice(None)


@dataclass(frozen=True, slots=True)
class ScoreColumns:
    """Scores that have a place on the axis, by curve and in the order of scale within each.

    `number` is that of the score as it came. NaN where there is no standard error or n. `ratio` is the squared standard
    error over that of a share of n examples. Curve c has the rows from `starts[c]` to `starts[c + 1]`.
    """

    number: Ints
    curve: Ints
    run: Ints
    x: Floats
    scores: Floats
    stderrs: Floats
    n: Floats
    ratio: Floats
    starts: Ints

    def usable(self, kind: MetricKind) -> Bools:
        """Scores whose sampling error is known: from n, or from a standard error above 0 where that is enough."""
        with_stderr = self.stderrs > 0
        if kind is MetricKind.UNBOUNDED:
            return np.asarray(with_stderr)
        if kind is MetricKind.PROPORTION:
            with_stderr &= (self.scores != 0) & (self.scores != 1)
        return np.asarray(with_stderr | ~np.isnan(self.n))

    def clustered(self, rows: Ints | slice = _ALL) -> Bools:
        """Scores with a larger standard error than a share of n independent examples has."""
        return np.asarray(self.ratio[rows] > CLUSTERED)

    def signs(self) -> list[Signs]:
        """What the numbers of each curve say about its metric."""
        known, narrow = np.isfinite(self.ratio), self.ratio < 1 / CLUSTERED
        edge = (self.scores == 0) | (self.scores == 1)
        inside = self.each((self.scores >= 0) & (self.scores <= 1))
        any_known, any_narrow = ~self.each(~known), ~self.each(~narrow)
        share = self.each(known | (edge & ~np.isnan(self.n))) & any_known & ~any_narrow
        return [Signs(*row) for row in zip(inside.tolist(), any_narrow.tolist(), share.tolist(), strict=True)]

    def each(self, flags: Bools) -> Bools:
        """For each curve whether all its scores have the flag; True for a curve without scores."""
        missing = np.concatenate([[0], np.cumsum(~flags)])
        return np.asarray(missing[self.starts[1:]] == missing[self.starts[:-1]])


def score_columns(gathering: Gathering, axis: str) -> ScoreColumns:
    """All scores, with percent as fractions and every n that follows exactly from other numbers."""
    curve, run = np.array(gathering.curve, np.int64), np.array(gathering.run, np.int64)
    x = _axis_values(gathering, axis, run)
    order = np.lexsort((run, x, curve))
    order = order[np.isfinite(x[order])]
    curve, run = curve[order], run[order]
    scores, stderrs, n = (
        np.array(column, dtype=np.float64)[order] for column in (gathering.score, gathering.stderr, gathering.n)
    )
    exact = exact_counts(scores, stderrs)
    _note_exact(gathering, curve, exact, n)
    n = np.where(np.isnan(n), exact, n)
    _as_fractions(gathering, curve, run, (scores, stderrs, n))
    n = _known_elsewhere(gathering, curve, run, n)
    starts = np.searchsorted(curve, np.arange(len(gathering.keys) + 1)).astype(np.int64)
    return ScoreColumns(order, curve, run, x[order], scores, stderrs, n, _variance_ratio(scores, stderrs, n), starts)


def _axis_values(gathering: Gathering, axis: str, run: Ints) -> Floats:
    """The scale of each score, NaN where the run has no place on the axis."""
    counts = np.bincount(run, minlength=len(gathering.runs))
    values = np.full(len(gathering.runs), np.nan)
    told: set[str] = set()
    for number, (one, place) in enumerate(gathering.runs):
        values[number] = place.scales.get(axis, np.nan)
        model = f"{one.model} at {place.checkpoint}" if place.checkpoint else one.model
        if axis not in place.scales:
            message = f"results of models whose {axis} neither a table, the file nor the name says (see --models)"
            gathering.ledger.left_out("no_scale", message, model, int(counts[number]))
        elif model not in told:
            message = f"models whose {axis} are from {place.origins[axis]}"
            gathering.ledger.inferred("scale", message, f"{model}: {values[number]:.6g}")
            told.add(model)
    return values[run]


def _note_exact(gathering: Gathering, curve: Ints, exact: Floats, n: Floats) -> None:
    found = ~np.isnan(exact) & np.isnan(n)
    if found.any():
        message = "test-set sizes that follow exactly from score and standard error"
        gathering.ledger.inferred("n_from_stderr", message, count=int(found.sum()))
    for row in np.flatnonzero(~np.isnan(exact) & ~np.isnan(n) & (exact != n)).tolist():
        name = f"{curve_names(gathering.keys[curve[row]])}: {n[row]:.0f}, not {exact[row]:.0f}"
        gathering.ledger.mixed("n_disagrees", "test-set sizes that the standard error contradicts", name)


def _as_fractions(gathering: Gathering, curve: Ints, run: Ints, numbers: Sequence[Floats]) -> None:
    """Turn scores into fractions, in place, where only as percent they fit their standard errors."""
    scores, stderrs, n = numbers
    rows = np.flatnonzero((scores > 0) & (scores <= PERCENT) & (stderrs > 0))
    rows = rows[np.isnan(exact_counts(scores[rows], stderrs[rows]))]
    counts = exact_counts(scores[rows] / PERCENT, stderrs[rows] / PERCENT)
    rows, counts = rows[~np.isnan(counts)], counts[~np.isnan(counts)]
    proven = np.isin(run[rows], run[rows[scores[rows] > 1]])  # below 1 only beside others of the same run
    rows, counts = rows[proven], counts[proven]
    scores[rows] /= PERCENT
    stderrs[rows] /= PERCENT
    n[rows] = np.where(np.isnan(n[rows]), counts, n[rows])
    for row in rows.tolist():
        name = f"{curve_names(gathering.keys[curve[row]])} in {gathering.runs[run[row]][0].file}"
        gathering.ledger.inferred("percent", "scores in percent, as their standard errors prove", name)


def _known_elsewhere(gathering: Gathering, curve: Ints, run: Ints, n: Floats) -> Floats:
    """Fill in sizes from other metrics of the same task and run, then from other runs of the task."""
    if not np.isnan(n).any():
        return n
    tasks: dict[tuple[str | None, ...], int] = {}
    task = np.array([tasks.setdefault((key.task, key.version), len(tasks)) for key in gathering.keys], np.int64)[curve]
    _, within = np.unique(run * max(1, len(tasks)) + task, return_inverse=True)
    for groups, where in ((within.astype(np.int64), "another metric of the task"), (task, "other models on the task")):
        other = counts_elsewhere(n, groups)
        found = np.isnan(n) & ~np.isnan(other)
        names = Counter(curve_names(gathering.keys[number]) for number in curve[found].tolist())
        for name, count in names.items():
            gathering.ledger.inferred("n_elsewhere", f"test-set sizes taken from {where}", name, count)
        n = np.where(found, other, n)
    return n


def _variance_ratio(p: Floats, stderrs: Floats, n: Floats) -> Floats:
    """Squared standard error over that of a share of n examples, p (1 - p)/(n - 1); NaN where one is unknown."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        variance = p * (1 - p) / (n - 1)
        ratio = stderrs**2 / variance
    return np.where((variance > 0) & (stderrs > 0) & np.isfinite(ratio), ratio, np.nan)
