"""A scaling curve as it is submitted: by HTTP, in a JSON or NDJSON file, or put together from the rows of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from marshmallow import ValidationError

from models.curve import ScaleKind, ScalePoint, ScalingCurve
from models.errors import InvalidCurve, InvalidInput, InvalidOptions, Problem
from models.metrics import Metric, ScoreUnit
from models.results import Warned
from service.schemas.metric import METRIC_FIELDS, metric_request, resolved_metric
from service.schemas.options import checked_options
from service.schemas.points import in_submitted_unit, plain_shares, raw_points, scale_points
from service.schemas.problems import given, problems_of
from service.schemas.scalars import MOST_TAGS, Checked, Fields, Refused, choice, shown, text

CURVE_FIELDS = ("task", "metric", "prompting", "model_family", "scale_kind", "points", "suite", "tags", "options")


@dataclass(frozen=True, slots=True)
class LoadedCurve:
    """A checked curve with scores as fractions, the options that came with it, and what had to be assumed."""

    curve: ScalingCurve
    options: Mapping[str, Any]
    warnings: tuple[Warned, ...]


def load_curve(document: Any) -> LoadedCurve:
    """Parse one submitted curve.

    Raises `InvalidCurve`, or `InvalidOptions` when the options alone are at fault, with every problem found.
    """
    if not isinstance(document, Mapping):
        raise InvalidCurve([Problem("", f"{shown(document)} is not a curve: send an object with {', '.join(_NEEDED)}")])
    fields = given(document)
    options, problems = _options(fields.pop("options", {}))
    try:
        curve, warnings = _curve(fields)
    except InvalidInput as error:
        raise InvalidCurve((*error.problems, *problems)) from None
    if problems:
        raise InvalidOptions(problems)
    return LoadedCurve(curve, options, warnings)


def curve_document(curve: ScalingCurve) -> dict[str, Any]:
    """A curve in request form, as fractions; what was not given is left out. `load_curve` reads it back."""
    named = {"kind": curve.metric.kind.value, "unit": curve.metric.unit.value}
    document = {
        "task": curve.task,
        "metric": given({name: getattr(curve.metric, name) for name in METRIC_FIELDS}) | named,
        "prompting": curve.prompting,
        "model_family": curve.model_family,
        "scale_kind": curve.scale_kind.value,
        "points": [_point_document(point) for point in curve.points],
        "suite": curve.suite,
        "tags": dict(curve.tags) or None,
    }
    return given(document)


REPEATED_MODEL = "repeated_model"
MOST_NAMED = 3  # models in the text of a warning
_NEEDED = ("task", "metric", "points")


def _options(asked: Any) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    try:
        return checked_options(asked), ()
    except InvalidOptions as error:
        return {}, error.problems


def _curve(fields: Mapping[str, Any]) -> tuple[ScalingCurve, tuple[Warned, ...]]:
    try:
        loaded: dict[str, Any] = _fields().load(fields)
    except ValidationError as error:
        raise InvalidCurve(problems_of(error.messages, {"": CURVE_FIELDS, "/metric": METRIC_FIELDS})) from None
    request, points = loaded.pop("metric"), loaded.pop("points")
    unit = request.get("unit", ScoreUnit.FRACTION)
    metric, warnings = resolved_metric(request, plain_shares=plain_shares(points, unit))
    try:
        curve = _scaling_curve(loaded, metric, scale_points(points, unit, metric.kind))
    except InvalidCurve as error:
        raise InvalidCurve(in_submitted_unit(error.problems, points, unit)) from None
    return curve, (*warnings, *_repeated(curve))


def _repeated(curve: ScalingCurve) -> Iterator[Warned]:
    """A warning where one model has several results at one scale; the checkpoints of one have scales of their own."""
    named = Counter((p.language_model, p.scale) for p in curve.points if p.language_model is not None)
    if several := [f"{shown(name)} has {count}" for (name, _), count in named.items() if count > 1]:
        more = f" and {len(several) - MOST_NAMED:,} more models" if len(several) > MOST_NAMED else ""
        told = ", ".join(several[:MOST_NAMED]) + more
        message = f"{told}: results of one model at one scale count as those of different models; check which is meant"
        yield Warned(REPEATED_MODEL, message)


def _scaling_curve(loaded: Mapping[str, Any], metric: Metric, points: tuple[ScalePoint, ...]) -> ScalingCurve:
    return ScalingCurve(
        task=loaded["task"],
        metric=metric,
        points=points,
        prompting=loaded.get("prompting"),
        model_family=loaded.get("model_family"),
        scale_kind=loaded.get("scale_kind", ScaleKind.PARAMETERS),
        suite=loaded.get("suite"),
        tags=loaded.get("tags", {}),
    )


def _point_document(point: ScalePoint) -> dict[str, Any]:
    return given(
        {
            "model": point.language_model,
            "scale": point.scale,
            "score": point.score,
            "n_examples": point.n_examples,
            "stderr": point.stderr,
            "n_correct": point.n_correct,
            "outcomes": None if point.outcomes is None else list(point.outcomes),
            "clusters": None if point.clusters is None else list(point.clusters),
            "distractor_score": point.distractor_score,
            "n_distractor_correct": point.n_distractor_correct,
        }
    )


def _tags(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise Refused(f"{shown(value)} is not an object of strings")
    if len(value) > MOST_TAGS:
        raise Refused(f"{len(value)} tags are more than {MOST_TAGS}: leave some out")
    faults = {}
    tags = {}
    for name, tag in value.items():
        try:
            tags[text(name)] = text(tag)
        except Refused as refused:
            faults[name] = [str(refused)]
    if faults:
        raise ValidationError(faults)
    return tags


@cache
def _fields() -> Fields:
    kind = choice(tuple(ScaleKind))
    return Fields(
        {
            "task": Checked(text, required=True),
            "metric": Checked(metric_request, required=True),
            "prompting": Checked(text),
            "model_family": Checked(text),
            "scale_kind": Checked(lambda value: ScaleKind(kind(value))),
            "points": Checked(raw_points, required=True),
            "suite": Checked(text),
            "tags": Checked(_tags),
        },
        "CurveSchema",
    )
