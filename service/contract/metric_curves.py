"""JSON schemas of metric curves: per-token curves and outputs that are sent, metrics that are returned."""

from __future__ import annotations

from models.curve import ScaleKind
from models.emergence import FEWEST_SCALES
from models.metric_curves import MOST_OPTIONS, PredictedMetric
from models.metric_swap import MetricSwap
from models.metrics import MetricKind
from models.options import Shape
from models.results import Verdict
from models.token_fit import TokenFit
from service.contract.analyses import LABELS, SHA256, WHOLE
from service.contract.curves import NUMBER, POSITIVE, TEXT, chosen, optional, strict, told
from service.contract.problems import STRING
from service.contract.records import REASON, Schema, record_schemas, reference
from service.schemas.metric import LONGEST_TARGET
from service.schemas.metric_curves import MOST_SCALES
from service.schemas.model_outputs import LONGEST_EXAMPLE, MOST_EXAMPLES, MOST_MODELS, MOST_THRESHOLDS, OUTPUT_FIELDS

ROOTS = (PredictedMetric, TokenFit, MetricSwap)
NULL: Schema = {"type": "null"}
_FLAG: Schema = {"enum": [0, 1, True, False]}
_TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
_TRUTH: Schema = {"type": ["boolean", "null"]}


def metric_curve_schemas() -> dict[str, Schema]:
    """Components for metric curves."""
    return {
        **record_schemas(ROOTS),
        "MetricCurvesRequest": _request(),
        "ModelOutputs": _model_outputs(),
        "MetricCurves": {
            "anyOf": [reference("PredictedMetrics"), reference("RescoredOutputs")],
            "description": "Metrics of a per-token curve, or of outputs, by `kind`.",
        },
        "PredictedMetrics": _predicted(),
        "RescoredOutputs": _rescored(),
        "RescoredMetric": _rescored_metric(),
    }


def _list(items: Schema, fewest: int, most: int) -> Schema:
    return {"type": "array", "items": items, "minItems": fewest, "maxItems": most}


def _request() -> Schema:
    scales = _list(POSITIVE, FEWEST_SCALES, MOST_SCALES)
    length = {"type": "integer", "minimum": 1, "maximum": LONGEST_TARGET}
    options = {"type": "integer", "minimum": 2, "maximum": MOST_OPTIONS}
    law = strict({"c": POSITIVE, "alpha": told(NUMBER, "Below 0: the loss falls.")}, ("c", "alpha"))
    asked = {
        "target_length": told(length, "Tokens of the target."),
        "n_options": optional(options, "Options of a question, for multiple-choice grade and Brier score; 4."),
    }
    given = {"scales": told(scales, "Where metrics are wanted."), **asked}
    behind = {
        **asked,
        "scales": optional(scales, "Within the curve's range; its own scales unless said."),
        "target_length": optional(length, "In place of the metric's own."),
    }
    logs = _list(NUMBER, FEWEST_SCALES, MOST_SCALES)
    sources: dict[str, tuple[dict[str, Schema], tuple[str, ...]]] = {
        "power_law": ({"power_law": told(law, "-log p = (N/c)^alpha."), **given}, ("scales", "target_length")),
        "token_log_probabilities": (
            {"token_log_probabilities": told(logs, "A token's mean, at each scale."), **given},
            ("scales", "target_length"),
        ),
        "id": ({"id": told(SHA256, "A stored analysis of an accuracy curve."), **behind}, ()),
        "curve": ({"curve": reference("Curve"), **behind}, ()),
        "outputs": (_outputs(), ()),
    }
    fields = dict.fromkeys((*sources, "scales", *asked, *OUTPUT_FIELDS), NULL)
    return {
        "description": "A per-token curve, an accuracy curve, or the outputs of several models.",
        "anyOf": [strict({**fields, **own}, (name, *needed)) for name, (own, needed) in sources.items()],
    }


def _outputs() -> dict[str, Schema]:
    answers = _list({"type": "integer", "minimum": 0, "maximum": LONGEST_EXAMPLE}, 1, MOST_EXAMPLES)
    effects: Schema = {"type": ["object", "null"], "additionalProperties": POSITIVE}
    thresholds = optional(_list(POSITIVE, 1, MOST_THRESHOLDS), "Errors below them count as success; five unless said.")
    return {
        "outputs": _list(reference("ModelOutputs"), FEWEST_SCALES, MOST_MODELS),
        "task": optional(TEXT, "What was tested."),
        "prompting": optional(TEXT, "How it was asked."),
        "model_family": optional(TEXT, "Which series of language models."),
        "scale_kind": chosen([kind.value for kind in ScaleKind], "What the scale counts; parameters unless said."),
        "suite": optional(TEXT, "The collection that the task belongs to."),
        "answers": optional(answers, "Index of the right option of each example, from 0."),
        "normalize": optional({"type": "boolean"}, "Divide the options' probabilities by their sum; false."),
        "thresholds": thresholds,
        "smallest_effects": told(effects, "Change that counts, by the name of the metric, in its unit."),
        "options": {"anyOf": [reference("Options"), NULL]},
    }


def _model_outputs() -> Schema:
    nested = _list(_list(NUMBER, 0, LONGEST_EXAMPLE), 1, MOST_EXAMPLES)
    flags = _list({"anyOf": [_FLAG, {"type": "array", "items": _FLAG}]}, 1, MOST_EXAMPLES)
    model = {"model": optional(TEXT, "Name of the language model."), "scale": told(POSITIVE, "Its size.")}
    kinds = {
        "token_log_probabilities": told(nested, "Of the target's tokens, by example; natural logarithms."),
        "option_log_probabilities": told(nested, "Over the options, by example; natural logarithms."),
        "errors": told(_list(NUMBER, 1, MOST_EXAMPLES), "Of each example, at least 0."),
    }
    greedy = optional(flags, "Whether each token, or each whole target, is what greedy decoding gives.")
    return {
        "description": "What one language model gave for each example; the same examples in one order for all models.",
        "anyOf": [
            strict(
                {
                    **model,
                    **dict.fromkeys(kinds, NULL),
                    name: schema,
                    "greedy": greedy if name == "token_log_probabilities" else NULL,
                },
                ("scale", name),
            )
            for name, schema in kinds.items()
        ],
    }


def _predicted() -> Schema:
    properties: dict[str, Schema] = {
        "kind": {"const": "predicted"},
        "source": {"enum": ["power_law", "token_log_probabilities", "analysis", "curve"]},
        "summary": told(STRING, "One sentence."),
        "target_length": WHOLE,
        "n_options": WHOLE,
        "task": _TEXT_OR_NULL,
        "interval": told({"type": ["number", "null"]}, "Probability of the intervals."),
        "token_fit": {"anyOf": [reference("TokenFit"), NULL]},
        "warnings": {"type": "array", "items": reference("Warned")},
        "metrics": {"type": "array", "items": reference("PredictedMetric")},
    }
    reasons: dict[str, Schema] = {f"{name}_reason": REASON for name in ("task", "interval", "token_fit")}
    return strict({**properties, **reasons}, tuple(properties), description="What each metric would show.")


def _rescored() -> Schema:
    options = {"interval": {"type": "number"}, "decision_threshold": {"type": "number"}, "seed": WHOLE}
    names = ("prompting", "model_family", "suite")
    properties = {
        "kind": {"const": "rescored"},
        "summary": told(STRING, "What the choice of the metric does."),
        "task": STRING,
        **dict.fromkeys(names, _TEXT_OR_NULL),
        "scale_kind": {"enum": [kind.value for kind in ScaleKind]},
        "n_models": WHOLE,
        "n_examples": WHOLE,
        "options": strict(options, tuple(options)),
        "metrics": {"type": "array", "items": reference("RescoredMetric")},
    }
    reasons = {f"{name}_reason": REASON for name in names}
    return strict({**properties, **reasons}, tuple(properties), description="The same outputs under every metric.")


def _rescored_metric() -> Schema:
    point: dict[str, Schema] = {"model": _TEXT_OR_NULL, "scale": {"type": "number"}, "score": {"type": "number"}}
    point["stderr"] = {"type": ["number", "null"]}
    ties = {"type": ["integer", "null"], "minimum": 0}
    point["ties"] = told(ties, "Examples whose right option shares the highest probability: counted as wrong.")
    point_reasons = {f"{name}_reason": REASON for name in ("model", "stderr", "ties")}
    always = {
        "name": STRING,
        "kind": {"enum": [kind.value for kind in MetricKind]},
        "higher_is_better": {"type": "boolean"},
        "points": {"type": "array", "items": strict({**point, **point_reasons}, tuple(point))},
        "grid": told({"type": "array", "items": reference("GridPoint")}, "The averaged curve."),
        "warnings": told({"type": "array", "items": reference("Warned")}, "Of the analysis under this metric."),
    }
    maybe: dict[str, Schema] = {
        "linear": _TRUTH,
        "continuous": _TRUTH,
        "smallest_effect": told({"type": ["number", "null"]}, "In the metric's unit."),
        "label": {"enum": [*LABELS, None]},
        "most_probable": {"enum": [*(shape.value for shape in Shape), None]},
        "probability": {"type": ["number", "null"]},
        "emergence": {"anyOf": [reference("Emergence"), NULL]},
        "verdict": {"enum": [*(verdict.value for verdict in Verdict), None]},
        "explained_by": told(_TEXT_OR_NULL, "The metric that shows the jump to be gradual."),
        "swap": {"anyOf": [reference("MetricSwap"), NULL]},
    }
    reasons = {f"{name}_reason": REASON for name in maybe}
    return strict({**always, **maybe, **reasons}, (*always, *maybe), description="The outputs under one metric.")
