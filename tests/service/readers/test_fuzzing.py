"""Mutated files: whatever is in them, reading ends in curves, a refused curve, or a file that cannot be read."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import InvalidInput
from service.readers.loading import load_item
from service.readers.opening import open_curves
from tests.service.readers.result_files import (
    SIZES,
    helm_run,
    inspect_log,
    new_results,
    old_results,
    record,
    record_result,
    scores_file,
    scores_row,
    share,
    share_new,
    stderr_of,
    write,
    zipped,
    zstd_zip,
)

MUTANTS = 150  # of each kind of file in one run
BAD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1e308, 10**30, float("nan"), float("inf"), "", "N/A", "\ud800", "x" * 5000, [], {}, [[]],
    {"a": {"b": []}}, [1, "2", None], "0.5", -0.5, 101.0, "\x00",
)  # fmt: skip


def _old(index: int, name: str) -> Any:
    numbers = {**share(100 + index, 312), "ppl": 5.0 + index, "ppl_stderr": 0.1, "mc2": 0.4, "mc2_stderr": 0.01}
    return old_results(f"pythia-{name}", {"piqa": numbers, "arc": share(150 - index, 312)})


def _new(index: int, name: str) -> Any:
    results = {"mmlu": share_new(200, 624), "mmlu_law": share_new(100 + index, 312, kept="strict")}
    more = {
        "group_subtasks": {"mmlu": ["mmlu_law"]},
        "n-samples": {"mmlu_law": {"original": 312, "effective": 312}},
        "higher_is_better": {"mmlu_law": {"acc": True}},
    }
    return new_results(f"pythia-{name}", results, **more)


def _inspect(index: int, name: str) -> Any:
    samples = [{"sample_id": i, "value": float(i < 40 + index)} for i in range(100)]
    return inspect_log(f"pythia-{name}", 40 + index, 100, reductions=[{"scorer": "match", "samples": samples}])


def _bigbench(index: int, name: str) -> Any:
    return scores_file(name, SIZES[name], [scores_row(0.1 * index), scores_row(0.2, 3)])


def _record(index: int, name: str) -> Any:
    return record(f"pythia-{name}", [record_result((30 + index) / 100, stderr_of(30 + index, 100), 100)])


DOCUMENTS: dict[str, Callable[[int, str], Any]] = {
    "old": _old,
    "new": _new,
    "inspect": _inspect,
    "bigbench": _bigbench,
    "record": _record,
}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_mutated_documents_are_read_or_refused(tmp_path: Path, kind: str) -> None:
    rng = _random(kind)
    for index, name in enumerate(SIZES):
        write(tmp_path / f"{name}.json", DOCUMENTS[kind](index, name))
    for _ in range(MUTANTS):
        document = DOCUMENTS[kind](0, "70m")
        for _ in range(rng.randint(1, 3)):
            _mutate(document, rng)
        (tmp_path / "70m.json").write_text(json.dumps(document))
        _read(tmp_path)


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_mutated_bytes_are_read_or_refused(tmp_path: Path, kind: str) -> None:
    rng = _random(kind)
    for index, name in enumerate(SIZES):
        write(tmp_path / f"{name}.json", DOCUMENTS[kind](index, name))
    content = (tmp_path / "70m.json").read_bytes()
    for _ in range(MUTANTS):
        (tmp_path / "70m.json").write_bytes(_damaged(content, rng))
        _read(tmp_path)
        _read(tmp_path / "70m.json")


@pytest.mark.parametrize("with_zstd", [True, False])
def test_mutated_archives_are_read_or_refused(tmp_path: Path, *, with_zstd: bool) -> None:
    rng = _random(str(with_zstd))
    members = {"header.json": json.dumps(_inspect(0, "70m")).encode(), "reductions.json": b"[]"}
    path = tmp_path / "log.eval"
    if with_zstd:
        path.write_bytes(zstd_zip(members))
    else:
        zipped(path, members)
    content = path.read_bytes()
    for _ in range(MUTANTS):
        path.write_bytes(_damaged(content, rng))
        _read(path)
    zipped(path, {f"{name}.json": json.dumps(_old(i, name)).encode() for i, name in enumerate(SIZES)})
    content = path.read_bytes()
    for _ in range(MUTANTS):
        path.write_bytes(_damaged(content, rng))
        _read(path)


@pytest.mark.parametrize("file", ["run_spec.json", "stats.json", "per_instance_stats.json"])
def test_mutated_helm_folders_are_read_or_refused(tmp_path: Path, file: str) -> None:
    rng = _random(file)
    for name in SIZES:
        helm_run(tmp_path, f"pythia-{name}", [float(i < 5) for i in range(10)])
    path = next(tmp_path.glob(f"*70m/{file}"))
    original = path.read_text()
    for _ in range(MUTANTS // 2):
        document = json.loads(original)
        _mutate(document, rng)
        path.write_text(json.dumps(document))
        _read(tmp_path)
        path.write_bytes(_damaged(original.encode(), rng))
        _read(tmp_path)


def test_mutated_logged_examples_are_read_or_refused(tmp_path: Path) -> None:
    rng = _random("")
    lines = [
        {"doc_id": i, "filter": "none", "metrics": ["acc"], "doc_hash": f"h{i}", "acc": float(i < 10)}
        for i in range(20)
    ]
    for name in SIZES:
        write(tmp_path / f"results_{name}.json", new_results(f"pythia-{name}", {"piqa": share_new(10, 20)}))
        (tmp_path / f"samples_piqa_{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    path = tmp_path / "samples_piqa_70m.jsonl"
    content = path.read_bytes()
    for _ in range(MUTANTS):
        mutant = json.loads(json.dumps(lines))
        _mutate(mutant, rng)
        path.write_text("".join(json.dumps(line) + "\n" for line in mutant))
        _read(tmp_path)
        path.write_bytes(_damaged(content, rng))
        _read(tmp_path)


def test_mutated_parquet_is_read_or_refused(tmp_path: Path) -> None:
    rng = _random("")
    table = pa.table(
        {
            "task": ["arc"] * 4,
            "metric": ["acc"] * 4,
            "parameters": [1e8, 1e9, 1e10, None],
            "score": [0.1, 0.2, float("nan"), 0.4],
            "n_examples": [100, 100, 100, 100],
        }
    )
    path = tmp_path / "suite.parquet"
    pq.write_table(table, path)
    content = path.read_bytes()
    for _ in range(MUTANTS):
        path.write_bytes(_damaged(content, rng))
        _read(path)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    (
                        "results",
                        "config",
                        "versions",
                        "eval",
                        "status",
                        "model",
                        "scores",
                        "model_info",
                        "acc",
                        "evaluation_results",
                        "points",
                        "task",
                        "metric",
                        "model_name",
                        "score_dict",
                        "curves",
                    )
                )
                | st.text(max_size=8),
                inner,
                max_size=5,
            )
        ),
        max_leaves=25,
    )
)
def test_any_json_is_read_or_refused(document: Any) -> None:
    try:
        content = json.dumps(document).encode()
        with open_curves(io.BytesIO(content)) as stream:
            for item in stream.items():
                load_item(item)
    except InvalidInput:
        pass


def _random(name: str) -> random.Random:
    return random.Random(name)  # noqa: S311  (mutations, no secrets)


def _read(path: Path) -> None:
    """Read everything; only refusals are allowed."""
    try:
        with open_curves(path) as stream:
            for item in stream.items():
                _load(item)
            stream.messages()
    except InvalidInput:
        pass


def _load(item: Any) -> None:
    with contextlib.suppress(InvalidInput):
        load_item(item)


def _mutate(document: Any, rng: random.Random) -> None:
    """Replace, remove or rename one value somewhere."""
    places = list(_places(document))
    holder, key = rng.choice(places)
    action = rng.random()
    if action < 0.7:
        holder[key] = copy.deepcopy(rng.choice(BAD_VALUES))
    elif action < 0.85:
        del holder[key]
    elif isinstance(holder, dict):
        holder[str(rng.choice(BAD_VALUES))[:50]] = holder.pop(key)


def _places(document: Any) -> Any:
    pairs = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, inner in list(pairs):
        yield document, key
        yield from _places(inner)


def _damaged(content: bytes, rng: random.Random) -> bytes:
    """Bytes changed, cut, doubled or put in."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(max(1, len(changed)))
        action = rng.random()
        if action < 0.5 and changed:
            changed[place] = rng.randrange(256)
        elif action < 0.65:
            del changed[place:]
        elif action < 0.8:
            del changed[place : place + rng.randint(1, 30)]
        else:
            changed[place:place] = changed[: rng.randint(1, 60)]
    return bytes(changed)
