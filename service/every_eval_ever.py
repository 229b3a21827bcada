"""Records of Every Eval Ever from curves: one a language model, with all its scores.

The form is eval.schema.json 0.2.1 of evaleval/every_eval_ever. What it has no field for stands in additional_details,
whose values are strings; `service/readers/every_eval_ever.py` reads it back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from models.curve import ScalePoint, ScalingCurve
from models.metrics import Metric
from service.longer_names import Names
from service.readers.every_eval_ever import DETAILS
from service.readers.spool import Spool, open_spool

SCHEMA_VERSION = "0.2.1"
MOST_RESULTS = 1_000_000  # of one model
_LARGEST = 1.7976931348623157e308  # the schema wants bounds where a metric has none

type Model = tuple[str, str, str, str, str]
"""Name, family and checkpoint ("" where none is known), scale kind, scale."""


def names_in_records(curve: ScalingCurve) -> Names:
    """By what the records, read back, keep curves apart; the task comes first."""
    tags = (curve.tags.get(name) for name in ("checkpoint", "task_version"))
    return (curve.task, curve.metric.name, curve.prompting, curve.model_family, *tags)


@contextmanager
def records(
    curves: Iterable[ScalingCurve], retrieved: float, task: Callable[[ScalingCurve], str] = lambda curve: curve.task
) -> Iterator[tuple[int, Iterator[dict[str, Any]]]]:
    """Number of curves, and the records of all models, gathered on disk. `retrieved`: seconds since 1970.

    `task` is what the task of the next curve is called.
    """
    with open_spool() as spool:
        models: dict[Model, None] = {}
        count = 0
        for curve in curves:
            count += 1
            name = task(curve)
            rows = [(_model(point, curve), _result(point, curve, name)) for point in curve.points]
            models |= dict.fromkeys(model for model, _ in rows)
            spool.add((model, [(count, [orjson.dumps(result).decode()])]) for model, result in rows)
        yield count, _records(spool, list(models), retrieved)


def _records(spool: Spool, models: list[Model], retrieved: float) -> Iterator[dict[str, Any]]:
    for model, (_, rows) in zip(models, spool.groups(MOST_RESULTS), strict=True):
        yield _record(model, [orjson.loads(cells[0]) for _, cells in rows], retrieved)


def _model(point: ScalePoint, curve: ScalingCurve) -> Model:
    family = curve.model_family or ""
    name = point.language_model or f"{family or 'model'} {point.scale:g}"
    return name, family, curve.tags.get("checkpoint", ""), curve.scale_kind.value, repr(point.scale)


def _record(model: Model, results: list[dict[str, Any]], retrieved: float) -> dict[str, Any]:
    name, family, checkpoint, scale_kind, scale = model
    state = f"{name}/{checkpoint}" if checkpoint else name
    details = {
        "model_family": family,
        "checkpoint": checkpoint,
        "scale" if scale_kind == "other" else scale_kind: scale,
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"scaleshape/{state}/{retrieved:.0f}",
        "retrieved_timestamp": f"{retrieved:.0f}",
        "source_metadata": {
            "source_name": "scaleshape",
            "source_type": "evaluation_run",
            "source_organization_name": "unknown",
            "evaluator_relationship": "other",
        },
        "eval_library": {"name": "unknown", "version": "unknown"},
        "model_info": {"name": name, "id": name, "additional_details": {k: v for k, v in details.items() if v}},
        "evaluation_results": results,
    }


def _result(point: ScalePoint, curve: ScalingCurve, task: str) -> dict[str, Any]:
    uncertainty = {
        "standard_error": None if point.stderr is None else {"value": point.stderr},
        "num_samples": point.n_examples,
    }
    known = {name: value for name, value in uncertainty.items() if value is not None}
    return {
        "evaluation_name": task,
        "source_data": {"dataset_name": task, "source_type": "other"},
        "metric_config": _metric_config(curve.metric, curve),
        "score_details": {"score": point.score, "uncertainty": known},
    }


def _metric_config(metric: Metric, curve: ScalingCurve) -> dict[str, Any]:
    given = {
        "metric": metric.name,
        "kind": metric.kind.value,
        "prompting": curve.prompting,
        "chance": metric.chance,
        "target_length": metric.target_length,
        **{name: curve.tags.get(name) for name in ("task_group", "task_version")},
    }
    return {
        "lower_is_better": not metric.higher_is_better,
        "score_type": "continuous",
        "min_score": -_LARGEST if metric.lower is None else metric.lower,
        "max_score": _LARGEST if metric.upper is None else metric.upper,
        "additional_details": {name: _text(given[name]) for name in DETAILS if given[name] is not None},
    }


def _text(value: object) -> str:
    return repr(value) if isinstance(value, float) and math.isfinite(value) else str(value)
