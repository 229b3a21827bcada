"""How long the parts take that every analysis or page goes through: reading a curve, writing a document, a picture.

Writes docs/parts.md; `python -m benchmarks.parts`. Processor time, warm, the median of several rounds over all parts.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.markdown import table
from models.analysis import analyze
from models.curve import ScalePoint, ScalingCurve
from models.group_sampling import GroupData, sample_groups
from models.metrics import registered
from models.options import Options
from models.results import Analysis
from service.plots import plot_bytes
from service.report.collection import collecting
from service.report.curve_picture import curve_picture
from service.report.entries import ReportCurve, report_curve
from service.report.page import report_html
from service.report.provenance import About
from service.schemas.analysis import analysis_document
from service.schemas.curve import load_curve
from service.schemas.outcomes import MOST_EXAMPLES

ROUNDS = 5
REPORTED, GROUPED, MODELS = 3000, 10_000, 5
PAGE = Path(__file__).resolve().parents[1] / "docs" / "parts.md"
INTRODUCTION = """# Parts, measured

Made by `python -m benchmarks.parts`: milliseconds of processor time, warm, median and longest of {rounds} rounds, on
{machine} with {cores} cores, load average {load:.1f}.

"""


@dataclass(frozen=True, slots=True)
class Part:
    """What is done, how often a round does it, and the milliseconds that it should take once."""

    name: str
    work: Callable[[], object]
    times: int
    aim: float


def main() -> None:
    """Measure and write."""
    parts = _parts()
    spent: dict[str, list[float]] = {part.name: [] for part in parts}
    for _ in range(1 + ROUNDS):  # the first is the warm-up
        for part in parts:
            began = time.process_time()
            for _ in range(part.times):
                part.work()
            spent[part.name].append(1000 * (time.process_time() - began) / part.times)
    rows = [
        (part.name, f"{part.aim:g}", f"{median(spent[part.name][1:]):.2f}", f"{max(spent[part.name][1:]):.2f}")
        for part in parts
    ]
    introduction = INTRODUCTION.format(
        rounds=ROUNDS, machine=platform.machine(), cores=os.cpu_count(), load=os.getloadavg()[0]
    )
    PAGE.write_text(introduction + table(("part", "aim", "median", "longest"), rows))
    print(PAGE.read_text())


def _parts() -> list[Part]:
    analysis = _analysis()
    outcomes, groups = _outcomes(), _groups()
    entry = report_curve(analysis, 0)
    return [
        Part("a curve of 8 points is read and checked", lambda: load_curve(_document()), 200, 0.7),
        Part("the largest test sets are read, 5 models", lambda: load_curve(outcomes), 1, 2000),
        Part("the document of an analysis is written", lambda: _written(analysis), 100, 0.3),
        Part("a small multiple is drawn", lambda: curve_picture(analysis), 200, 2),
        Part("a picture is drawn, SVG", lambda: plot_bytes(analysis, "svg"), 20, 20),
        Part("a picture is drawn, PNG", lambda: plot_bytes(analysis, "png"), 5, 200),
        Part("a report of 3,000 curves is written", lambda: _reported(entry), 1, 10_000),
        Part("prevalence by group of 10,000 curves", lambda: sample_groups(groups), 1, 15_000),
    ]


def _analysis() -> Analysis:
    metric = registered("accuracy")
    if metric is None:
        raise LookupError("accuracy")
    scores = ((1e8, 0.8), (1e9, 0.2), (1e10, 0.25), (1e11, 0.85))
    points = tuple(ScalePoint(scale, score, n_examples=500) for scale, score in scores)
    return analyze(ScalingCurve("valley", metric, points, model_family="Example"), Options())


def _document() -> dict[str, object]:
    points = [{"scale": 1e8 * 2**i, "n_correct": 10 + 5 * i, "n_examples": 100} for i in range(8)]
    metric = {"name": "exact_match", "target_length": 3}
    return {"task": "sums", "metric": metric, "model_family": "Example", "points": points, "options": {"seed": 1}}


def _outcomes() -> dict[str, object]:
    rows = np.random.default_rng(0).integers(0, 2, (MODELS, MOST_EXAMPLES)).tolist()
    points = [{"scale": 10.0 ** (8 + i), "outcomes": row, "clusters": rows[0]} for i, row in enumerate(rows)]
    return {"task": "t", "metric": "accuracy", "points": points}


def _groups() -> GroupData:
    """Four groups of 2,500 uncertain curves."""
    source = np.random.default_rng(9)
    evidence = np.exp(source.normal(size=(GROUPED, 5)))
    group = np.repeat(np.arange(4), GROUPED // 4)
    return GroupData(evidence / evidence.max(axis=1, keepdims=True), np.ones(GROUPED), group, 4)


def _written(analysis: Analysis) -> object:
    return analysis_document(analysis, identifier="x", created_at="2026-01-01T00:00:00Z", elapsed_s=0.01, warnings=())


def _reported(entry: ReportCurve) -> int:
    with collecting() as collection:
        for index in range(REPORTED):
            collection.add(replace(entry, index=index))
        return sum(map(len, report_html(collection, About("benchmark", ""))))


if __name__ == "__main__":
    main()
