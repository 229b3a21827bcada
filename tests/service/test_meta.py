"""The commands that speak of many curves."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
from click.testing import CliRunner, Result

from benchmarks.suites import suite_curve_of
from models.curve import ScaleKind
from models.random_effects import Effect
from models.suite_curve import SuiteCurve
from models.suite_summary import SuiteOptions, summary_of_curves
from models.turn_posterior import CELLS, TurnPosterior
from service.cli import main
from service.contract import examples
from service.suite_table import summary_sections

RISING, FALLING, TURNED = (0.1, 0.3, 0.6, 0.9), (0.9, 0.6, 0.3, 0.1), (0.9, 0.2, 0.25, 0.95)
SUITE = {
    "up": RISING,
    "more": (0.2, 0.4, 0.6, 0.8),
    "down": FALLING,
    "valley": TURNED,
    "dale": (0.8, 0.1, 0.2, 0.9),
    "vale": TURNED,
}

type TableOf = Callable[..., Path]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def lines_of(path: Path, documents: list[dict[str, object]]) -> Path:
    path.write_bytes(b"\n".join(map(orjson.dumps, documents)))
    return path


def test_a_suite_is_summed_up_in_words_and_figures(table_of: TableOf) -> None:
    done = run("meta", table_of(**SUITE), "--by", "none", "--workers", 1)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Of 6 curves, ")
    for heading in (
        "Shapes among 6 curves",
        "Labels; the kept are expected to hold at most 5 % false",
        "Turns pooled",
        "Changes pooled",
    ):
        assert heading in done.stdout
    row = next(line for line in done.stdout.splitlines() if line.startswith("U, within the range"))
    assert float(row.split()[4]) == pytest.approx(3, abs=0.3)


def compared(unit: str) -> list[SuiteCurve]:
    """Eight tasks that change by 1 and, with the other prompting, by 1.5 units."""
    found = []
    for i in range(8):
        curve = suite_curve_of(np.eye(5)[0], f"task {i}", "loss")
        effects = {"net_change": Effect(curve.name, 1 + 0.5 * (i % 2), 0.01)}
        groups = {**curve.groups, "prompting": "ab"[i % 2]}
        found.append(replace(curve, effect_unit=unit, effects=effects, groups=groups))
    return found


def written(curves: list[SuiteCurve]) -> str:
    sections = list(summary_sections(summary_of_curves(curves, SuiteOptions(group_by=()))))
    return "\n".join(line for section in sections for line in (section.heading, *section.lines()))


@pytest.mark.parametrize(("unit", "difference"), [("loss", "0.5 ("), ("fraction_of_range", "50 (")])
def test_differences_between_values_are_written_in_the_unit_of_the_net_change(unit: str, difference: str) -> None:
    lines = written(compared(unit)).splitlines()
    row = lines.index("Net change by prompting") + 2
    assert lines[row].split("  ", 1)[1].strip().startswith(difference)


def test_curves_in_another_unit_or_without_a_value_are_told() -> None:
    curves = compared("loss")
    other = replace(curves[0], outputs=("other",), effect_unit="bits")
    bare = replace(curves[1], outputs=("bare",), groups={**curves[1].groups, "prompting": None})
    text = written([*curves, other, bare])
    assert "net change: 1 curve in another unit left out" in text
    assert "prompting: 2 curves without a value, with a rare one or in another unit left out" in text
    assert "left out" not in written(curves)


def test_turns_on_another_kind_of_scale_are_told() -> None:
    turned = suite_curve_of(np.eye(5)[2], "valley", "accuracy")
    turn = TurnPosterior(np.linspace(9, 10, CELLS + 1), np.full(CELLS, 0.25))
    curves = [replace(turned, outputs=(str(i),), u_turn=turn) for i in range(3)]
    text = written([*curves, replace(curves[0], outputs=("other",), scale_kind=ScaleKind.TRAINING_TOKENS)])
    assert "U, within the range: 1 curve on another kind of scale left out" in text


def test_the_summary_as_json_is_that_of_the_server(table_of: TableOf) -> None:
    done = run("meta", table_of(**SUITE), "--by", "none", "--json", "--fdr-level", "0.2", "--interval", "0.9")
    found = orjson.loads(done.stdout)
    assert found["options"] == {
        "interval": 0.9,
        "fdr_level": 0.2,
        "group_by": [],
        "group_engine": "slices",
        "method": "reml",
        "knapp_hartung": True,
    }
    labels = found["error_control"]["labels"]
    assert [label["label"] for label in labels] == [
        "positive",
        "positive",
        "inverse",
        "u_shaped",
        "undetermined",  # a U with .81, less than two Monte Carlo standard errors above the threshold
        "u_shaped",
    ]
    lines = run("analyze", table_of(**SUITE), "--json", "--interval", "0.9").stdout.splitlines()
    analyses = [orjson.loads(line) for line in lines]
    assert [label["id"] for label in labels] == [one["id"] for one in analyses]
    assert [label["label"] for label in labels] == [one["classification"]["label"] for one in analyses]


def test_a_curve_that_fails_is_named_and_the_others_are_summed_up(table_of: TableOf) -> None:
    done = run("meta", table_of(**SUITE, short=(0.5,)), "--by", "none")
    assert done.exit_code == 1
    assert "Error: short: " in done.stderr
    assert "Shapes among 6 curves" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--fdr-level", "2"), 2, "fdr_level"),
        (("--by", "size"), 2, "size"),
        ((), 1, "Error: 1 curve is analysed: a suite has at least 2"),
    ],
)
def test_wrong_usage_and_too_few_curves_are_told(
    table_of: TableOf, arguments: tuple[str, ...], code: int, told: str
) -> None:
    done = run("meta", table_of(up=RISING), *arguments)
    assert (done.exit_code, told in done.stderr) == (code, True), done.stderr


@pytest.mark.parametrize("command", ["meta", "compare"])
def test_a_file_without_curves_is_exit_code_2(tmp_path: Path, command: str) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    done = run(command, empty)
    assert done.exit_code == 2
    assert "Error: " in done.stderr


def test_chosen_curves_are_compared_and_the_others_left_alone(table_of: TableOf) -> None:
    done = run("compare", table_of(**SUITE), "--task", "up", "--task", "down")
    assert done.exit_code == 0, done.output
    assert "2 against 1: another task" in done.stdout
    assert "valley" not in done.stdout
    assert "curves cross with probability" in done.stdout


def test_curves_that_differ_in_one_thing_are_compared_set_by_set(tmp_path: Path) -> None:
    pairs = examples.COMPARISONS["promptings, item by item"]["curves"]
    other = [{**curve, "task": "another task"} for curve in pairs]
    path = lines_of(tmp_path / "curves.ndjson", [*pairs, *other])
    done = run("compare", path, "--by", "prompting", "--json")
    found = [orjson.loads(line) for line in done.stdout.splitlines()]
    assert [[curve["name"] for curve in each["curves"]] for each in found] == [
        [f"{task}, accuracy, {prompting}" for prompting in ("zero-shot", "few-shot")]
        for task in ("negated questions", "another task")
    ]
    assert found[0]["differences"][0]["paired"]["net_change_difference"]["gain"] > 1
    table = run("compare", path, "--by", "prompting").stdout
    assert table.count("on the same 40 items (%)") == 2
    assert "times as precise as unpaired" in table


def test_a_metric_is_chosen_by_its_own_name_and_by_an_alias_only_where_no_curve_has_that_name(tmp_path: Path) -> None:
    (pair, _) = examples.COMPARISONS["promptings, item by item"]["curves"]
    metrics = {"acc": ("a", "b"), "acc_norm": ("a", "b", "c")}
    curves = [{**pair, "task": task, "metric": metric} for metric, tasks in metrics.items() for task in tasks]
    path = lines_of(tmp_path / "curves.ndjson", curves)

    def found(*arguments: str) -> list[str]:
        document = orjson.loads(run("compare", path, "--json", *arguments).stdout)
        return [", ".join(curve["name"].split(", ")[:2]) for curve in document["curves"]]

    assert found("--metric", "acc") == ["a, acc", "b, acc"]
    assert found("--metric", "accuracy") == ["a, acc", "b, acc", "a, acc_norm", "b, acc_norm", "c, acc_norm"]


def test_checkpoints_are_compared_each_on_its_own_and_named(tmp_path: Path) -> None:
    pairs = examples.COMPARISONS["promptings, item by item"]["curves"]
    early = [{**curve, "tags": {"checkpoint": "step1000"}} for curve in pairs]
    path = lines_of(tmp_path / "curves.ndjson", [*pairs, *early])
    found = [orjson.loads(line) for line in run("compare", path, "--by", "prompting", "--json").stdout.splitlines()]
    assert [[curve["name"] for curve in each["curves"]] for each in found] == [
        [f"negated questions, accuracy, {prompting}{end}" for prompting in ("zero-shot", "few-shot")]
        for end in ("", ", checkpoint step1000")
    ]
    table = run("compare", lines_of(path, [pairs[0], early[0]])).stdout
    assert "2 against 1: another checkpoint" in table


def test_curves_that_cannot_be_compared_are_told(table_of: TableOf) -> None:
    one = run("compare", table_of(**SUITE), "--task", "up")
    assert (one.exit_code, one.stderr.count("Error: 1 chosen curve is analysed: a comparison takes 2 to 20")) == (1, 1)
    nothing = run("compare", table_of(**SUITE), "--task", "nosuch")
    assert (nothing.exit_code, nothing.stderr.count("Error: no curve is chosen")) == (1, 1)
    none = run("compare", table_of(**SUITE), "--by", "prompting")
    assert (none.exit_code, "differ in nothing but the prompting" in none.stderr) == (1, True)
