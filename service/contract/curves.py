"""JSON schemas of what is submitted: curves, metrics, points, options."""

from __future__ import annotations

from typing import Any

from models.curve import ScaleKind
from models.metrics import MetricKind, ScoreUnit
from models.options import (
    DEFAULT_DECISION_THRESHOLD,
    DEFAULT_INTERVAL,
    LARGEST_BETWEEN_MODEL_SCALE,
    LARGEST_INTERVAL,
    LARGEST_SEED,
    EngineName,
    Shape,
)
from service.contract.records import Schema, reference
from service.schemas.metric import LONGEST_TARGET
from service.schemas.outcomes import MOST_EXAMPLES
from service.schemas.points import MOST_POINTS
from service.schemas.scalars import LARGEST_NUMBER, LARGEST_WHOLE, LONGEST_TEXT, MOST_TAGS, SMALLEST_POSITIVE

PRINTABLE = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$"

TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT, "pattern": PRINTABLE}
NUMBER: Schema = {"type": "number", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER}
POSITIVE: Schema = {"type": "number", "minimum": SMALLEST_POSITIVE, "maximum": LARGEST_NUMBER}


def strict(properties: dict[str, Schema], required: tuple[str, ...] = (), **more: Any) -> Schema:
    """An object without other fields than these."""
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties, **needed, "additionalProperties": False, **more}


def told(schema: Schema, description: str) -> Schema:
    """A schema with a description."""
    return {**schema, "description": description}


def optional(schema: Schema, description: str) -> Schema:
    """A field that may be left out, or null, which means the same."""
    return told({**schema, "type": [schema["type"], "null"]}, description)


def chosen(values: list[str], description: str) -> Schema:
    """An optional field with a closed set of values."""
    return {"enum": [*values, None], "description": description}


def curve_schemas() -> dict[str, Schema]:
    """Components for requests."""
    return {
        "Metric": _metric(),
        "Point": _point(),
        "Options": _options(),
        "Curve": _curve("A scaling curve: the scores of one task at several scales."),
        "EchoedCurve": told(reference("Curve"), "The curve as it was understood; all scores are fractions."),
    }


def _curve(description: str) -> Schema:
    metric = {"anyOf": [TEXT, reference("Metric")], "description": "Name of a registered metric, or an object."}
    tags = {"type": ["object", "null"], "maxProperties": MOST_TAGS, "propertyNames": TEXT, "additionalProperties": TEXT}
    points = {"type": "array", "items": reference("Point"), "minItems": 2, "maxItems": MOST_POINTS}
    properties = {
        "task": told(TEXT, "What was tested, for example the name of a benchmark's task."),
        "metric": metric,
        "prompting": optional(TEXT, "How it was asked, for example few-shot."),
        "model_family": optional(TEXT, "Which series of language models."),
        "scale_kind": chosen([kind.value for kind in ScaleKind], "What the scale counts; parameters unless said."),
        "points": told(points, "One point a language model, at least two different scales."),
        "suite": optional(TEXT, "The collection that the curve belongs to."),
        "tags": told(tags, "Any names and values; lists can be filtered by them."),
        "options": {"anyOf": [reference("Options"), {"type": "null"}]},
    }
    return strict(properties, ("task", "metric", "points"), description=description)


def _metric() -> Schema:
    properties = {
        "name": told(TEXT, "A registered name or any other."),
        "kind": chosen([kind.value for kind in MetricKind], "How a score arises; needed for unknown names."),
        "higher_is_better": optional({"type": "boolean"}, "False for losses."),
        "lower": optional(NUMBER, "The lowest possible score."),
        "upper": optional(NUMBER, "The highest possible score."),
        "chance": optional(NUMBER, "The score of guessing."),
        "target_length": optional({"type": "integer", "minimum": 1, "maximum": LONGEST_TARGET}, "Tokens of an answer."),
        "unit": chosen([unit.value for unit in ScoreUnit], "Unit of scores, errors, bounds and chance: fraction."),
    }
    return strict(properties, ("name",), description="What a score means.")


def _point() -> Schema:
    count = {"type": "integer", "minimum": 0, "maximum": LARGEST_WHOLE}
    properties = {
        "model": optional(TEXT, "Name of the language model."),
        "scale": told(POSITIVE, "Size of the model, in what scale_kind says."),
        "score": optional(NUMBER, "The score; may be left out where n_correct is given."),
        "n_examples": optional({**count, "minimum": 1}, "Size of the test set."),
        "stderr": optional(
            {"type": "number", "minimum": 0, "maximum": LARGEST_NUMBER},
            "Standard error; needed where n_examples does not give it. Of a share with n_examples, one that is larger "
            "than theirs is used in their place; 0 is accepted, and ignored, where that share is 0 or 1.",
        ),
        "n_correct": optional(count, "Test examples solved."),
        "outcomes": optional(_examples({"enum": [0, 1]}), "1 or 0 for each example; the same items in all points."),
        "clusters": optional(
            _examples({"anyOf": [{"type": "integer"}, TEXT]}), "A name for each example; those of one text share it."
        ),
        "distractor_score": optional(
            NUMBER, "Share of the same examples answered as the distractor task would have it; beside the score."
        ),
        "n_distractor_correct": optional(count, "Their number."),
    }
    return strict(properties, ("scale",), description="One language model's score.")


def _examples(items: Schema) -> Schema:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": MOST_EXAMPLES}


def _options() -> Schema:
    share = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
    prior = strict({shape.value: share for shape in Shape}, tuple(shape.value for shape in Shape))
    level = {"type": "number", "minimum": 0.5, "exclusiveMaximum": 1}
    scale = {
        "anyOf": [
            {"type": "number", "exclusiveMinimum": 0, "maximum": LARGEST_BETWEEN_MODEL_SCALE},
            {"enum": ["default", "suite", None]},
        ]
    }
    properties = {
        "engine": chosen([name.value for name in EngineName], "quadrature (fast, deterministic) or nuts (reference)."),
        "smallest_effect": optional(
            {"type": "number", "exclusiveMinimum": 0, "maximum": LARGEST_NUMBER},
            "Change that counts, in score units; of scores in percent as a fraction, as they are returned: 0.02 is two "
            "points. 0.02 of the metric's width unless said.",
        ),
        "decision_threshold": optional(level, f"Probability that names a shape; {DEFAULT_DECISION_THRESHOLD}."),
        "class_prior": {"anyOf": [prior, {"type": "null"}], "description": "Prior probability of each shape."},
        "interval": optional(
            {"type": "number", "minimum": 0.5, "maximum": LARGEST_INTERVAL},
            f"Probability of the intervals; {DEFAULT_INTERVAL}.",
        ),
        "seed": optional({"type": "integer", "minimum": 0, "maximum": LARGEST_SEED}, "Seed of all random numbers; 0."),
        "between_model_scale": told(scale, "Scatter of models around the curve; suite: estimated from the batch."),
    }
    return strict(properties, description="Options of an analysis; null is the same as not given.")
