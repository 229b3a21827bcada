from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.curve import ITEMS_TAG
from models.metrics import MetricKind
from service.readers.evaluation import version_of
from service.readers.loading import load_item
from service.readers.models_table import models_of
from tests.service.readers.reading import PUBLISHED, codes, note, points_of, published, read
from tests.service.readers.result_files import (
    SIZES,
    new_results,
    old_results,
    share,
    share_new,
    write,
)


def _old_suite(folder: Path, counts: dict[str, int], n: int = 312, task: str = "winogrande") -> None:
    for name, k in counts.items():
        write(folder / f"{name}.json", old_results(f"pythia-{name}", {task: share(k, n)}))


COUNTS = dict(zip(SIZES, (150, 170, 190, 230), strict=True))


def test_old_results_of_several_sizes_make_one_curve_with_exact_n(tmp_path: Path) -> None:
    _old_suite(tmp_path, COUNTS)
    (item,), report = read(tmp_path)
    curve = load_item(item).curve
    assert (curve.task, curve.metric.name, curve.prompting, curve.model_family) == (
        "winogrande",
        "acc",
        "0-shot",
        "pythia",
    )
    assert [point.n_examples for point in curve.points] == [312] * 4
    assert [round(point.score * 312) for point in curve.points] == list(COUNTS.values())
    assert report.formats == {"lm-eval": 4}
    assert report.points == 4


def test_sizes_come_from_the_built_in_table_and_are_reported(tmp_path: Path) -> None:
    _old_suite(tmp_path, COUNTS)
    (item,), report = read(tmp_path)
    assert points_of(item)[0]["scale"] == 70_426_624
    assert "built-in table" in note(report, "scale")


def test_a_models_table_goes_before_all_other_sources(tmp_path: Path) -> None:
    _old_suite(tmp_path, COUNTS)
    table = models_of("model,model_family,parameters\npythia-70m,Small ones,1e6\npythia-410m,Small ones,2e6\n")
    items, report = read(tmp_path, models=table)
    by_family = {
        item.document["model_family"]: [p["scale"] for p in points_of(item)] for item in items if item.document
    }
    assert by_family["Small ones"] == [1e6, 2e6]
    assert len(by_family["pythia"]) == 2
    assert "pythia-1.4b" in note(report, "not_in_models_table")


def test_a_size_is_read_from_the_name_where_no_table_has_the_model(tmp_path: Path) -> None:
    for size in ("1.5b", "30b"):
        write(tmp_path / f"{size}.json", old_results(f"newmodel-{size}", {"piqa": share(50, 100)}))
    (item,), report = read(tmp_path)
    assert [point["scale"] for point in points_of(item)] == [1.5e9, 3e10]
    assert "newmodel-1.5b at step143000: 1.5e+09" in note(report, "scale")


def test_a_model_without_a_size_is_left_out_by_name(tmp_path: Path) -> None:
    _old_suite(tmp_path, COUNTS)
    write(tmp_path / "x.json", old_results("mystery", {"winogrande": share(100, 312)}))
    (item,), report = read(tmp_path)
    assert len(points_of(item)) == 4
    assert "EleutherAI/mystery" in note(report, "no_scale")


def test_new_results_give_the_number_of_shots_the_direction_and_the_size_of_the_test_set(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        results = {"piqa": share_new(k, 312)}
        more = {
            "n-samples": {"piqa": {"original": 400, "effective": 312}},
            "higher_is_better": {"piqa": {"acc": True}},
        }
        write(tmp_path / f"results_{name}.json", new_results(f"pythia-{name}", results, **more))
    (item,), _ = read(tmp_path)
    curve = load_item(item).curve
    assert curve.prompting == "5-shot"
    assert [point.n_examples for point in curve.points] == [312] * 4
    assert curve.tags == {"task_version": "1"}


def test_filters_of_the_answers_are_metrics_of_their_own_with_the_registered_chance(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        numbers = share_new(k, 312, "exact_match", "strict-match") | share_new(k + 9, 312, "exact_match", "flexible")
        write(tmp_path / f"results_{name}.json", new_results(f"pythia-{name}", {"gsm8k": numbers}))
    items, _ = read(tmp_path)
    metrics = {load_item(item).curve.metric.name: load_item(item).curve.metric for item in items}
    assert set(metrics) == {"exact_match,strict-match", "exact_match,flexible"}
    assert all(metric.kind is MetricKind.PROPORTION and metric.chance == 0.0 for metric in metrics.values())


def test_a_group_is_not_counted_with_its_subtasks_but_names_them(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        results = {
            "mmlu": share_new(2 * k, 624),
            "mmlu_stem": share_new(2 * k, 624),
            "mmlu_anatomy": share_new(k, 312),
            "mmlu_law": share_new(k, 312),
        }
        below = {"mmlu": ["mmlu_stem"], "mmlu_stem": ["mmlu_anatomy", "mmlu_law"]}
        document = new_results(f"pythia-{name}", results, group_subtasks=below)
        write(tmp_path / f"results_{name}.json", document)
    items, report = read(tmp_path)
    assert sorted(item.names["task"] for item in items) == ["mmlu_anatomy", "mmlu_law"]
    assert all(item.document is not None and item.document["tags"]["task_group"] == "mmlu" for item in items)
    assert codes(report)["group"] == 8


def test_a_group_whose_subtasks_are_not_there_is_a_task(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        document = new_results(f"pythia-{name}", {"mmlu": share_new(k, 312)}, group_subtasks={"mmlu": ["mmlu_law"]})
        write(tmp_path / f"results_{name}.json", document)
    (item,), _ = read(tmp_path)
    assert item.names["task"] == "mmlu"


GROUPED = {
    "arc": "arc",
    "mmlu": "mmlu",
    "mmlu_stem": " - stem",
    "mmlu_anatomy": "  - anatomy",
    "mmlu_law": " - law",
    "mmlu_pro": "mmlu_pro",
    "qa": "qa",
    "boolq": " - boolq",
}


def _named_groups(folder: Path, tasks: dict[str, str], groups: list[str], *, aliases: bool = True) -> None:
    """Results of 0.4.0: groups by name, without their subtasks."""
    for name, k in COUNTS.items():
        results = {task: share_new(k, 312) | ({"alias": alias} if aliases else {}) for task, alias in tasks.items()}
        document = new_results(f"pythia-{name}", results, groups={group: results[group] for group in groups})
        del document["group_subtasks"]
        if not aliases:
            document["results"] = results
        write(folder / f"results_{name}.json", document)


def test_a_group_that_only_has_a_name_is_not_counted_with_the_rows_indented_below_it(tmp_path: Path) -> None:
    _named_groups(tmp_path, GROUPED, ["mmlu", "mmlu_stem", "mmlu_pro", "qa"])
    items, report = read(tmp_path)
    found = {item.names["task"]: item.document["tags"].get("task_group") for item in items if item.document}
    group = {"mmlu_anatomy": "mmlu", "mmlu_law": "mmlu", "boolq": "qa"}
    assert found == {"arc": None, "mmlu_pro": None, **group}
    assert codes(report)["group"] == 12


def test_a_group_that_only_has_a_name_is_not_counted_with_tasks_named_after_it(tmp_path: Path) -> None:
    tasks = dict.fromkeys(("mmlu_anatomy", "mmlu_law", "mmlu", "mmluish", "arc"), "")
    _named_groups(tmp_path, tasks, ["mmlu"], aliases=False)
    items, report = read(tmp_path)
    assert sorted(item.names["task"] for item in items) == ["arc", "mmlu_anatomy", "mmlu_law", "mmluish"]
    assert codes(report)["group"] == 4


@pytest.mark.parametrize("aliases", [True, False])
def test_a_group_that_only_has_a_name_is_a_task_where_no_subtask_is_there(tmp_path: Path, *, aliases: bool) -> None:
    _named_groups(tmp_path, {"mmlu": "mmlu", "arc_easy": "arc_easy"}, ["mmlu"], aliases=aliases)
    items, report = read(tmp_path)
    assert sorted(item.names["task"] for item in items) == ["arc_easy", "mmlu"]
    assert "group" not in codes(report)


@pytest.mark.parametrize(("as_text", "model"), [(True, "pythia-70m"), (False, "pythia-70m")])
def test_model_arguments_may_be_text_or_an_object(tmp_path: Path, model: str, *, as_text: bool) -> None:
    _old_suite(tmp_path, {name: k for name, k in COUNTS.items() if name != "70m"})
    document = old_results(model, {"winogrande": share(100, 312)})
    if not as_text:
        document["config"]["model_args"] = {"pretrained": f"EleutherAI/{model}", "dtype": "float16"}
    write(tmp_path / "z.json", document)
    (item,), _ = read(tmp_path)
    assert points_of(item)[0]["model"] == model


ADAPTERS = {"peft": "me/lora", "delta": "me/delta"}


@pytest.mark.parametrize("argument", ADAPTERS)
def test_an_adapter_is_not_its_base_model(tmp_path: Path, argument: str) -> None:
    for name, k in COUNTS.items():
        for folder, more in (("base", ""), ("tuned", f",{argument}={ADAPTERS[argument]}-{name}")):
            document = new_results(f"pythia-{name}", {"piqa": share_new(k, 312)})
            document["config"]["model_args"] += more
            write(tmp_path / folder / f"results_{name}.json", document)
    items, _ = read(tmp_path)
    assert {item.names["model_family"] for item in items} == {"pythia", ADAPTERS[argument].removeprefix("me/")}
    assert [len(points_of(item)) for item in items] == [4, 4]


@pytest.mark.parametrize(
    ("more", "names"),
    [
        (",subfolder=half", ("checkpoint", {None, "half"})),
        (",load_in_4bit=True", ("model_family", {"pythia", "pythia-4bit"})),
        (",load_in_8bit=true", ("model_family", {"pythia", "pythia-8bit"})),
    ],
)
def test_other_weights_of_one_name_stay_apart(tmp_path: Path, more: str, names: tuple[str, set[str | None]]) -> None:
    for name, k in COUNTS.items():
        for folder, own in (("a", ""), ("b", more)):
            document = new_results(f"pythia-{name}", {"piqa": share_new(k, 312)})
            document["config"]["model_args"] += own
            write(tmp_path / folder / f"results_{name}.json", document)
    items, report = read(tmp_path)
    found = [{**(item.document or {})["tags"], **item.names} for item in items]
    assert {one.get(names[0]) for one in found} == names[1]
    assert "different_results" not in codes(report)


def test_weights_in_four_bits_stand_where_the_model_does(tmp_path: Path) -> None:
    for name, k in zip(("gpt2", "gpt2-medium", "gpt2-xl"), COUNTS.values(), strict=False):
        document = new_results("x", {"piqa": share_new(k, 312)})
        document["config"]["model_args"] = {"pretrained": name, "load_in_4bit": True, "peft": None, "subfolder": "None"}
        write(tmp_path / f"results_{name}.json", document)
    (item,), _ = read(tmp_path)
    assert item.names["model_family"] == "gpt2-4bit"
    assert [point["model"] for point in points_of(item)] == ["gpt2-4bit", "gpt2-medium-4bit", "gpt2-xl-4bit"]
    assert "checkpoint" not in (item.document or {})["tags"]


def test_a_system_instruction_is_a_prompting_of_its_own(tmp_path: Path) -> None:
    for name, k in COUNTS.items():
        for instruction in (None, "Be brief.", "Be wrong."):
            document = new_results(f"pythia-{name}", {"piqa": share_new(k, 312)}, system_instruction=instruction)
            write(tmp_path / str(instruction) / f"results_{name}.json", document)
    items, _ = read(tmp_path)
    prompting = sorted(str(item.names["prompting"]) for item in items)
    assert prompting[0] == "5-shot"
    assert all(one.startswith("5-shot, system instruction ") for one in prompting[1:])
    assert len(set(prompting)) == 3


def test_a_version_is_the_same_as_a_whole_number_with_a_point(tmp_path: Path) -> None:
    for index, (name, k) in enumerate(COUNTS.items()):
        document = new_results(f"pythia-{name}", {"piqa": share_new(k, 312)})
        document["versions"] = {"piqa": (1, 1.0)[index % 2]}
        write(tmp_path / f"results_{name}.json", document)
    (item,), _ = read(tmp_path)
    assert len(points_of(item)) == 4
    assert version_of(20240101123456001) == "20240101123456001"


def test_a_checkpoint_has_not_seen_the_tokens_of_its_model(tmp_path: Path) -> None:
    _at(tmp_path / "start", dict.fromkeys(COUNTS, "step0"), family="pythia")
    _at(tmp_path / "early", dict.fromkeys(COUNTS, "step1000"), family="pythia")
    items, report = read(tmp_path, scale="training_flops")
    assert {(item.document or {})["tags"]["checkpoint"] for item in items} == {"step1000"}
    assert points_of(items[0])[0]["scale"] == pytest.approx(6 * 70426624 * 1000 * 2097152)
    assert codes(report)["no_scale"] == 4
    assert "pythia-70m at step0" in note(report, "no_scale")
    assert {item.document["tags"]["checkpoint"] for item in read(tmp_path)[0] if item.document} == {"step0", "step1000"}


@pytest.mark.parametrize(
    ("models", "family"),
    [
        (("01-ai/Yi-6B", "01-ai/Yi-9B", "01-ai/Yi-34B"), "yi"),
        (("meta-llama/Meta-Llama-3.1-8B", "meta-llama/Llama-3.1-70B", "meta-llama/Llama-3.1-405B"), "llama-3.1"),
    ],
)
def test_models_of_a_family_of_the_table_that_it_lacks_are_of_that_family(
    tmp_path: Path, models: tuple[str, ...], family: str
) -> None:
    for index, model in enumerate(models):
        document = new_results("x", {"piqa": share_new(100 + 20 * index, 312)})
        document["config"]["model_args"] = f"pretrained={model}"
        write(tmp_path / f"results_{index}.json", document)
    (item,), _ = read(tmp_path)
    assert item.names["model_family"] == family
    assert len(points_of(item)) == 3


def _at(folder: Path, revisions: dict[str, str], counts: dict[str, int] = COUNTS, family: str = "newmodel") -> None:
    for name, revision in revisions.items():
        document = new_results(f"{family}-{name}", {"piqa": share_new(counts[name], 312)})
        document["config"]["model_args"] += f",revision={revision}"
        write(folder / f"results_{name}.json", document)


HASH = "060db6499f32faf8b98477b0a26969ef7d8b998"


@pytest.mark.parametrize("commits", [[HASH + "1", HASH[1:] + "22", HASH[:7], "1" * 40], ["A1B2C3D"] * 4])
def test_models_pinned_to_commits_make_one_curve(tmp_path: Path, commits: list[str]) -> None:
    _at(tmp_path, dict(zip(SIZES, commits, strict=True)))
    (item,), report = read(tmp_path)
    assert len(points_of(item)) == 4
    assert item.document is not None
    assert "checkpoint" not in item.document["tags"]
    assert f"EleutherAI/newmodel-1.4b: {commits[2]}" in note(report, "commit")


@pytest.mark.parametrize("revision", ["step1000", "1000000", "defaced", "abc123", "v1.0", HASH + "12"])
def test_other_revisions_are_checkpoints(tmp_path: Path, revision: str) -> None:
    _at(tmp_path, {"70m": "main", "410m": "main", "1.4b": revision, "6.9b": revision})
    items, report = read(tmp_path)
    assert [len(points_of(item)) for item in items] == [2, 2]
    assert {item.document["tags"].get("checkpoint") for item in items if item.document} == {None, revision}
    assert "commit" not in codes(report)


def test_several_commits_of_one_model_stay_apart(tmp_path: Path) -> None:
    commits = dict(zip(SIZES, (HASH + "1", HASH + "2", HASH + "3", HASH + "4"), strict=True))
    _at(tmp_path, commits)
    _at(tmp_path / "later", {"410m": HASH + "5"}, {"410m": 200})
    items, report = read(tmp_path)
    assert [[point["model"] for point in points_of(item)] for item in items] == [
        ["newmodel-70m", "newmodel-1.4b", "newmodel-6.9b"]
    ]
    assert codes(report)["several_commits"] == codes(report)["one_scale"] == 2
    assert HASH + "5: newmodel-410m" in note(report, "several_commits")


@pytest.mark.parametrize(
    ("again", "together"), [((HASH[:9], HASH[:12].upper()), True), ((HASH[:9], HASH + "2"), False)], ids=["one", "two"]
)
def test_a_commit_cut_short_is_the_commit_that_begins_so(
    tmp_path: Path, again: tuple[str, str], *, together: bool
) -> None:
    _at(tmp_path, dict.fromkeys(SIZES, HASH + "1"))
    for number, commit in enumerate(again):
        _at(tmp_path / f"again{number}", {"410m": commit}, {"410m": 200 + number})
    (item,), report = read(tmp_path)
    assert len(points_of(item)) == (6 if together else 3)
    assert codes(report).get("several_commits", 0) == (0 if together else 3)


def test_a_model_with_and_without_a_commit_is_one_model(tmp_path: Path) -> None:
    _at(tmp_path, dict.fromkeys(SIZES, "main"))
    _at(tmp_path / "again", {"70m": HASH + "1", "410m": HASH + "2"}, {"70m": COUNTS["70m"], "410m": 200})
    (item,), report = read(tmp_path)
    assert len(points_of(item)) == 5
    assert codes(report)["same_twice"] == codes(report)["different_results"] == 1


def test_logged_examples_become_outcomes_in_one_order_for_all_models(tmp_path: Path) -> None:
    _with_samples(tmp_path)
    (item,), _ = read(tmp_path)
    points = points_of(item)
    assert all(point["n_examples"] == 20 and sum(point["outcomes"]) == round(20 * point["score"]) for point in points)
    assert points[0]["outcomes"] == [int(_correct(0, int(name))) for name in sorted(map(str, range(20)))]
    assert load_item(item).curve.points[0].outcomes is not None


def test_curves_carry_a_digest_of_their_examples(tmp_path: Path) -> None:
    digests = []
    for folder, other in (("a", "h"), ("b", "h"), ("c", "other")):
        _with_samples(tmp_path / folder)
        for path in (tmp_path / folder).rglob("samples_*"):
            path.write_text(path.read_text().replace('"doc_hash": "h', f'"doc_hash": "{other}'))
        (item,), _ = read(tmp_path / folder)
        digests.append(load_item(item).curve.tags[ITEMS_TAG])
    assert digests[0] == digests[1] != digests[2]


def test_outcomes_of_other_examples_are_not_paired(tmp_path: Path) -> None:
    _with_samples(tmp_path)
    path = next((tmp_path / "70m").glob("samples_*"))
    path.write_text(path.read_text().replace('"doc_hash": "h3"', '"doc_hash": "other"'))
    (item,), report = read(tmp_path)
    assert all("outcomes" not in point for point in points_of(item))
    assert codes(report)["unpaired"] == 1


def test_outcomes_whose_mean_is_not_the_score_are_not_used(tmp_path: Path) -> None:
    _with_samples(tmp_path)
    path = next((tmp_path / "70m").glob("samples_*"))
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    (item,), report = read(tmp_path)
    assert all("outcomes" not in point for point in points_of(item))
    assert codes(report)["outcomes"] == 1


def test_logged_examples_without_their_results_are_named(tmp_path: Path) -> None:
    _with_samples(tmp_path)
    next((tmp_path / "70m").glob("results_*")).unlink()
    _, report = read(tmp_path)
    assert "70m/samples_piqa_70m.jsonl" in note(report, "samples")


def _correct(model: int, example: int) -> bool:
    return (example * 7 + model) % 4 < 2 + model % 2


def _with_samples(folder: Path) -> None:
    for index, name in enumerate(SIZES):
        lines = [
            {"doc_id": i, "doc": {}, "filter": "none", "metrics": ["acc"], "doc_hash": f"h{i}", "acc": float(right)}
            for i in (list(range(20)) if index else list(reversed(range(20))))
            for right in [_correct(index, i)]
        ]
        k = sum(line["acc"] == 1.0 for line in lines)
        write(folder / name / f"results_{name}.json", new_results(f"pythia-{name}", {"piqa": share_new(k, 20)}))
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / name / f"samples_piqa_{name}.jsonl").write_text(text)


@published
def test_published_pythia_results_give_curves_of_eight_sizes_with_exact_n() -> None:
    items, report = read(PUBLISHED / "lm_eval" / "pythia")
    assert report.formats == {"lm-eval": 8}
    assert len(items) == 172
    curves = [load_item(item).curve for item in items]
    assert all(curve.n_scales == 8 for curve in curves)
    for curve in curves:
        for point in curve.points:
            assert point.n_examples is not None
            if curve.metric.kind is MetricKind.PROPORTION:
                k = point.score * point.n_examples
                assert abs(k - round(k)) < 1e-6


def test_tasks_of_other_keys_and_scores_that_are_no_numbers_take_no_place_of_their_neighbours(tmp_path: Path) -> None:
    odd: tuple[object, ...] = (True, "N/A", None, float("nan"), 10**400)
    for place, (name, k) in enumerate(COUNTS.items()):
        acc, f1 = share(k, 312), {"f1": k / 400, "f1_stderr": 0.02}
        tasks = {
            "first": acc,
            "both": {**acc, **f1},
            "second": share(k + 1, 312),
            "odd": {**f1, "acc": odd[place], "acc_stderr": 0.1, " ": 0.5},
            "third": share(k + 2, 312),
            "whole": {"acc": place % 2, "acc_stderr": "N/A", **f1},
        }
        write(tmp_path / f"{name}.json", old_results(f"pythia-{name}", tasks))
    items, report = read(tmp_path)
    scores = {
        (item.names["task"], item.names["metric"]): [point["score"] for point in points_of(item)] for item in items
    }
    expected = [k / 312 for k in COUNTS.values()]
    of_f1 = [k / 400 for k in COUNTS.values()]
    assert scores == {
        ("first", "acc"): expected,
        ("both", "acc"): expected,
        ("both", "f1"): of_f1,
        ("second", "acc"): [(k + 1) / 312 for k in COUNTS.values()],
        ("odd", "f1"): of_f1,
        ("third", "acc"): [(k + 2) / 312 for k in COUNTS.values()],
        ("whole", "f1"): of_f1,
    }
    assert list(scores)[:4] == [("first", "acc"), ("both", "acc"), ("both", "f1"), ("second", "acc")]
    assert "(8): odd, acc in 1.4b.json" in note(report, "no_number")
