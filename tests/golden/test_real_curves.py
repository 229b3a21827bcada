"""Real curves whose answer is known, or must not be confident."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest

from models.analysis import analyze
from models.curve import ScalePoint, ScalingCurve
from models.metrics import registered
from models.options import Options, Shape
from models.results import Analysis

ROOT = Path(__file__).resolve().parents[2]
GPT3 = ROOT / "data" / "gpt3_table_h1.csv"
PALM = ROOT / "data" / "palm_quote_repetition.csv"
PYTHIA = ROOT.parent / "shared" / "data" / "pythia_inverse_scaling.csv"
needs_pythia = pytest.mark.skipif(not PYTHIA.exists(), reason="the Pythia curves are not part of the project")


@lru_cache(maxsize=256)
def _analysis(path: Path, task: str, prompting: str, metric: str) -> Analysis:
    with path.open(newline="") as file:
        same = [row for row in csv.DictReader(file) if (row["task"], row["metric"]) == (task, metric)]
    rows = [row for row in same if row["prompting"].startswith(prompting)]
    points = [ScalePoint(float(r["parameters"]), float(r["score"]), int(r["n_examples"])) for r in rows]
    kind = registered(metric)
    assert kind is not None
    return analyze(ScalingCurve(task, kind, tuple(points)), Options())


def _gpt3(task: str, prompting: str, metric: str = "exact_match") -> Analysis:
    return _analysis(GPT3, task, prompting, metric)


@pytest.mark.parametrize("task", ["2D+", "2D-", "3D+", "3D-", "4D+", "4D-"])
def test_few_shot_arithmetic_up_to_four_digits_rises(task: str) -> None:
    assert _gpt3(task, "few-shot").classification.label == "positive"


def test_few_shot_addition_of_three_digits_is_sharp() -> None:
    width = _gpt3("3D+", "few-shot").emergence.sharpness.width_decades
    assert width.upper is not None
    assert width.upper < 2
    assert (width.lower, width.reason) == (None, "rise_inside_one_gap")


@pytest.mark.parametrize("task", ["ANLI R1", "ANLI R2", "ANLI R3"])
def test_anli_one_shot_is_flat_or_undetermined(task: str) -> None:
    assert _gpt3(task, "1-shot", "accuracy").classification.label in {"flat", "undetermined"}


def test_a_task_with_every_score_zero_is_flat_and_says_why_that_means_little() -> None:
    analysis = _gpt3("WiC", "0-shot", "accuracy")
    assert analysis.classification.label == "flat"
    assert "scores_at_bound" in {warning.code for warning in analysis.diagnostics.warnings}


def test_a_rise_of_six_in_a_thousand_on_the_last_model_is_no_confident_rise() -> None:
    label = _gpt3("5D+", "0-shot").classification
    assert label.probabilities[Shape.POSITIVE] < 0.8
    assert label.label != "positive"


def test_three_palm_models_do_not_settle_quote_repetition() -> None:
    analysis = _analysis(PALM, "Quote Repetition", "", "accuracy")
    label, turn = analysis.classification, analysis.u_turn
    assert label.label == "undetermined"
    assert label.most_probable is Shape.U_SHAPED
    assert label.probabilities[Shape.U_SHAPED] >= 0.3
    assert not label.robust
    assert turn.scale.lower is not None
    assert turn.scale.upper is not None
    assert turn.scale.upper / turn.scale.lower > 5


def _is(label: str) -> Callable[[Analysis], bool]:
    return lambda analysis: analysis.classification.label == label


def _no_confident_u(analysis: Analysis) -> bool:
    return analysis.classification.label != "u_shaped" and analysis.classification.erratic


@needs_pythia
@pytest.mark.parametrize(
    ("task", "metric", "holds"),
    [
        ("isp_memo_trap", "acc", _is("inverse")),
        ("isp_resisting_correction", "acc", _is("inverted_u")),
        ("isp_neqa", "acc", _is("flat")),
        ("isp_into_the_unknown", "acc", _is("flat")),
        ("isp_modus_tollens", "acc", _no_confident_u),
    ],
)
def test_pythia_on_the_prize_tasks(task: str, metric: str, holds: Callable[[Analysis], bool]) -> None:
    assert holds(_analysis(PYTHIA, task, "", metric))
