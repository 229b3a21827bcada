"""Reports on made-up suites."""

from collections.abc import Iterable
from dataclasses import replace

from models.results import Analysis
from models.suite_summary import SuiteSummary
from service.report.entries import ReportCurve
from service.report.page import report_of
from service.report.provenance import About

ABOUT = About("suite.csv", "2026-01-01 00:00 UTC", ("data/suite.csv",), ("Left out: a file (1): notes.txt",))


def renamed(analysis: Analysis, task: str, family: str = "Example") -> Analysis:
    """The same analysis under another name."""
    return replace(analysis, curve=replace(analysis.curve, task=task, model_family=family))


def page(curves: Iterable[Analysis | ReportCurve], summary: SuiteSummary | None = None) -> str:
    """The whole report as text."""
    return "".join(report_of(curves, ABOUT, summary))
