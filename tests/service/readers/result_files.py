"""Small files as evaluation harnesses write them."""

from __future__ import annotations

import json
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import zstandard

SIZES = {"70m": 7e7, "410m": 4.1e8, "1.4b": 1.4e9, "6.9b": 6.9e9}


def stderr_of(k: int, n: int) -> float:
    """Standard error of k of n as the harnesses compute it, from the sample's variance."""
    p = k / n
    return math.sqrt(p * (1 - p) / (n - 1))


def share(k: int, n: int, metric: str = "acc") -> dict[str, Any]:
    """A share in the old form, keys without a comma."""
    return {metric: k / n, f"{metric}_stderr": stderr_of(k, n)}


def share_new(k: int, n: int, metric: str = "acc", kept: str = "none") -> dict[str, Any]:
    """A share in the new form."""
    return {f"{metric},{kept}": k / n, f"{metric}_stderr,{kept}": stderr_of(k, n)}


def old_results(model: str, results: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A results file from before 0.4."""
    config = {
        "model": "hf-causal",
        "model_args": f"pretrained=EleutherAI/{model},revision=step143000",
        "num_fewshot": 0,
    }
    return {"results": dict(results), "versions": dict.fromkeys(results, 0), "config": config, **more}


def new_results(model: str, results: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A results file of 0.4."""
    return {
        "results": {task: {"alias": task, **numbers} for task, numbers in results.items()},
        "group_subtasks": {task: [] for task in results},
        "configs": {task: {"task": task, "num_fewshot": 5} for task in results},
        "versions": dict.fromkeys(results, 1.0),
        "n-shot": dict.fromkeys(results, 5),
        "config": {"model": "hf", "model_args": f"pretrained=EleutherAI/{model},dtype=float16"},
        "lm_eval_version": "0.4.9",
        "model_name": f"EleutherAI/{model}",
        **more,
    }


def inspect_log(model: str, k: int, n: int, **more: Any) -> dict[str, Any]:
    """A log of Inspect that ended well, without samples."""
    metrics = {"accuracy": {"name": "accuracy", "value": k / n}, "stderr": {"name": "stderr", "value": stderr_of(k, n)}}
    return {
        "version": 2,
        "status": "success",
        "eval": {"task": "arithmetic", "task_version": 0, "model": f"hf/EleutherAI/{model}", "config": {}},
        "results": {
            "total_samples": n,
            "completed_samples": n,
            "scores": [{"name": "match", "scorer": "match", "scored_samples": n, "metrics": metrics}],
        },
        **more,
    }


def scores_file(model: str, size: float, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A scores file of BIG-bench."""
    data = {"model_family": "BIG-G T=0", "model_name": model, "total_params": size, "non_embedding_params": size}
    return {"model": data, "scores": list(rows), "task": {"name": "navigate"}}


def scores_row(score: float, shots: int = 0, metric: str = "multiple_choice_grade", **more: Any) -> dict[str, Any]:
    """A row of such a file."""
    return {
        "number_of_shots": shots,
        "subtask_description": "navigate",
        "preferred_score": metric,
        "score_dict": {metric: score, "normalized_aggregate_score": 100 * score},
        "low_score": 0.5,
        "high_score": 1.0,
        **more,
    }


def record(model: str, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A record of Every Eval Ever."""
    return {
        "schema_version": "0.2.1",
        "evaluation_id": f"x/{model}/0",
        "retrieved_timestamp": "0",
        "source_metadata": {"source_type": "evaluation_run", "source_organization_name": "x"},
        "eval_library": {"name": "lm_eval", "version": "0.4"},
        "model_info": {"name": model, "id": f"EleutherAI/{model}"},
        "evaluation_results": list(results),
    }


def record_result(score: float, stderr: float, n: int, upper: float = 1.0) -> dict[str, Any]:
    """A result in such a record."""
    return {
        "evaluation_name": "boolq",
        "source_data": {"dataset_name": "boolq", "source_type": "other"},
        "metric_config": {"lower_is_better": False, "score_type": "continuous", "min_score": 0, "max_score": upper},
        "score_details": {"score": score, "uncertainty": {"standard_error": {"value": stderr}, "num_samples": n}},
    }


def helm_run(
    folder: Path, model: str, outcomes: Sequence[float], split: str = "test", method: str = "generation"
) -> None:
    """A run folder of HELM."""
    place = folder / f"mmlu:subject=anatomy,model=eleutherai_{model}"
    place.mkdir(parents=True)
    name = f"mmlu:subject=anatomy,method=joint,model=eleutherai_{model}"
    adapter = {"model": f"eleutherai/{model}", "max_train_instances": 5, "method": method}
    spec = {"name": name, "adapter_spec": adapter, "groups": ["mmlu"]}
    mean = sum(outcomes) / len(outcomes)
    perturbed = {"name": "exact_match", "split": split, "perturbation": {"name": "robustness"}}
    stats = [_stat(mean, "exact_match", split), _stat(631.4, "num_prompt_tokens", split)]
    stats.append({**_stat(0.0, "exact_match", split), "name": perturbed})
    instances = [
        {"instance_id": f"id{i}", "train_trial_index": 0, "stats": [_stat(value, "exact_match", split)]}
        for i, value in enumerate(outcomes)
    ]
    for file, content in (("run_spec", spec), ("stats", stats), ("per_instance_stats", instances), ("scenario", {})):
        (place / f"{file}.json").write_text(json.dumps(content))


def _stat(mean: float, name: str, split: str) -> dict[str, Any]:
    return {"name": {"name": name, "split": split}, "count": 1, "sum": mean, "mean": mean, "variance": 0.0}


def write(path: Path, document: Any) -> Path:
    """A JSON file, its folder made first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def zipped(path: Path, members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip archive."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def zstd_zip(members: Mapping[str, bytes]) -> bytes:
    """An archive with zstd members (method 93), which the standard library cannot write before Python 3.14."""
    local, directory = b"", b""
    for name, content in members.items():
        packed, raw = zstandard.compress(content), name.encode()
        sizes = (93, 0, 0, zlib.crc32(content), len(packed), len(content), len(raw), 0)
        directory += struct.pack(
            "<4s2B5H3I5H2I", b"PK\x01\x02", 63, 3, 63, 0, *sizes[:3], *sizes[3:], 0, 0, 0, 0, len(local)
        )
        directory += raw
        local += struct.pack("<4s5H3I2H", b"PK\x03\x04", 63, 0, *sizes) + raw + packed
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, len(members), len(members), len(directory), len(local), 0)
    return local + directory + end
