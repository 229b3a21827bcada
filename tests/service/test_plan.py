import errno
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from models.candidates import Action
from models.planned_change import Change
from service.cli import main
from service.commands.plan import ACTIONS, CHANGES

DIPPED = (0.62, 0.55, 0.56, 0.63)
QUICK = ("--workers", "1", "--at", "3e9", "--n-examples", "200", "--action", "new_scale")


def run(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["plan", *words])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_offers_every_action_and_every_change() -> None:
    assert tuple(Action) == ACTIONS
    assert tuple(Change) == CHANGES


def test_the_next_measurement_is_shown_as_a_table_with_a_sentence(table_of: Callable[..., Path]) -> None:
    code, out, err = run(str(table_of(valley=DIPPED)), *QUICK)
    assert (code, err) == (0, "")
    assert out.startswith("valley\n")
    assert "label decided" in out
    assert "3B" in out
    assert "today: undetermined" in out


def test_a_plan_as_json_holds_what_is_shown_and_is_the_same_each_time(table_of: Callable[..., Path]) -> None:
    file = str(table_of(valley=DIPPED))
    code, out, _ = run(file, *QUICK, "--json")
    assert code == 0
    assert run(file, *QUICK, "--json")[1] == out
    found = json.loads(out)
    assert (found["kind"], found["task"], len(found["prospects"])) == ("next", "valley", 1)
    assert found["prospects"][0]["n_examples"] == 200
    assert found["between_model_scale"] == 0.03


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_plan_is_drawn(table_of: Callable[..., Path], tmp_path: Path, suffix: str) -> None:
    picture = tmp_path / f"plan.{suffix}"
    code, _, err = run(str(table_of(valley=DIPPED)), *QUICK, "--plot", str(picture))
    assert (code, err) == (0, "")
    assert picture.read_bytes().startswith(b"<" if suffix == "svg" else b"\x89PNG")


@pytest.mark.parametrize(
    ("folder", "message"), [("nowhere", "No such file or directory"), (".", "draws one plan, not 2")]
)
def test_a_picture_that_cannot_be_drawn_is_told_before_anything_is_planned(
    table_of: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, message: str
) -> None:
    monkeypatch.setattr("service.batch.Batch.answers", lambda *_: pytest.fail("the work has begun"))
    file = str(table_of(valley=DIPPED, hill=DIPPED))
    code, out, err = run(file, *QUICK, "--plot", str(tmp_path / folder / "plan.svg"))
    assert (code, out) == (2, "")
    assert message in err


def test_a_plan_is_shown_though_its_picture_cannot_be_written(
    table_of: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "write_bytes", _full)
    code, out, err = run(str(table_of(valley=DIPPED)), *QUICK, "--plot", str(tmp_path / "plan.svg"))
    assert code == 2
    assert out.startswith("valley\n")
    assert "No space left on device" in err


def _full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_curves_are_chosen_by_their_names(table_of: Callable[..., Path]) -> None:
    file = str(table_of(valley=DIPPED, hill=(0.2, 0.4, 0.6, 0.8)))
    code, out, _ = run(file, *QUICK, "--task", "hill", "--json")
    assert code == 0
    assert [json.loads(line)["task"] for line in out.splitlines()] == ["hill"]
    code, _, err = run(file, *QUICK, "--task", "mountain")
    assert code == 1
    assert "no curve is chosen" in err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--at", "1e9"), 1, "/scales/0: 1e+09 is tested already"),
        (("--at", "1e15"), 1, "more than 1 decade"),
        (("--at", "big"), 2, "'big' is no scale"),
        (("--n-examples", "0"), 2, "/n_examples/0"),
        (("--stderr", "0.1"), 1, "give n_examples instead"),
        (("--change", "dip"), 2, "--change belongs to the plan of a new study"),
    ],
)
def test_a_plan_that_cannot_be_made_is_refused(
    table_of: Callable[..., Path], words: tuple[str, ...], code: int, message: str
) -> None:
    found, _, err = run(str(table_of(valley=DIPPED)), "--workers", "1", *words)
    assert found == code
    assert message in err


STUDY = ("--change", "rise", "--size", "0.6", "--level", "0.2", "--n-models", "4", "--studies", "20")


def test_a_study_is_planned_without_a_file(tmp_path: Path) -> None:
    picture = tmp_path / "study.svg"
    code, out, err = run(*STUDY, "--between-model-scale", "0.01", "--plot", str(picture))
    assert (code, err) == (0, "")
    assert "4 models find a rise of 0.6 from 0.2 with probability 0.8" in out
    assert "simulated studies" in out
    assert picture.read_bytes().startswith(b"<")
    code, out, _ = run(*STUDY, "--between-model-scale", "0.01", "--json")
    found = json.loads(out)
    assert (found["kind"], found["shape"], found["n_models"]) == ("size", "positive", 4)
    assert 10 <= found["n_examples"] < 500


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give a FILE"),
        (("--change", "dip", "--size", "0.6", "--n-models", "5"), "does not fit"),
        (("--change", "dip", "--size", "0.2"), "give either n_models"),
        (("--change", "dip", "--size", "0.2", "--n-models", "5", "--probability", "1"), "not a probability"),
        (("--change", "dip", "--size", "0.01", "--n-models", "5"), "smallest effect"),
        (("--change", "dip", "--size", "0.2", "--n-models", "2"), "where a dip takes 3"),
        (("--change", "dip", "--size", "0.2", "--n-models", "500"), "not between 2 and 40"),
        (("--change", "dip", "--size", "0.2", "--n-models", "5", "--between-model-scale", "suite"), "'suite' needs"),
        (("--change", "dip", "--size", "0.2", "--n-models", "5", "--interval", "0.9"), "unknown field"),
    ],
)
def test_a_study_that_cannot_be_is_wrong_usage(words: tuple[str, ...], message: str) -> None:
    code, _, err = run(*words)
    assert code == 2
    assert message in err


@pytest.mark.parametrize(
    "words",
    [
        ("--task", "valley"),
        ("--metric", "accuracy"),
        ("--family", "Family"),
        ("--prompting", "few-shot"),
        ("--n-examples", "100"),
        ("--stderr", "0.01"),
        ("--action", "new_scale"),
        ("--all",),
        ("--format", "csv"),
        ("--scale", "parameters"),
    ],
)
def test_a_study_refuses_what_belongs_to_files(words: tuple[str, ...]) -> None:
    code, out, err = run(*STUDY, *words)
    assert (code, out) == (2, "")
    assert f"{words[0]} belongs to the plan of what to measure next" in err
