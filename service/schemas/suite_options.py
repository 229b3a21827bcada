"""Options of a suite's summary as they are submitted."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from marshmallow import Schema, ValidationError

from models.errors import InvalidOptions, Problem
from models.options import DEFAULT_INTERVAL, LARGEST_INTERVAL
from models.random_effects import Pooling, Tau2Method
from models.suite_summary import DEFAULT_FDR_LEVEL, GROUPINGS, GroupEngine, SuiteOptions
from service.schemas.problems import given, problems_of
from service.schemas.scalars import Checked, Refused, choice, number, shown, truth

LARGEST_FDR_LEVEL = 0.5


def load_suite_options(asked: Any) -> SuiteOptions:
    """The options of a summary; null is the same as not given. Raises `InvalidOptions`."""
    if not isinstance(asked, Mapping):
        raise InvalidOptions([Problem("/options", f"{shown(asked)} is not an object of options")])
    schema = _schema()
    try:
        loaded: dict[str, Any] = schema.load(given(asked))
    except ValidationError as error:
        raise InvalidOptions(problems_of(error.messages, {"/options": schema.fields}, "/options")) from None
    level = loaded.get("interval", DEFAULT_INTERVAL)
    return SuiteOptions(
        interval=level,
        fdr_level=loaded.get("fdr_level", DEFAULT_FDR_LEVEL),
        group_by=loaded.get("group_by", GROUPINGS),
        pooling=Pooling(
            method=loaded.get("method", Tau2Method.REML), knapp_hartung=loaded.get("knapp_hartung", True), level=level
        ),
        group_engine=loaded.get("group_engine", GroupEngine.SLICES),
    )


def suite_options_document(options: SuiteOptions) -> dict[str, Any]:
    """Options as they were resolved; sent again, they give the same."""
    return {
        "interval": options.interval,
        "fdr_level": options.fdr_level,
        "group_by": list(options.group_by),
        "group_engine": options.group_engine.value,
        "method": options.pooling.method.value,
        "knapp_hartung": options.pooling.knapp_hartung,
    }


def interval_level(value: Any) -> float:
    """Probability of intervals."""
    read = number(value)
    if not 0.5 <= read <= LARGEST_INTERVAL:
        raise Refused(f"{shown(value)} is not in [0.5, {LARGEST_INTERVAL}]")
    return read


def fdr_level(value: Any) -> float:
    """Share of false labels that is put up with."""
    read = number(value)
    if not 0 < read <= LARGEST_FDR_LEVEL:
        raise Refused(f"{shown(value)} is not in (0, {LARGEST_FDR_LEVEL}]")
    return read


def _groupings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise Refused(f"{shown(value)} is not a list of {', '.join(GROUPINGS)}")
    asked = [choice(GROUPINGS)(name) for name in value]
    return tuple(name for name in GROUPINGS if name in asked)


@cache
def _schema() -> Schema:
    return Schema.from_dict(
        {
            "interval": Checked(interval_level),
            "fdr_level": Checked(fdr_level),
            "group_by": Checked(_groupings),
            "group_engine": Checked(lambda value: GroupEngine(choice(tuple(GroupEngine))(value))),
            "method": Checked(lambda value: Tau2Method(choice(tuple(Tau2Method))(value))),
            "knapp_hartung": Checked(truth),
        },
        name="SuiteOptionsSchema",
    )()
