"""The operations of the contract: what each takes and gives. The handlers' docstrings describe them."""

from __future__ import annotations

from typing import Any

from service.contract import examples
from service.contract.analyses import SHA256
from service.contract.batches import BATCH_ID as BATCH_ID_SCHEMA
from service.contract.metric_examples import METRIC_CURVES
from service.contract.operations import (
    CSV,
    IDEMPOTENCY_KEY,
    IF_NONE_MATCH,
    JSON,
    NDJSON,
    PREFER,
    answer,
    body,
    operation,
)
from service.contract.records import Schema
from service.readers.opening import FORMATS, SCALES

TEXT: Schema = {"type": "string"}
BINARY: Schema = {"type": "string", "contentMediaType": "application/octet-stream"}
PLAIN = "text/plain"

ANALYSIS_ID: dict[str, Any] = {
    "in": "path",
    "name": "analysis_id",
    "required": True,
    "description": "Identity of the analysis.",
    "schema": SHA256,
}
BATCH_ID: dict[str, Any] = {
    "in": "path",
    "name": "batch_id",
    "required": True,
    "description": "Id of the batch.",
    "schema": BATCH_ID_SCHEMA,
}
_BAD_BODY = (400, 408, 413, 415, 422)
_NOT_MODIFIED = answer("The client has it already", headers=("ETag",))
_PAGE_ERRORS = (400, 406, 422)
_PENDING = answer("It is being computed", "PendingDerivation", ("Location", "Retry-After"))
HTML = "text/html"

CREATE_ANALYSIS = operation(
    "createAnalysis",
    {
        200: answer("The analysis was stored already", "Analysis", ("Location", "ETag")),
        201: answer("The new analysis", "Analysis", ("Location", "ETag")),
        202: answer("It waits in the queue", "AcceptedAnalysis", ("Location", "Retry-After", "Preference-Applied")),
    },
    _BAD_BODY,
    parameters=[PREFER],
    requestBody=body({JSON: "Curve"}, {JSON: examples.CURVES}),
)
LIST_ANALYSES = operation(
    "listAnalyses",
    {
        200: answer("A page", {JSON: "AnalysisPage", NDJSON: TEXT, CSV: TEXT}, ("Link", "ETag")),
        304: _NOT_MODIFIED,
    },
    _PAGE_ERRORS,
    parameters=[IF_NONE_MATCH],
)
GET_ANALYSIS = operation(
    "getAnalysis",
    {200: answer("The analysis", "AnyAnalysis", ("Location", "ETag", "Retry-After")), 304: _NOT_MODIFIED},
    (404,),
    parameters=[IF_NONE_MATCH],
)
DELETE_ANALYSIS = operation("deleteAnalysis", {204: answer("It is gone")}, (404,))
PLOT_ANALYSIS = operation(
    "plotAnalysis",
    {200: answer("The picture", {"image/svg+xml": TEXT, "image/png": BINARY}, ("ETag",)), 304: _NOT_MODIFIED},
    (404, 406, 409, 422),
    parameters=[IF_NONE_MATCH],
)

_UPLOAD: Schema = {
    "type": "object",
    "properties": {
        "file": {**BINARY, "description": "A file of curves."},
        "format": {"enum": [*FORMATS, ""], "description": "Detected where it is not given."},
        "scale": {"enum": [*SCALES, ""], "description": "Column of a table that is the scale."},
        "models": {**TEXT, "description": "Table of language models as CSV, which says where they stand on the scale."},
        "options": {**TEXT, "description": "Options for all curves, as JSON; those in the file go before them."},
        "overrides": {**TEXT, "description": "Options for all curves, as JSON; they go before those in the file."},
    },
    "required": ["file"],
    "additionalProperties": False,
}
CREATE_BATCH = operation(
    "createBatch",
    {202: answer("It is stored and will be done", "AcceptedBatch", ("Location",))},
    _BAD_BODY,
    parameters=[IDEMPOTENCY_KEY],
    requestBody=body(
        {JSON: "BatchRequest", NDJSON: TEXT, CSV: TEXT, "multipart/form-data": _UPLOAD},
        {JSON: examples.BATCHES, NDJSON: examples.NDJSON, CSV: examples.CSV},
    ),
)
LIST_BATCHES = operation(
    "listBatches", {200: answer("A page", "BatchPage", ("Link", "ETag")), 304: _NOT_MODIFIED}, (400, 422)
)
GET_BATCH = operation("getBatch", {200: answer("The batch", "Batch")}, (404,))
DELETE_BATCH = operation(
    "deleteBatch", {200: answer("The batch as it stands", "Batch"), 204: answer("It is gone")}, (404, 422)
)
LIST_RESULTS = operation(
    "listResults",
    {200: answer("The results", {JSON: "BatchResultPage", NDJSON: TEXT, CSV: TEXT}, ("Link",))},
    (404, *_PAGE_ERRORS),
)
LIST_CHANGES = operation("listChanges", {200: answer("A page", "ChangePage", ("Link",))}, (400, 404, 422))
GET_SUMMARY = operation(
    "getSummary",
    {200: answer("The summary", "SuiteSummary", ("ETag",)), 202: _PENDING, 304: _NOT_MODIFIED},
    (404, 409, 422),
    parameters=[IF_NONE_MATCH],
)
GET_REPORT = operation(
    "getReport",
    {200: answer("The report", {HTML: TEXT}, ("ETag",)), 202: _PENDING, 304: _NOT_MODIFIED},
    (404, 409, 422),
    parameters=[IF_NONE_MATCH],
)

META_ANALYSIS_ID: dict[str, Any] = {
    "in": "path",
    "name": "meta_analysis_id",
    "required": True,
    "description": "Id of the meta-analysis.",
    "schema": SHA256,
}
CREATE_META_ANALYSIS = operation(
    "createMetaAnalysis",
    {200: answer("The meta-analysis", "MetaAnalysis", ("Location", "ETag")), 202: _PENDING},
    _BAD_BODY,
    requestBody=body({JSON: "MetaAnalysisRequest"}, {JSON: examples.META_ANALYSES}),
)
GET_META_ANALYSIS = operation(
    "getMetaAnalysis",
    {200: answer("The meta-analysis", "MetaAnalysis", ("Location", "ETag")), 202: _PENDING, 304: _NOT_MODIFIED},
    (404, 409, 422),
    parameters=[IF_NONE_MATCH],
)
CREATE_COMPARISON = operation(
    "createComparison",
    {200: answer("The comparison", "CurveComparison")},
    (409, *_BAD_BODY),
    requestBody=body({JSON: "ComparisonRequest"}, {JSON: examples.COMPARISONS}),
)

CREATE_METRIC_CURVES = operation(
    "createMetricCurves",
    {200: answer("Every metric", "MetricCurves")},
    _BAD_BODY,
    requestBody=body({JSON: "MetricCurvesRequest"}, {JSON: METRIC_CURVES}),
)
EMERGENCE_SCORES = operation(
    "createEmergenceScore",
    {200: answer("The scores", "EmergenceScores")},
    _BAD_BODY,
    requestBody=body({JSON: "EmergenceScoreRequest"}, {JSON: examples.SCORES}),
)
RESOLUTIONS = operation(
    "createResolution",
    {200: answer("What each test set can show", "Resolutions")},
    _BAD_BODY,
    requestBody=body({JSON: "ResolutionRequest"}, {JSON: examples.RESOLUTIONS}),
)
LIST_METRICS = operation(
    "listMetrics",
    {200: answer("The metrics", "MetricList", ("ETag",)), 304: _NOT_MODIFIED},
    parameters=[IF_NONE_MATCH],
)
LIST_CURVE_MODELS = operation(
    "listCurveModels",
    {200: answer("The curve models", "CurveModelList", ("ETag",)), 304: _NOT_MODIFIED},
    parameters=[IF_NONE_MATCH],
)

OPEN: list[dict[str, list[str]]] = []  # no key is needed
LIVE = operation("getLive", {200: answer("It lives", "Health")}, security=OPEN)
READY = operation("getReady", {200: answer("It is ready", "Health")}, security=OPEN)
TELEMETRY = operation("getTelemetry", {200: answer("The counters", {PLAIN: TEXT})})
