"""`scaleshape forecast` and `scaleshape backtest`, as a user calls them."""

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from service.cli import main
from service.number_format import scale_of

SIZES = (1e8, 1e9, 1e10, 1e11, 1e12)
SUITE = {
    "up": (0.1, 0.22, 0.41, 0.63, 0.8),
    "down": (0.55, 0.5, 0.42, 0.36, 0.29),
    "flat": (0.25, 0.26, 0.24, 0.25, 0.26),
    "late": (0.02, 0.03, 0.05, 0.2, 0.5),
    "valley": (0.5, 0.4, 0.3, 0.45, 0.6),
    "short": (0.1, 0.2),
}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [
        f"{task},accuracy,{size:g},{score},500"
        for task, scores in SUITE.items()
        for size, score in zip(SIZES, scores, strict=False)
    ]
    path = tmp_path / "suite.csv"
    path.write_text("\n".join(["task,metric,parameters,score,n_examples", *rows]) + "\n")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_a_forecast_is_one_row_with_what_it_takes_as_known(table: Path) -> None:
    done = run("forecast", table, "--task", "up", "--at", "5T", "--turn-hazard", "0.1", "--workers", 1)
    assert done.exit_code == 0, done.output
    row = next(line for line in done.stdout.splitlines() if line.startswith("up"))
    assert "1T: 0.8" in row
    assert "5T" in row
    assert "turns per decade of scale" in done.stdout
    assert "what you say" in done.stdout


def test_without_a_scale_the_next_step_is_forecast_for_every_curve_that_can_be(table: Path) -> None:
    done = run("forecast", table, "--json", "--workers", 1)
    assert done.exit_code == 1
    lines = [orjson.loads(line) for line in done.stdout.splitlines()]
    assert [line["forecasts"][0]["scale"] for line in lines[:5]] == pytest.approx([1e13] * 5)
    assert (lines[5]["status"], lines[5]["index"]) == ("failed", 5)
    assert "a forecast needs 3" in lines[5]["error"]["detail"]
    assert "short" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--at", "soon"), "'soon' is no scale: write 5e11 or 500B"),
        (("--at", "-5"), "is not greater than 0"),
        (("--at", "5T", "--turn-hazard", "-1"), "turns per decade"),
        (("--at", "5T", "--n-examples", "0"), "--n-examples: 0 is less than 1"),
        (("--at", "5T", "--at", "5e12"), "--at: a scale is given more than once"),
    ],
)
def test_wrong_usage_of_a_forecast_is_told(table: Path, arguments: tuple[str, ...], words: str) -> None:
    done = run("forecast", table, *arguments)
    assert (done.exit_code, words in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("command", ["forecast", "backtest"])
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_that_no_curve_is_chosen_is_told(table: Path, command: str, form: tuple[str, ...]) -> None:
    done = run(command, table, "--task", "nosuch", *form)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "Error: no curve is chosen: look at the names that analyze shows" in done.stderr


def test_a_scale_beyond_the_horizon_is_refused_with_the_farthest_one(table: Path) -> None:
    done = run("forecast", table, "--task", "up", "--at", "1e15", "--workers", 1)
    assert done.exit_code == 1
    assert "can be forecast up to 1.50 decades (3.16e+13)" in done.stderr


def test_a_backtest_sets_the_methods_side_by_side_and_names_what_it_left_out(table: Path) -> None:
    done = run("backtest", table, "--workers", 1)
    assert done.exit_code == 0, done.output
    for words in ("scaleshape", "last value", "line on the logit", "logistic", "broken scaling law"):
        assert any(line.startswith(words) for line in done.stdout.splitlines())
    assert "5 hidden scores of 5 curves, 5 tasks" in done.stdout
    assert "short, accuracy: too few scales" in done.stdout


def test_a_backtest_as_json_holds_every_forecast_and_is_the_same_each_time(table: Path) -> None:
    first, second = (run("backtest", table, "--json", "--workers", 1) for _ in range(2))
    assert first.stdout == second.stdout
    found = orjson.loads(first.stdout)
    assert len(found["forecasts"]) == 5
    assert found["methods"][0]["crps"]["estimate"] == pytest.approx(
        sum(each["errors"][0]["crps"] for each in found["forecasts"]) / 5
    )


def test_a_suite_that_is_too_small_to_backtest_is_refused(table: Path) -> None:
    done = run("backtest", table, "--task", "up", "--workers", 1)
    assert done.exit_code == 1
    assert "1 of 1 curves can be backtested" in done.stderr
    assert run("backtest", table, "--hide", 9).exit_code == 2


def test_scales_are_read_as_people_write_them() -> None:
    assert [scale_of(text) for text in ("5e11", "500B", "1.3b", "70M", "2T")] == [5e11, 5e11, 1.3e9, 7e7, 2e12]
