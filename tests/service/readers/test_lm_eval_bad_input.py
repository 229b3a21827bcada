from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.metrics import MetricKind
from service.readers.errors import UnreadableFile
from service.readers.loading import load_item
from service.readers.opening import open_curves
from tests.service.readers.reading import codes, note, points_of, read
from tests.service.readers.result_files import (
    SIZES,
    new_results,
    old_results,
    share,
    share_new,
    stderr_of,
    write,
)


def _old_suite(folder: Path, counts: dict[str, int], n: int = 312, task: str = "winogrande") -> None:
    for name, k in counts.items():
        write(folder / f"{name}.json", old_results(f"pythia-{name}", {task: share(k, n)}))


COUNTS = dict(zip(SIZES, (150, 170, 190, 230), strict=True))


def test_a_score_whose_standard_error_is_missing_takes_n_from_another_metric(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        numbers = share(k, 312) | {"acc_norm": 1.0 if name == "1.4b" else (k + 3) / 312, "acc_norm_stderr": "N/A"}
        write(tmp_path / f"{name}.json", old_results(f"pythia-{name}", {"piqa": numbers}))
    items, report = read(tmp_path)
    assert [point["n_examples"] for item in items for point in points_of(item)] == [312] * 8
    assert codes(report)["n_elsewhere"] == 4


def test_a_result_without_any_size_is_left_out_and_named(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        numbers = {"acc": k / 312, "acc_stderr": "N/A" if name == "410m" else 0.03}
        write(tmp_path / f"{name}.json", old_results(f"pythia-{name}", {"piqa": numbers}))
    (item,), report = read(tmp_path)
    assert len(points_of(item)) == 3
    assert "pythia-410m" in note(report, "no_error")
    assert "n_approximate" in codes(report)


def test_scores_in_percent_are_turned_into_fractions_where_that_is_proven(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        scale = 100 if name in ("70m", "410m") else 1
        numbers = {"acc": scale * k / 312, "acc_stderr": scale * stderr_of(k, 312)}
        write(tmp_path / f"{name}.json", old_results(f"pythia-{name}", {"piqa": numbers}))
    (item,), report = read(tmp_path)
    assert [round(312 * point["score"], 6) for point in points_of(item)] == list(COUNTS.values())
    assert codes(report)["percent"] == 2


def test_scores_that_may_be_percent_but_are_not_proven_so_are_refused_with_a_hint(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        numbers = {"acc": round(100 * k / 312, 1), "acc_stderr": 2.8}
        write(tmp_path / f"{name}.json", old_results(f"pythia-{name}", {"piqa": numbers}))
    (item,), _ = read(tmp_path)
    with pytest.raises(Exception, match="in percent"):
        load_item(item)


def test_the_same_result_twice_counts_once_and_different_ones_both_count(tmp_path: Path) -> None:
    _old_suite(tmp_path, COUNTS)
    _old_suite(tmp_path / "again", {"70m": COUNTS["70m"], "410m": 200})
    (item,), report = read(tmp_path)
    assert [point["model"] for point in points_of(item)] == [
        "pythia-70m",
        "EleutherAI/pythia-410m (410m.json)",
        "EleutherAI/pythia-410m (again/410m.json)",
        "pythia-1.4b",
        "pythia-6.9b",
    ]
    assert codes(report)["same_twice"] == 1
    assert "410m.json, again/410m.json" in note(report, "different_results")
    assert load_item(item).curve.n_scales == 4


@pytest.mark.parametrize("spelling", ["/data/ckpt/pythia-{}", "eleutherai/Pythia_{}", "EleutherAI/pythia-{}-bf16"])
def test_a_model_in_two_spellings_is_one_model(tmp_path: Path, spelling: str) -> None:
    _old_suite(tmp_path, COUNTS)
    for name, k in {"70m": COUNTS["70m"], "410m": 200}.items():
        document = old_results("", {"winogrande": share(k, 312)})
        document["config"]["model_args"] = f"pretrained={spelling.format(name)}"
        write(tmp_path / "again" / f"{name}.json", document)
    (item,), report = read(tmp_path)
    assert [round(312 * point["score"]) for point in points_of(item)] == [150, 170, 200, 190, 230]
    assert len({point["model"] for point in points_of(item)}) == 5
    assert codes(report)["same_twice"] == 1
    both = f"EleutherAI/pythia-410m, {spelling.format('410m')} in 410m.json, again/410m.json"
    assert both in note(report, "different_results")


def test_versions_of_a_task_make_curves_of_their_own(tmp_path: Path) -> None:
    _old_suite(tmp_path, COUNTS)
    for name, k in COUNTS.items():
        document = old_results(f"pythia-{name}", {"winogrande": share(k, 312)}, versions={"winogrande": 1})
        write(tmp_path / f"later-{name}.json", document)
    items, report = read(tmp_path)
    assert [item.document["tags"]["task_version"] for item in items if item.document] == ["0", "1"]
    assert "versions 0, 1" in note(report, "task_versions")


def test_two_versions_of_the_harness_in_one_curve_are_named(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        version = "0.4.2" if name == "70m" else "0.4.9"
        document = new_results(f"pythia-{name}", {"piqa": share_new(k, 312)}, lm_eval_version=version)
        write(tmp_path / f"results_{name}.json", document)
    _, report = read(tmp_path)
    assert "0.4.2" in note(report, "harnesses")


def test_a_model_that_is_missing_in_a_task_is_named(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        results = {"piqa": share(k, 312)} | ({} if name == "1.4b" else {"arc": share(k, 312)})
        write(tmp_path / f"{name}.json", old_results(f"pythia-{name}", results))
    items, report = read(tmp_path)
    assert len(items) == 2
    assert "arc, acc, 0-shot, pythia lacks EleutherAI/pythia-1.4b" in note(report, "lacks_models")


def test_families_in_one_folder_are_kept_apart(tmp_path: Path) -> None:
    _old_suite(tmp_path, COUNTS)
    for size in ("125m", "1.3b"):
        write(tmp_path / f"opt-{size}.json", old_results(f"opt-{size}", {"winogrande": share(160, 312)}))
    items, report = read(tmp_path)
    assert {item.names["model_family"] for item in items} == {"pythia", "opt"}
    assert codes(report)["families"] == 2


def test_checkpoints_are_kept_apart_by_size_and_make_a_curve_by_tokens(tmp_path: Path) -> None:
    for step in (1000, 16000, 143000):
        for name, k in COUNTS.items():
            document = old_results(f"pythia-{name}", {"piqa": share(k + step // 10_000, 312)})
            document["config"]["model_args"] = f"pretrained=EleutherAI/pythia-{name},revision=step{step}"
            write(tmp_path / f"{name}_{step}.json", document)
    by_size, _ = read(tmp_path)
    checkpoints = {item.document["tags"].get("checkpoint") for item in by_size if item.document}
    assert checkpoints == {"step1000", "step16000", None}
    by_tokens, _ = read(tmp_path, scale="training_tokens")
    assert {item.names["model_family"]: len(points_of(item)) for item in by_tokens}["pythia-1.4b"] == 3
    assert points_of(by_tokens[0])[0]["scale"] == 1000 * 2_097_152
    assert len(by_tokens) == 4


def test_training_compute_is_six_times_parameters_times_tokens(tmp_path: Path) -> None:
    _old_suite(tmp_path, COUNTS)
    (item,), report = read(tmp_path, scale="training_flops")
    assert points_of(item)[0]["scale"] == 6 * 70_426_624 * 299_892_736_000
    assert "6 x parameters x tokens" in note(report, "scale")


def test_standard_errors_above_those_of_independent_examples_take_the_place_of_n(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        numbers = {"acc,none": k / 312, "acc_stderr,none": 2 * stderr_of(k, 312)}
        document = new_results(f"pythia-{name}", {"race": numbers}, **{"n-samples": {"race": {"effective": 312}}})
        write(tmp_path / f"results_{name}.json", document)
    (item,), report = read(tmp_path)
    assert all("n_examples" not in point for point in points_of(item))
    assert codes(report)["clustered"] == 1


def test_a_mean_of_other_numbers_than_0_and_1_is_no_proportion(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        numbers = {"mc2": k / 312, "mc2_stderr": 0.6 * stderr_of(k, 312), **share(k, 312, "mc1")}
        write(tmp_path / f"{name}.json", old_results(f"pythia-{name}", {"truthfulqa_mc": numbers}))
    items, _ = read(tmp_path)
    kinds = {item.names["metric"]: load_item(item).curve.metric.kind for item in items}
    assert kinds == {"mc1": MetricKind.PROPORTION, "mc2": MetricKind.BOUNDED}
    assert all({"n_examples", "stderr"} <= point.keys() for point in points_of(items[0]))


def test_perplexity_is_unbounded_and_lower_is_better(tmp_path: Path) -> None:
    for name in SIZES:
        numbers = {"ppl": 6.1, "ppl_stderr": 0.15}
        write(tmp_path / f"{name}.json", old_results(f"pythia-{name}", {"lambada": numbers}))
    (item,), report = read(tmp_path)
    metric = load_item(item).curve.metric
    assert (metric.kind, metric.higher_is_better) == (MetricKind.UNBOUNDED, False)
    assert "unbounded" in codes(report)


def test_scores_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    _old_suite(tmp_path, COUNTS)
    document = old_results("pythia-1b", {"winogrande": {"acc": "N/A", "acc_stderr": "N/A"}, "x": 3})
    path = tmp_path / "1b.json"
    path.write_text(json.dumps(document).replace('"N/A"', "NaN", 1))
    _, report = read(tmp_path)
    assert "winogrande, acc in 1b.json" in note(report, "no_number")
    assert "x in 1b.json" in note(report, "no_numbers")


def test_one_file_has_one_scale_and_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", old_results("pythia-70m", {"piqa": share(50, 100)}))
    with pytest.raises(UnreadableFile, match="fewer than two scales"), open_curves(path):
        pass


def test_repeated_keys_are_not_read_as_if_nothing_were_wrong(tmp_path: Path) -> None:
    _old_suite(tmp_path, COUNTS)
    twice = json.dumps(old_results("pythia-1b", {"winogrande": share(100, 312)})).replace(
        '"acc"', '"acc": 0.25, "acc"', 1
    )
    (tmp_path / "1b.json").write_text(twice)
    (item,), report = read(tmp_path)
    assert len(points_of(item)) == 4
    assert "1b.json" in note(report, "unreadable")
