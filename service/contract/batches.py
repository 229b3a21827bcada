"""JSON schemas of batches, their results, and what changed against an earlier engine."""

from __future__ import annotations

from service.contract.analyses import CURSOR, LABELS, SHA256, TIME, VERDICTS, WHOLE
from service.contract.curves import TEXT, optional, strict, told
from service.contract.problems import STRING
from service.contract.records import REASON, Schema, reference

BATCH_ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
STATES = ["queued", "running", "succeeded", "failed", "cancelled"]
KINDS = ["batch", "single", "again"]
VERSION: Schema = {**WHOLE, "maximum": 2**31 - 1}


def batch_schemas() -> dict[str, Schema]:
    """Components for batches."""
    return {
        "BatchRequest": _request(),
        "AnalysisFilter": analysis_filter(),
        "AcceptedBatch": _accepted(),
        "Batch": _batch(),
        "BatchPage": _page("Batch"),
        "BatchResult": _result(),
        "FailedResult": _failed(),
        "BatchResultPage": _page("BatchResult"),
        "Change": _change(),
        "ChangePage": _page("Change"),
    }


def analysis_filter() -> Schema:
    """Which stored analyses are meant; every field that is given must fit."""
    properties = {
        name: optional(TEXT, f"The {name.replace('_', ' ')} is exactly this.")
        for name in ("task", "metric", "model_family", "prompting", "suite")
    }
    properties |= {
        "tag": optional(TEXT, "name:value, name=value, or a name with any value."),
        "label": {"enum": [*LABELS, None], "description": "The label is this."},
        "verdict": {"enum": [*VERDICTS, None], "description": "The verdict on emergence is this."},
        "min_probability": optional({"type": "number", "minimum": 0, "maximum": 1}, "At least this probable."),
        "created_after": optional(TIME, "Made at this time or later."),
        "created_before": optional(TIME, "Made before this time."),
        "engine_version": optional(VERSION, "Made by this version of the engine."),
        "engine_below": optional(VERSION, "Made by an earlier version of the engine than this."),
    }
    return strict(properties, description="Which stored analyses; every field that is given must fit.")


def _request() -> Schema:
    curves = {
        "type": "array",
        "items": {"type": "object"},
        "minItems": 1,
        "description": "Curves as `POST /analyses` takes them; each is checked by itself, and a bad one fails alone.",
    }
    options = {"anyOf": [reference("Options"), {"type": "null"}], "description": "For all curves; their own go first."}
    stored = {**reference("AnalysisFilter"), "description": "Stored curves are analysed again by the current engine."}
    return {
        "description": "Curves, or a filter of stored ones.",
        "anyOf": [
            strict({"curves": curves, "options": options}, ("curves",)),
            strict({"from": stored, "options": options}, ("from",)),
        ],
    }


def _accepted() -> Schema:
    properties = {
        "id": BATCH_ID,
        "kind": {"enum": KINDS},
        "status": {"const": "queued"},
        "created_at": TIME,
        "total": told(WHOLE, "Curves, bad ones included."),
        "messages": told({"type": "array", "items": STRING}, "What the reader has to say of the file."),
    }
    return strict(properties, tuple(properties), description="A batch that is stored and will be done.")


def _batch() -> Schema:
    counts = strict(dict.fromkeys(("total", *STATES), WHOLE), ("total", *STATES))
    times = {name: {**TIME, "type": ["string", "null"]} for name in ("started_at", "finished_at", "estimated_end_at")}
    properties = {
        "id": BATCH_ID,
        "kind": told({"enum": KINDS}, "single: one curve in the background; again: stored curves once more."),
        "status": told({"enum": STATES}, "A batch that finished with failures has succeeded."),
        "phase": told({"enum": ["scale", "analysis"]}, "scale: the between-model scale is being estimated."),
        "created_at": TIME,
        "counts": counts,
        "progress": told({"type": "number", "minimum": 0, "maximum": 1}, "Share of curves that are done."),
        "options": told({"type": "object"}, "Options for all curves, as they were given."),
        "messages": {"type": "array", "items": STRING},
        **times,
    }
    reasons = {f"{name}_reason": REASON for name in times}
    return strict({**properties, **reasons}, tuple(properties), description="A suite of curves and how far it is.")


def _result() -> Schema:
    """An analysis with its place in front, or a curve without one."""
    done = {
        "type": "object",
        "properties": {"status": {"const": "succeeded"}, "index": WHOLE, "rows": _rows(), "id": SHA256},
        "required": ["index", "rows", "status", "id", "curve", "classification", "provenance"],
        "description": "All fields of an Analysis, and its place in the input.",
    }
    return {"anyOf": [done, reference("FailedResult")], "description": "What became of one curve, by `status`."}


def _failed() -> Schema:
    properties = {
        "index": told(WHOLE, "Place in the submitted input, from 0."),
        "rows": _rows(),
        "status": {"enum": ["failed", "cancelled"]},
        "curve": told({"type": "object", "additionalProperties": STRING}, "Names, as far as they could be read."),
        "error": reference("Problem"),
        "id": told(SHA256, "Of an analysis that was deleted since."),
    }
    return strict(properties, ("index", "rows", "status", "curve"), description="A curve that has no analysis.")


def _rows() -> Schema:
    return {"type": "array", "items": WHOLE, "maxItems": 2, "description": "First and last row or line of the file."}


def _change() -> Schema:
    properties = {
        "index": WHOLE,
        "curve": {"type": "object", "additionalProperties": STRING},
        "earlier_id": SHA256,
        "earlier_label": {"enum": LABELS},
        "earlier_engine_version": WHOLE,
        "id": SHA256,
        "label": {"enum": LABELS},
        "engine_version": WHOLE,
    }
    return strict(properties, tuple(properties), description="A curve whose label is not what it was.")


def _page(name: str) -> Schema:
    return strict({"items": {"type": "array", "items": reference(name)}, "next": CURSOR}, ("items", "next"))
