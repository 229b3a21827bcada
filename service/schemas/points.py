"""The points of a curve as they are submitted: a list of objects, read in one go because a suite has many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from marshmallow import ValidationError

from models.curve import ScalePoint
from models.errors import Problem
from models.metrics import MetricKind, ScoreUnit
from service.schemas.metric import as_fraction
from service.schemas.outcomes import MOST_OUTCOMES, clusters, outcomes
from service.schemas.problems import unknown
from service.schemas.scalars import Refused, number, positive, positive_or_zero, shown, text, whole

MOST_POINTS = 1000  # of one curve; the largest published suites have a few dozen
READ: Mapping[str, Callable[[Any], Any]] = {
    "model": text,
    "scale": positive,
    "score": number,
    "n_examples": whole,
    "stderr": positive_or_zero,
    "n_correct": whole,
    "outcomes": outcomes,
    "clusters": clusters,
    "distractor_score": number,
    "n_distractor_correct": whole,
}

_IN_UNIT = ("score", "stderr", "distractor_score")  # what percent turns into fractions

type RawPoint = dict[str, Any]


def raw_points(value: Any) -> list[RawPoint]:
    """The fields given for each point, checked one by one, numbers in the submitted unit.

    Raises `ValidationError` with messages by index and field.
    """
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise Refused(f"{shown(value)} is not a list of points")
    if len(value) > MOST_POINTS:
        raise Refused(f"{len(value):,} points are more than {MOST_POINTS:,}: split the curve")
    errors: dict[int, Any] = {}
    points = [_raw_point(given, index, errors) for index, given in enumerate(value)]
    if errors:
        raise ValidationError(errors)
    if sum(len(point.get("outcomes", b"")) for point in points) > MOST_OUTCOMES:
        raise Refused(f"more than {MOST_OUTCOMES:,} outcomes: give n_correct and n_examples instead")
    return points


def plain_shares(points: Sequence[RawPoint], unit: ScoreUnit) -> bool:
    """Whether all scores lie in [0, 1] and come with n, as proportions do."""
    return all("n_examples" in p and (_counted(p) or 0 <= as_fraction(p["score"], unit) <= 1) for p in points)


def scale_points(points: Sequence[RawPoint], unit: ScoreUnit, kind: MetricKind) -> tuple[ScalePoint, ...]:
    """Points as the models know them, scores and standard errors as fractions.

    A proportion of exactly 0 or 1 has the standard error 0 by its formula, p (1 - p)/(n - 1): where n is given it says
    nothing, and is left out; anywhere else the models refuse it.
    """
    converted = (_scale_point(point, unit) for point in points)
    return tuple(replace(point, stderr=None) if _implied_zero(point, kind) else point for point in converted)


def in_submitted_unit(problems: Sequence[Problem], points: Sequence[RawPoint], unit: ScoreUnit) -> Iterator[Problem]:
    """Problems of the models with what was submitted, where percent were turned into fractions."""
    for problem in problems:
        _, _, place = problem.pointer.partition("/points/")
        index, _, name = place.partition("/")
        if unit is ScoreUnit.PERCENT and name in _IN_UNIT and name in points[int(index)]:
            reason = problem.message.partition(" (in percent?")[0]
            yield Problem(problem.pointer, f"{shown(points[int(index)][name])} percent: {reason}")
        else:
            yield problem


def _raw_point(given: Any, index: int, errors: dict[int, Any]) -> RawPoint:
    if not isinstance(given, Mapping):
        errors[index] = [f"{shown(given)} is not an object with scale, score and n_examples"]
        return {}
    point: RawPoint = {}
    faults: dict[str, list[str]] = {}
    for name, value in given.items():
        if value is None:
            continue
        try:
            point[name] = READ[name](value)
        except KeyError:
            faults[name] = [unknown(name, READ)]
        except Refused as refused:
            faults[name] = [str(refused)]
    if "outcomes" in point:
        point.setdefault("n_examples", len(point["outcomes"]))
    if faults or "scale" not in point or "score" not in point:
        faults |= {name: [reason] for name, reason in _missing(point) if name not in faults}
    if faults:
        errors[index] = faults
    return point


def _missing(point: RawPoint) -> Iterator[tuple[str, str]]:
    if "scale" not in point:
        yield "scale", "missing"
    if not {"score", "n_correct", "outcomes"} & point.keys():
        yield "score", "missing: give score, or n_correct with n_examples"
    elif "score" not in point and point.get("n_examples", 0) < 1:
        yield "n_examples", "n_correct without a score needs n_examples of at least 1"


def _implied_zero(point: ScalePoint, kind: MetricKind) -> bool:
    return (
        point.stderr == 0
        and kind is MetricKind.PROPORTION
        and point.n_examples is not None
        and point.score in (0.0, 1.0)
    )


def _counted(point: RawPoint) -> bool:
    return "n_correct" in point or "outcomes" in point


def _scale_point(point: RawPoint, unit: ScoreUnit) -> ScalePoint:
    stderr, distractor = point.get("stderr"), point.get("distractor_score")
    return ScalePoint(
        scale=point["scale"],
        score=as_fraction(point["score"], unit) if "score" in point else _share(point),
        n_examples=point.get("n_examples"),
        stderr=None if stderr is None else as_fraction(stderr, unit),
        n_correct=point.get("n_correct"),
        language_model=point.get("model"),
        outcomes=point.get("outcomes"),
        clusters=point.get("clusters"),
        distractor_score=None if distractor is None else as_fraction(distractor, unit),
        n_distractor_correct=point.get("n_distractor_correct"),
    )


def _share(point: RawPoint) -> float:
    """Score of a point that was given as counts or outcomes alone."""
    if "n_correct" in point:
        return float(point["n_correct"] / point["n_examples"])
    return float(point["outcomes"].count(1) / len(point["outcomes"]))
