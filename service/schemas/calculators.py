"""Requests of the stateless calculators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from marshmallow import Schema, ValidationError

from models.arrays import Floats
from models.emergence import FEWEST_SCALES
from models.errors import InvalidInput, Problem
from models.options import DEFAULT_INTERVAL, LARGEST_INTERVAL
from service.schemas.problems import given, problems_of
from service.schemas.scalars import Check, Checked, Refused, number, positive, shown, whole

FEWEST_SCORES = FEWEST_SCALES
MOST_SCORES = 1000  # as many as a curve may have points


@dataclass(frozen=True, slots=True)
class ScoresAsked:
    """Scores (K,) in order of scale, K >= 3; `n_examples` is the smallest test set, None where none was given."""

    scores: Floats
    n_examples: int | None


@dataclass(frozen=True, slots=True)
class ResolutionsAsked:
    """Shares (N,) of test sets (N,), and the probability of their intervals; `scales` (N,) where they were given."""

    scores: Floats
    n_examples: Floats
    level: float
    scales: tuple[float, ...] | None = None


def load_scores(document: Any) -> ScoresAsked:
    """Scores and their scales; raises `InvalidInput`."""
    loaded = _loaded(document, _scores_schema())
    scales, scores = np.array(loaded["scales"]), np.array(loaded["scores"])
    if len(scales) != len(scores):
        raise InvalidInput([Problem("/scores", f"{len(scores)} scores for {len(scales)} scales: give one each")])
    if len(set(loaded["scales"])) < len(scales):
        raise InvalidInput([Problem("/scales", "a scale is given more than once: average its scores first")])
    sizes = loaded.get("n_examples")
    if sizes is not None and len(sizes) != len(scores):
        raise InvalidInput([Problem("/n_examples", f"{len(sizes)} sizes for {len(scores)} scores: give one each")])
    return ScoresAsked(scores[np.argsort(scales)], None if sizes is None else min(sizes))


def load_resolutions(document: Any) -> ResolutionsAsked:
    """Shares and test-set sizes; raises `InvalidInput`."""
    loaded = _loaded(document, _resolutions_schema())
    scores, sizes, scales = loaded["scores"], loaded["n_examples"], loaded.get("scales")
    problems = [
        Problem(f"/{name}", f"{len(values)} {words} for {len(scores)} scores: give one each")
        for name, words, values in (("n_examples", "test-set sizes", sizes), ("scales", "scales", scales))
        if values is not None and len(values) != len(scores)
    ]
    if problems:
        raise InvalidInput(problems)
    return ResolutionsAsked(
        scores=np.array(scores),
        n_examples=np.array(sizes, dtype=float),
        level=loaded.get("interval", DEFAULT_INTERVAL),
        scales=None if scales is None else tuple(scales),
    )


def _loaded(document: Any, schema: Schema) -> dict[str, Any]:
    if not isinstance(document, Mapping):
        raise InvalidInput([Problem("", f"{shown(document)} is not an object with {', '.join(schema.fields)}")])
    try:
        loaded: dict[str, Any] = schema.load(given(document))
    except ValidationError as error:
        raise InvalidInput(problems_of(error.messages, {"": schema.fields})) from None
    return loaded


def _list_of(check: Check, fewest: int) -> Check:
    """A check for a list whose items pass another check."""

    def checked(value: Any) -> list[Any]:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise Refused(f"{shown(value)} is not a list")
        if not fewest <= len(value) <= MOST_SCORES:
            raise Refused(f"{len(value):,} values are not between {fewest} and {MOST_SCORES:,}")
        faults: dict[int, list[str]] = {}
        items = []
        for index, item in enumerate(value):
            try:
                items.append(check(item))
            except Refused as refused:
                faults[index] = [str(refused)]
        if faults:
            raise ValidationError(faults)
        return items

    return checked


def _share(value: Any) -> float:
    read = number(value)
    if not 0 <= read <= 1:
        raise Refused(f"{shown(value)} is not a share between 0 and 1{' (in percent?)' if 1 < read <= 100 else ''}")
    return read


def _size(value: Any) -> int:
    read = whole(value)
    if read < 1:
        raise Refused(f"{shown(value)} is less than 1")
    return read


def _level(value: Any) -> float:
    read = number(value)
    if not 0.5 <= read <= LARGEST_INTERVAL:
        raise Refused(f"{shown(value)} is not in [0.5, {LARGEST_INTERVAL}]")
    return read


@cache
def _scores_schema() -> Schema:
    return Schema.from_dict(
        {
            "scales": Checked(_list_of(positive, FEWEST_SCORES), required=True),
            "scores": Checked(_list_of(number, FEWEST_SCORES), required=True),
            "n_examples": Checked(_list_of(_size, FEWEST_SCORES)),
        },
        name="EmergenceScoreRequestSchema",
    )()


@cache
def _resolutions_schema() -> Schema:
    return Schema.from_dict(
        {
            "scales": Checked(_list_of(positive, 1)),
            "scores": Checked(_list_of(_share, 1), required=True),
            "n_examples": Checked(_list_of(_size, 1), required=True),
            "interval": Checked(_level),
        },
        name="ResolutionRequestSchema",
    )()
