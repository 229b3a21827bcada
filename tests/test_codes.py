"""The page on codes has every code that programs meet."""

import re
from pathlib import Path

from models import classification, options, verdict
from models.emergence_words import DOUBTS
from models.metric_swap import GRADUAL_UNDER_ANOTHER
from service.table_words import LEGEND

PAGE = Path(__file__).parents[1] / "docs" / "codes.md"
MODELS = Path(__file__).parents[1] / "models"


def sections() -> dict[str, set[str]]:
    parts = PAGE.read_text().split("\n## ")[1:]
    return {part.split("\n")[0]: set(re.findall(r"^\| `([a-z_]+)`", part, re.MULTILINE)) for part in parts}


def test_every_warning_of_the_models_has_its_row() -> None:
    given = {code for path in MODELS.rglob("*.py") for code in re.findall(r'Warned\(\s*"([a-z_]+)"', path.read_text())}
    assert given | set(LEGEND) == sections()["Warnings"]


def test_the_short_form_and_the_words_of_a_warning_are_those_of_the_table() -> None:
    text = PAGE.read_text()
    assert [code for code, (short, words) in LEGEND.items() if f"| `{code}` | {short} | {words} |" not in text] == []


def test_every_reason_of_a_label_and_of_a_verdict_has_its_row() -> None:
    reasons = set(re.findall(r'reasons\.append\("([a-z_]+)"\)', Path(classification.__file__).read_text()))
    assert len(reasons) > 1
    vetoes = {classification.ERRATIC, options.ENGINE_UNRELIABLE, classification.WITHIN_MONTE_CARLO_ERROR}
    assert reasons | vetoes == sections()["Reasons of an undecided label"]
    own = {verdict.NOT_POSITIVE, verdict.NOT_SHARP, verdict.RESOLUTION, verdict.METRIC, verdict.GAP}
    own |= {verdict.RESOLUTION_UNTESTED, GRADUAL_UNDER_ANOTHER}
    assert set(DOUBTS) | own == sections()["Reasons of a verdict"]
