"""Scores of many files gathered by curve: one family, one task, one metric, one prompting, one version of the task."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from typing import NamedTuple

from service.readers.columns import SCALES
from service.readers.errors import too_much
from service.readers.evaluation import MetricFacts, Run, Scores
from service.readers.load_report import Ledger
from service.readers.model_names import identity
from service.readers.models_table import ModelsTable
from service.readers.outcomes import OutcomeStore
from service.readers.placing import CHECKPOINTS, PARAMETERS, TOKENS, Place, placed

MOST_SCORES = 5_000_000  # of one input, in 32 bytes each; the largest published suites have some 100,000
MOST_RUNS = 200_000
MOST_CURVES = 500_000

type Common = tuple[str, str | None]
"""Family and checkpoint."""
type _Asked = tuple[str, str | None, str | None, tuple[str, ...]]


class CurveKey(NamedTuple):
    """What the points of a curve have in common."""

    family: str
    checkpoint: str | None
    task: str
    metric: str
    prompting: str | None
    version: str | None


@dataclass(slots=True)
class About:
    """What files say about a curve as a whole; the first one that says something is believed."""

    group: str | None = None
    facts: MetricFacts | None = None
    disagrees: bool = False


@dataclass(slots=True)
class Gathering:
    """Scores as they come, in columns: the number of the curve, that of the run, score, standard error, n."""

    table: ModelsTable | None
    axis: str | None
    ledger: Ledger
    outcomes: OutcomeStore
    runs: list[tuple[Run, Place]] = field(default_factory=list)
    keys: list[CurveKey] = field(default_factory=list)
    about: list[About] = field(default_factory=list)
    curve: array[int] = field(default_factory=lambda: array("q"))
    run: array[int] = field(default_factory=lambda: array("q"))
    score: array[float] = field(default_factory=lambda: array("d"))
    stderr: array[float] = field(default_factory=lambda: array("d"))
    n: array[float] = field(default_factory=lambda: array("d"))
    _numbers: dict[CurveKey, int] = field(default_factory=dict)
    _together: dict[Common, dict[_Asked, list[int]]] = field(default_factory=dict)

    def add(self, run: Run, scores: Iterable[Scores]) -> None:
        """Add the scores of one run; raises `TooMuch` where there are too many."""
        place = placed(run, self.table, self.ledger)
        common = self._common(place)
        number, first = len(self.runs), len(self.score)
        self.runs.append((run, place))
        for several in scores:
            curves = self._curves(common, several)
            if several.outcomes is not None:
                for index, outcomes in enumerate(several.outcomes, len(self.score)):
                    if outcomes is not None:
                        self.outcomes.add(index, outcomes)
            self.curve.extend(curves)
            self.score.extend(several.scores)
            self.stderr.extend(several.stderrs)
            self.n.extend([n for n in several.n_examples for _ in several.metrics])
            self._learn(curves, several)
        self.run.extend([number] * (len(self.score) - first))
        if len(self.score) > MOST_SCORES or number > MOST_RUNS or len(self.keys) > MOST_CURVES:
            raise too_much(f"more than {MOST_SCORES:,} scores, {MOST_RUNS:,} runs or {MOST_CURVES:,} curves: split it")

    def keep_commits_apart(self) -> None:
        """Give each of several commits of one model a curve of its own, wherever they would share one."""
        pinned = _whole_commits(
            {
                number: (identity(run.model), place.commit)
                for number, (run, place) in enumerate(self.runs)
                if place.commit
            }
        )
        if len({model for model, _ in pinned.values()}) == len(set(pinned.values())):
            return
        rows = [row for row, run in enumerate(self.run) if run in pinned]
        commits: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
        for row in rows:
            model, commit = pinned[self.run[row]]
            commits[self.curve[row], model].add(commit)
        own: dict[CurveKey, int] = {}
        for row in rows:
            curve, (model, commit) = self.curve[row], pinned[self.run[row]]
            if len(commits[curve, model]) > 1:
                key = self.keys[curve]._replace(checkpoint=commit)
                if key not in own:
                    own[key] = len(self.keys)
                    self.keys.append(key)
                    self.about.append(replace(self.about[curve]))
                    message = "models of which a curve has several commits: each commit is in a curve of its own"
                    self.ledger.mixed("several_commits", message, f"{curve_names(key)}: {model}")
                self.curve[row] = own[key]

    def axis_used(self) -> str:
        """The axis asked for; else the first one on which any run has a place."""
        if self.axis is not None:
            return self.axis
        return next((axis for axis in SCALES if any(axis in place.scales for _, place in self.runs)), PARAMETERS)

    def _common(self, place: Place) -> Common:
        """Family and checkpoint: checkpoints of one model make a curve by tokens, and only there."""
        if self.axis == TOKENS and place.origins.get(TOKENS) == CHECKPOINTS:
            return place.label, None
        return place.family, place.checkpoint

    def _curves(self, common: Common, scores: Scores) -> list[int]:
        """The number of the curve of each score, new ones where these are the first; tasks are met as a whole."""
        metrics, together = scores.metrics, self._together.setdefault(common, {})
        asked = list(zip(scores.tasks, scores.promptings, scores.versions, repeat(metrics), strict=False))
        for one in [one for one in asked if one not in together]:
            task, prompting, version, _ = one
            keys = [CurveKey(*common, task, metric, prompting, version) for metric in metrics]
            together[one] = [self._number(key) for key in keys]
        return list(chain.from_iterable([together[one] for one in asked]))

    def _number(self, key: CurveKey) -> int:
        number = self._numbers.setdefault(key, len(self.keys))
        if number == len(self.keys):
            self.keys.append(key)
            self.about.append(About())
        return number

    def _learn(self, curves: Sequence[int], scores: Scores) -> None:
        """What the scores say about their curves."""
        if any(scores.groups):
            groups = [group for group in scores.groups for _ in scores.metrics]
            for curve, group in zip(curves, groups, strict=True):
                self.about[curve].group = self.about[curve].group or group
        for curve, facts in zip(curves, scores.facts, strict=True) if scores.facts else ():
            about = self.about[curve]
            if facts is not None and facts is not about.facts and facts != about.facts:
                about.disagrees = about.disagrees or about.facts is not None
                about.facts = about.facts or facts


AFTER_HEX = "g"  # sorts behind all hexadecimal digits


def curve_names(key: CurveKey) -> str:
    """What a note calls a curve."""
    family, checkpoint, task, metric, prompting, _ = key
    return ", ".join(filter(None, (task, metric, prompting, family, checkpoint)))


def _whole_commits(pinned: Mapping[int, tuple[str, str]]) -> dict[int, tuple[str, str]]:
    """The same models and commits, each commit as the longest one of its model that it can only be the beginning of."""
    of_model: defaultdict[str, set[str]] = defaultdict(set)
    for model, commit in pinned.values():
        of_model[model].add(commit.lower())
    whole = {model: whole_commits(sorted(commits)) for model, commits in of_model.items()}
    return {number: (model, whole[model][commit.lower()]) for number, (model, commit) in pinned.items()}


def whole_commits(commits: Sequence[str]) -> dict[str, str]:
    """Sorted commits, each with the longest one that it begins, or itself where it begins two that part ways."""
    found: dict[str, str] = {}
    for place in reversed(range(len(commits))):
        commit = commits[place]
        last = commits[bisect_left(commits, commit + AFTER_HEX) - 1]  # of those that begin with it
        alone = last == commit or found[commits[place + 1]] == last
        found[commit] = last if alone else commit
    return found
