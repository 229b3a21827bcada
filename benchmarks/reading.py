"""How fast files are read: points a second from tables, megabytes a second from results of lm-evaluation-harness.

`python -m benchmarks.reading` reads the same simulated suite in each form, forms in turn, by processor time.
"""

from __future__ import annotations

import csv
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from service.readers.opening import open_curves

TASKS, METRICS, ROUNDS = 5_000, ("acc", "acc_norm"), 3
SIZES = {
    "70m": 7e7,
    "160m": 1.6e8,
    "410m": 4.1e8,
    "1b": 1e9,
    "1.4b": 1.4e9,
    "2.8b": 2.8e9,
    "6.9b": 6.9e9,
    "12b": 1.2e10,
}
COLUMNS = ("task", "metric", "prompting", "model_family", "model", "parameters", "score", "n_examples")
CSV_POINTS_A_SECOND, LM_EVAL_MEGABYTES_A_SECOND = 100_000, 20.0  # what a suite of 10,000 curves asks for

type Counts = np.ndarray[tuple[int, int, int], np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Form:
    """A suite on disk in one form."""

    name: str
    path: Path
    megabytes: float


@dataclass(frozen=True, slots=True)
class Reading:
    """Median over the rounds of the time to read a form once, to the last curve's document."""

    form: Form
    points: int
    seconds: float

    def line(self) -> str:
        """The figures as text."""
        points, megabytes = self.points / self.seconds, self.form.megabytes / self.seconds
        return f"{self.form.name:12} {self.seconds:6.2f} s {points:10,.0f} points/s {megabytes:7.1f} MB/s"


def readings(tasks: int = TASKS, rounds: int = ROUNDS, seed: int = 0) -> list[Reading]:
    """Times of all forms; each round reads each form once, so that a slow moment hits them alike."""
    with tempfile.TemporaryDirectory() as folder:
        forms = written(Path(folder), tasks, seed)
        times: dict[str, list[float]] = {form.name: [] for form in forms}
        points = {form.name: _read(form.path)[0] for form in forms}  # imports and caches are warm from here on
        for _ in range(rounds):
            for form in forms:
                times[form.name].append(_read(form.path)[1])
        return [Reading(form, points[form.name], statistics.median(times[form.name])) for form in forms]


def written(folder: Path, tasks: int, seed: int) -> list[Form]:
    """A suite of `tasks` times the metrics, in every form."""
    rng = np.random.default_rng(seed)
    n = rng.integers(50, 15_000, tasks)
    counts = rng.binomial(n[:, None, None], rng.random((tasks, len(METRICS), len(SIZES))))
    writers: dict[str, Callable[[Path, Counts, Counts], None]] = {
        "csv": _write_csv,
        "parquet": _write_parquet,
        "lm-eval old": _write_old,
        "lm-eval new": _write_new,
    }
    return [_form(name, folder / name.replace(" ", "_"), write, counts, n) for name, write in writers.items()]


def _form(name: str, folder: Path, write: Callable[[Path, Counts, Counts], None], counts: Counts, n: Counts) -> Form:
    folder.mkdir()
    write(folder, counts, n)
    files = list(folder.iterdir())
    size = sum(file.stat().st_size for file in files)
    return Form(name, files[0] if len(files) == 1 else folder, size / 1e6)


def _read(path: Path) -> tuple[int, float]:
    """Points, and processor time to read them all."""
    began = time.process_time()
    with open_curves(path) as stream:
        points = sum(len(item.document["points"]) for item in stream.items() if item.document is not None)
    return points, time.process_time() - began


def _rows(counts: Counts, n: Counts) -> list[tuple[object, ...]]:
    return [
        (
            f"benchmark-of_subject_{task:05}",
            metric,
            "0-shot",
            "pythia",
            f"pythia-{name}",
            size,
            counts[task, m, s] / n[task],
            int(n[task]),
        )
        for task in range(len(n))
        for m, metric in enumerate(METRICS)
        for s, (name, size) in enumerate(SIZES.items())
    ]


def _write_csv(folder: Path, counts: Counts, n: Counts) -> None:
    with (folder / "suite.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *_rows(counts, n)])


def _write_parquet(folder: Path, counts: Counts, n: Counts) -> None:
    columns = zip(*_rows(counts, n), strict=True)
    pq.write_table(pa.table(dict(zip(COLUMNS, map(list, columns), strict=True))), folder / "suite.parquet")


def _write_old(folder: Path, counts: Counts, n: Counts) -> None:
    """As before 0.4: no n, keys without a comma."""
    for s, name in enumerate(SIZES):
        results = {
            f"benchmark-of_subject_{task:05}": _numbers(counts[task, :, s], int(n[task]), "") for task in range(len(n))
        }
        arguments = f"pretrained=EleutherAI/pythia-{name},revision=step143000"
        document = {
            "results": results,
            "versions": dict.fromkeys(results, 0),
            "config": {"model": "hf-causal", "model_args": arguments, "num_fewshot": 0},
        }
        (folder / f"pythia-{name}.json").write_text(json.dumps(document, indent=2))


def _write_new(folder: Path, counts: Counts, n: Counts) -> None:
    """As from 0.4 on, with the settings of each task."""
    for s, name in enumerate(SIZES):
        tasks = [f"benchmark-of_subject_{task:05}" for task in range(len(n))]
        results = {
            task: {"alias": task, **_numbers(counts[k, :, s], int(n[k]), ",none")} for k, task in enumerate(tasks)
        }
        document = {
            "results": results,
            "group_subtasks": {task: [] for task in tasks},
            "configs": {task: _settings(task) for task in tasks},
            "versions": dict.fromkeys(tasks, 1.0),
            "n-shot": dict.fromkeys(tasks, 0),
            "higher_is_better": {task: dict.fromkeys(METRICS, True) for task in tasks},
            "n-samples": {task: {"original": int(n[k]), "effective": int(n[k])} for k, task in enumerate(tasks)},
            "config": {"model": "hf", "model_args": f"pretrained=EleutherAI/pythia-{name}"},
            "lm_eval_version": "0.4.9",
        }
        (folder / f"results_{name}.json").write_text(json.dumps(document, indent=2))


def _numbers(correct: np.ndarray[tuple[int], np.dtype[np.int64]], n: int, suffix: str) -> dict[str, float]:
    found = {}
    for metric, k in zip(METRICS, correct.tolist(), strict=True):
        p = k / n
        found[metric + suffix] = p
        found[f"{metric}_stderr{suffix}"] = math.sqrt(p * (1 - p) / (n - 1))
    return found


def _settings(task: str) -> dict[str, object]:
    listed = [{"metric": metric, "aggregation": "mean", "higher_is_better": True} for metric in METRICS]
    return {
        "task": task,
        "dataset_path": f"organisation/{task}",
        "test_split": "test",
        "doc_to_text": "Question: {{question}}\nAnswer:",
        "doc_to_target": "{{answer}}",
        "num_fewshot": 0,
        "metric_list": listed,
        "output_type": "multiple_choice",
        "repeats": 1,
        "metadata": {"version": 1.0},
    }


def main() -> None:
    """Print the figures and whether they reach what is asked for."""
    found = {reading.form.name: reading for reading in readings()}
    for reading in found.values():
        print(reading.line())
    table, results = found["csv"], found["lm-eval new"]
    print(f"csv: {table.points / table.seconds:,.0f} points/s, asked for {CSV_POINTS_A_SECOND:,}")
    print(f"lm-eval: {results.form.megabytes / results.seconds:.1f} MB/s, asked for {LM_EVAL_MEGABYTES_A_SECOND}")


if __name__ == "__main__":
    main()
