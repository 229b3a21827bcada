"""Options of an analysis as they are submitted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from marshmallow import ValidationError

from models.errors import InvalidOptions, Problem
from models.options import EngineName, Options, Shape
from service.schemas.problems import given, problems_of
from service.schemas.scalars import Checked, Fields, Refused, choice, number, shown, whole

WORDS_FOR_SCALE = ("default", "suite")


def load_options(asked: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> Options:
    """Options from submitted values, `asked` before `defaults`; raises `InvalidOptions`."""
    return Options(**checked_options({**given(defaults or {}), **given(asked)}))


def checked_options(asked: Any) -> dict[str, Any]:
    """The options that were given, each checked; null is the same as not given. Raises `InvalidOptions`."""
    if not isinstance(asked, Mapping):
        raise InvalidOptions([Problem("/options", f"{shown(asked)} is not an object of options")])
    if not asked:
        return {}
    fields = _fields()
    try:
        loaded: dict[str, Any] = fields.load(given(asked))
    except ValidationError as error:
        raise InvalidOptions(problems_of(error.messages, {"/options": fields.schema.fields}, "/options")) from None
    Options(**loaded)
    return loaded


def _class_prior(value: Any) -> dict[Shape, float]:
    if not isinstance(value, Mapping):
        raise Refused(f"{shown(value)} is not an object: give a probability for each of {', '.join(Shape)}")
    strange = [name for name in value if name not in tuple(Shape)]
    if strange:
        raise Refused(f"{shown(strange[0])} is no shape: give a probability for each of {', '.join(Shape)}")
    return {Shape(name): _probability(name, probability) for name, probability in value.items()}


def _probability(name: str, value: Any) -> float:
    """A number; raises `ValidationError` at the name within the prior."""
    try:
        return number(value)
    except Refused as refused:
        raise ValidationError({name: [str(refused)]}) from None


def _between_model_scale(value: Any) -> float | str:
    if isinstance(value, str):
        if value not in WORDS_FOR_SCALE:
            raise Refused(f"{shown(value)} is neither a number, 'default' nor 'suite'")
        return value
    return number(value)


@cache
def _fields() -> Fields:
    engine = choice(tuple(EngineName))
    return Fields(
        {
            "engine": Checked(lambda value: EngineName(engine(value))),
            "smallest_effect": Checked(number),
            "decision_threshold": Checked(number),
            "class_prior": Checked(_class_prior),
            "interval": Checked(number),
            "seed": Checked(whole),
            "between_model_scale": Checked(_between_model_scale),
        },
        "OptionsSchema",
    )
