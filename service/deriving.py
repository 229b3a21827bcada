"""The process that computes what takes seconds: a task as JSON on standard input, its result on standard output.

Exit code 3: the result is a problem document.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from itertools import batched
from typing import TYPE_CHECKING, Any

import orjson

from models.errors import ScaleshapeError
from models.results import Analysis
from service.derivations import BACKTEST, BATCH, REFUSED, SUMMARY, joined
from service.errors import problem_document
from service.parallel import one_thread_each
from service.processes import die_with

if TYPE_CHECKING:
    from models.curve import ScalingCurve
    from service.database import Database
    from service.report.entries import ReportCurve

NICENESS = 5  # the web process and the workers go first
DOCUMENTS_AT_ONCE = 200  # of one transaction

type Task = Mapping[str, Any]
type Placed = tuple[int, str, Analysis]


def main() -> int:
    """Do one task; the exit code."""
    answer = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no part of the answer
    task = json.loads(sys.stdin.buffer.read())
    die_with(task["parent"])
    os.nice(NICENESS)
    one_thread_each()
    code, result = done(task)
    with os.fdopen(answer, "wb") as file:
        file.write(result)
    return code


def done(task: Task) -> tuple[int, bytes]:
    """Exit code and result of a task."""
    try:
        return 0, KINDS[task["kind"]](task)
    except ScaleshapeError as error:
        return REFUSED, orjson.dumps(problem_document(error))


def _summary(task: Task) -> bytes:
    from models.suite_curve import suite_curve
    from models.suite_summary import summary_of_curves
    from service.schemas.suite_options import load_suite_options
    from service.suite_documents import PlacedCurve, summary_document

    options = load_suite_options(task["options"])
    curves = [PlacedCurve(index, identifier, suite_curve(analysis)) for index, identifier, analysis in analyses(task)]
    summary = summary_of_curves([placed.curve for placed in curves], options)
    return orjson.dumps(summary_document(summary, curves, options))


def _batch(task: Task) -> bytes:
    """Summary, report and the figures of the suite's page in one go: the samplers, most of the work, run once."""
    from models.suite_summary import summary_of_curves
    from service.clock import now
    from service.database import open_database
    from service.pages.suite_figures import suite_figures
    from service.report.collection import collecting
    from service.report.page import report_html
    from service.report.provenance import About
    from service.schemas.suite_options import load_suite_options
    from service.suite_documents import PlacedCurve, summary_document

    options, placed = load_suite_options(task["options"]), []
    with closing(open_database(task["database_url"])) as database, collecting() as collection:
        for identifier, curve in report_curves(database, task["batch_id"]):
            collection.add(curve)
            if curve.suite is not None and identifier is not None:
                placed.append(PlacedCurve(curve.index, identifier, curve.suite))
        summary = summary_of_curves(collection.suite, options)
        about = About(f"Batch {task['batch_id']}", now(), load_report=tuple(task["messages"]))
        report = "".join(report_html(collection, about, summary)).encode()
        figures = suite_figures(collection, summary)
    return joined(orjson.dumps(summary_document(summary, placed, options)), report, figures)


def _backtest(task: Task) -> bytes:
    from service.backtests import backtest_of, told_backtest
    from service.forecasting import Backtesting, prepared
    from service.schemas.records import encoded

    told, hidden_scales = told_backtest(task["options"])
    curves = [prepared(curve, {**options, **told.options}, told) for curve, options in _curves(task)]
    return orjson.dumps(encoded(backtest_of(curves, Backtesting(told, hidden_scales))))


KINDS: Mapping[str, Callable[[Task], bytes]] = {SUMMARY: _summary, BATCH: _batch, BACKTEST: _backtest}


def report_curves(database: Database, batch_id: str) -> Iterator[tuple[str | None, ReportCurve]]:
    """What the report keeps of each curve of a batch, with the id of its analysis."""
    from service.batch_documents import all_results, failure_text
    from service.report.entries import report_curve, report_failure
    from service.schemas.decoding import analysis_of

    for row in all_results(database, batch_id):
        if row.document is not None:
            yield row.analysis_id, report_curve(analysis_of(orjson.loads(row.document)), row.position)
        else:
            yield None, report_failure(row.position, row.names, f"curve {row.position + 1}", failure_text(row))


def analyses(task: Task) -> Iterator[Placed]:
    """Place, id and analysis of each curve of a task: stored ones, or given ones that are analysed now."""
    return _given(task["curves"]) if "curves" in task else _stored(task)


def _stored(task: Task) -> Iterator[Placed]:
    """Of a stored analysis that was deleted since the task was made there is nothing to tell."""
    from service.database import open_database
    from service.schemas.decoding import analysis_of
    from service.store.analyses import documents_of

    places = {identifier: index for index, identifier in zip(task["places"], task["ids"], strict=True)}
    with closing(open_database(task["database_url"])) as database:
        for part in batched(places, DOCUMENTS_AT_ONCE):
            with database.reading() as connection:
                texts = list(documents_of(connection, part))
            for text in texts:
                document = orjson.loads(text)
                yield places[document["id"]], document["id"], analysis_of(document)


def _curves(task: Task) -> Iterator[tuple[ScalingCurve, Mapping[str, Any]]]:
    """The curves of a task with the options that they were sent with, as far as a backtest has a use for them."""
    from service.schemas.curve import load_curve

    if "curves" in task:
        for document in task["curves"]:
            loaded = load_curve(document)
            yield loaded.curve, loaded.options
        return
    for _, _, analysis in _stored(task):
        yield analysis.curve, {"smallest_effect": analysis.options.smallest_effect, "seed": analysis.options.seed}


def _given(curves: list[Mapping[str, Any]]) -> Iterator[Placed]:
    from service.identities import identity
    from service.schemas.curve import load_curve
    from service.schemas.options import load_options
    from service.use_cases import analyze_curve

    for index, document in enumerate(curves):
        loaded = load_curve(document)
        options = load_options(loaded.options)
        yield index, identity(loaded.curve, options), analyze_curve(loaded.curve, options)


if __name__ == "__main__":
    sys.exit(main())
