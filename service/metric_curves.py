"""Metric curves: metrics predicted from a per-token curve, or the same outputs scored by every metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.errors import EngineError, InvalidInput, Problem
from service.metric_documents import Prediction, predicted_document, rescored_document
from service.schemas.metric_curves import (
    CurveAsked,
    MetricCurvesAsked,
    OutputsAsked,
    PowerLawAsked,
    TokensAsked,
    load_metric_curves,
)
from service.schemas.options import load_options
from service.settings import Settings
from service.store import analyses as store

if TYPE_CHECKING:
    from models.rescoring import Rescored
    from models.results import Analysis
    from service.database import Database
    from service.inline import Inline

__all__ = ["answered", "load_metric_curves", "metric_curves", "predicted_from", "rescored_from"]

EXACT_LEVEL = 0.95  # of intervals that are not there: one curve has none


def answered(document: Any, settings: Settings, database: Database, inline: Inline) -> dict[str, Any]:
    """The answer to a request; nothing is stored. Raises `InvalidInput`."""
    asked = load_metric_curves(document, settings)
    with inline.place():
        return metric_curves(asked, database)


def metric_curves(asked: MetricCurvesAsked, database: Database | None) -> dict[str, Any]:
    """What was asked for, as a document; without a database there are no ids."""
    if isinstance(asked, OutputsAsked):
        return rescored_document(asked, rescored_from(asked))
    return predicted_document(predicted_from(asked, database))


def rescored_from(asked: OutputsAsked) -> tuple[Rescored, ...]:
    """The outputs under every metric; raises `InvalidInput`, or `EngineError` for what no engine check foresaw."""
    from models.rescoring import rescored  # not before outputs come: the engines take a second to load

    try:
        return rescored(asked.outputs, asked.task, asked.options, asked.effects)
    except (ArithmeticError, ValueError) as error:
        raise EngineError(f"the engine failed on these outputs: {type(error).__name__}: {error}") from error


def predicted_from(asked: PowerLawAsked | TokensAsked | CurveAsked, database: Database | None) -> Prediction:
    """Metrics implied by a per-token curve; raises `InvalidInput`."""
    from models.metric_curves import observed_curves, power_law_curves, predicted_metrics

    if isinstance(asked, CurveAsked):
        return _behind_a_curve(asked, database)
    if isinstance(asked, PowerLawAsked):
        tokens = power_law_curves(asked.c, asked.alpha, asked.scales)
        metrics = predicted_metrics(tokens, asked.question, EXACT_LEVEL)
        return Prediction("power_law", asked.question, metrics)
    tokens = observed_curves(asked.scales, asked.log_probabilities)
    metrics = predicted_metrics(tokens, asked.question, EXACT_LEVEL)
    return Prediction("token_log_probabilities", asked.question, metrics)


def _behind_a_curve(asked: CurveAsked, database: Database | None) -> Prediction:
    from models.metric_curves import Question, predicted_metrics
    from models.token_fit import token_fit

    analysis = _analysis(asked, database)
    tokens, fitted = token_fit(analysis, asked.target_length, asked.scales)
    question = Question(asked.target_length or analysis.curve.metric.target_length or 1, asked.n_options)
    metrics = predicted_metrics(tokens, question, analysis.options.interval)
    return Prediction("analysis" if isinstance(asked.source, str) else "curve", question, metrics, analysis, fitted)


def _analysis(asked: CurveAsked, database: Database | None) -> Analysis:
    from service.schemas.decoding import analysis_of
    from service.use_cases import analyze_curve

    if not isinstance(asked.source, str):
        loaded = asked.source.loaded
        try:
            return analyze_curve(loaded.curve, load_options(loaded.options))
        except (ArithmeticError, ValueError) as error:
            raise EngineError(f"the engine failed on {loaded.curve.task}: {type(error).__name__}: {error}") from error
    if database is None:
        raise InvalidInput([Problem("/id", "ids belong to a server: give the curve itself, or ask the server")])
    import orjson

    with database.reading() as connection:
        documents = list(store.documents_of(connection, (asked.source,)))
    if not documents:
        raise InvalidInput([Problem("/id", f"there is no analysis {asked.source!r}")])
    return analysis_of(orjson.loads(documents[0]))
