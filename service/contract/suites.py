"""JSON schemas of what is said of many curves: suites summed up, pooled estimates, comparisons."""

from __future__ import annotations

from models.comparison import MOST_CURVES as MOST_COMPARED
from models.comparison import Comparison
from models.meta_regression import MetaRegression
from models.options import LARGEST_INTERVAL
from models.paired import PairedComparison
from models.random_effects import FEWEST_EFFECTS, LeftOut, RandomEffects, Tau2Method
from models.suite_summary import FEWEST_CURVES, GROUPINGS, GroupEngine, SuiteSummary
from service.comparisons import TAGS
from service.contract.analyses import SHA256, WHOLE
from service.contract.curves import NUMBER, TEXT, chosen, optional, strict, told
from service.contract.problems import STRING
from service.contract.records import REASON, Schema, record_schemas, reference
from service.meta_analyses import MOST_CURVES
from service.schemas.estimates import LARGEST_ESTIMATE, MOST_ESTIMATES, MOST_MODERATORS, SMALLEST_STDERR
from service.schemas.suite_options import LARGEST_FDR_LEVEL

ROOTS = (SuiteSummary, RandomEffects, LeftOut, MetaRegression, Comparison, PairedComparison)
NOT_RETURNED = ("Comparison",)  # described by hand: it has more fields than the record
FACTORS = ["task", "metric", "prompting", "model_family", "scale_kind", "suite"]
LEVEL: Schema = {"type": "number", "minimum": 0.5, "maximum": LARGEST_INTERVAL}
FDR_LEVEL: Schema = {"type": "number", "exclusiveMinimum": 0, "maximum": LARGEST_FDR_LEVEL}
NULL: Schema = {"type": "null"}
_ESTIMATE: Schema = {**NUMBER, "minimum": -LARGEST_ESTIMATE, "maximum": LARGEST_ESTIMATE}


def suite_schemas() -> dict[str, Schema]:
    """Components for summaries, meta-analyses and comparisons."""
    records = {name: schema for name, schema in record_schemas(ROOTS).items() if name not in NOT_RETURNED}
    records["JudgedLabel"] = _with(
        records["JudgedLabel"], {"index": told(WHOLE, "Place in the input, from 0."), "id": SHA256}
    )
    records["SuiteSummary"] = _with(
        records["SuiteSummary"], {"kind": {"const": "suite"}, "options": reference("SuiteOptions")}
    )
    records["ComparedCurve"] = _with(records["ComparedCurve"], {"id": told(SHA256, "Identity of its analysis.")})
    records["Difference"] = _difference(records["Difference"])
    return {
        **records,
        "SuiteOptions": _suite_options(),
        "PendingDerivation": strict({"status": {"const": "running"}}, ("status",), description="Look again later."),
        "Estimate": _estimate(),
        "MetaAnalysisRequest": _meta_analysis_request(),
        "PooledEstimates": _pooled_estimates(),
        "MetaAnalysis": {
            "anyOf": [reference("SuiteSummary"), reference("PooledEstimates")],
            "description": "A suite summed up, or estimates pooled, by `kind`.",
        },
        "ComparisonRequest": _comparison_request(),
        "CurveComparison": _comparison(),
    }


def _with(record: Schema, more: dict[str, Schema]) -> Schema:
    """A record with more fields in front."""
    return {**record, "properties": {**more, **record["properties"]}, "required": [*more, *record["required"]]}


def _suite_options() -> Schema:
    groups: Schema = {"type": ["array", "null"], "items": {"enum": list(GROUPINGS)}}
    properties = {
        "interval": optional(LEVEL, "Probability of the intervals; 0.95."),
        "fdr_level": optional(FDR_LEVEL, "Largest expected share of false labels among those kept; 0.05."),
        "group_by": told(groups, "Prevalence by these; all unless said."),
        "group_engine": chosen([engine.value for engine in GroupEngine], "How groups are sampled; nuts: in PyMC."),
        "method": chosen([method.value for method in Tau2Method], "How the variance between effects is estimated."),
        "knapp_hartung": optional({"type": "boolean"}, "Intervals by Knapp and Hartung (true), or normal."),
    }
    return strict(properties, description="How a suite is summed up; null is the same as not given.")


def _estimate() -> Schema:
    error = {"type": "number", "minimum": SMALLEST_STDERR, "maximum": LARGEST_ESTIMATE}
    square = {"type": "number", "minimum": SMALLEST_STDERR**2, "maximum": LARGEST_ESTIMATE**2}
    moderators: Schema = {
        "type": ["object", "null"],
        "maxProperties": MOST_MODERATORS,
        "propertyNames": TEXT,
        "additionalProperties": _ESTIMATE,
    }
    properties = {
        "name": optional(TEXT, "What it is of."),
        "estimate": _ESTIMATE,
        "stderr": told(error, "Its standard error."),
        "variance": told(square, "The square of it, in its place."),
        "moderators": told(moderators, "What may explain it, by name; the same names in all estimates."),
    }
    return {
        "description": "An estimate with its standard error, or its variance.",
        "anyOf": [
            strict({**properties, absent: NULL}, ("estimate", name))
            for name, absent in (("stderr", "variance"), ("variance", "stderr"))
        ],
    }


def _meta_analysis_request() -> Schema:
    options = {"anyOf": [reference("SuiteOptions"), {"type": "null"}]}
    sources = {
        "ids": told(_list(SHA256, FEWEST_CURVES), "Stored analyses."),
        "from": {**reference("AnalysisFilter"), "description": "All stored analyses that fit."},
        "curves": told(
            _list(reference("Curve"), FEWEST_CURVES, MOST_CURVES), "Curves that are analysed for this; not stored."
        ),
        "estimates": told(_list(reference("Estimate"), FEWEST_EFFECTS, MOST_ESTIMATES), "Estimates from anywhere."),
    }
    return {
        "description": "Stored analyses, curves, or estimates.",
        "anyOf": [
            strict({**dict.fromkeys(sources, NULL), name: schema, "options": options}, (name,))
            for name, schema in sources.items()
        ],
    }


def _pooled_estimates() -> Schema:
    properties = {
        "kind": {"const": "estimates"},
        "options": reference("SuiteOptions"),
        "random_effects": reference("RandomEffects"),
        "leave_one_out": told(_list(reference("LeftOut")), "Without each estimate in turn."),
        "meta_regression": {"anyOf": [reference("MetaRegression"), {"type": "null"}]},
    }
    reasons = {"leave_one_out_reason": REASON, "meta_regression_reason": REASON}
    return strict({**properties, **reasons}, tuple(properties), description="Estimates pooled by random effects.")


def _comparison_request() -> Schema:
    options = strict({"interval": optional(LEVEL, "Probability of the intervals; 0.95.")})
    properties = {
        "ids": optional(_list(SHA256, 0, MOST_COMPARED), "Stored analyses."),
        "from": {
            "anyOf": [reference("AnalysisFilter"), {"type": "null"}],
            "description": f"Instead of ids: all stored analyses that fit, up to {MOST_COMPARED}; the oldest first.",
        },
        "curves": optional(
            _list(reference("Curve"), 0, MOST_COMPARED), "Curves that are analysed for this; not stored."
        ),
        "options": {"anyOf": [options, {"type": "null"}]},
    }
    return strict(properties, description=f"{FEWEST_CURVES} to {MOST_COMPARED} curves: stored ones, then given ones.")


def _comparison() -> Schema:
    properties = {
        "options": strict({"interval": LEVEL}, ("interval",)),
        "curves": _list(reference("ComparedCurve")),
        "differences": told(_list(reference("Difference")), "Of every curve with every later one."),
    }
    return strict(properties, tuple(properties), description="Curves compared.")


def _difference(record: Schema) -> Schema:
    paired = {
        "anyOf": [reference("PairedComparison"), {"type": "null"}],
        "description": "Item by item, where both have outcomes of the same task.",
    }
    tag = {"type": "string", "pattern": f"^{TAGS}", "description": "A tag."}
    factor = {"anyOf": [{"enum": FACTORS}, tag]}
    found = _with(record, {"differs_in": _list(factor), "paired": paired})
    return {**found, "properties": {**found["properties"], "paired_reason": {**STRING, "description": "Why null."}}}


def _list(items: Schema, fewest: int = 0, most: int | None = None) -> Schema:
    found: Schema = {"type": "array", "items": items}
    if fewest:
        found["minItems"] = fewest
    return found if most is None else {**found, "maxItems": most}
