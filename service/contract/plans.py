"""Plans in the contract: operation, JSON schemas, examples."""

from __future__ import annotations

from typing import Any

from models.candidates import LARGEST_SIZE, MOST_EFFORTS, MOST_SCALES, Action
from models.curve import ScaleKind
from models.options import LARGEST_BETWEEN_MODEL_SCALE, LARGEST_SEED, Shape
from models.planned_change import Change
from models.planning import NextPlan
from models.sizing import FEWEST_STUDIES, SizePlan
from service.contract.analyses import SHA256
from service.contract.curves import POSITIVE, optional, strict, told
from service.contract.examples import CURVE
from service.contract.operations import JSON, answer, body, operation
from service.contract.problems import STRING
from service.contract.records import Schema, record_schemas, reference
from service.plans import MOST_MODELS, MOST_STUDIES, NEXT, SIZE

NULL: Schema = {"type": "null"}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_OPEN_SHARE: Schema = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
_SHARED = ("Interval", "Warned")  # components that other schemas bring

PLANS: dict[str, dict[str, Any]] = {
    "next": {"curve": CURVE, "scales": [3e10, 6e10, 4e11], "n_examples": [500, 2000], "actions": ["new_scale"]},
    "study": {
        "change": "dip",
        "size": 0.3,
        "probability": 0.8,
        "n_models": 5,
        "level": 0.6,
        "studies": 20,
        "options": {"between_model_scale": 0.01},
    },
}
CREATE_PLAN = operation(
    "createPlan",
    {200: answer("The plan", "Plan")},
    (409, 400, 408, 413, 415, 422),
    requestBody=body({JSON: "PlanRequest"}, {JSON: PLANS}),
)


def plan_schemas() -> dict[str, Schema]:
    """Components for plans."""
    records = {name: schema for name, schema in record_schemas((NextPlan, SizePlan)).items() if name not in _SHARED}
    return {
        **records,
        "NextPlan": _with(records["NextPlan"], _next_fields()),
        "SizePlan": _with(records["SizePlan"], _size_fields()),
        "Plan": {"anyOf": [reference("NextPlan"), reference("SizePlan")], "description": "A plan, by `kind`."},
        "PlanOptions": _options(),
        "PlanRequest": {
            "description": "A stored analysis or a curve, to plan what is measured next; or a study, to plan its size.",
            "anyOf": [*_next_requests(), *_size_requests()],
        },
    }


def _with(record: Schema, more: dict[str, Schema]) -> Schema:
    return {**record, "properties": {**more, **record["properties"]}, "required": [*more, *record["required"]]}


def _next_fields() -> dict[str, Schema]:
    return {
        "kind": {"const": NEXT},
        "task": STRING,
        "scale_kind": {"enum": [kind.value for kind in ScaleKind]},
        "summary": told(STRING, "The plan in a few words."),
        "between_model_scale": {"type": "number"},
        "interval": told({"type": "number"}, "Probability of the turn's interval."),
        "decision_threshold": {"type": "number"},
        "seed": {"type": "integer"},
    }


def _size_fields() -> dict[str, Schema]:
    return {
        "kind": {"const": SIZE},
        "change": {"enum": [change.value for change in Change]},
        "size": {"type": "number"},
        "level": {"type": "number"},
        "summary": told(STRING, "The plan in a few words."),
        "decision_threshold": {"type": "number"},
        "seed": {"type": "integer"},
    }


def _options() -> Schema:
    prior = strict({shape.value: _OPEN_SHARE for shape in Shape}, tuple(shape.value for shape in Shape))
    properties = {
        "smallest_effect": optional(_OPEN_SHARE, "Change that counts; 0.02 unless said."),
        "decision_threshold": optional({"type": "number", "minimum": 0.5, "exclusiveMaximum": 1}, "Of a label; 0.8."),
        "class_prior": {"anyOf": [prior, NULL], "description": "Prior probability of each shape."},
        "between_model_scale": {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": LARGEST_BETWEEN_MODEL_SCALE},
                {"enum": ["default", None]},
            ],
            "description": "Scatter of models around the curve: of the simulated family, and the scale of its prior.",
        },
        "seed": optional({"type": "integer", "minimum": 0, "maximum": LARGEST_SEED}, "Seed of all random numbers; 0."),
    }
    return strict(properties, description="Options of a planned study; null is the same as not given.")


def _next_requests() -> list[Schema]:
    size = {"type": "integer", "minimum": 1, "maximum": LARGEST_SIZE}
    shared = {
        "scales": _list(POSITIVE, MOST_SCALES, "New scales; up to ten of our choice unless said."),
        "n_examples": _list(size, MOST_EFFORTS, "Test examples: of new models, or added to old ones."),
        "stderr": _list(POSITIVE, MOST_EFFORTS, "In their place for scores that have standard errors."),
        "actions": _list({"enum": [action.value for action in Action]}, len(Action), "What can be done; all of it."),
    }
    stored = strict({"id": told(SHA256, "A stored analysis."), "curve": NULL, **shared}, ("id",))
    return [stored, strict({"curve": reference("Curve"), "id": NULL, **shared}, ("curve",))]


def _size_requests() -> list[Schema]:
    count = {"type": "integer", "minimum": 2, "maximum": MOST_MODELS}
    studies = {"type": "integer", "minimum": FEWEST_STUDIES, "maximum": MOST_STUDIES}
    shared = {
        "change": told({"enum": [change.value for change in Change]}, "What the study should find."),
        "size": told({**_SHARE, "exclusiveMinimum": 0}, "How large it is, as a share of the metric's range."),
        "probability": optional(_OPEN_SHARE, "With which it is to be found; 0.8."),
        "level": optional(_SHARE, "Score of the smallest model; 0.5."),
        "turn": optional(POSITIVE, "Scale of the extreme of a dip or bump; anywhere in the middle unless said."),
        "chance": optional(_SHARE, "Score of guessing, where it is known."),
        "studies": optional(studies, f"Simulated studies for each number of examples; {MOST_STUDIES}."),
        "options": {"anyOf": [reference("PlanOptions"), NULL]},
    }
    counted = {"n_models": told(count, "Evenly spaced on the log scale."), "scales": NULL}
    placed = {
        "scales": {**_list(POSITIVE, MOST_MODELS, "Of the models, ascending."), "type": "array"},
        "n_models": NULL,
    }
    needed = ("change", "size")
    return [strict({**shared, **counted}, (*needed, "n_models")), strict({**shared, **placed}, (*needed, "scales"))]


def _list(items: Schema, most: int, description: str) -> Schema:
    found = {"type": ["array", "null"], "items": items, "minItems": 1, "maxItems": most}
    return told(found, description)
