"""Logs of UK AISI's Inspect: `.json`, and the header of `.eval` archives.

Facts about the format: logs written by Inspect 0.3.41 and 0.3.285.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from service.readers.evaluation import (
    Evaluation,
    MetricFacts,
    Run,
    Score,
    count_of,
    digest,
    list_of,
    number_of,
    object_of,
    shots,
    text_of,
    version_of,
)
from service.readers.load_report import NO_ERROR, Ledger
from service.readers.outcomes import outcomes_of

NAME = "inspect"
SUCCESS = "success"
# Spread of the sample's scores, not scores: inspect_ai/scorer/_metrics.
_SPREAD = frozenset({"stderr", "bootstrap_stderr", "std", "var", "ci_lower", "ci_upper"})
_MEANS = frozenset({"accuracy", "mean"})  # over all samples; others may be of some of them, as those of `grouped` are
_SHOT_ARGUMENTS = ("fewshot", "num_fewshot", "n_shot", "shots")
_LOCAL = "local"  # hf/local, vllm/local: weights in a folder
_LAST = frozenset({"main", None})  # revisions that say nothing
_EVALUATED = "(model)"  # in place of the model's name within an argument
_LONGEST_ARGUMENT = 100  # characters of an argument in a task's name; prompts are arguments too


def is_inspect(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a log of Inspect."""
    evaluated = document.get("eval")
    return isinstance(evaluated, dict) and "task" in evaluated and "status" in document


def read_inspect(document: Mapping[str, Any], file: str, ledger: Ledger) -> Iterator[Evaluation]:
    """The one run of a log that ended well."""
    evaluated = object_of(document.get("eval"))
    model, task = text_of(evaluated.get("model")), text_of(evaluated.get("task"))
    status = document.get("status")
    if status != SUCCESS:
        ledger.left_out("not_successful", f"logs whose status is not {SUCCESS}", f"{file}: {status}")
        return
    if model is None or task is None:
        ledger.left_out("no_model", "files that do not name their model", file)
        return
    if document.get("invalidated") is True:
        ledger.mixed("invalidated", "logs that were marked as invalid, and are read all the same", file)
    version = text_of(object_of(evaluated.get("packages")).get("inspect_ai"))
    model, checkpoint = _model(model, object_of(evaluated.get("model_args")))
    run = Run(model, file, f"Inspect {version}" if version else "Inspect", checkpoint=checkpoint)
    yield run, map(Score.alone, _scores(document, evaluated, file, ledger))


def _model(name: str, arguments: Mapping[str, Any]) -> tuple[str, str | None]:
    """Name of the model, and its checkpoint: local weights are named by their path alone."""
    path = text_of(arguments.get("model_path"))
    if path is not None and name.rpartition("/")[2] == _LOCAL:
        name = path
    revision = text_of(arguments.get("revision"))
    return name, None if revision in _LAST else revision


def _scores(document: Mapping[str, Any], evaluated: Mapping[str, Any], file: str, ledger: Ledger) -> Iterator[Score]:
    results = object_of(document.get("results"))
    scorers = [score for score in list_of(results.get("scores")) if isinstance(score, dict)]
    if not scorers:
        ledger.left_out("no_scores", "logs without scores", file)
    epochs = count_of(object_of(evaluated.get("config")).get("epochs")) or 1
    version = version_of(evaluated.get("task_version"))
    arguments = object_of(evaluated.get("task_args"))
    shown = next((name for name in _SHOT_ARGUMENTS if shots(arguments.get(name))), "")
    task, prompting = _task(evaluated, shown), shots(arguments.get(shown))
    names = [text_of(scorer.get("name")) or text_of(scorer.get("scorer")) or "scorer" for scorer in scorers]
    times = Counter(names)
    for name, scorer in zip(names, scorers, strict=True):
        size = _size(document, scorer, epochs)
        reducer = text_of(scorer.get("reducer")) if times[name] > 1 else None
        for metric, value, stderr in _metrics(scorer):
            full = metric if len(scorers) == 1 else ",".join(filter(None, (metric, name, reducer)))
            if metric not in _MEANS:
                ledger.left_out("no_error", NO_ERROR, f"{task}, {full} in {file}")
                continue
            facts = MetricFacts(kind="bounded", lower=0.0, upper=1.0) if epochs > 1 and 0 <= value <= 1 else None
            outcomes = outcomes_of(_values(document, scorer), value)
            yield Score(task, full, prompting, version, value, stderr, size, facts=facts, outcomes=outcomes)


def _task(evaluated: Mapping[str, Any], shown: str) -> str:
    """The task with the arguments that it was given, without the number of shots: others ask other questions."""
    arguments = evaluated.get("task_args_passed")  # newer logs have the defaults too in task_args
    arguments = arguments if isinstance(arguments, dict) else object_of(evaluated.get("task_args"))
    model = evaluated.get("model")
    kept = [
        f"{name}={_written(_neutral(value, model))}"
        for name, value in sorted(arguments.items())
        if value is not None and name != shown and value != model
    ]
    task = text_of(evaluated.get("task")) or ""
    return f"{task}:{','.join(kept)}" if kept else task


def _neutral(value: Any, model: Any) -> Any:
    """An argument with the model that is evaluated as such: it is no part of the task."""
    if isinstance(value, list):
        return [_neutral(one, model) for one in value]
    if isinstance(value, dict):
        return {name: _neutral(one, model) for name, one in value.items()}
    return _EVALUATED if value == model else value


def _written(value: Any) -> str:
    """An argument on one line, lists and objects as JSON; the end of a long one as a digest."""
    as_json = json.JSONEncoder(separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    text = " ".join((value if isinstance(value, str) else as_json.encode(value)).split())
    return text if len(text) <= _LONGEST_ARGUMENT else f"{text[:_LONGEST_ARGUMENT]}…{digest(text)}"


def _size(document: Mapping[str, Any], scorer: Mapping[str, Any], epochs: int) -> int | None:
    """Samples that were scored: each once, in however many epochs it was asked."""
    results = object_of(document.get("results"))
    scored = count_of(scorer.get("scored_samples"))
    if scored is not None:
        return scored
    samples = _samples(document, scorer)
    if samples:
        return len(samples)
    completed = count_of(results.get("completed_samples"))
    return completed // epochs if completed is not None and completed % epochs == 0 else None


def _samples(document: Mapping[str, Any], scorer: Mapping[str, Any]) -> list[Any]:
    """A scorer's list of samples, each once, where there is exactly one such list."""
    results = object_of(document.get("results"))
    lists = [object_of(one) for one in list_of(document.get("reductions")) or list_of(results.get("sample_reductions"))]
    named = [one for one in lists if one.get("scorer") in (scorer.get("name"), scorer.get("scorer"))]
    return list_of(named[0].get("samples")) if len(named) == 1 else []


def _values(document: Mapping[str, Any], scorer: Mapping[str, Any]) -> dict[str, object]:
    """The value of each sample by its name."""
    samples = [object_of(sample) for sample in _samples(document, scorer)]
    return {str(sample.get("sample_id")): sample.get("value") for sample in samples}


def _metrics(scorer: Mapping[str, Any]) -> Iterator[tuple[str, float, float | None]]:
    """Name, value and standard error of each metric that is a score."""
    values = {
        name: number_of(object_of(metric).get("value")) for name, metric in object_of(scorer.get("metrics")).items()
    }
    stderr = values.get("stderr") if values.get("stderr") is not None else values.get("bootstrap_stderr")
    for name, value in values.items():
        if value is not None and name not in _SPREAD and name.strip():
            yield name, value, stderr if name in _MEANS else None
