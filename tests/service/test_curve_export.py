from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.curve import ScaleKind, ScalePoint, ScalingCurve
from models.errors import InvalidInput
from models.likelihood import observe
from models.metrics import Metric, MetricKind, registered
from models.options import Options
from service.curve_export import check_export, export_curves
from service.readers.loading import load_item
from service.readers.opening import open_curves


def _curve(task: str, metric: Metric, **more: object) -> ScalingCurve:
    stderr = 0.1 if metric.kind is MetricKind.UNBOUNDED else None
    points = tuple(
        ScalePoint(size, 0.3 + index / 10, None if stderr else 200, stderr, language_model=f"m-{index}")
        for index, size in enumerate((7.0426624e7, 4.1e8, 1.4e9))
    )
    curve = ScalingCurve(task, metric, points, "5-shot", "fam", ScaleKind.PARAMETERS)
    return replace(curve, **more)  # type: ignore[arg-type]  # any field of a curve


def _metric(name: str) -> Metric:
    found = registered(name)
    assert found is not None
    return replace(found, name=name)


CURVES = (
    _curve("arc", _metric("acc"), tags={"task_group": "mmlu"}),
    _curve("addition", replace(_metric("exact_match"), target_length=4), prompting=None),
    _curve("lambada", _metric("loss")),
    _curve("quiz", Metric("points", MetricKind.BOUNDED, lower=-1.0, upper=3.0, higher_is_better=False)),
    _curve("c4", _metric("acc"), scale_kind=ScaleKind.TRAINING_FLOPS, model_family="other"),
)


@pytest.mark.parametrize("name", ["suite.jsonl", "folder"])
def test_records_are_read_back_as_the_same_curves(tmp_path: Path, name: str) -> None:
    curves = CURVES[:4]
    assert export_curves(lambda: curves, tmp_path / name, 0.0) == 4
    with open_curves(tmp_path / name) as stream:
        found = [load_item(item).curve for item in stream.items()]
    assert found == list(curves)


def test_a_table_is_read_back_as_the_same_curves(tmp_path: Path) -> None:
    path = tmp_path / "suite.csv"
    assert export_curves(lambda: CURVES, path) == 5
    with open_curves(path) as stream:
        found = [load_item(item).curve for item in stream.items()]
    assert found == list(CURVES)


def test_a_record_has_what_the_schema_of_every_eval_ever_requires(tmp_path: Path) -> None:
    path = tmp_path / "suite.jsonl"
    export_curves(lambda: CURVES, path, 1_700_000_000.0)
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(records) == 6  # three models of each family
    for record in records:
        assert record["schema_version"] == "0.2.1"
        assert record["retrieved_timestamp"] == "1700000000"
        assert {"source_metadata", "model_info", "eval_library", "evaluation_id"} <= record.keys()
        for result in record["evaluation_results"]:
            assert {"evaluation_name", "source_data", "metric_config", "score_details"} <= result.keys()
            assert result["metric_config"]["min_score"] < result["metric_config"]["max_score"]
            assert all(isinstance(text, str) for text in result["metric_config"]["additional_details"].values())


def test_names_that_are_not_fit_for_files_are_replaced(tmp_path: Path) -> None:
    points = tuple(ScalePoint(size, 0.5, 100, language_model=name) for size, name in ((1e8, "../a b"), (1e9, "..#a b")))
    curve = ScalingCurve("t", _metric("acc"), points)
    export_curves(lambda: [curve], tmp_path / "out", 0.0)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["_a_b.json", "_a_b~2.json"]


def test_cells_that_a_spreadsheet_would_run_are_quoted(tmp_path: Path) -> None:
    path = tmp_path / "suite.csv"
    export_curves(lambda: [_curve("=cmd()", _metric("acc"))], path)
    with path.open(newline="") as file:
        assert {row["task"] for row in csv.DictReader(file)} == {"'=cmd()"}


def test_a_table_keeps_curves_apart_that_differ_in_their_tags_or_not_at_all_and_says_so(tmp_path: Path) -> None:
    tags = ({"task_version": "1", "from": "x"}, {"task_version": "2", "from": "x"}, {"from": "x"}, {"from": "x"})
    curves = [*(_curve("arc", _metric("acc"), tags=each) for each in tags), _curve("arc", _metric("loss"))]
    told: list[str] = []
    assert export_curves(lambda: curves, tmp_path / "suite.csv", tell=told.append) == 5
    with open_curves(tmp_path / "suite.csv") as stream:
        found = [load_item(item).curve for item in stream.items()]
    assert [curve.task for curve in found] == [
        "arc (task_version 1)",
        "arc (task_version 2)",
        "arc (1)",
        "arc (2)",
        "arc",
    ]
    assert [replace(curve, task="arc") for curve in found] == curves
    assert told == ["4 curves have names that others have, too; a table keeps them apart as arc (task_version 1)"]


@pytest.mark.parametrize("name", ["suite.jsonl", "folder"])
def test_records_keep_checkpoints_versions_and_suites_apart(tmp_path: Path, name: str) -> None:
    tags: tuple[dict[str, str], ...] = (
        {},
        {"checkpoint": "step1000"},
        {"checkpoint": "step2000"},
        {"task_version": "1"},
        {"task_version": "2"},
    )
    suites = [_curve("quiz", _metric("acc"), suite=suite) for suite in "st"]
    curves = [*(_curve("arc", _metric("acc"), tags=each) for each in tags), *suites]
    told: list[str] = []
    assert export_curves(lambda: curves, tmp_path / name, 0.0, told.append) == 7
    with open_curves(tmp_path / name) as stream:
        found = [load_item(item).curve for item in stream.items()]
    named = [replace(curve, suite=None, task=f"quiz (suite {curve.suite})") for curve in suites]
    expected = [*curves[:5], *named]
    assert len(found) == 7
    assert all(curve in found for curve in expected)
    assert told == ["2 curves have names that others have, too; records keep them apart as quiz (suite s)"]


def test_quoted_cells_are_read_back_as_they_were(tmp_path: Path) -> None:
    curves = [_curve(task, _metric("acc"), tags={"note": task}) for task in ("=cmd()", "'=cmd()", "-a", "'a", "''@")]
    export_curves(lambda: curves, tmp_path / "suite.csv")
    with open_curves(tmp_path / "suite.csv") as stream:
        assert [load_item(item).curve for item in stream.items()] == curves


def test_a_name_of_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"ends in \.csv"):
        check_export(tmp_path / "suite.xlsx")


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_what_clusters_say_of_the_error_is_kept_where_outcomes_are_not(tmp_path: Path, name: str) -> None:
    """Scores of 0, of some and of all, and a point without outcomes: each counts as much as it did."""
    rng = np.random.default_rng(3)
    clusters = tuple(np.repeat(np.arange(20), 5).tolist())
    points = [ScalePoint(1e7, 0.25, 100, n_correct=25, language_model="m")]
    for index, share in enumerate((0.0, 0.3, 0.6, 1.0)):
        chance = np.repeat(rng.beta(4 * share, 4 * (1 - share), 20) if 0 < share < 1 else np.full(20, share), 5)
        outcomes = bytes((rng.random(100) < chance).astype(np.uint8).tolist())
        score, own = outcomes.count(1) / 100, f"m-{index}"
        points.append(
            ScalePoint(10.0 ** (8 + index), score, 100, outcomes=outcomes, clusters=clusters, language_model=own)
        )
    curve = ScalingCurve("a", _metric("acc"), tuple(points), "5-shot", "fam", ScaleKind.PARAMETERS)
    told: list[str] = []
    export_curves(lambda: [curve, CURVES[0]], tmp_path / name, 0.0, tell=told.append)
    assert told[-1].startswith("outcomes of single examples of 1 curve are left out")
    with open_curves(tmp_path / name) as stream:
        found = load_item(next(iter(stream.items()))).curve
    before, after = observe(curve, Options()), observe(found, Options())
    assert before.trials.max() < 60
    assert after.trials == pytest.approx(before.trials, rel=0.05)  # whole numbers again, of n or n - 1
    assert after.successes == pytest.approx(before.successes, rel=0.05)
    assert [point.score for point in found.points] == [point.score for point in points]
    assert after.design_effects is None


def test_names_of_tags_that_a_spreadsheet_would_run_are_read_back(tmp_path: Path) -> None:
    curve = replace(CURVES[0], tags={"=x": "=1+1", "plain": "y"})
    export_curves(lambda: [curve], tmp_path / "a.csv")
    with open_curves(tmp_path / "a.csv") as stream:
        assert [load_item(item).curve for item in stream.items()] == [curve]
