"""Run folders of HELM: run_spec.json, stats.json and per_instance_stats.json.

Facts about the format: folders written by HELM 0.5. In stats.json `count` is the number of trials averaged, so n and
the standard error come from the instances.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from service.readers.evaluation import (
    Evaluation,
    MetricFacts,
    Run,
    Score,
    list_of,
    number_of,
    object_of,
    shots,
    text_of,
)
from service.readers.load_report import Ledger
from service.readers.outcomes import outcomes_of

NAME = "helm"
RUN_SPEC, STATS, INSTANCES = "run_spec.json", "stats.json", "per_instance_stats.json"
FILES = frozenset(
    {RUN_SPEC, STATS, INSTANCES, "scenario.json", "scenario_state.json", "instances.json", "display_requests.json",
     "display_predictions.json", "run_spec.txt", "stats.txt", "slim_per_instance_stats.json"}
)  # fmt: skip
# Scores among HELM's statistics (helm/benchmark/static/schema_*.yaml); the rest counts tokens, seconds and the like.
_SCORES = frozenset(
    {
        "bits_per_byte", "bleu_1", "bleu_4", "chain_of_thought_correctness", "classification_macro_f1",
        "classification_micro_f1", "code_eval_acc", "exact_match", "exact_match_indicator", "exact_set_match",
        "f1_score", "f1_set_match", "final_number_exact_match", "ifeval_strict_accuracy", "iou_set_match", "math_equiv",
        "math_equiv_chain_of_thought", "NDCG", "omni_math_accuracy", "pass", "perplexity", "prefix_exact_match",
        "quasi_exact_match", "quasi_prefix_exact_match", "rouge_1", "rouge_2", "rouge_l", "RR",
        "wildbench_score_rescaled",
    }
)  # fmt: skip
# Adapters under which the model chooses: exact match is then no free answer, which chance would never get right.
_OPTIONS, _FREE = "multiple_choice", "exact_match"
_SPLITS = ("test", "valid")  # the first one that a run has
_FEWEST = 2  # instances from which a standard error can be had

type Read = Callable[[str], Any]
"""The parsed file of that name in the run's folder; None where it is missing or cannot be read."""


def read_helm(read: Read, folder: str, ledger: Ledger) -> Iterator[Evaluation]:
    """The one run of a folder."""
    spec = object_of(read(RUN_SPEC))
    adapter = object_of(spec.get("adapter_spec"))
    model, name = text_of(adapter.get("model")), text_of(spec.get("name"))
    if model is None or name is None:
        ledger.left_out("no_model", "files that do not name their model", f"{folder}/{RUN_SPEC}")
        return
    chosen = (text_of(adapter.get("method")) or "").startswith(_OPTIONS) or f"method={_OPTIONS}" in name
    groups = [group for group in list_of(spec.get("groups")) if text_of(group)]
    common = _Common(_task(name), shots(adapter.get("max_train_instances")), groups[0] if groups else None, chosen)
    yield Run(model, folder, "HELM"), map(Score.alone, _scores(read, common, folder, ledger))


def _task(name: str) -> str:
    """The run's name without its model: scenario and its arguments."""
    scenario, _, arguments = name.partition(":")
    kept = [part for part in arguments.split(",") if part and not part.startswith(("model=", "model_deployment="))]
    return f"{scenario}:{','.join(kept)}" if kept else scenario


class _Common(NamedTuple):
    """What the scores of a run have in common; `chosen`: answers are one of several options."""

    task: str
    prompting: str | None
    group: str | None
    chosen: bool


def _scores(read: Read, common: _Common, folder: str, ledger: Ledger) -> Iterator[Score]:
    task, prompting, group, chosen = common
    stats = [stat for stat in list_of(read(STATS)) if isinstance(stat, dict)]
    split = next((name for name in _SPLITS if any(_plain_in(stat, name) for stat in stats)), None)
    if split is None:
        ledger.left_out("no_scores", "HELM runs without statistics of a test or validation split", folder)
        return
    instances = _by_metric(list_of(read(INSTANCES)), split)
    if not instances:
        message = "HELM runs without instances, so that the number of examples is unknown"
        ledger.left_out("no_instances", message, f"{folder}/{INSTANCES}")
    for stat in stats:
        metric, mean = text_of(object_of(stat.get("name")).get("name")), number_of(stat.get("mean"))
        if metric is None or mean is None or not _plain_in(stat, split):
            continue
        if metric.partition("@")[0] not in _SCORES:
            ledger.left_out("no_score", "HELM statistics that are no scores", f"{metric} in {folder}")
            continue
        values = {name: sum(several) / len(several) for name, several in instances.get(metric, {}).items()}
        stderr, n = _error(values, mean)
        outcomes = None if n is None else outcomes_of(values, mean)
        guessed = chosen and metric == _FREE
        full, facts = (f"{metric} ({_OPTIONS})", MetricFacts(higher_is_better=True)) if guessed else (metric, None)
        yield Score(task, full, prompting, None, mean, stderr, n, group, facts, outcomes)


def _plain_in(stat: Mapping[str, Any], split: str) -> bool:
    """Whether a statistic is about a whole split as it stands: no perturbation, no part of it."""
    name = object_of(stat.get("name"))
    return name.get("split") == split and name.get("perturbation") is None and name.get("sub_split") is None


def _by_metric(instances: list[Any], split: str) -> dict[str, dict[str, list[float]]]:
    """Values of each metric by instance, one for each trial."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for instance in instances:
        one = object_of(instance)
        if one.get("perturbation") is not None:
            continue
        for stat in list_of(one.get("stats")):
            if isinstance(stat, dict) and _plain_in(stat, split):
                metric, mean = text_of(object_of(stat.get("name")).get("name")), number_of(stat.get("mean"))
                if metric is not None and mean is not None and metric.partition("@")[0] in _SCORES:
                    found[metric][str(one.get("instance_id"))].append(mean)
    return found


def _error(values: Mapping[str, float], mean: float) -> tuple[float | None, int | None]:
    """Standard error and n of the mean over instances; None where the instances have another mean."""
    means = np.array(list(values.values()))
    if not len(means) or not math.isclose(float(means.mean()), mean, rel_tol=1e-6, abs_tol=1e-9):
        return None, None
    if len(means) < _FEWEST:
        return None, len(means)
    return float(means.std(ddof=1) / math.sqrt(len(means))), len(means)
