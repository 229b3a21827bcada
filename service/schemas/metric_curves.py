"""Requests of metric curves: a per-token curve from which metrics are predicted, or outputs that are scored anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.errors import InvalidInput, InvalidOptions, Problem
from models.metric_curves import DEFAULT_OPTIONS, MOST_OPTIONS, Question
from models.options import EngineName, Options
from models.outputs import Outputs
from models.rescoring import Task
from service.analyses import Asked, asked_curve
from service.schemas.curve_lists import load_ids, load_object
from service.schemas.metric import LONGEST_TARGET
from service.schemas.model_outputs import OUTPUT_FIELDS, listed_numbers, load_outputs, load_task, value_of
from service.schemas.options import load_options
from service.schemas.scalars import Refused, number, positive, shown, whole
from service.settings import Settings

SOURCES = ("power_law", "token_log_probabilities", "id", "curve", "outputs")
QUESTION_FIELDS = ("target_length", "n_options")
MOST_SCALES = 1000
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "power_law": ("power_law", "scales", *QUESTION_FIELDS),
    "token_log_probabilities": ("token_log_probabilities", "scales", *QUESTION_FIELDS),
    "id": ("id", "scales", *QUESTION_FIELDS),
    "curve": ("curve", "scales", *QUESTION_FIELDS),
    "outputs": OUTPUT_FIELDS,
}


@dataclass(frozen=True, slots=True)
class PowerLawAsked:
    """-log p = (N/c)^alpha at some scales."""

    c: float
    alpha: float
    scales: tuple[float, ...]
    question: Question


@dataclass(frozen=True, slots=True)
class TokensAsked:
    """The mean log-probability of a token at each scale."""

    log_probabilities: tuple[float, ...]
    scales: tuple[float, ...]
    question: Question


@dataclass(frozen=True, slots=True)
class CurveAsked:
    """The per-token curve behind a stored analysis, by its id, or behind a curve that is to be analysed."""

    source: str | Asked
    target_length: int | None
    n_options: int
    scales: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class OutputsAsked:
    """Outputs, what they are of, and how the metrics' curves are to be analysed."""

    outputs: Outputs
    task: Task
    options: Options
    effects: Mapping[str, float]


type MetricCurvesAsked = PowerLawAsked | TokensAsked | CurveAsked | OutputsAsked


def load_metric_curves(document: Any, settings: Settings) -> MetricCurvesAsked:
    """A request, checked; raises `InvalidInput`."""
    fields = load_object(document, tuple(dict.fromkeys(name for names in _FIELDS.values() for name in names)))
    given = [name for name in SOURCES if name in fields]
    if len(given) != 1:
        there = " and ".join(given) or "none of them"
        raise InvalidInput([Problem("", f"{there} given: say one of {', '.join(SOURCES)}")])
    (source,) = given
    strange = [name for name in fields if name not in _FIELDS[source]]
    if strange:
        message = f"means nothing beside {source}: there go {', '.join(_FIELDS[source])}"
        raise InvalidInput([Problem(f"/{name}", message) for name in strange])
    if source == "outputs":
        return _outputs(fields)
    if source in ("id", "curve"):
        return _curve(fields, settings)
    return _predicted(fields)


def _predicted(fields: Mapping[str, Any]) -> PowerLawAsked | TokensAsked:
    if "scales" not in fields:
        raise InvalidInput([Problem("/scales", "missing: give the scales at which metrics are wanted")])
    scales, length = _scales(fields), _length(fields)
    if length is None:
        message = "missing: the accuracy of a target is p^L, L the number of its tokens"
        raise InvalidInput([Problem("/target_length", message)])
    question = Question(length, _n_options(fields))
    if "power_law" in fields:
        asked = fields["power_law"]
        if not isinstance(asked, Mapping) or set(asked) != {"c", "alpha"}:
            message = f"{shown(asked)} where an object with c and alpha belongs: -log p = (N/c)^alpha"
            raise InvalidInput([Problem("/power_law", message)])
        c, alpha = value_of(asked, "c", positive, "/power_law"), value_of(asked, "alpha", number, "/power_law")
        return PowerLawAsked(c, alpha, scales, question)
    values = listed_numbers(fields["token_log_probabilities"], "/token_log_probabilities", MOST_SCALES)
    return TokensAsked(tuple(values), scales, question)


def _curve(fields: Mapping[str, Any], settings: Settings) -> CurveAsked:
    length, n_options = _length(fields), _n_options(fields)
    Question(1 if length is None else length, n_options)
    scales = _scales(fields) if "scales" in fields else None
    return CurveAsked(_source(fields, settings), length, n_options, scales)


def _source(fields: Mapping[str, Any], settings: Settings) -> str | Asked:
    try:
        if "id" in fields:
            return load_ids([fields["id"]], 1, 1)[0]
        asked = asked_curve(fields["curve"], settings)
    except InvalidInput as error:
        raise InvalidInput(
            Problem("/id" if "id" in fields else f"/curve{problem.pointer}", problem.message)
            for problem in error.problems
        ) from None
    if asked.slow:
        raise InvalidInput([Problem("/curve/options/engine", "nuts is too slow here: leave it out, or analyse first")])
    return asked


def _outputs(fields: Mapping[str, Any]) -> OutputsAsked:
    options = load_options(_plain_options(fields.get("options", {})))
    effects = fields.get("smallest_effects", {})
    if not isinstance(effects, Mapping):
        message = f"{shown(effects)} is not an object: give a smallest effect by the name of its metric"
        raise InvalidInput([Problem("/smallest_effects", message)])
    checked = {name: value_of(effects, name, positive, "/smallest_effects") for name in effects}
    return OutputsAsked(load_outputs(fields), load_task(fields), options, checked)


def _plain_options(asked: Any) -> Mapping[str, Any]:
    """Options of an analysis that mean the same for every metric."""
    if not isinstance(asked, Mapping):
        raise InvalidOptions([Problem("/options", f"{shown(asked)} is not an object of options")])
    if asked.get("smallest_effect") is not None:
        message = "the metrics have different units: say smallest_effects, by the name of the metric"
        raise InvalidOptions([Problem("/options/smallest_effect", message)])
    if asked.get("engine") == EngineName.NUTS:
        raise InvalidOptions([Problem("/options/engine", "nuts is too slow for all metrics: leave it out")])
    if asked.get("between_model_scale") == "suite":
        message = "'suite' needs curves of many tasks; give a number or 'default'"
        raise InvalidOptions([Problem("/options/between_model_scale", message)])
    return asked


def _scales(fields: Mapping[str, Any]) -> tuple[float, ...]:
    scales = listed_numbers(fields["scales"], "/scales", MOST_SCALES)
    problems = []
    for index, scale in enumerate(scales):
        try:
            positive(scale)
        except Refused as refused:
            problems.append(Problem(f"/scales/{index}", str(refused)))
    if problems:
        raise InvalidInput(problems)
    return tuple(scales)


def _length(fields: Mapping[str, Any]) -> int | None:
    if "target_length" not in fields:
        return None
    length: int = value_of(fields, "target_length", whole)
    if not 1 <= length <= LONGEST_TARGET:
        message = f"{length} is not between 1 and {LONGEST_TARGET:,} tokens: without a token there is no accuracy"
        raise InvalidInput([Problem("/target_length", message)])
    return length


def _n_options(fields: Mapping[str, Any]) -> int:
    options: int = value_of(fields, "n_options", whole) if "n_options" in fields else DEFAULT_OPTIONS
    if not 2 <= options <= MOST_OPTIONS:
        raise InvalidInput([Problem("/n_options", f"{options} is not between 2 and {MOST_OPTIONS}")])
    return options
