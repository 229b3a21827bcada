"""JSON schemas of the stateless calculators and of the registries."""

from __future__ import annotations

from models.metrics import MetricKind
from models.options import LARGEST_INTERVAL
from service.contract.curves import NUMBER, POSITIVE, strict, told
from service.contract.problems import STRING
from service.contract.records import REASON, Schema, reference
from service.schemas.calculators import FEWEST_SCORES, MOST_SCORES
from service.schemas.scalars import LARGEST_WHOLE

SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
LEVEL: Schema = {"type": "number", "minimum": 0.5, "maximum": LARGEST_INTERVAL}
SIZE: Schema = {"type": "integer", "minimum": 1, "maximum": LARGEST_WHOLE}
_NULLABLE: Schema = {"type": ["number", "null"]}


def calculator_schemas() -> dict[str, Schema]:
    """Components for emergence scores and resolutions."""
    return {
        "EmergenceScoreRequest": _scores_request(),
        "EmergenceScores": _scores(),
        "ResolutionRequest": _resolution_request(),
        "Resolution": _resolution(),
        "Resolutions": strict({"items": {"type": "array", "items": reference("Resolution")}}, ("items",)),
    }


def registry_schemas() -> dict[str, Schema]:
    """Components for metrics and curve models."""
    return {
        "RegisteredMetric": _registered_metric(),
        "MetricList": strict({"items": {"type": "array", "items": reference("RegisteredMetric")}}, ("items",)),
        "CurveModel": _curve_model(),
        "CurveModelList": strict({"items": {"type": "array", "items": reference("CurveModel")}}, ("items",)),
    }


def _list(items: Schema, fewest: int) -> Schema:
    return {"type": "array", "items": items, "minItems": fewest, "maxItems": MOST_SCORES}


def _scores_request() -> Schema:
    sizes = {**_list(SIZE, FEWEST_SCORES), "type": ["array", "null"]}
    properties = {
        "scales": told(_list(POSITIVE, FEWEST_SCORES), "One a score, all different."),
        "scores": told(_list(NUMBER, FEWEST_SCORES), "One a scale; higher is better."),
        "n_examples": told(sizes, "Sizes of the test sets, where the scores are shares."),
    }
    return strict(properties, ("scales", "scores"), description="Scores of one curve.")


def _scores() -> Schema:
    properties = {
        "emergence_score": told(_NULLABLE, "Signed range over the root median square step."),
        "emergence_score_reason": REASON,
        "linearity": told(_NULLABLE, "Signed range over the root mean square step."),
        "linearity_reason": REASON,
        "largest_step_share": told(_NULLABLE, "Largest step between neighbours over the range."),
        "largest_step_share_reason": REASON,
        "below_resolution": told(
            {"type": ["boolean", "null"]}, "Whether the median step is below 1/n, so that the score rests on noise."
        ),
        "below_resolution_reason": REASON,
    }
    return strict(properties, tuple(name for name in properties if not name.endswith("_reason")))


def _resolution_request() -> Schema:
    scales = {**_list(POSITIVE, 1), "type": ["array", "null"]}
    properties = {
        "scales": told(scales, "One a score; the answer repeats each."),
        "scores": told(_list(SHARE, 1), "Observed shares of test examples solved."),
        "n_examples": told(_list(SIZE, 1), "Size of each test set, one a score."),
        "interval": told({**LEVEL, "type": ["number", "null"]}, "Probability of the intervals; 0.95."),
    }
    return strict(properties, ("scores", "n_examples"), description="Scores and test sets.")


def _resolution() -> Schema:
    properties = {
        "scale": told(POSITIVE, "As in the request; absent where none was given."),
        "score": SHARE,
        "n_examples": {"type": "integer"},
        "resolution": told({"type": "number"}, "1/n: the smallest difference that the test set can show."),
        "interval": told(reference("Range"), "Jeffreys interval."),
        "wilson": told(reference("Range"), "Wilson's score interval."),
        "upper_bound_at_zero": told({"type": "number"}, "Largest true score that still shows no success in 5 %."),
        "n_needed": told({"type": ["integer", "null"]}, "Test-set size from which such a score is visible."),
        "n_needed_reason": REASON,
        "below_resolution": told({"type": ["boolean", "null"]}, "Whether the test set is too small to see it."),
        "below_resolution_reason": REASON,
    }
    needed = tuple(name for name in properties if name != "scale" and not name.endswith("_reason"))
    return strict(properties, needed)


def _registered_metric() -> Schema:
    names = {"type": "array", "items": STRING}
    properties = {
        "name": STRING,
        "aliases": names,
        "kind": {"enum": [kind.value for kind in MetricKind]},
        "higher_is_better": {"type": "boolean"},
        "corpus_level": told({"type": "boolean"}, "Not a mean over examples: its standard error must be given."),
    }
    values = {
        "lower": _NULLABLE,
        "upper": _NULLABLE,
        "chance": _NULLABLE,
        "linear": {"type": ["boolean", "null"]},
        "continuous": {"type": ["boolean", "null"]},
    }
    reasons = {f"{name}_reason": REASON for name in values}
    return strict({**properties, **values, **reasons}, (*properties, *values))


def _curve_model() -> Schema:
    properties = {
        "name": STRING,
        "source": told(STRING, "Where the model comes from."),
        "parameters": {"type": "array", "items": strict({"name": STRING, "prior": STRING}, ("name", "prior"))},
        "bounded": told({"type": "boolean"}, "Used for scores with bounds; otherwise for those without."),
    }
    return strict(properties, tuple(properties))
