"""`scaleshape analyze --report`: the report beside the output, whole or not at all."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from models.options import SUITE_AUTOMATIC
from models.results import Analysis
from models.suite_summary import GROUPINGS
from service.answers import Answer
from service.cli import main
from service.report import writing
from service.report.entries import report_curve

HILL, VALLEY = (0.1, 0.3, 0.6, 0.9), (0.8, 0.2, 0.25, 0.85)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["analyze", *map(str, arguments), "--workers", "1"])


def test_the_report_stands_beside_output_that_stays_as_it_is(table_of: Callable[..., Path], tmp_path: Path) -> None:
    source, report = table_of(hill=HILL, valley=VALLEY), tmp_path / "report.html"
    for form in ((), ("--csv",)):
        plain, reported = run(source, *form), run(source, *form, "--report", report)
        assert reported.exit_code == 0
        assert reported.stdout == plain.stdout
        text = report.read_text("utf-8")
        assert "2 scaling curves of 2 tasks" in text
        assert "curves.csv" in text
        report.unlink()


def test_failures_and_what_reading_had_to_tell_are_in_the_report(tmp_path: Path) -> None:
    source, report = tmp_path / "some.csv", tmp_path / "report.html"
    rows = [f"hill,accuracy,{10**power},{score},200,{power}" for power, score in enumerate(HILL, start=8)]
    text = "\n".join(["task,metric,parameters,score,n_examples,colour", *rows, "short,accuracy,1e8,.5,200,1"])
    source.write_text(f"{text}\n")
    result = run(source, "--report", report)
    assert result.exit_code == 1
    written = report.read_text("utf-8")
    assert "1 could not be analysed" in written
    assert "column colour varies" in written


def test_a_place_that_cannot_be_written_is_told_before_any_work(table_of: Callable[..., Path], tmp_path: Path) -> None:
    result = run(table_of(hill=HILL), "--report", tmp_path / "nowhere" / "report.html")
    assert result.exit_code == 2
    assert "--report" in result.stderr
    assert result.stdout == ""


def test_no_curve_leaves_no_report(tmp_path: Path) -> None:
    source, report = tmp_path / "empty.csv", tmp_path / "report.html"
    source.write_text("task,metric,parameters,score,n_examples\n")
    assert run(source, "--report", report).exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["empty.csv"]


def test_a_report_that_is_broken_off_leaves_the_old_one(rising: Analysis, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")

    def interrupted() -> None:
        with writing.report_file(path) as report:
            assert list(report.watched([Answer("positive", "", report_curve(rising, 0))]))
            assert report.collection.count == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_summary_has_groups_where_they_are_worth_their_time(
    monkeypatch: pytest.MonkeyPatch, rising: Analysis
) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(writing, "summary_of_curves", lambda _, options: asked.append(options.group_by))
    curve = report_curve(rising, 0).suite
    assert curve is not None
    assert writing.suite_summary_of([curve], 0.95) is None
    for count in (2, SUITE_AUTOMATIC):
        writing.suite_summary_of([curve] * count, 0.95)
    assert asked == [(), GROUPINGS]
