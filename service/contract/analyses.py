"""JSON schemas of analyses: whole, waiting, and as rows of a list."""

from __future__ import annotations

from models.curve import ScaleKind
from models.options import UNDETERMINED, EngineName, Shape
from models.results import Verdict
from service.contract.curves import strict, told
from service.contract.problems import STRING
from service.contract.records import REASON, Schema, record_schemas, reference

SHA256: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
TIME: Schema = {"type": "string", "format": "date-time"}
WHOLE: Schema = {"type": "integer", "minimum": 0}
LABELS = [*(shape.value for shape in Shape), UNDETERMINED]
VERDICTS = [verdict.value for verdict in Verdict]
CURSOR: Schema = {"type": ["string", "null"], "description": "Send it as `cursor` for what follows; null at the end."}
UNFINISHED = ["queued", "running", "failed", "cancelled"]


def analysis_schemas() -> dict[str, Schema]:
    """Components for analyses."""
    summary = reference("AnalysisSummary")
    either = {"anyOf": [reference("Analysis"), reference("WaitingAnalysis")]}
    return {
        **record_schemas(),
        "Analysis": strict(
            {**_whole(), "decomposition_reason": REASON},
            tuple(_whole()),
            description="The whole answer for one curve.",
        ),
        "WaitingAnalysis": _waiting(),
        "AnyAnalysis": told(either, "An analysis, or one that is not there yet, by `status`."),
        "AnalysisSummary": _summary(),
        "AnalysisPage": strict({"items": {"type": "array", "items": summary}, "next": CURSOR}, ("items", "next")),
    }


def _whole() -> dict[str, Schema]:
    return {
        "id": told(SHA256, "Identity: the same curve, options and engine version have the same."),
        "status": {"const": "succeeded"},
        "created_at": TIME,
        "curve": reference("EchoedCurve"),
        "options": told(reference("Options"), "The options as resolved; sent again, they give the same."),
        "summary": told(STRING, "One sentence."),
        "classification": reference("Classification"),
        "effects": reference("Effects"),
        "u_turn": reference("Turn"),
        "inverted_u_turn": reference("Turn"),
        "emergence": reference("Emergence"),
        "points": {"type": "array", "items": reference("PointReport")},
        "fit": reference("Fit"),
        "frequentist": reference("Frequentist"),
        "decomposition": told(
            {"anyOf": [reference("Decomposition"), {"type": "null"}]},
            "Where the points have distractor accuracy. All of it holds if both tasks are learnt, which it takes for "
            "granted and does not test; what it says beyond the largest model follows from the priors.",
        ),
        "diagnostics": reference("Diagnostics"),
        "provenance": reference("Provenance"),
    }


def _waiting() -> Schema:
    properties = {
        "id": SHA256,
        "status": {"enum": UNFINISHED},
        "created_at": TIME,
        "curve": told({"type": "object"}, "Its names, such as task and metric."),
        "batch_id": told(STRING, "Deleting the batch of this id takes the analysis back."),
        "error": told(reference("Problem"), "Of a failed one."),
    }
    needed = ("id", "status", "created_at", "curve", "batch_id")
    return strict(properties, needed, description="An analysis that is not there yet, or has failed.")


def _summary() -> Schema:
    nullable = {"type": ["string", "null"]}
    optional = dict.fromkeys(("model_family", "prompting", "suite", "verdict"), nullable)
    properties = {
        "id": SHA256,
        "created_at": TIME,
        "task": STRING,
        "metric": STRING,
        "scale_kind": {"enum": [kind.value for kind in ScaleKind]},
        "n_points": WHOLE,
        "label": {"enum": LABELS},
        "most_probable": {"enum": LABELS[:-1]},
        "probability": {"type": "number", "minimum": 0, "maximum": 1},
        "robust": {"type": "boolean"},
        "engine": {"enum": [name.value for name in EngineName]},
        "engine_version": WHOLE,
        "input_sha256": SHA256,
        **optional,
    }
    reasons = {f"{name}_reason": REASON for name in optional}
    return strict({**properties, **reasons}, tuple(properties), description="An analysis as a row of a list.")
