"""`scaleshape metrics` as its user meets it."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from service.cli import main
from service.contract.metric_examples import METRIC_CURVES
from service.number_format import probability_text
from service.readers.errors import UnreadableFile
from service.readers.model_outputs import read_request
from service.suite_table import WIDTH

LAW = ("--c", "1e9", "--alpha", "-0.5", "--target-length", "5", "--scales", "1e8,1e9,1e10,1e11")
TOKENS, OPTIONS, ERRORS = (METRIC_CURVES[f"outputs: {name}"] for name in ("tokens", "options", "errors"))
FORMATS = Path(__file__).parents[2] / "docs" / "formats.md"


def run(*arguments: object, given: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["metrics", *(str(argument) for argument in arguments)], input=given)


def written(folder: Path, document: Any, name: str = "outputs.json") -> Path:
    path = folder / name
    path.write_bytes(orjson.dumps(document))
    return path


def in_lines(document: dict[str, Any]) -> bytes:
    common = {name: value for name, value in document.items() if name != "outputs"}
    return b"\n".join(map(orjson.dumps, [common, *document["outputs"]])) + b"\n"


def test_a_power_law_is_shown_under_every_metric() -> None:
    done = run(*LAW)
    assert done.exit_code == 0, done.output
    assert "One per-token curve: its rise takes" in done.stdout
    lines = done.stdout.splitlines()
    assert next(line.split() for line in lines if line.startswith("metric ")) == ["metric", "100M", "1B", "10B", "100B"]
    names = [line.split()[0] for line in lines if line[:1].islower()]
    for name in ("exact_match", "token_edit_distance", "multiple_choice_grade", "brier"):
        assert names.count(name) == 2


@pytest.mark.parametrize("document", [TOKENS, OPTIONS, ERRORS], ids=["tokens", "options", "errors"])
def test_outputs_are_shown_under_every_metric(tmp_path: Path, document: dict[str, Any]) -> None:
    done = run(written(tmp_path, document))
    assert done.exit_code == 0, done.output
    assert f"Scores of {document['task']}, " in done.stdout
    assert "emergence: seen, curve" in done.stdout
    assert all(len(line) <= 1.4 * WIDTH for line in done.stdout.splitlines())


def test_a_file_of_lines_and_standard_input_say_the_same_as_one_document(tmp_path: Path) -> None:
    whole = run(written(tmp_path, OPTIONS), "--json").stdout
    lines = tmp_path / "outputs.ndjson"
    lines.write_bytes(in_lines(OPTIONS))
    assert run(lines, "--json").stdout == whole
    assert run("-", "--json", given=in_lines(OPTIONS)).stdout == whole
    assert json.loads(whole)["kind"] == "rescored"


def test_lines_without_common_fields_are_read_too() -> None:
    done = run("-", "--json", given=b"\n".join(map(orjson.dumps, TOKENS["outputs"])))
    assert json.loads(done.stdout)["task"] == "outputs"


def test_options_stand_above_what_the_file_says(tmp_path: Path) -> None:
    path = written(tmp_path, ERRORS)
    done = run(path, "--json", "--thresholds", "0.2", "--smallest-effect", "mean_error=0.1", "--interval", "0.8")
    found = json.loads(done.stdout)
    assert [metric["name"] for metric in found["metrics"]] == ["mean_error", "error_below_0.2"]
    assert found["metrics"][0]["smallest_effect"] == 0.1
    assert found["options"]["interval"] == 0.8


def test_the_curve_behind_an_accuracy_curve_is_shown_with_its_weight(tmp_path: Path) -> None:
    done = run(written(tmp_path, METRIC_CURVES["behind an accuracy curve"]), "--target-length", "6")
    assert done.exit_code == 0, done.output
    assert "weight among all curve models" in done.stdout
    assert "target of 6 tokens" in done.stdout


def test_a_curve_as_analyze_takes_it_is_taken(tmp_path: Path) -> None:
    document = json.loads(json.dumps(METRIC_CURVES["behind an accuracy curve"]))
    bare = document.pop("curve")
    length = str(document.get("target_length") or 6)
    done = run(written(tmp_path, bare), "--target-length", length)
    assert done.exit_code == 0
    assert "weight among all curve models" in done.stdout


def test_a_curve_that_is_no_power_law_is_shown_with_a_warning_and_its_own_scores(tmp_path: Path) -> None:
    document = json.loads(json.dumps(METRIC_CURVES["behind an accuracy curve"]))
    for point, score in zip(document["curve"]["points"], (0.9, 0.5, 0.4, 0.95), strict=True):
        point["score"] = score
    path = written(tmp_path, document)
    assert "what it implies is not what was seen" in run(path).stdout.replace("\n", " ")
    assert "exact_match, observed" in run(path).stdout
    (warning,) = json.loads(run(path, "--json").stdout)["warnings"]
    assert warning["code"] == "power_law_inadequate"


def test_a_metric_that_is_left_out_is_shown_with_its_scores_and_the_reason(tmp_path: Path) -> None:
    sure = [[0.0, -1000.0]] * 4
    unsure = [[[-0.5 - 0.1 * i, -0.9], [-0.6 - 0.1 * i, -0.8]] * 2 for i in range(3)]
    outputs = [
        {"scale": 10.0 ** (8 + i), "option_log_probabilities": row} for i, row in enumerate((*reversed(unsure), sure))
    ]
    document = {"outputs": outputs, "answers": [0] * 4, "normalize": True}
    found = {
        metric["name"]: metric for metric in json.loads(run(written(tmp_path, document), "--json").stdout)["metrics"]
    }
    left_out = found["log_likelihood"]
    assert (left_out["label"], left_out["label_reason"]) == (None, "examples_agree")
    assert [point["scale"] for point in left_out["points"]] == [1e8, 1e9, 1e10, 1e11]
    assert left_out["points"][0]["stderr"] > 0
    last = left_out["points"][-1]
    assert (last["score"], last["stderr"], last["stderr_reason"]) == (0.0, None, "examples_agree")
    assert found["mean_probability"]["label"] is not None
    rows = [line for line in run(written(tmp_path, document)).stdout.splitlines() if line.startswith("log_likelihood")]
    assert "examples agree" in rows[-1]
    assert "all scores are equal" not in rows[-1]


def test_a_metric_by_which_all_scores_are_equal_is_shown_with_that_reason(tmp_path: Path) -> None:
    outputs = [{"scale": 10.0 ** (8 + i), "token_log_probabilities": [[-1.0, -2.0]] * 4} for i in range(3)]
    done = run(written(tmp_path, {"outputs": outputs}))
    assert done.exit_code == 0, done.output
    rows = [line for line in done.stdout.splitlines() if line.startswith(("loss", "log_likelihood"))]
    assert sum("all scores are equal" in row for row in rows) == 2


@pytest.mark.parametrize("form", ["svg", "png"])
def test_one_picture_holds_all_metrics(tmp_path: Path, form: str) -> None:
    first, second = (run(written(tmp_path, TOKENS), "--plots", tmp_path / n, "--plot-format", form) for n in "ab")
    assert first.exit_code == second.exit_code == 0, first.output
    name = f"metrics-3-digit-addition.{form}"
    content = (tmp_path / "a" / name).read_bytes()
    assert content == (tmp_path / "b" / name).read_bytes()
    assert content.startswith(b"<svg" if form == "svg" else b"\x89PNG")
    if form == "svg":
        assert all(metric in content for metric in (b"loss", b"expected exact match"))


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), 2, "give FILE, or --c and --alpha"),
        ((*LAW[:4], "--scales", "1e8,1e9,1e10"), 2, "/target_length: missing"),
        (("--c", "1e9", "--alpha", "0.5", *LAW[4:]), 2, "say -0.5 for a loss that falls"),
        (("--c", "1e9", *LAW[4:]), 2, "/power_law"),
        ((*LAW[:-1], "1e8;1e9"), 2, "is not of the form"),
        ((*LAW, "--target-length", "0"), 2, "0 is not between 1"),
        (("no-such-file.json",), 2, "cannot be opened"),
        ((*LAW, "--interval", "0.5"), 2, "belong to the analysis of a FILE"),
        ((*LAW, "--smallest-effect", "loss=.1"), 2, "belong to the analysis of a FILE"),
        ((*LAW, "--plot-format", "png"), 2, "give a folder for them"),
    ],
)
def test_wrong_usage_is_told(arguments: tuple[str, ...], code: int, told: str) -> None:
    done = run(*arguments)
    assert (done.exit_code, told in done.stderr) == (code, True), done.output


def test_outputs_that_cannot_be_scored_are_told_with_their_places(tmp_path: Path) -> None:
    spoilt = json.loads(json.dumps(TOKENS))
    spoilt["outputs"][2]["token_log_probabilities"][3] = [-1.0]
    done = run(written(tmp_path, spoilt))
    assert done.exit_code == 1
    place = "/outputs/2/token_log_probabilities/3"
    assert done.stderr == f"Error: {place}: length 1, but 3 at output 0: all models have the same target\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"metric,scale\n", "this is not JSON"),
        (b"[1, 2]", "a list is not an object"),
        (b'{"task": "a", "task": "b"}', "given more than once"),
        (b'{"outputs": []}\n{"scale": 1}', "row 1: has outputs already"),
        (b'{"scale": 1}\n{"scale": ', "row 2: this is not JSON"),
        (b'{"task": "\xff"}', "not UTF-8"),
        (b"\x89PNG\r\n", "a PNG picture"),
    ],
)
def test_a_file_that_holds_no_request_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "bad"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=told):
        read_request(path)
    assert run(path).exit_code == 2


def test_each_label_has_its_probability_and_its_warnings(tmp_path: Path) -> None:
    path = written(tmp_path, TOKENS)
    metrics = orjson.loads(run(path, "--json").stdout)["metrics"]
    assert all("prior_dominated" in {warned["code"] for warned in metric["warnings"]} for metric in metrics)
    table = run(path).stdout
    assert f" {probability_text(metrics[0]['probability'])} " in table
    assert "few: four scales or fewer: the priors decide as much as the scores" in table


def test_the_example_of_the_page_on_formats_works(tmp_path: Path) -> None:
    text = FORMATS.read_text().partition("## Outputs of several models")[2]
    shown = text.partition("```json\n")[2].partition("```")[0]
    path = tmp_path / "shown.ndjson"
    path.write_text(shown)
    done = run(path)
    assert done.exit_code == 0, done.output
    assert "exact_match" in done.stdout
