import csv
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from models.words import p_text
from service.cli import main
from service.commands.curve_options import OPTION_NAMES

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data"
COMMAND = (sys.executable, "-m", "service.cli", "analyze")
RISING, FALLING, BROKEN = (0.1, 0.3, 0.6, 0.9), (0.9, 0.6, 0.3, 0.1), (0.5, 87, 0.5, 0.5)

Table = Callable[..., Path]


def run(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["analyze", *map(str, arguments)], input=stdin)


def documents(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def without_times(document: dict[str, Any]) -> dict[str, Any]:
    fixed = {name: value for name, value in document.items() if name not in ("id", "created_at")}
    if "provenance" in fixed:
        fixed["provenance"] = {**fixed["provenance"], "elapsed_s": None}
    return fixed


def ends_within(seconds: float, group: int) -> bool:
    """Whether all processes of a group are gone in time."""
    for _ in range(int(10 * seconds)):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_json_gives_one_analysis_a_line_in_input_order(table_of: Table) -> None:
    result = run(table_of(up=RISING, down=FALLING), "--json")
    assert result.exit_code == 0
    lines = documents(result.stdout)
    assert [(d["curve"]["task"], d["classification"]["label"]) for d in lines] == [
        ("up", "positive"),
        ("down", "inverse"),
    ]
    assert all(d["status"] == "succeeded" and len(d["id"]) == 64 for d in lines)


def test_a_failed_curve_is_one_problem_in_its_place(table_of: Table) -> None:
    result = run(table_of(up=RISING, broken=BROKEN, down=FALLING), "--json")
    assert result.exit_code == 1
    failed = documents(result.stdout)[1]
    assert {name: failed[name] for name in ("status", "index", "rows")} == {
        "status": "failed",
        "index": 1,
        "rows": [6, 9],
    }
    assert failed["curve"]["task"] == "broken"
    problem = failed["error"]
    assert (problem["type"], problem["status"]) == ("/problems/invalid-curve", 422)
    assert "87" in problem["detail"]
    assert "row 7" in problem["errors"][0]["pointer"]


def test_the_same_input_twice_gives_the_same_answers(table_of: Table) -> None:
    path = table_of(up=RISING, broken=BROKEN)
    first, second = (documents(run(path, "--json").stdout) for _ in range(2))
    assert [without_times(d) for d in first] == [without_times(d) for d in second]
    assert first[0]["id"] == second[0]["id"]


def test_several_files_are_one_input_and_unreadable_ones_do_not_stop_it(table_of: Table, tmp_path: Path) -> None:
    paths = table_of("a.csv", up=RISING), tmp_path / "missing.csv", table_of("b.csv", broken=BROKEN)
    result = run(*paths, "--json")
    assert result.exit_code == 1
    assert [d["status"] for d in documents(result.stdout)] == ["succeeded", "failed"]
    assert documents(result.stdout)[1]["index"] == 1
    assert "missing.csv" in result.stderr


def test_standard_input_is_read_and_its_format_detected(table_of: Table) -> None:
    result = run("-", "--json", stdin=table_of(up=RISING).read_text())
    assert documents(result.stdout)[0]["classification"]["label"] == "positive"
    points = [{"scale": 10.0**e, "score": s, "n_examples": 200} for e, s in zip((8, 9, 10, 11), FALLING, strict=True)]
    curve = {"task": "down", "metric": "accuracy", "scale_kind": "parameters", "points": points}
    result = run("-", "--json", stdin=json.dumps(curve))
    assert documents(result.stdout)[0]["classification"]["label"] == "inverse"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--interval", "2"),
        ("--class-prior", "positive"),
        ("--class-prior", "positive=1"),
        ("--between-model-scale", "wide"),
        ("--engine", "guess"),
        ("--workers", "0"),
        ("--unknown",),
        ("--json", "--csv"),
        ("--csv", "--explain"),
        ("--json", "--explain"),
        ("--plot-format", "png"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_nothing_on_standard_output(table_of: Table, arguments: tuple[str, ...]) -> None:
    result = run(table_of(up=RISING), *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error" in result.stderr


@pytest.mark.parametrize("content", ["", "task,metric,parameters,score,n_examples\n", "no table at all"])
def test_input_without_a_curve_is_exit_code_2(content: str) -> None:
    result = run("-", stdin=content)
    assert result.exit_code == 2
    assert "Error: -" in result.stderr


def test_options_reach_the_analysis(table_of: Table) -> None:
    prior = "positive=.1,inverse=.1,u_shaped=.1,inverted_u=.1,flat=.6"
    arguments = ["--class-prior", prior, "--interval", ".8", "--seed", "7", "--between-model-scale", ".05"]
    document = documents(run(table_of(up=RISING), "--json", *arguments).stdout)[0]
    options = document["options"]
    assert (options["class_prior"]["flat"], options["interval"], options["seed"]) == (0.6, 0.8, 7)
    assert document["provenance"]["between_model_scale"] == 0.05


def test_csv_gives_one_flat_row_a_curve_with_harmless_cells(table_of: Table) -> None:
    result = run(table_of(**{"=cmd()": RISING, "broken": BROKEN}), "--csv")
    assert result.exit_code == 1
    good, bad = csv.DictReader(io.StringIO(result.stdout))
    assert (good["task"], good["label"], good["status"]) == ("'=cmd()", "positive", "succeeded")
    assert 0.9 < float(good["probability_positive"]) <= 1
    assert (bad["status"], bad["label"], bad["task"]) == ("failed", "", "broken")
    assert "87" in bad["error"]


def test_a_piped_table_is_plain_complete_and_has_failures_in_place(table_of: Table) -> None:
    long_name = "a task with a name that no terminal of usual width could show in one piece " * 3
    result = run(table_of(**{long_name.strip(): RISING, "broken": BROKEN, "down": FALLING}))
    assert "\x1b" not in result.stdout
    assert long_name.strip() in result.stdout
    rows = [line for line in result.stdout.splitlines() if line.startswith(("a task", "broken", "down"))]
    assert ["positive" in rows[0], "failed: " in rows[1], "inverse" in rows[2]] == [True, True, True]
    assert "3 curves: 1 positive, 1 inverse, 1 failed" in result.stdout


def test_a_failed_row_shows_the_first_of_many_problems(table_of: Table) -> None:
    path = table_of(broken=(5, 6, 7, 8))
    assert "broken" in (shown := run(path).stdout)
    assert "row 2, column score: 5.0 lies outside" in shown
    assert "row 3" not in shown
    assert "; and 3 more (analyze --json shows all)" in shown


def test_explain_adds_the_summary_below_each_row_and_what_noise_gives_of_a_rise(table_of: Table) -> None:
    path = table_of(up=RISING)
    found = documents(run(path, "--json").stdout)[0]
    (line,) = (line for line in run(path, "--explain").stdout.splitlines() if line.startswith("    "))
    noise = line.removeprefix(f"    {found['summary']} ")
    flat, smooth = (p_text(found["emergence"]["null"][name]) for name in ("flat_p_value", "smooth_p_value"))
    assert noise.startswith("Emergence score ")
    assert noise.endswith(f"with {flat}, around a gradual one with {smooth}.")


def test_plots_are_one_file_a_good_curve(table_of: Table, tmp_path: Path) -> None:
    result = run(table_of(up=RISING, broken=BROKEN), "--plots", tmp_path / "new" / "plots", "--plot-format", "png")
    assert result.exit_code == 1
    assert [path.name for path in (tmp_path / "new" / "plots").iterdir()] == ["0000-up-accuracy.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="nobody can write into /proc")
@pytest.mark.parametrize(
    ("option", "place"), [("--plots", "/proc"), ("--report", "/proc/curves.html"), ("--export", "/proc/curves.csv")]
)
def test_what_cannot_be_written_is_told_before_anything_is_analysed(table_of: Table, option: str, place: str) -> None:
    result = run(table_of(up=RISING), option, place)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Error: {option} {place}: " in result.stderr


def test_a_suite_of_twenty_curves_has_its_between_model_scale_estimated(table_of: Table) -> None:
    curves = {f"task {i}": (0.1 + i / 100, 0.3, 0.6, 0.9 - i / 100) for i in range(20)}
    path = table_of(**curves)
    told = documents(run(path, "--json").stdout)
    assert {d["provenance"]["between_model_scale_source"] for d in told} == {"suite"}
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    reversed_order = documents(run(path, "--json").stdout)
    assert [without_times(d)["classification"] for d in reversed(reversed_order)] == [d["classification"] for d in told]
    default = documents(run(path, "--json", "--between-model-scale", "default").stdout)
    assert {d["provenance"]["between_model_scale_source"] for d in default} == {"default"}


def test_the_suite_of_a_few_curves_is_refused_curve_by_curve(table_of: Table) -> None:
    result = run(table_of(up=RISING), "--json", "--between-model-scale", "suite")
    assert result.exit_code == 1
    assert "at least 10 curves" in documents(result.stdout)[0]["error"]["detail"]


def test_many_curves_are_answered_in_order_by_several_processes(table_of: Table) -> None:
    scores = {f"task {i}": (RISING, BROKEN, FALLING)[i % 3] for i in range(36)}
    command = [*COMMAND, str(table_of(**scores)), "--json", "--between-model-scale", "default", "--workers", "2"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 1
    assert run.stderr == ""
    lines = documents(run.stdout)
    assert [d["curve"]["task"] for d in lines] == list(scores)
    labels = [d["classification"]["label"] if d["status"] == "succeeded" else d["index"] for d in lines]
    assert labels == [("positive", i, "inverse")[i % 3] for i in range(36)]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Commands that are started hear SIGINT, also where these tests run in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_all_processes_without_a_traceback() -> None:
    command = [
        *COMMAND,
        str(DATA / "gpt3_table_h1.csv"),
        "--json",
        "--between-model-scale",
        "default",
        "--workers",
        "2",
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in told
    assert ends_within(60, process.pid)


def test_a_reader_that_has_seen_enough_ends_the_command_quietly() -> None:
    command = [
        *COMMAND,
        str(DATA / "gpt3_table_h1.csv"),
        "--json",
        "--between-model-scale",
        "default",
        "--workers",
        "2",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=120) == 1
    assert "Traceback" not in told
    assert "Exception" not in told


@pytest.mark.parametrize("arguments", [("analyze", "PALM"), ("analyze", "PALM", "--json"), ("openapi",), ("--help",)])
def test_a_full_disk_is_told_without_a_traceback(arguments: tuple[str, ...]) -> None:
    file = str(DATA / "palm_quote_repetition.csv")
    command = [*COMMAND[:-1], *(file if argument == "PALM" else argument for argument in arguments)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert done.stderr == "Error: the output cannot be written: No space left on device\n"


def test_a_closed_output_is_no_error_where_nothing_is_said() -> None:
    command = shlex.join([*COMMAND[:-1], "--version"])
    done = subprocess.run(["/bin/sh", "-c", f"{command} >&-"], stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    assert "Traceback" not in done.stderr


def test_help_names_every_option_of_an_analysis() -> None:
    result = CliRunner().invoke(main, ["analyze", "--help"])
    assert result.exit_code == 0
    assert all(f"--{name.replace('_', '-')} " in result.stdout for name in OPTION_NAMES)
