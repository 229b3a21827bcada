"""What the sentences say of the published curves; numbers are left out, since digits may differ between processors."""

import csv
import re
from functools import lru_cache
from pathlib import Path

import pytest

from models.analysis import analyze
from models.curve import ScalePoint, ScalingCurve
from models.metrics import registered
from models.next_data import next_data
from models.options import Options
from models.results import Analysis

DATA = Path(__file__).resolve().parents[2] / "data"
NUMBER = re.compile(r"[<>]?[-+]?\d+(?:[.,]\d+)*[TBMK]?")


@lru_cache(maxsize=32)
def analysed(name: str, task: str, prompting: str) -> Analysis:
    with (DATA / name).open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["task"] == task and row["prompting"].startswith(prompting)]
    metric = registered(rows[0]["metric"])
    assert metric is not None
    points = tuple(ScalePoint(float(r["parameters"]), float(r["score"]), int(r["n_examples"])) for r in rows)
    return analyze(ScalingCurve(task, metric, points), Options())


def skeleton(text: str) -> str:
    return NUMBER.sub("#", text)


GPT3 = "gpt3_table_h1.csv"
CASES = [
    (
        "palm_quote_repetition.csv", "Quote Repetition", "prize",
        (r"Most probably U-shaped \(#\): # % at #, # % at #, # % at #; the turn would lie between # and # \(# %\)\. "
        r"Three models of # examples each cannot rule out a plain rise \(#\)\."
        r"( Under other reasonable priors the probability of U-shaped is # to #\.)?"),
        r"models between # and # would show whether performance dips.*",
    ),
    (
        GPT3, "HellaSwag", "0-shot",
        (r"Rising \(#\): # % at #, # % at #; performance rises by # points from the smallest to the largest model "
        r"\(# %: # to #\)\. Not emergent: the rise from # to # % takes # decades of scale \(# %: # to #\)\."),
        r"a model beyond # that does clearly worse on as large a test set could make it an inverted U",
    ),
    (
        GPT3, "BoolQ", "0-shot",
        (r"Most probably inverted-U-shaped \(#\): # % at #, # % at #, # % at #; the turn would lie between # and # "
        r"\(# %\)\. Eight models of # examples each(, which scatter by about # points around a smooth curve,)? "
        r"cannot rule out a plain rise \(#\)\..*"),
        r"a model beyond # would show whether performance falls again.*",
    ),
    (
        GPT3, "ANLI R2", "0-shot",
        (r"Flat \(#\): # % at #, (# % at #, )?# % at #; performance changes by # points from the smallest to the "
        r"largest model \(# %: # to #\)\..*"),
        r"models that clearly differ by more than # points could make it rise or fall",
    ),
    (
        GPT3, "WSC", "0-shot",
        r"(Most probably|Undetermined between) flat \(#\).*Eight models of # examples each cannot .*",
        r"more than # examples a model would tell which",
    ),
    (
        GPT3, "WiC", "0-shot",
        (r"Flat \(#\): # % at #, # % at #; .* Every score is the lowest or highest possible: the task may not be "
        r"scorable so\."),
        r"models that clearly differ by more than # points could make it rise or fall",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "task", "prompting", "summary", "settling"), CASES, ids=[case[1] for case in CASES])
def test_a_published_curve_is_summed_up_as_a_reader_would(
    name: str, task: str, prompting: str, summary: str, settling: str
) -> None:
    found = analysed(name, task, prompting)
    assert re.fullmatch(summary, skeleton(found.summary)), found.summary
    assert re.fullmatch(settling, skeleton(next_data(found))), next_data(found)
