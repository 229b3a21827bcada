"""Results of EleutherAI's lm-evaluation-harness, before 0.4 ("acc", "acc_stderr") and after ("acc,none").

Facts about the format: lm_eval/result_schema.py and loggers/evaluation_tracker.py of 0.4.13, and files of 0.3.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate, groupby
from typing import Any, NamedTuple

from service.readers.evaluation import (
    Evaluation,
    MetricFacts,
    Run,
    Scores,
    count_of,
    digest,
    finite,
    number_of,
    object_of,
    shots,
    text_of,
    version_of,
)
from service.readers.load_report import Ledger

NAME = "lm-eval"
_ARGUMENT = re.compile(r"(?:^|,)(\w+)=([^,]*)")
# Arguments that name the model, in the order of the harness's `_get_model_name`: an adapter stands beside its base.
_NAMES = ("peft", "delta", "pretrained", "model", "path", "engine")
_QUANTISED = {"load_in_4bit": "4bit", "load_in_8bit": "8bit"}  # the same weights rounded: another model
_NO_FILTER = "none"
_LONGEST_NAME = 300  # characters of a task's name that are searched for its group
_DIRECTIONS = {better: MetricFacts(higher_is_better=better) for better in (True, False)}
_NO_METRICS = frozenset({"alias", "name", "sample_len", "sample_count", "samples"})
_BESIDE_RESULTS = ("versions", "config", "configs", "n-shot", "git_hash", "lm_eval_version", "config_general")
_LAST = frozenset({"main", "None", "", None})  # revisions that say nothing
_MARKS = ("suite", "summary_tasks", "config_tasks")  # of lighteval, whose results look alike


def is_lm_eval(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a results file of the harness."""
    results = document.get("results")
    if not isinstance(results, dict) or any(mark in document for mark in _MARKS):
        return False
    return any(name in document for name in _BESIDE_RESULTS) and any(isinstance(v, dict) for v in results.values())


def read_lm_eval(document: Mapping[str, Any], file: str, ledger: Ledger) -> Iterator[Evaluation]:
    """The one run of a results file."""
    config = object_of(document.get("config"))
    arguments = _arguments(config)
    model = _model(document, config, arguments)
    if model is None:
        ledger.left_out("no_model", "files that do not name their model", file)
        return
    run = Run(
        model,
        file,
        _harness(document),
        checkpoint=_checkpoint(config, arguments),
        variant=next((bits for key, bits in _QUANTISED.items() if arguments.get(key, "").lower() == "true"), None),
        parameters=number_of(config.get("model_num_parameters")),
    )
    yield run, _scores(document, run, ledger)


def _arguments(config: Mapping[str, Any]) -> dict[str, str]:
    """The model's arguments, which are a string or an object; Python's None is the same as not given."""
    given = config.get("model_args")
    pairs = given.items() if isinstance(given, dict) else _ARGUMENT.findall(given if isinstance(given, str) else "")
    return {key: text for key, value in pairs if (text := str(value).strip()) not in ("", "None")}


def _model(document: Mapping[str, Any], config: Mapping[str, Any], arguments: Mapping[str, str]) -> str | None:
    """Name of the model: in its arguments, or at the top."""
    named = (arguments.get(key) for key in _NAMES)
    top = (text_of(document.get("model_name")), text_of(config.get("model_name")), text_of(config.get("model")))
    return next((name for name in (*named, *top) if name), None)


def _checkpoint(config: Mapping[str, Any], arguments: Mapping[str, str]) -> str | None:
    """Revision and folder of the weights, None for the usual ones."""
    revision = arguments.get("revision") or text_of(config.get("model_revision"))
    parts = (None if revision in _LAST else revision, arguments.get("subfolder"))
    return "/".join(part for part in parts if part) or None


def _harness(document: Mapping[str, Any]) -> str:
    version = text_of(document.get("lm_eval_version")) or text_of(document.get("git_hash"))
    if version is not None:
        return f"lm-evaluation-harness {version}"
    return f"lm-evaluation-harness {'from' if 'configs' in document else 'before'} 0.4"


def _scores(document: Mapping[str, Any], run: Run, ledger: Ledger) -> Iterator[Scores]:
    """Tasks beside one another with the same keys come as one, so that few steps are taken for each."""
    tasks, layout_of = _Tasks(document), cache(_layout)
    for keys, several in groupby(tasks.counted(run, ledger), lambda task: tuple(tasks.results[task])):
        names, layout = list(several), layout_of(keys)
        if not layout.blank and _all_numbers(tasks.cells(names, layout.scores)):
            yield tasks.scores(names, layout)
        else:
            for name in names:
                yield tasks.scores([name], _usable(layout, tasks.results[name], f"{name}, %s in {run.file}", ledger))


class _Layout(NamedTuple):
    """Where the scores of a task stand among its numbers, by its keys: for each the curve's metric, and three names.

    These are that of the metric without a filter, and the keys of the score and of its standard error.
    """

    metrics: tuple[str, ...]
    named: tuple[str, ...]
    scores: tuple[str, ...]
    stderrs: tuple[str, ...]

    @property
    def blank(self) -> bool:
        """Whether some metric has no name."""
        return not all(map(str.strip, self.named))


def _layout(keys: Iterable[str]) -> _Layout:
    rows = []
    for key in keys:
        if "_stderr" not in key and key not in _NO_METRICS:
            metric, comma, kept = key.partition(",")
            full = key if comma and kept != _NO_FILTER else metric
            rows.append((full, metric, key, f"{metric}_stderr,{kept}" if comma else f"{metric}_stderr"))
    return _Layout(*zip(*rows, strict=True)) if rows else _Layout((), (), (), ())


def _usable(layout: _Layout, numbers: Mapping[str, Any], place: str, ledger: Ledger) -> _Layout:
    """The scores that are numbers of named metrics; the others go to the ledger, at `place` (%s is the key)."""
    kept = []
    for metric, key in zip(layout.named, layout.scores, strict=True):
        if metric.strip() and number_of(numbers[key]) is not None:
            kept.append(key)
        elif metric not in _NO_METRICS:
            ledger.left_out("no_number", "scores that are no numbers", place % key)
    return _layout(kept)


def _all_numbers(values: Sequence[Any]) -> bool:
    try:
        return set(map(type, values)) <= {float, int} and all(map(math.isfinite, values))
    except OverflowError:  # an integer beyond the numbers of a double
        return False


class _Tasks:
    """The tasks of a results file, with what other parts of the file say about them."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.results = object_of(document.get("results"))
        groups = _groups(document, self.results)
        self._parent = _parents(groups, self.results)
        self._groups = {group for group in groups if any(name in self.results for name in _below(group, groups))}
        self._prompting = _Prompting(document)
        self._versions, self._sizes = object_of(document.get("versions")), object_of(document.get("n-samples"))
        self._directions = object_of(document.get("higher_is_better"))

    def counted(self, run: Run, ledger: Ledger) -> Iterator[str]:
        """The tasks that count by themselves: none without numbers, and no group whose subtasks are there."""
        for task, numbers in self.results.items():
            if not isinstance(numbers, dict) or not task.strip():
                ledger.left_out("no_numbers", "tasks without an object of numbers", f"{task} in {run.file}")
            elif task in self._groups:
                ledger.left_out("group", "groups, whose subtasks are counted instead", f"{task}: {run.model}")
            else:
                yield task

    def cells(self, tasks: Iterable[str], keys: Sequence[str]) -> list[Any]:
        """What stands under the keys, task after task; None where nothing does."""
        return [numbers.get(key) for numbers in map(self.results.__getitem__, tasks) for key in keys]

    def scores(self, tasks: Sequence[str], layout: _Layout) -> Scores:
        """The numbers of tasks of one layout, all of them finite."""
        stderrs = self.cells(tasks, layout.stderrs)
        return Scores(
            layout.metrics,
            tasks,
            [self._prompting.of(task) for task in tasks],
            [version_of(self._versions.get(task)) for task in tasks],
            [self._size(task) for task in tasks] if self._sizes else [math.nan] * len(tasks),
            [self._parent.get(task) for task in tasks],
            self.cells(tasks, layout.scores),
            stderrs if _all_numbers(stderrs) else [finite(stderr) for stderr in stderrs],
            [better for task in tasks for better in self._facts(task, layout.named)] if self._directions else None,
        )

    def _size(self, task: str) -> float:
        return count_of(object_of(self._sizes.get(task)).get("effective")) or math.nan

    def _facts(self, task: str, metrics: Iterable[str]) -> Iterator[MetricFacts | None]:
        higher_is_better = object_of(self._directions.get(task))
        for metric in metrics:
            better = higher_is_better.get(metric)
            yield _DIRECTIONS[better] if isinstance(better, bool) else None


class _Prompting:
    """The number of shots of each task, whether a chat template was used, and which system instruction."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        config = object_of(document.get("config"))
        self._all = shots(config.get("num_fewshot"))
        self._tasks = object_of(document.get("n-shot"))
        self._configs = object_of(document.get("configs"))
        template = document.get("chat_template") or config.get("apply_chat_template")
        self._more = [*(["chat template"] if template else []), *_system_instruction(document, config)]

    def of(self, task: str) -> str | None:
        """Prompting of a task as the field writes it; None where nothing says it."""
        if not self._tasks and not self._configs:
            return self._with_more(self._all)
        own = shots(self._tasks.get(task)) or shots(object_of(self._configs.get(task)).get("num_fewshot")) or self._all
        return self._with_more(own)

    def _with_more(self, count: str | None) -> str | None:
        return ", ".join(filter(None, (count, *self._more))) or None if self._more else count


def _system_instruction(document: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    """What names a system instruction: models answer otherwise under another one."""
    texts = (text_of(one.get("system_instruction")) for one in (document, config))
    if (text := next(filter(None, texts), None)) is not None:
        yield f"system instruction {digest(text)}"


def _groups(document: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, list[str]]:
    """Subtasks of each group; tasks alone have an empty list there."""
    listed = object_of(document.get("group_subtasks"))
    if not listed:
        return _groups_by_names(object_of(document.get("groups")), results)
    return {
        group: [name for name in below if isinstance(name, str)]
        for group, below in listed.items()
        if isinstance(below, list) and below
    }


def _groups_by_names(named: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, list[str]]:
    """Subtasks of each group in 0.4.0, which names groups only: rows indented below them, or named after them."""
    groups: dict[str, list[str]] = {group: [] for group in results if group in named}
    if not groups:
        return groups
    depths = {task: _depth(numbers) for task, numbers in results.items()}
    indented = any(depths.values())
    above: list[str] = []
    for task, depth in depths.items():
        while above and depths[above[-1]] >= depth:
            above.pop()
        if above:
            groups[above[-1]].append(task)
        elif not (indented and task in groups):
            group = next((prefix for prefix in _prefixes(task) if prefix in groups), None)
            groups.get(group or "", []).append(task)
        if task in groups:
            above.append(task)
    return groups


def _depth(numbers: Any) -> int:
    """How far the alias of a row is indented: " - anatomy" by one."""
    alias = object_of(numbers).get("alias")
    if not isinstance(alias, str):
        return 0
    name = alias.lstrip(" ")
    return len(alias) - len(name) if name.startswith("- ") else 0


def _prefixes(task: str) -> list[str]:
    """What stands before each underscore of a task's name, the longest first."""
    return list(accumulate(task[:_LONGEST_NAME].split("_"), "{}_{}".format))[-2::-1]


def _below(group: str, groups: Mapping[str, list[str]]) -> set[str]:
    """All tasks and groups below a group; groups may be in groups."""
    found: set[str] = set()
    waiting = list(groups.get(group, ()))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += groups.get(name, ())
    return found - {group}


def _parents(groups: Mapping[str, list[str]], results: Mapping[str, Any]) -> dict[str, str]:
    """The outermost group of each task that is in one."""
    inside = {name for below in groups.values() for name in below}
    return {name: group for group in groups if group not in inside for name in _below(group, groups) if name in results}
