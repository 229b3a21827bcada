"""`scaleshape analyze` on results of harnesses: folders, several files, models table, export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import main
from tests.service.readers.result_files import SIZES, old_results, share, write

COUNTS = dict(zip(SIZES, (60, 120, 200, 290), strict=True))


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    for name, k in COUNTS.items():
        write(tmp_path / "suite" / f"{name}.json", old_results(f"pythia-{name}", {"piqa": share(k, 312)}))
    return tmp_path / "suite"


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["analyze", *map(str, arguments)])


def test_a_folder_is_analysed_and_its_load_report_told(suite: Path) -> None:
    (suite / "notes.txt").write_text("hello")
    result = _run(suite, "--json")
    assert result.exit_code == 0
    (document,) = map(json.loads, result.stdout.splitlines())
    assert document["classification"]["label"] == "positive"
    assert [point["n_examples"] for point in document["points"]] == [312] * 4
    assert result.stderr.count("Read 4 files (4 lm-eval): 1 curve of 4 points") == 1
    assert "notes.txt" in result.stderr


def test_several_results_files_make_one_curve(suite: Path) -> None:
    result = _run(*sorted(suite.iterdir()), "--json")
    assert len(result.stdout.splitlines()) == 1


def test_a_damaged_file_among_several_is_told_in_the_exit_code(suite: Path) -> None:
    (suite / "70m.json").write_text('{"results": ')
    result = _run(*sorted(suite.iterdir()), "--json")
    assert result.exit_code == 1
    assert "70m.json" in result.stderr


def test_a_damaged_file_in_a_folder_is_told_in_the_exit_code_and_an_unrelated_one_is_not(suite: Path) -> None:
    (suite / "README.md").write_text("[Results](results) of one family\n")
    (suite / "times.csv").write_text("step,seconds\n1,2\n")
    assert _run(suite, "--json").exit_code == 0
    (suite / "70m.json").write_text('{"results": ')
    result = _run(suite, "--json")
    assert (result.exit_code, len(result.stdout.splitlines())) == (1, 1)
    assert "70m.json" in result.stderr


def test_a_models_table_gives_scale_and_family(suite: Path, tmp_path: Path) -> None:
    table = tmp_path / "models.csv"
    rows = (f"pythia-{name},Mine,{10.0**index}" for index, name in enumerate(SIZES, 7))
    table.write_text("\n".join(("model,model_family,training_tokens", *rows)))
    result = _run(suite, "--json", "--models", table, "--scale", "training_tokens")
    (document,) = map(json.loads, result.stdout.splitlines())
    assert (document["curve"]["model_family"], document["curve"]["scale_kind"]) == ("Mine", "training_tokens")
    assert [point["scale"] for point in document["points"]] == [1e7, 1e8, 1e9, 1e10]


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_a_scale_or_a_models_table_that_is_of_no_use_is_told(suite: Path, tmp_path: Path, form: str) -> None:
    models = tmp_path / "models.csv"
    models.write_text("model,model_family,parameters\nm,Mine,1e9\n")
    points = [{"scale": 10.0**power, "score": 0.1 * power, "n_examples": 100} for power in range(1, 6)]
    file = tmp_path / f"curves.{form}"
    if form == "csv":
        file.write_text("task,metric,model,score,n_examples\na,acc,m,0.1,100\n")
    else:
        file.write_text("\n".join([json.dumps({"task": "a", "metric": "acc", "points": points})] * 2))
    alone = _run(file, "--models", models, "--scale", "parameters")
    assert alone.exit_code == (2 if form == "csv" else 0)
    assert "the models table is not used" in alone.stderr
    assert ("the scale parameters is not asked of JSON" in alone.stderr) == (form == "ndjson")


def test_a_faulty_models_table_is_wrong_usage(suite: Path, tmp_path: Path) -> None:
    table = tmp_path / "models.csv"
    table.write_text("name\nx\n")
    result = _run(suite, "--models", table)
    assert result.exit_code == 2
    assert "it needs model" in result.stderr


@pytest.mark.parametrize("name", ["curves.csv", "curves.jsonl", "records"])
def test_exported_curves_give_the_same_analysis(suite: Path, tmp_path: Path, name: str) -> None:
    first = _run(suite, "--json", "--export", tmp_path / name)
    again = _run(tmp_path / name, "--json")
    assert first.exit_code == again.exit_code == 0
    (one,), (other,) = ([json.loads(line) for line in run.stdout.splitlines()] for run in (first, again))
    assert one["id"] == other["id"]


def test_an_export_in_an_unknown_form_is_wrong_usage(suite: Path, tmp_path: Path) -> None:
    assert _run(suite, "--export", tmp_path / "curves.xlsx").exit_code == 2


def test_options_in_a_file_of_curves_hold_among_several_files(suite: Path, tmp_path: Path) -> None:
    points = [{"scale": 10.0**power, "score": 0.1 * power, "n_examples": 100} for power in range(1, 6)]
    curves = [{"task": "a", "metric": "acc", "points": points}]
    path = write(tmp_path / "curves.json", {"curves": curves, "options": {"seed": 7}})
    documents = [json.loads(line) for line in _run(suite, path, "--json").stdout.splitlines()]
    assert [document["options"]["seed"] for document in documents] == [0, 7]
