from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from models.curve import ITEMS_TAG
from models.metrics import MetricKind
from service.readers.errors import UnreadableFile
from service.readers.loading import load_item
from service.readers.opening import open_curves
from tests.service.readers.reading import PUBLISHED, codes, note, points_of, published, read
from tests.service.readers.result_files import (
    SIZES,
    helm_run,
    inspect_log,
    record,
    record_result,
    scores_file,
    scores_row,
    stderr_of,
    write,
    zipped,
    zstd_zip,
)

COUNTS = dict(zip(SIZES, (20, 35, 50, 80), strict=True))


def _header(name: str, k: int, n: int = 100) -> bytes:
    return json.dumps(inspect_log(f"pythia-{name}", k, n)).encode()


def test_inspect_logs_in_json_make_a_curve_with_the_number_of_scored_samples(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        log = inspect_log(f"pythia-{name}", k, 100)
        log["results"]["total_samples"] = 300  # samples times epochs, which is no n
        write(tmp_path / f"{name}.json", log)
    (item,), report = read(tmp_path)
    curve = load_item(item).curve
    assert (curve.task, curve.metric.name) == ("arithmetic", "accuracy")
    assert [point.n_examples for point in curve.points] == [100] * 4
    assert report.formats == {"inspect": 4}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, 93])
def test_inspect_archives_are_read_by_their_header_zstd_as_well(tmp_path: Path, method: int) -> None:
    for name, k in COUNTS.items():
        members = {"samples/1_epoch_1.json": b"{}" * 50_000, "header.json": _header(name, k)}
        path = tmp_path / f"{name}.eval"
        if method == 93:
            path.write_bytes(zstd_zip(members))
        else:
            zipped(path, members, method)
    (item,), report = read(tmp_path)
    assert [round(100 * point["score"]) for point in points_of(item)] == list(COUNTS.values())
    assert report.formats == {"inspect": 4}


def test_the_reductions_of_a_log_give_outcomes_and_n(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        log = inspect_log(f"pythia-{name}", k, 100)
        del log["results"]["scores"][0]["scored_samples"]
        samples = [{"sample_id": i, "value": float(i < k)} for i in range(100)]
        reductions = json.dumps([{"scorer": "match", "samples": samples}]).encode()
        zipped(tmp_path / f"{name}.eval", {"header.json": json.dumps(log).encode(), "reductions.json": reductions})
    (item,), _ = read(tmp_path)
    assert [sum(point["outcomes"]) for point in points_of(item)] == list(COUNTS.values())
    assert {point["n_examples"] for point in points_of(item)} == {100}


def test_logs_that_did_not_end_well_are_left_out_with_their_status(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        write(tmp_path / f"{name}.json", inspect_log(f"pythia-{name}", k, 100))
    write(tmp_path / "broken.json", {"version": 2, "status": "error", "eval": {"task": "x", "model": "hf/pythia-1b"}})
    zipped(tmp_path / "begun.eval", {"_journal/start.json": b"{}"})
    (item,), report = read(tmp_path)
    assert len(points_of(item)) == 4
    assert codes(report)["not_successful"] == 1
    assert [note.examples for note in report.notes if note.code == "not_successful"] == [
        ("begun.eval",),
        ("broken.json: error",),
    ]


def test_means_over_epochs_are_no_proportions(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        log = inspect_log(f"pythia-{name}", k, 100)
        log["eval"]["config"] = {"epochs": 4}
        log["results"]["scores"][0]["metrics"]["stderr"]["value"] = 0.02
        write(tmp_path / f"{name}.json", log)
    (item,), _ = read(tmp_path)
    assert load_item(item).curve.metric.kind is MetricKind.BOUNDED
    assert all(point["stderr"] == 0.02 for point in points_of(item))


def test_several_scorers_of_a_log_are_metrics_of_their_own(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        log = inspect_log(f"pythia-{name}", k, 100)
        log["results"]["scores"].append({**log["results"]["scores"][0], "name": "judge", "scorer": "judge"})
        write(tmp_path / f"{name}.json", log)
    items, _ = read(tmp_path)
    assert {item.names["metric"] for item in items} == {"accuracy,match", "accuracy,judge"}


def test_two_ways_to_reduce_the_epochs_of_one_scorer_are_metrics_of_their_own(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        log = inspect_log(f"pythia-{name}", k, 100)
        log["eval"]["config"] = {"epochs": 4}
        first = log["results"]["scores"][0]
        best = {"accuracy": {"name": "accuracy", "value": (k + 10) / 100}}
        log["results"]["scores"] = [{**first, "reducer": "mean"}, {**first, "reducer": "pass_at_4", "metrics": best}]
        write(tmp_path / f"{name}.json", log)
    items, report = read(tmp_path)
    scores = {item.names["metric"]: [round(100 * point["score"]) for point in points_of(item)] for item in items}
    counts = list(COUNTS.values())
    assert scores == {"accuracy,match,mean": counts, "accuracy,match,pass_at_4": [k + 10 for k in counts]}
    assert "different_results" not in codes(report)


def test_arguments_of_a_task_but_its_shots_are_a_part_of_its_name(tmp_path: Path) -> None:
    prompt = "Think\n  twice. " * 20
    for name, k in COUNTS.items():
        for subject, more in (("algebra", {"fewshot": 5, "levels": [1, 2], "judge": None}), ("geometry", {})):
            log = inspect_log(f"pythia-{name}", k, 100)
            log["eval"]["task_args"] = {"subject": subject, "hard": True, "own": log["eval"]["model"], **more}
            write(tmp_path / f"{name}-{subject}.json", log)
        log = inspect_log(f"pythia-{name}", k, 100)
        log["eval"] |= {"task_args": {"shuffle": False, "n_shot": 0}, "task_args_passed": {"prompt": prompt}}
        write(tmp_path / f"{name}-passed.json", log)
    items, _ = read(tmp_path)
    found = {item.names["task"]: load_item(item).curve for item in items}
    algebra, geometry, passed = sorted(found)
    assert algebra == "arithmetic:hard=true,levels=[1,2],subject=algebra"
    assert geometry == "arithmetic:hard=true,subject=geometry"
    assert [found[task].prompting for task in (algebra, geometry, passed)] == ["5-shot", None, "0-shot"]
    assert passed.startswith("arithmetic:prompt=Think twice. Think")
    assert len(passed) < 130


def test_an_argument_that_names_the_model_is_the_same_for_all_models(tmp_path: Path) -> None:
    for index, (name, k) in enumerate(COUNTS.items()):
        log = inspect_log(f"pythia-{name}", k, 100)
        model = log["eval"]["model"]
        judge = [("model", model), ("a", 1)]
        log["eval"]["task_args"] = {"solvers": [model, "x"], "judge": dict(judge if index % 2 else judge[::-1])}
        write(tmp_path / f"{name}.json", log)
    (item,), _ = read(tmp_path)
    assert item.names["task"] == 'arithmetic:judge={"a":1,"model":"(model)"},solvers=["(model)","x"]'


def test_a_revision_of_the_model_is_a_checkpoint_and_local_weights_are_named_by_their_path(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        for revision in ("step1000", "main"):
            log = inspect_log(f"pythia-{name}", k, 100)
            log["eval"]["model_args"] = {"revision": revision}
            write(tmp_path / f"{name}-{revision}.json", log)
        local = inspect_log("local", k, 100)
        local["eval"] |= {"task": "local", "model": "hf/local", "model_args": {"model_path": f"/models/own-{name}"}}
        write(tmp_path / f"{name}-local.json", local)
    items, report = read(tmp_path)
    found = {(item.names["task"], (item.document or {})["tags"].get("checkpoint")): item for item in items}
    assert set(found) == {("arithmetic", None), ("arithmetic", "step1000"), ("local", None)}
    assert [point["model"] for point in points_of(found["local", None])] == [f"own-{name}" for name in SIZES]
    assert "different_results" not in codes(report)


def test_logs_that_are_marked_as_invalid_are_pointed_at(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        write(tmp_path / f"{name}.json", inspect_log(f"pythia-{name}", k, 100, invalidated=name == "70m"))
    (item,), report = read(tmp_path)
    assert len(points_of(item)) == 4
    assert "70m.json" in note(report, "invalidated")
    assert codes(report)["invalidated"] == 1


def test_metrics_of_some_of_the_samples_do_not_get_the_size_of_the_whole_task(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        log = inspect_log(f"pythia-{name}", k, 100)
        log["results"]["scores"][0]["metrics"]["law"] = {"name": "law", "value": k / 110}
        write(tmp_path / f"{name}.json", log)
    (item,), report = read(tmp_path)
    assert item.names["metric"] == "accuracy"
    assert codes(report)["no_error"] == 4
    assert "arithmetic, law in 1.4b.json" in note(report, "no_error")


def test_nan_in_a_log_is_a_score_that_is_no_number(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        text = json.dumps(inspect_log(f"pythia-{name}", k, 100))
        if name == "70m":
            text = text.replace('"value": 0.2', '"value": NaN')
        (tmp_path / f"{name}.json").write_text(text)
    (item,), _ = read(tmp_path)
    assert len(points_of(item)) == 3


def test_bigbench_scores_take_n_from_the_task_definition_beside_them(tmp_path: Path) -> None:
    task = tmp_path / "navigate"
    write(task / "task.json", {"name": "navigate", "examples": [{}] * 1000})
    for name, k in COUNTS.items():
        rows = [scores_row(k / 100, shots) for shots in (0, 3)]
        write(task / "results" / f"scores_BIG-G_{name}.json", scores_file(name, SIZES[name], rows))
    items, report = read(tmp_path)
    curves = [load_item(item).curve for item in items]
    assert [(curve.task, curve.prompting) for curve in curves] == [("navigate", "0-shot"), ("navigate", "3-shot")]
    assert all(point.n_examples == 1000 for curve in curves for point in curve.points)
    assert [point.scale for point in curves[0].points] == list(SIZES.values())
    assert curves[0].metric.chance == 0.5
    assert (curves[0].model_family, report.formats["bigbench"]) == ("BIG-G T=0", 4)
    assert "unrelated" not in codes(report)


def test_a_task_definition_without_results_beside_it_is_unrelated(tmp_path: Path) -> None:
    task = tmp_path / "navigate"
    write(task / "task.json", {"name": "navigate", "examples": [{}] * 1000})
    write(tmp_path / "other" / "task.json", {"name": "other", "examples": [{}]})
    for name, k in COUNTS.items():
        rows = [scores_row(k / 100)]
        write(task / "results" / f"scores_BIG-G_{name}.json", scores_file(name, SIZES[name], rows))
    assert "other/task.json" in note(read(tmp_path)[1], "unrelated")


def test_a_bigbench_file_with_every_field_of_the_published_ones_is_read(tmp_path: Path) -> None:
    """All fields of the model; subtasks beside their aggregate; a metric whose high score is 100 is in percent."""
    for name, k in COUNTS.items():
        model = {
            "model_family": "BIG-G T=0",
            "model_name": name,
            "non_embedding_params": SIZES[name],
            "flop_matched_non_embedding_params": SIZES[name],
            "total_params": 1.1 * SIZES[name],
            "training_batch_size": 256,
            "training_steps": 200_000,
            "description": "a dense model",
            "decoding_params": {},
        }
        exact = scores_row(k / 100, 3, "exact_str_match")
        exact |= {"subtask_description": "arithmetic:1_digit_addition", "low_score": 0, "high_score": 1}
        exact["score_dict"]["normalized_aggregate_score"] = float(k)
        percent = {**scores_row(float(k), 3), "subtask_description": "2_digit_addition"}
        percent |= {"low_score": 25, "high_score": 100}
        whole = {**scores_row(float(k), 3, "normalized_aggregate_score"), "subtask_description": "arithmetic"}
        document = {"model": model, "scores": [exact, percent, whole], "task": {}}
        write(tmp_path / "arithmetic" / "results" / f"scores_BIG-G_T=0_{name}.json", document)
    for subtask in ("1_digit_addition", "2_digit_addition"):
        write(tmp_path / "arithmetic" / subtask / "task.json", {"examples": [{}] * 100})
    items, report = read(tmp_path)
    curves = {item.names["task"]: load_item(item).curve for item in items}
    assert set(curves) == {"arithmetic:1_digit_addition", "arithmetic: 2_digit_addition"}
    digits = curves["arithmetic: 2_digit_addition"]
    assert digits.metric.chance == 0.25
    assert [point.score for point in digits.points] == pytest.approx([k / 100 for k in COUNTS.values()])
    assert digits.points[0].scale == pytest.approx(1.1 * SIZES["70m"])
    assert "aggregates over subtasks (4)" in "\n".join(report.lines())
    assert "2_digit_addition" in note(report, "percent")


def test_bigbench_scores_without_a_definition_say_what_is_missing(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        rows = [scores_row(k / 100), scores_row(k / 100, metric="normalized_aggregate_score")]
        write(tmp_path / f"scores_{name}.json", scores_file(name, SIZES[name], rows))
    with pytest.raises(UnreadableFile, match="without a number of examples") as caught, open_curves(tmp_path):
        pass
    assert "aggregates over subtasks (4)" in str(caught.value)


def test_helm_run_folders_get_n_and_the_standard_error_from_their_instances(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        helm_run(tmp_path, f"pythia-{name}", [float(i < k) for i in range(100)], "valid")
    (item,), report = read(tmp_path)
    curve = load_item(item).curve
    assert (curve.task, curve.metric.name, curve.prompting) == (
        "mmlu:subject=anatomy,method=joint",
        "exact_match",
        "5-shot",
    )
    assert [point.n_correct or sum(point.outcomes or b"") for point in curve.points] == list(COUNTS.values())
    paired = curve.points[0].outcomes is not None
    assert curve.tags == {"task_group": "mmlu", **({ITEMS_TAG: curve.tags[ITEMS_TAG]} if paired else {})}
    assert report.formats == {"helm": 4}
    assert "num_prompt_tokens" in note(report, "no_score")


def test_exact_match_of_chosen_options_has_no_chance_of_nothing(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        helm_run(tmp_path, f"pythia-{name}", [float(i < k) for i in range(100)], method="multiple_choice_joint")
    (item,), _ = read(tmp_path)
    metric = load_item(item).curve.metric
    assert (metric.name, metric.chance, metric.kind) == ("exact_match (multiple_choice)", None, MetricKind.PROPORTION)


def test_helm_means_of_other_numbers_are_bounded_with_a_standard_error(tmp_path: Path) -> None:
    for index, name in enumerate(SIZES):
        helm_run(tmp_path, f"pythia-{name}", [0.1 + 0.02 * (i % 7) + 0.1 * index for i in range(50)])
    (item,), _ = read(tmp_path)
    assert all(0 < point["stderr"] < 0.01 for point in points_of(item))
    assert load_item(item).curve.metric.kind is MetricKind.BOUNDED


def test_every_eval_ever_records_make_curves_and_percent_become_fractions(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        upper = 100.0 if name == "70m" else 1.0
        result = record_result(upper * k / 100, upper * stderr_of(k, 100), 100, upper)
        write(tmp_path / f"{name}.json", record(f"pythia-{name}", [result]))
    (item,), report = read(tmp_path)
    assert load_item(item).curve.metric.kind is MetricKind.PROPORTION
    assert [round(100 * point["score"], 9) for point in points_of(item)] == list(COUNTS.values())
    assert report.formats == {"every-eval-ever": 4}


@pytest.mark.parametrize(
    ("uncertainty", "stderr", "origin"),
    [
        ({"standard_deviation": 0.2, "num_samples": 400}, 0.01, "standard deviations"),
        ({"standard_error": {"value": 0.03}, "standard_deviation": 0.2, "num_samples": 400}, 0.03, ""),
        ({"confidence_interval": {"lower": 0.1, "upper": 0.3, "confidence_level": 0.95}}, 0.0510, "intervals"),
    ],
)
def test_a_record_without_a_standard_error_has_it_from_what_else_is_said_of_the_error(
    tmp_path: Path, uncertainty: dict[str, object], stderr: float, origin: str
) -> None:
    for name, k in COUNTS.items():
        result = record_result(k / 100, 1.0, 1)
        result["score_details"]["uncertainty"] = uncertainty
        write(tmp_path / f"{name}.json", record(f"pythia-{name}", [result]))
    (item,), report = read(tmp_path)
    assert [point["stderr"] for point in points_of(item)] == pytest.approx([stderr] * 4, rel=1e-3)
    assert origin in (note(report, "stderr_elsewhere") if "stderr_elsewhere" in codes(report) else "")
    assert ("stderr_elsewhere" in codes(report)) == bool(origin)


@pytest.mark.parametrize(
    "interval",
    [
        {"lower": 0.1, "upper": 0.3},
        {"lower": 0.1, "upper": 0.3, "confidence_level": 1e-17},
        {"lower": 0.1, "upper": 0.3, "confidence_level": 0.9999999999999999},
        {"lower": 0.3, "upper": 0.1, "confidence_level": 0.95},
        {"lower": 0.1, "upper": "0.3", "confidence_level": 0.95},
    ],
)
def test_an_interval_that_says_nothing_gives_no_standard_error(tmp_path: Path, interval: dict[str, object]) -> None:
    for name, k in COUNTS.items():
        result = record_result(k / 100, 1.0, 1)
        result["score_details"]["uncertainty"] = {"confidence_interval": interval}
        write(tmp_path / f"{name}.json", record(f"pythia-{name}", [result]))
    with pytest.raises(UnreadableFile, match="without a number of examples or a standard error"):
        read(tmp_path)


def test_records_one_a_line_are_read_as_well(tmp_path: Path) -> None:
    lines = [
        json.dumps(record(f"pythia-{name}", [record_result(k / 100, stderr_of(k, 100), 100)]))
        for name, k in COUNTS.items()
    ]
    path = tmp_path / "records.jsonl"
    path.write_text("\n".join(lines))
    (item,), _ = read(path)
    assert len(points_of(item)) == 4


def test_a_format_that_is_named_leaves_the_others_out(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        write(tmp_path / f"{name}.json", inspect_log(f"pythia-{name}", k, 100))
        write(tmp_path / f"{name}-r.json", record(f"pythia-{name}", [record_result(0.5, 0.05, 100)]))
    (item,), report = read(tmp_path, format_name="inspect")
    assert item.names["task"] == "arithmetic"
    assert codes(report)["other_format"] == 4


@published
@pytest.mark.parametrize("name", ["inspect_ai_log.json", "inspect_ai_log.eval", "inspect_ai_mmlu_choices.eval"])
def test_real_inspect_logs_are_recognised(name: str) -> None:
    with pytest.raises(UnreadableFile, match=r"Read 1 file \(1 inspect\)"), open_curves(PUBLISHED / "formats" / name):
        pass
