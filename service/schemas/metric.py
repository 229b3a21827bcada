"""The metric of a curve: a registered name, or an object that adds to one or stands alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from models.errors import InvalidCurve, Problem
from models.metrics import Metric, MetricKind, ScoreUnit, registered
from models.results import Warned
from service.schemas.problems import given
from service.schemas.scalars import Checked, Fields, Refused, choice, number, shown, text, truth, whole

LONGEST_TARGET = 1_000_000  # tokens; no answer is longer than a context window
METRIC_ASSUMED_PROPORTION = "metric_assumed_proportion"
CHANCE_BELOW_ONE_PERCENT = "chance_below_one_percent"
METRIC_FIELDS = ("name", "kind", "higher_is_better", "lower", "upper", "chance", "target_length", "unit")
_IN_UNIT = ("lower", "upper", "chance")


def metric_request(value: Any) -> dict[str, Any]:
    """The fields of a submitted metric, each checked by itself, numbers in the submitted unit.

    Raises `ValidationError` with the messages of each field, or `Refused`.
    """
    if isinstance(value, str):
        return {"name": text(value)}
    if not isinstance(value, Mapping):
        raise Refused(f"{shown(value)} is neither the name of a metric nor an object")
    return _fields().load(given(value))


def resolved_metric(request: Mapping[str, Any], *, plain_shares: bool) -> tuple[Metric, tuple[Warned, ...]]:
    """The metric meant by a request, as fractions, and what had to be assumed.

    `plain_shares`: all scores lie in [0, 1] and come with n. Raises `InvalidCurve`.
    """
    warnings: tuple[Warned, ...] = ()
    if "kind" not in request and registered(request["name"]) is None:
        if not plain_shares or "lower" in request or "upper" in request:
            raise InvalidCurve([Problem("/metric/kind", _kind_needed(request["name"]))])
        request = {**request, "kind": MetricKind.PROPORTION}
        warnings = (_assumed(request["name"]),)
    metric = _merged(request)
    problems = tuple(_problems(metric, request))
    if problems:
        raise InvalidCurve(problems)
    if request.get("unit") is ScoreUnit.PERCENT and 0 < request.get("chance", 0.0) < 1:
        warnings = (*warnings, _small_chance(request["chance"]))
    return metric, warnings


def as_fraction(value: float, unit: ScoreUnit) -> float:
    """A number in the submitted unit as a fraction; division rounds once, so 86 percent is exactly 0.86."""
    return value / 100 if unit is ScoreUnit.PERCENT else value


def _merged(request: Mapping[str, Any]) -> Metric:
    """The registered metric, or a plain one of the kind asked for, with the request's own fields on top."""
    known = registered(request["name"])
    kind = request.get("kind") or (known.kind if known else MetricKind.PROPORTION)
    own: dict[str, Any] = {"name": request["name"]}
    if known is None or kind is not known.kind:
        bound = (None, None) if kind is MetricKind.UNBOUNDED else (0.0, 1.0)
        own |= {"kind": kind, "lower": bound[0], "upper": bound[1]}
    unit = request.get("unit", ScoreUnit.FRACTION)
    own |= {name: request[name] for name in ("higher_is_better", "target_length") if name in request}
    own |= {name: as_fraction(request[name], unit) for name in _IN_UNIT if name in request}
    return Metric(**own) if known is None else replace(known, **own)


def _problems(metric: Metric, request: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _bound_problems(metric, request)
    if metric.target_length is not None and not 1 <= metric.target_length <= LONGEST_TARGET:
        yield Problem("/metric/target_length", f"{metric.target_length} is not between 1 and {LONGEST_TARGET:,} tokens")
    if (metric.target_length or 1) > 1 and metric.higher_is_better and (metric.chance or 0.0) > 0:
        message = f"{metric.chance:g} with a target of {metric.target_length} tokens: no such answer is right by chance"
        yield Problem("/metric/chance", f"{message}; leave out chance, or target_length where options are chosen from")
    if metric.kind is MetricKind.UNBOUNDED and request.get("unit") is ScoreUnit.PERCENT:
        yield Problem("/metric/unit", f"percent means nothing for the unbounded metric {metric.name}: leave unit out")


def _bound_problems(metric: Metric, request: Mapping[str, Any]) -> Iterator[Problem]:
    lower, upper, chance = metric.lower, metric.upper, metric.chance
    if lower is not None and upper is not None:
        if not lower < upper:
            yield Problem("/metric/upper", f"{upper:g} is not greater than lower = {lower:g}")
        elif chance is not None and not lower <= chance <= upper:
            hint = " (in percent? say unit: percent)" if upper == 1.0 and 1.0 < chance <= 100.0 else ""
            yield Problem("/metric/chance", f"{chance:g} lies outside {lower:g} to {upper:g}{hint}")
    for name, expected in (("lower", 0.0), ("upper", 1.0)):
        if name not in request:
            continue
        if metric.kind is MetricKind.UNBOUNDED:
            yield Problem(f"/metric/{name}", f"given for the unbounded metric {metric.name}: say kind: bounded")
        elif metric.kind is MetricKind.PROPORTION and getattr(metric, name) != expected:
            message = f"{getattr(metric, name):g} is not {expected:g}, as it is for a proportion: say kind: bounded"
            yield Problem(f"/metric/{name}", message)


def _kind_needed(name: str) -> str:
    return (
        f"missing: {shown(name)} is no registered metric, and not every score is a share in [0, 1] with n_examples; "
        f"say kind: one of {', '.join(MetricKind)}"
    )


def _small_chance(chance: float) -> Warned:
    message = f"chance {chance:g} is in percent, as the scores are; if a share is meant, write {100 * chance:g}"
    return Warned(CHANCE_BELOW_ONE_PERCENT, message)


def _assumed(name: str) -> Warned:
    message = f"{name} is no registered metric: taken as a proportion, since all scores are in [0, 1] with n_examples"
    return Warned(METRIC_ASSUMED_PROPORTION, message)


@cache
def _fields() -> Fields:
    kind, unit = choice(tuple(MetricKind)), choice(tuple(ScoreUnit))
    return Fields(
        {
            "name": Checked(text, required=True),
            "kind": Checked(lambda value: MetricKind(kind(value))),
            "higher_is_better": Checked(truth),
            "lower": Checked(number),
            "upper": Checked(number),
            "chance": Checked(number),
            "target_length": Checked(whole),
            "unit": Checked(lambda value: ScoreUnit(unit(value))),
        },
        "MetricSchema",
    )
