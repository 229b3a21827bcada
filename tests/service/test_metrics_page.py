"""What the page on metrics shows is what the command prints and draws."""

import shlex
from pathlib import Path

from click.testing import CliRunner

from models.metric_swap import GRADUAL_DECADES, GRADUAL_STEP_SHARE
from models.metrics import REGISTRY
from models.rescoring import FINEST_STDERR
from service.cli import main

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "metrics.md").read_text()


def test_the_table_and_the_picture_of_the_page_are_those_of_the_command(tmp_path: Path) -> None:
    shown = PAGE.partition("```text\n")[2].partition("```")[0]
    command, _, printed = shown.removeprefix("$ scaleshape ").partition("\n")
    done = CliRunner().invoke(main, [*shlex.split(command), "--plots", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert done.stdout == printed
    assert (tmp_path / "metrics-power-law.svg").read_text() == (DOCS / "images/metrics/power-law.svg").read_text()


def test_the_page_names_every_metric_and_the_thresholds_as_they_are() -> None:
    others = {"accuracy", "bleu", "rouge_l", "f1"}  # of no outputs that are read here
    assert [name for name in set(REGISTRY) - others if f"`{name}" not in PAGE] == []
    assert (GRADUAL_DECADES, GRADUAL_STEP_SHARE, FINEST_STDERR) == (1, 0.5, 0.0001)
    assert "above 1 decade and less than half of its rise lies in one step" in PAGE
    assert "at least 0.0001 of the" in PAGE
