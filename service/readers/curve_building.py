"""From gathered scores to curves: models given twice, and what cannot be used."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import isnan
from typing import Any, NamedTuple

import numpy as np

from models.arrays import Bools, Ints
from models.curve import ITEMS_TAG, MINIMUM_SCALES
from models.metrics import MetricKind
from service.readers.columns import scale_kind_of
from service.readers.evaluation import Run
from service.readers.gathering import Gathering, curve_names
from service.readers.items import CurveItem, names_of
from service.readers.load_report import NO_ERROR
from service.readers.metric_kinds import Judged, judged
from service.readers.model_names import identity
from service.readers.placing import Place
from service.readers.score_columns import ScoreColumns, score_columns
from service.schemas.points import MOST_POINTS


class BuiltCurve(NamedTuple):
    """A curve that has points enough: its number in the gathering, its metric, the rows and the runs of its points.

    `effective`: some standard errors are used in place of n. `paired`: all points have outcomes of the same examples.
    """

    number: int
    metric: Judged
    rows: Ints
    runs: tuple[int, ...]
    labels: tuple[str, ...]
    effective: bool
    paired: bool


@dataclass(frozen=True, slots=True)
class Built:
    """The curves of an input."""

    gathering: Gathering
    columns: ScoreColumns
    axis: str
    curves: Sequence[BuiltCurve]

    @property
    def points(self) -> int:
        """Points in all curves."""
        return sum(len(curve.rows) for curve in self.curves)

    def items(self) -> Iterator[CurveItem]:
        """One item a curve."""
        for index, curve in enumerate(self.curves):
            document = self._document(curve)
            yield CurveItem(index, document, names=names_of(document))

    def _document(self, curve: BuiltCurve) -> dict[str, Any]:
        key, about = self.gathering.keys[curve.number], self.gathering.about[curve.number]
        tags = {"task_group": about.group, "task_version": key.version, "checkpoint": key.checkpoint}
        if curve.paired:
            tags[ITEMS_TAG] = self.gathering.outcomes.items(int(self.columns.number[curve.rows[0]]))
        document = {
            "task": key.task,
            "metric": curve.metric.document,
            "prompting": key.prompting,
            "model_family": key.family,
            "scale_kind": scale_kind_of(self.axis, None),
            "points": self._points(curve),
            "tags": {name: tag for name, tag in tags.items() if tag},
        }
        return {name: value for name, value in document.items() if value is not None}

    def _points(self, curve: BuiltCurve) -> list[dict[str, Any]]:
        rows, columns = curve.rows, self.columns
        share = curve.metric.kind is MetricKind.PROPORTION
        x, scores, stderrs, n = (
            column[rows].tolist() for column in (columns.x, columns.scores, columns.stderrs, columns.n)
        )
        numbers = zip(curve.labels, x, scores, n, strict=True)
        if share and not curve.effective and not any(map(isnan, n)):
            points = [
                {"model": label, "scale": scale, "score": score, "n_examples": int(count)}
                for label, scale, score, count in numbers
            ]
        else:
            points = [{"model": label, "scale": scale, "score": score} for label, scale, score, _ in numbers]
            clustered = columns.clustered(rows).tolist() if curve.effective else [False] * len(points)
            for point, stderr, count, in_clusters in zip(points, stderrs, n, clustered, strict=True):
                counted = not (in_clusters or isnan(count))
                if counted:
                    point["n_examples"] = int(count)
                if stderr > 0 and not (share and counted):
                    point["stderr"] = stderr
        if curve.paired:
            for point, number in zip(points, columns.number[rows].tolist(), strict=True):
                point["outcomes"] = self.gathering.outcomes.read(number)
        return points


def built(gathering: Gathering) -> Built:
    """The curves of all scores gathered; what is left out or inferred goes to the ledger."""
    gathering.keep_commits_apart()
    axis = gathering.axis_used()
    columns = score_columns(gathering, axis)
    building = _Building(gathering, columns)
    curves = (building.curve(number) for number in np.flatnonzero(np.diff(columns.starts)).tolist())
    return Built(gathering, columns, axis, [curve for curve in curves if curve is not None])


class _Building:
    """What is known about all curves at once, so that most of them need no look at single points."""

    def __init__(self, gathering: Gathering, columns: ScoreColumns) -> None:
        self._gathering, self._columns, self._ledger = gathering, columns, gathering.ledger
        self._signs = columns.signs()
        self._usable = {kind: columns.usable(kind) for kind in MetricKind}
        self._all_usable = {kind: columns.each(flags) for kind, flags in self._usable.items()}
        self._unclustered = columns.each(~columns.clustered())
        self._n_known = columns.each(~np.isnan(columns.n))
        self._distinct = columns.each(~self._repeated())
        self._scales = np.add.reduceat(np.append(self._new_scales(), 0), columns.starts[:-1])
        labels = [place.label for _, place in gathering.runs]
        self._metric = cache(judged)
        self._names = cache(lambda runs: tuple([labels[run] for run in runs]))

    def curve(self, number: int) -> BuiltCurve | None:
        """A curve, or None where too few of its points can be used."""
        key, about = self._gathering.keys[number], self._gathering.about[number]
        name = curve_names(key)
        metric = self._metric(key.metric, about.facts, self._signs[number])
        rows, labels, scales = self._points(number, metric.kind, name)
        if scales < MINIMUM_SCALES:
            self._ledger.left_out("one_scale", "curves with fewer than two scales", name)
            return None
        if len(rows) > MOST_POINTS:
            self._ledger.left_out("too_many_points", f"curves of more than {MOST_POINTS:,} points", name)
            return None
        if metric.inferred:
            message = f"curves whose metric {key.metric} was taken as {metric.inferred}"
            self._ledger.inferred("metric_kind", message, name)
        if about.disagrees:
            self._ledger.mixed("metric_disagrees", "curves on whose metric the files disagree", name)
        share = metric.kind is MetricKind.PROPORTION
        if share and not self._signs[number].inside:
            message = "curves of shares with scores outside 0 to 1 (in percent?), which cannot be analysed"
            self._ledger.mixed("outside", message, name)
        effective = share and not self._unclustered[number]
        self._note_errors(number, name, share=share, effective=effective)
        runs = tuple(self._columns.run[rows].tolist())
        return BuiltCurve(number, metric, rows, runs, labels, effective, self._paired(rows, name, share=share))

    def _points(self, number: int, kind: MetricKind, name: str) -> tuple[Ints, tuple[str, ...], int]:
        """Rows and labels of the points that are used, and how many scales they have."""
        rows = np.arange(self._columns.starts[number], self._columns.starts[number + 1])
        if self._all_usable[kind][number] and self._distinct[number]:
            return rows, self._names(tuple(self._columns.run[rows].tolist())), int(self._scales[number])
        good = self._usable[kind][rows]
        for row in rows[~good].tolist():
            missing = f"{name}: {self._gathering.runs[self._columns.run[row]][0].model}"
            self._ledger.left_out("no_error", NO_ERROR, missing)
        rows, labels = _told_apart(self._gathering, self._columns, rows[good], name)
        return rows, labels, len(np.unique(self._columns.x[rows]))

    def _note_errors(self, number: int, name: str, *, share: bool, effective: bool) -> None:
        if effective:
            message = "curves with standard errors above those of independent examples: they were used in place of n"
            self._ledger.inferred("clustered", message, name)
        if share and not self._n_known[number]:
            message = "curves with an n that follows from standard errors only nearly"
            self._ledger.inferred("n_approximate", message, name)

    def _paired(self, rows: Ints, name: str, *, share: bool) -> bool:
        if not share or not self._gathering.outcomes:
            return False
        shared = self._gathering.outcomes.shared(self._columns.number[rows].tolist())
        if shared is False:
            message = "curves whose models were not all asked the same logged examples: the outcomes were not used"
            self._ledger.left_out("unpaired", message, name)
        return bool(shared)

    def _repeated(self) -> Bools:
        """Points whose model an earlier one of their curve has, perhaps in another spelling."""
        numbers: dict[str, int] = {}
        models = [numbers.setdefault(identity(run.model), len(numbers)) for run, _ in self._gathering.runs]
        if not models:
            return np.zeros(0, np.bool_)
        model = np.array(models, np.int64)[self._columns.run]
        _, first = np.unique(self._columns.curve * len(numbers) + model, return_index=True)
        repeated = np.ones(len(model), np.bool_)
        repeated[first] = False
        return repeated

    def _new_scales(self) -> Ints:
        """1 for each point that is the first of its curve at its scale."""
        curve, x = self._columns.curve, self._columns.x
        new = np.ones(len(x), np.int64)
        new[1:] = (np.diff(curve) != 0) | (np.diff(x) != 0)
        return new


def _told_apart(gathering: Gathering, columns: ScoreColumns, rows: Ints, name: str) -> tuple[Ints, tuple[str, ...]]:
    """Points with labels of their own: the same result twice counts once, different ones of one model all count."""
    kept: dict[tuple[str | None, ...], int] = {}
    by_model: defaultdict[tuple[str | None, ...], list[int]] = defaultdict(list)
    for row in rows.tolist():
        run, place = gathering.runs[columns.run[row]]
        model = (identity(run.model), place.checkpoint)
        numbers = (columns.x[row], columns.scores[row], columns.stderrs[row], columns.n[row])
        same = kept.setdefault((*model, *map(str, numbers)), row)
        if same != row:
            message = "results given twice with the same score: counted once"
            gathering.ledger.left_out("same_twice", message, f"{name}: {run.model} in {run.file}")
        else:
            by_model[model].append(row)
    for several in by_model.values():
        if len(several) > 1:
            runs = [gathering.runs[columns.run[row]][0] for row in several]
            message = "models with different results in one curve: all of them count, as replicates"
            names, files = dict.fromkeys(run.model for run in runs), ", ".join(run.file for run in runs)
            gathering.ledger.mixed("different_results", message, f"{name}: {', '.join(names)} in {files}")
    left = np.array(sorted(kept.values()), np.int64)
    return left, _labels(gathering, columns.run[left])


def _labels(gathering: Gathering, runs: Ints) -> tuple[str, ...]:
    """What points are called: the model; its whole name or its file where that is not enough."""
    shared = Counter(gathering.runs[number][1].label for number in runs.tolist())
    by_name = Counter(gathering.runs[number][0].model for number in runs.tolist())

    def label(run: Run, place: Place) -> str:
        if shared[place.label] == 1:
            return place.label
        return f"{run.model} ({run.file})" if by_name[run.model] > 1 else run.model

    return tuple(label(*gathering.runs[number]) for number in runs.tolist())
