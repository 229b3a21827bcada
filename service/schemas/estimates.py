"""Estimates with their errors, as they are submitted to be pooled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from marshmallow import Schema, ValidationError

from models.arrays import Floats
from models.errors import InvalidInput, Problem
from models.random_effects import FEWEST_EFFECTS, Effect
from service.schemas.problems import escaped, given, problems_of
from service.schemas.scalars import Checked, Refused, number, positive, shown, text

MOST_ESTIMATES = 2000
MOST_MODERATORS = 20
LARGEST_ESTIMATE = 1e12  # squares over the smallest variance stay far from the end of floating point
SMALLEST_STDERR = 1e-12


@dataclass(frozen=True, slots=True)
class EstimatesAsked:
    """Estimates (k,), and the columns (k,) by name that are to explain them."""

    effects: tuple[Effect, ...]
    columns: Mapping[str, Floats]


def load_estimates(documents: Any) -> EstimatesAsked:
    """Estimates with their variances; raises `InvalidInput` with every problem found."""
    if not isinstance(documents, list) or not FEWEST_EFFECTS <= len(documents) <= MOST_ESTIMATES:
        told = f"{len(documents):,} estimates are" if isinstance(documents, list) else f"{shown(documents)} is"
        message = f"{told} not a list of {FEWEST_EFFECTS} to {MOST_ESTIMATES:,}"
        raise InvalidInput([Problem("/estimates", message)])
    loaded: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for index, document in enumerate(documents):
        try:
            loaded.append(_loaded(document, f"/estimates/{index}"))
        except InvalidInput as error:
            problems += error.problems
    problems = problems or list(_differing(loaded))
    if problems:
        raise InvalidInput(problems)
    names = list(loaded[0].get("moderators", {}))
    return EstimatesAsked(
        tuple(_effect(index, document) for index, document in enumerate(loaded)),
        {name: np.array([document["moderators"][name] for document in loaded]) for name in names},
    )


def _loaded(document: Any, place: str) -> dict[str, Any]:
    if not isinstance(document, Mapping):
        raise InvalidInput([Problem(place, f"{shown(document)} is not an object with estimate and stderr")])
    schema = _schema()
    try:
        loaded: dict[str, Any] = schema.load(given(document))
    except ValidationError as error:
        raise InvalidInput(problems_of(error.messages, {place: schema.fields}, place)) from None
    if ("stderr" in loaded) == ("variance" in loaded):
        raise InvalidInput([Problem(f"{place}/stderr", "give either stderr or variance")])
    return loaded


def _differing(loaded: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """A problem for each estimate whose moderators are not those of the first."""
    names = loaded[0].get("moderators", {}).keys()
    for index, document in enumerate(loaded):
        for name in sorted(names ^ document.get("moderators", {}).keys()):
            place = f"/estimates/{index}/moderators/{escaped(name)}"
            yield Problem(place, "is not given for all estimates: give every moderator for each")


def _effect(index: int, document: Mapping[str, Any]) -> Effect:
    variance = document["variance"] if "variance" in document else document["stderr"] ** 2
    return Effect(document.get("name", f"estimate {index + 1}"), document["estimate"], variance)


def _estimate(value: Any) -> float:
    read = number(value)
    if abs(read) > LARGEST_ESTIMATE:
        raise Refused(f"{shown(value)} is beyond {LARGEST_ESTIMATE:g}: use another unit")
    return read


def _error(smallest: float, largest: float) -> Any:
    def check(value: Any) -> float:
        read = positive(value)
        if not smallest <= read <= largest:
            raise Refused(f"{shown(value)} is not between {smallest:g} and {largest:g}: use another unit")
        return read

    return check


def _moderators(value: Any) -> dict[str, float]:
    if not isinstance(value, Mapping) or len(value) > MOST_MODERATORS:
        raise Refused(f"{shown(value)} is not an object of at most {MOST_MODERATORS} numbers")
    return {text(name): _estimate(level) for name, level in value.items()}


@cache
def _schema() -> Schema:
    return Schema.from_dict(
        {
            "name": Checked(text),
            "estimate": Checked(_estimate, required=True),
            "stderr": Checked(_error(SMALLEST_STDERR, LARGEST_ESTIMATE)),
            "variance": Checked(_error(SMALLEST_STDERR**2, LARGEST_ESTIMATE**2)),
            "moderators": Checked(_moderators),
        },
        name="EstimateSchema",
    )()
