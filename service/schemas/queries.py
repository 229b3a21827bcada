"""Query parameters, and filters of stored analyses wherever they stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields
from marshmallow.validate import Length, OneOf, Range, Regexp

from models.errors import InvalidInput, Problem
from models.options import LARGEST_INTERVAL, UNDETERMINED, Shape
from models.results import Verdict
from service.clock import stamp
from service.contract.curves import PRINTABLE
from service.schemas.problems import given, problems_of
from service.schemas.scalars import LONGEST_TEXT, Check, Refused, number, shown, whole
from service.schemas.suite_options import LARGEST_FDR_LEVEL

DEFAULT_LIMIT, MOST_ITEMS = 100, 1000
LONGEST_CURSOR = 4000
LABELS = (*(shape.value for shape in Shape), UNDETERMINED)
VERDICTS = tuple(verdict.value for verdict in Verdict)
SORTS = ("-created_at", "created_at", "-probability", "probability", "task", "-task")
PICTURES, THEMES = ("svg", "png"), ("light", "dark")
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_DIGITS, _DECIMAL = re.compile("-?[0-9]{1,18}"), re.compile("-?[0-9.]{1,30}(e-?[0-9]{1,3})?", re.IGNORECASE)
LARGEST_VERSION = 2**31 - 1


class Moment(fields.String):
    """An RFC 3339 time, as the database writes it: UTC with milliseconds."""

    def _deserialize(self, value: Any, *args: Any, **settings: Any) -> str:
        text: str = super()._deserialize(value, *args, **settings)
        try:
            moment = datetime.fromisoformat(text.upper()).astimezone(UTC) if _RFC3339.fullmatch(text) else None
        except (ValueError, OverflowError):
            moment = None
        if moment is None:
            raise ValidationError(f"{shown(text)} is no time such as 2026-01-31T12:00:00Z")
        return stamp(moment)


class Words(fields.String):
    """A text that is not empty, of which nothing else need be said then."""

    def _deserialize(self, value: Any, *args: Any, **settings: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError(f"{shown(value)} is not a text")
        text: str = super()._deserialize(value, *args, **settings)
        if not text:
            raise ValidationError("is empty: give a value, or leave it out")
        return text


class Count(fields.Integer):
    """A whole number in plain digits."""

    def _deserialize(self, value: Any, *args: Any, **settings: Any) -> int:
        if isinstance(value, str) and not _DIGITS.fullmatch(value):
            raise ValidationError(f"{shown(value)} is no whole number such as 100")
        return super()._deserialize(value, *args, **settings)


class Share(fields.Float):
    """A number in plain digits."""

    def _deserialize(self, value: Any, *args: Any, **settings: Any) -> float:
        if isinstance(value, str) and not _DECIMAL.fullmatch(value):
            raise ValidationError(f"{shown(value)} is no number such as 0.9")
        return super()._deserialize(value, *args, **settings)


def _words(description: str, longest: int = LONGEST_TEXT) -> Words:
    checks = [Length(1, longest), Regexp(PRINTABLE, error="contains a control character")]
    return Words(validate=checks, metadata={"description": description})


def _moment(description: str) -> Moment:
    return Moment(metadata={"description": description, "format": "date-time"})


def _version(description: str) -> Count:
    return Count(validate=Range(0, LARGEST_VERSION), metadata={"description": description})


class FilterQuery(Schema):
    """Which stored analyses."""

    task = _words("The task is exactly this.")
    metric = _words("The metric's name is exactly this.")
    model_family = _words("The model family is exactly this.")
    prompting = _words("The prompting is exactly this.")
    suite = _words("The suite is exactly this.")
    tag = _words("A tag as name:value or name=value, or its name with any value.")
    label = fields.String(validate=OneOf(LABELS), metadata={"description": "The label is this."})
    verdict = fields.String(validate=OneOf(VERDICTS), metadata={"description": "The verdict on emergence is this."})
    min_probability = Share(validate=Range(0, 1), metadata={"description": "The label is at least this probable."})
    created_after = _moment("Made at this time or later.")
    created_before = _moment("Made before this time.")
    engine_version = _version("Made by this version of the engine.")
    engine_below = _version("Made by an earlier version of the engine than this.")


class PageQuery(Schema):
    """Which part of a list."""

    limit = Count(
        load_default=DEFAULT_LIMIT, validate=Range(1, MOST_ITEMS), metadata={"description": "Most items of the page."}
    )
    cursor = _words("`next` of the page before.", LONGEST_CURSOR)


class AnalysesQuery(FilterQuery, PageQuery):
    """Which stored analyses, in which order."""

    sort = fields.String(
        load_default=SORTS[0], validate=OneOf(SORTS), metadata={"description": "Order; - for descending."}
    )


class PlotQuery(Schema):
    """Which kind of picture."""

    format = fields.String(
        validate=OneOf(PICTURES), metadata={"description": "svg or png; without it the Accept header decides."}
    )
    theme = fields.String(
        load_default=THEMES[0], validate=OneOf(THEMES), metadata={"description": "Colours for a light or a dark page."}
    )


class SuiteQuery(Schema):
    """How a suite is summed up."""

    interval = Share(
        validate=Range(0.5, LARGEST_INTERVAL), metadata={"description": "Probability of the intervals; 0.95."}
    )
    fdr_level = Share(
        validate=Range(0, LARGEST_FDR_LEVEL, min_inclusive=False),
        metadata={"description": "Largest expected share of false labels among those kept; 0.05."},
    )


class DeleteBatchQuery(Schema):
    """Whether the batch is only stopped, or goes away."""

    purge = fields.Boolean(
        load_default=False,
        truthy={"true"},
        falsy={"false"},
        metadata={"description": "Remove the batch and results that nothing else holds."},
    )


_FILTER = FilterQuery()
_NUMBERS: Mapping[str, Check] = {"min_probability": number, "engine_version": whole, "engine_below": whole}


def load_filter(asked: Any, place: str = "/from") -> dict[str, Any]:
    """The fields of a filter in a body, checked; raises `InvalidInput`."""
    if not isinstance(asked, Mapping):
        raise InvalidInput([Problem(place, f"{shown(asked)} is not an object of filters")])
    try:
        loaded: dict[str, Any] = _FILTER.load(_typed(given(asked), place))
    except ValidationError as error:
        raise InvalidInput(problems_of(error.messages, {place: _FILTER.fields}, place)) from None
    return loaded


def _typed(fields_given: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    """Numbers come as numbers here: a query's strings are no example for a body."""
    problems = []
    for name in sorted(fields_given.keys() & _NUMBERS.keys()):
        try:
            _NUMBERS[name](fields_given[name])
        except Refused as refused:
            problems.append(Problem(f"{place}/{name}", str(refused)))
    if problems:
        raise InvalidInput(problems)
    return fields_given
