"""From one item of the input to the text that the command prints for it: what a worker process does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import orjson

from models.errors import MOST_PROBLEMS, EngineError, InvalidInput, InvalidOptions, ScaleshapeError
from models.options import Options
from models.results import Analysis, Diagnostics, Warned
from service.csv_export import analysis_line, failure_line
from service.errors import problem_document
from service.readers.items import CurveItem
from service.readers.loading import in_file, load_item
from service.sampling import Evidence, Suite, sampling_key
from service.schemas.analysis import analysis_document, analysis_identity, options_of
from service.schemas.curve import LoadedCurve
from service.schemas.options import load_options
from service.table_row import TableRow, failed_row, table_row

if TYPE_CHECKING:
    from service.report.entries import ReportCurve
    from service.suite_documents import PlacedCurve

SCALE = "between_model_scale"
Form = Literal["table", "json", "csv", "suite"]


@dataclass(frozen=True, slots=True)
class Entry:
    """An item of one of the files: its number over all files, and the options that its file gives to all curves."""

    index: int
    item: CurveItem
    defaults: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Output:
    """What is made of an analysis; `suite`: its part of a suite's summary.

    Pictures, and the parts of a report, are made beside any form.
    """

    form: Form = "table"
    explain: bool = False
    plots: Path | None = None
    plot_format: Literal["svg", "png"] = "svg"
    report: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What is printed for one curve, and its label for the counts; no label means that it failed.

    `part` is what a report keeps of the curve.
    """

    label: str | None
    content: str | TableRow | PlacedCurve
    part: ReportCurve | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """The key by which a curve is sampled, and whether its options ask for the suite's scale."""

    key: str
    asks: bool


@dataclass(frozen=True, slots=True)
class Answering:
    """Work on an entry: `told` are the options of the command line, which win over all others."""

    told: Mapping[str, Any]
    output: Output
    suite: Suite | None = None

    def answer(self, entry: Entry) -> Answer:
        """The analysis or the failure, written out."""
        began = time.perf_counter()
        try:
            loaded = load_item(entry.item)
            analysis = self._placed_analysis(entry, loaded)
            _draw(analysis, entry.index, self.output)
            written = self._written(entry, analysis, loaded.warnings, time.perf_counter() - began)
            return replace(written, part=self._part(entry, analysis, loaded.warnings))
        except ScaleshapeError as error:
            return self._failure(entry, error)

    def died(self, entry: Entry, exit_code: int | None) -> Answer:
        """The failure of a curve during which the worker process died."""
        message = (
            f"the process that analysed this curve died (exit code {exit_code}); the other curves are not affected"
        )
        return self._failure(entry, EngineError(message))

    def place(self, entry: Entry) -> Place | None:
        """First pass: the curve's place in the sample; None for what cannot be analysed."""
        try:
            loaded = load_item(entry.item)
        except InvalidInput:
            return None
        return Place(sampling_key(loaded.curve), self._scale_asked(entry, loaded) == "suite")

    def evidence(self, entry: Entry) -> Evidence | None:
        """First pass: what a sampled curve says about the between-model scale; None where it cannot be analysed."""
        from service.use_cases import evidence_on_scale

        try:
            loaded = load_item(entry.item)
            return evidence_on_scale(loaded.curve, self._options(entry, loaded))
        except (ScaleshapeError, ArithmeticError, ValueError):  # reported where the curve is analysed
            return None

    def _placed_analysis(self, entry: Entry, loaded: LoadedCurve) -> Analysis:
        """The analysis; problems of the options name the file where the input has several, as others do."""
        try:
            return self._analysis(entry, loaded)
        except InvalidOptions as error:
            raise InvalidOptions(in_file(error.problems, entry.item.file)) from None

    def _analysis(self, entry: Entry, loaded: LoadedCurve) -> Analysis:
        from service.use_cases import analyze_curve  # by the worker alone: the main process runs without the engines

        options = self._options(entry, loaded)
        of_suite = self._scale_asked(entry, loaded) in (None, "suite")
        try:
            return analyze_curve(loaded.curve, options, self.suite if of_suite else None)
        except (ArithmeticError, ValueError) as error:  # numbers that no engine check foresaw; the batch goes on
            raise EngineError(f"the engine failed on this curve: {type(error).__name__}: {error}") from error

    def _options(self, entry: Entry, loaded: LoadedCurve) -> Options:
        return load_options(self.told, {**entry.defaults, **loaded.options})

    def _scale_asked(self, entry: Entry, loaded: LoadedCurve) -> object:
        given = {**entry.defaults, **loaded.options, **self.told}
        return given.get(SCALE)

    def _written(self, entry: Entry, analysis: Analysis, warnings: tuple[Warned, ...], seconds: float) -> Answer:
        label = analysis.classification.label
        if self.output.form == "json":
            return Answer(label, _json_line(_document(analysis, warnings, seconds)))
        if self.output.form == "suite":
            return Answer(label, _placed(analysis, entry.index))
        told = replace(analysis, diagnostics=_with_warnings(analysis, warnings))
        if self.output.form == "csv":
            return Answer(label, analysis_line(entry.index, told))
        return Answer(label, table_row(told, explain=self.output.explain))

    def _part(self, entry: Entry, analysis: Analysis, warnings: tuple[Warned, ...]) -> ReportCurve | None:
        if not self.output.report:
            return None
        from service.report.entries import report_curve

        return report_curve(replace(analysis, diagnostics=_with_warnings(analysis, warnings)), entry.index)

    def _failure(self, entry: Entry, error: ScaleshapeError) -> Answer:
        names = entry.item.names
        part = _failed_part(entry, error) if self.output.report else None
        if self.output.form == "json":
            return Answer(None, _json_line(_failure_document(entry, error)), part)
        if self.output.form == "csv":
            return Answer(None, failure_line(entry.index, names, str(error)), part)
        return Answer(None, failed_row(names, entry.item.label, _first_problem(error)), part)


def _first_problem(error: ScaleshapeError) -> str:
    """An error on one line of a table, however many problems it has."""
    if not isinstance(error, InvalidInput) or len(error.problems) < 2:
        return str(error)
    if len(error.problems) > MOST_PROBLEMS:
        return f"{error.problems[0]}; and many more (analyze --json shows {MOST_PROBLEMS})"
    return f"{error.problems[0]}; and {len(error.problems) - 1:,} more (analyze --json shows all)"


def _document(analysis: Analysis, warnings: tuple[Warned, ...], seconds: float) -> dict[str, Any]:
    """The contract's form, with the identity that the same curve, options and engine always have."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    document = analysis_document(
        analysis, identifier="", created_at=now, elapsed_s=round(seconds, 6), warnings=warnings
    )
    version = analysis.provenance.engine_version
    return {**document, "id": analysis_identity(analysis.curve, document["options"], version)}


def _placed(analysis: Analysis, index: int) -> PlacedCurve:
    from models.suite_curve import suite_curve
    from service.suite_documents import PlacedCurve

    identifier = analysis_identity(analysis.curve, options_of(analysis), analysis.provenance.engine_version)
    return PlacedCurve(index, identifier, suite_curve(analysis))


def _failed_part(entry: Entry, error: ScaleshapeError) -> ReportCurve:
    from service.report.entries import report_failure

    return report_failure(entry.index, entry.item.names, entry.item.label, str(error))


def _failure_document(entry: Entry, error: ScaleshapeError) -> dict[str, Any]:
    """The contract's line of a failed curve; `rows` are the first and the last row or line, empty where unknown."""
    rows = entry.item.rows
    return {
        "status": "failed",
        "index": entry.index,
        "rows": [min(rows), max(rows)] if rows else [],
        "curve": dict(entry.item.names),
        "error": problem_document(error),
    }


def _json_line(document: Mapping[str, Any]) -> str:
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE).decode()


def _with_warnings(analysis: Analysis, warnings: tuple[Warned, ...]) -> Diagnostics:
    diagnostics = analysis.diagnostics
    return replace(diagnostics, warnings=(*warnings, *diagnostics.warnings))


def _draw(analysis: Analysis, index: int, output: Output) -> None:
    if output.plots is None:
        return
    from service.plots import plot_name, save_plot

    path = output.plots / plot_name(analysis, index, output.plot_format)
    try:
        save_plot(analysis, path)
    except OSError as error:
        raise ScaleshapeError(f"the picture {path} cannot be written: {error.strerror}") from error
