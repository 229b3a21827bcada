"""Results of BIG-bench: `results/scores_<model>.json` of a task.

Facts about the format: published parsers of the repository's files, and arXiv 2206.04615, section 2.1.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from service.readers.evaluation import (
    Evaluation,
    MetricFacts,
    Run,
    Score,
    Scores,
    list_of,
    number_of,
    object_of,
    shots,
    text_of,
)
from service.readers.load_report import Ledger

NAME = "bigbench"
_RESULTS = "results"  # the folder of a task's scores files
DEFINITION = "task.json"  # holds the examples of a JSON task
_PERCENT = 100.0
AGGREGATE = "normalized_aggregate_score"  # mean over subtasks, scaled to 0 to 100: no score of examples


def is_bigbench(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a scores file of BIG-bench."""
    model = document.get("model")
    return isinstance(document.get("scores"), list) and isinstance(model, dict) and "model_name" in model


def read_bigbench(document: Mapping[str, Any], file: str, ledger: Ledger) -> Iterator[Evaluation]:
    """The one run of a scores file: a model's scores on a task and its subtasks."""
    model = object_of(document.get("model"))
    family, name = text_of(model.get("model_family")), text_of(model.get("model_name"))
    if name is None:
        ledger.left_out("no_model", "files that do not name their model", file)
        return
    sizes = (number_of(model.get(key)) for key in ("total_params", "non_embedding_params"))
    run = Run(
        name if family is None else f"{family} {name}",
        file,
        "BIG-bench",
        family=family,
        parameters=next((size for size in sizes if size is not None and size > 0), None),
    )
    yield run, map(Score.alone, _scores(document, file, ledger))


def _scores(document: Mapping[str, Any], file: str, ledger: Ledger) -> Iterator[Score]:
    task = text_of(object_of(document.get("task")).get("name")) or _task_of(file)
    rows = [row for row in list_of(document.get("scores")) if isinstance(row, dict)]
    for row in rows:
        subtask = text_of(row.get("subtask_description"))
        name = task if subtask is None or subtask == task else subtask if task in subtask else f"{task}: {subtask}"
        preferred = text_of(row.get("preferred_score"))
        if preferred is None or preferred == AGGREGATE:
            ledger.left_out("aggregate", "aggregates over subtasks", f"{name} in {file}")
            continue
        if number_of(row.get("high_score")) == _PERCENT:
            ledger.inferred("percent", "scores in percent, as the task's high score says", name)
        yield from _row_scores(row, name, preferred, task)


def _row_scores(row: Mapping[str, Any], task: str, preferred: str, group: str) -> Iterator[Score]:
    """Every metric of a row; the low and high scores are those of the preferred one.

    The low score is that of guessing where it lies within the metric's range; a high score of 100 says percent.
    """
    low, unit = number_of(row.get("low_score")), _PERCENT if number_of(row.get("high_score")) == _PERCENT else 1.0
    for metric, value in object_of(row.get("score_dict")).items():
        score = number_of(value)
        if score is None or metric == AGGREGATE or not metric.strip():
            continue
        own = metric == preferred
        chance = low / unit if own and low is not None and 0 <= low < unit else None
        facts = None if chance is None else MetricFacts(chance=chance)
        prompting = shots(row.get("number_of_shots"))
        yield Score(task, metric, prompting, None, score / unit if own else score, group=group, facts=facts)


def _task_of(file: str) -> str:
    """The task by the file's place: <task>/results/scores_<model>.json."""
    parts = PurePosixPath(file.replace("\\", "/")).parts
    return parts[-3] if len(parts) >= 3 and parts[-2] == _RESULTS else PurePosixPath(file).stem


def is_definition(file: str, folders: Collection[str]) -> bool:
    """Whether a file defines a task or subtask, for it stands beside the folder of the task's results."""
    place = PurePosixPath(file)
    return place.name == DEFINITION and any(
        (folder / _RESULTS).as_posix() in folders for folder in (place.parent, place.parent.parent)
    )


@dataclass(frozen=True, slots=True)
class Examples:
    """Numbers of examples in the definitions that stand beside a task's results, by task and subtask."""

    task: str
    count: Callable[[str], int | None]

    def added(self, scores: Iterable[Scores], ledger: Ledger) -> Iterator[Scores]:
        """The scores with their number of examples, where a definition has one: a scores file has none."""
        for one in scores:
            (task,) = one.tasks
            _, _, subtask = task.rpartition(":")
            below = task.strip() if ":" not in task else subtask.strip()
            count = self.count("") if below == self.task else self.count(below)
            if count is not None:
                ledger.inferred("n_from_task", f"test-set sizes from {DEFINITION} of a task", task)
            yield one if count is None else one._replace(n_examples=(count,))


def examples_of(file: str, read: Callable[[str], Any]) -> Examples:
    """Numbers of examples for a scores file: <task>/task.json and <task>/<subtask>/task.json."""
    folder = file.rpartition("/")[0].rpartition("/")[0]

    def count(subtask: str) -> int | None:
        place = "/".join(part for part in (folder, subtask, DEFINITION) if part)
        found = len(list_of(object_of(read(place)).get("examples")))
        return found or None

    return Examples(_task_of(file), cache(count))
