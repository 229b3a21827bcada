"""Requests for plans: what to measure next on a curve, or how many examples a study needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from marshmallow import Schema, ValidationError

from models.candidates import ALL_ACTIONS, LARGEST_SIZE, MOST_EFFORTS, MOST_SCALES, Action, Wanted
from models.errors import InvalidInput, InvalidOptions, Problem
from models.options import Options
from models.planned_change import MOST_MODELS, Change, PlannedChange, even_scales
from models.sizing import DEFAULT_STUDIES
from service.schemas.options import load_options
from service.schemas.problems import problems_of, unknown
from service.schemas.scalars import Check, Checked, Refused, choice, number, positive, shown, whole

NEXT_FIELDS = ("scales", "n_examples", "stderr", "actions")
SIZE_FIELDS = ("change", "size", "probability", "n_models", "scales", "level", "turn", "chance", "studies", "options")
OPTIONS = ("smallest_effect", "decision_threshold", "class_prior", "between_model_scale", "seed")
DEFAULT_LEVEL, DEFAULT_PROBABILITY = 0.5, 0.8


@dataclass(frozen=True, slots=True)
class SizeAsked:
    """A study that should find a change with a probability; so many simulated studies for each number."""

    planned: PlannedChange
    probability: float
    options: Options
    studies: int


def load_wanted(fields: Mapping[str, Any]) -> Wanted:
    """What to plan for, from fields that are given; raises `InvalidInput`."""
    loaded = _loaded(fields, _next_schema(), NEXT_FIELDS)
    chosen = {name: tuple(loaded[name]) for name in ("scales", "n_examples", "stderr") if name in loaded}
    actions = tuple(Action(name) for name in loaded["actions"]) if "actions" in loaded else ALL_ACTIONS
    return Wanted(**chosen, actions=actions)


def load_size(fields: Mapping[str, Any]) -> SizeAsked:
    """A study to plan; raises `InvalidInput`."""
    loaded = _loaded({name: value for name, value in fields.items() if name != "options"}, _size_schema(), SIZE_FIELDS)
    if ("scales" in loaded) == ("n_models" in loaded):
        raise InvalidInput([Problem("/n_models", "give either n_models, evenly spaced, or the scales of the models")])
    count = loaded.get("n_models", 0)
    if "scales" not in loaded and not 2 <= count <= MOST_MODELS:
        raise InvalidInput([Problem("/n_models", f"{count} is not between 2 and {MOST_MODELS}")])
    planned = PlannedChange(
        change=Change(loaded["change"]),
        size=loaded["size"],
        scales=tuple(loaded["scales"]) if "scales" in loaded else even_scales(count),
        level=loaded.get("level", DEFAULT_LEVEL),
        turn=loaded.get("turn"),
        chance=loaded.get("chance"),
    )
    probability, studies = loaded.get("probability", DEFAULT_PROBABILITY), loaded.get("studies", DEFAULT_STUDIES)
    return SizeAsked(planned, probability, _options(fields.get("options") or {}), studies)


def _options(asked: Any) -> Options:
    if isinstance(asked, Mapping):
        strange = [name for name in asked if name not in OPTIONS]
        if strange:
            raise InvalidOptions([Problem(f"/options/{strange[0]}", unknown(strange[0], OPTIONS))])
        return load_options(asked)
    raise InvalidOptions([Problem("/options", f"{shown(asked)} is not an object of options")])


def _loaded(fields: Mapping[str, Any], schema: Schema, names: tuple[str, ...]) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema.load({name: value for name, value in fields.items() if value is not None})
    except ValidationError as error:
        raise InvalidInput(problems_of(error.messages, {"": names})) from None
    return loaded


def _several(check: Check, most: int) -> Callable[[Any], list[Any]]:
    """A check for a list of 1 to `most` values that each pass another check."""

    def checked(value: Any) -> list[Any]:
        if not isinstance(value, (list, tuple)):
            raise Refused(f"{shown(value)} is not a list")
        if not 1 <= len(value) <= most:
            raise Refused(f"{len(value):,} given, where 1 to {most:,} are taken")
        faults, items = {}, []
        for index, item in enumerate(value):
            try:
                items.append(check(item))
            except Refused as refused:
                faults[index] = [str(refused)]
        if faults:
            raise ValidationError(faults)
        return items

    return checked


def _size(value: Any) -> int:
    read = whole(value)
    if not 1 <= read <= LARGEST_SIZE:
        raise Refused(f"{shown(value)} is not between 1 and {LARGEST_SIZE:,}")
    return read


@cache
def _next_schema() -> Schema:
    return Schema.from_dict(
        {
            "scales": Checked(_several(positive, MOST_SCALES)),
            "n_examples": Checked(_several(_size, MOST_EFFORTS)),
            "stderr": Checked(_several(positive, MOST_EFFORTS)),
            "actions": Checked(_several(choice(tuple(Action)), len(Action))),
        },
        name="NextPlanSchema",
    )()


@cache
def _size_schema() -> Schema:
    return Schema.from_dict(
        {
            "change": Checked(choice(tuple(Change)), required=True),
            "size": Checked(number, required=True),
            "probability": Checked(number),
            "n_models": Checked(whole),
            "scales": Checked(_several(positive, MOST_MODELS)),
            "level": Checked(number),
            "turn": Checked(positive),
            "chance": Checked(number),
            "studies": Checked(whole),
        },
        name="SizePlanSchema",
    )()
