"""Comparisons of curves: stored ones by their ids, given ones, or those of files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from models.comparison import MOST_CURVES, OF_THE_TASK, Difference, compare
from models.curve import ScalingCurve, differing_tags
from models.errors import EngineError, InvalidInput, Problem
from models.options import DEFAULT_INTERVAL
from models.paired import NotPaired, paired_comparison
from models.results import Analysis
from service.analyses import Asked
from service.database import Database
from service.inline import Inline
from service.schemas.curve_lists import load_curves, load_ids, load_object
from service.schemas.decoding import analysis_of
from service.schemas.options import load_options
from service.schemas.problems import unknown
from service.schemas.queries import load_filter
from service.schemas.records import encoded
from service.schemas.scalars import Refused, shown
from service.schemas.suite_options import interval_level
from service.settings import Settings
from service.store import analyses as store
from service.store.filters import Filter

FIELDS = ("ids", "from", "curves", "options")
TAGS = "tags/"
DIFFERENT_TASKS = "different_tasks"
FEWEST_CURVES = 2


@dataclass(frozen=True, slots=True)
class Compared:
    """An analysis with its id."""

    identifier: str
    analysis: Analysis


@dataclass(frozen=True, slots=True)
class ComparisonAsked:
    """Ids of stored analyses, then curves that are to be analysed; intervals at `level`."""

    ids: tuple[str, ...]
    curves: tuple[Asked, ...]
    level: float


def comparison_asked(document: Any, database: Database, settings: Settings) -> ComparisonAsked:
    """A request, checked, with the ids that its filter finds; raises `InvalidInput`."""
    fields = load_object(document, FIELDS)
    if "ids" in fields and "from" in fields:
        raise InvalidInput([Problem("", "ids and from are given: give one of them")])
    ids = _fitting(database, fields["from"]) if "from" in fields else load_ids(fields.get("ids", []), 0, MOST_CURVES)
    curves = load_curves(fields.get("curves", []), 0, MOST_CURVES, settings)
    if not FEWEST_CURVES <= len(ids) + len(curves) <= MOST_CURVES:
        found = "analyses that fit" if "from" in fields else "ids"
        message = f"{len(ids)} {found} and {len(curves)} curves: a comparison takes {FEWEST_CURVES} to {MOST_CURVES}"
        raise InvalidInput([Problem("/from" if "from" in fields else "", message)])
    return ComparisonAsked(ids, curves, _level(fields.get("options", {})))


def comparison(asked: ComparisonAsked, database: Database, inline: Inline) -> dict[str, Any]:
    """The comparison that is asked for; nothing is stored. Raises `InvalidInput` for an id that is not there."""
    stored = stored_analyses(database, asked.ids)
    with inline.place():
        given = [_analysed(curve) for curve in asked.curves]
        return comparison_document([*stored, *given], asked.level)


def stored_analyses(database: Database, ids: Sequence[str]) -> list[Compared]:
    """Stored analyses in the order of their ids; raises `InvalidInput` naming each id that is not there."""
    with database.reading() as connection:
        documents = [orjson.loads(text) for text in store.documents_of(connection, ids)]
    found = {document["id"]: document for document in documents}
    problems = [
        Problem(f"/ids/{index}", f"there is no analysis {identifier!r}")
        for index, identifier in enumerate(ids)
        if identifier not in found
    ]
    if problems:
        raise InvalidInput(problems)
    return [Compared(identifier, analysis_of(found[identifier])) for identifier in ids]


def comparison_document(
    compared: Sequence[Compared], level: float, among: Sequence[ScalingCurve] = ()
) -> dict[str, Any]:
    """Every curve with every other; pairs that answered the same items are compared item by item, too.

    Names tell the curves apart `among` more of them.
    """
    found = compare([each.analysis for each in compared], level, among)
    return {
        "options": {"interval": level},
        "curves": [
            {"id": each.identifier, **encoded(curve)} for each, curve in zip(compared, found.curves, strict=True)
        ],
        "differences": [_difference(difference, compared, level) for difference in found.differences],
    }


def differing(first: ScalingCurve, second: ScalingCurve) -> list[str]:
    """In what two curves differ, by the names of the contract; a tag is `tags/` and its name."""
    pairs: Mapping[str, tuple[Any, Any]] = {
        "task": (first.task, second.task),
        "metric": (first.metric.name, second.metric.name),
        "prompting": (first.prompting, second.prompting),
        "model_family": (first.model_family, second.model_family),
        "scale_kind": (first.scale_kind, second.scale_kind),
        "suite": (first.suite, second.suite),
    }
    names = [name for name, (one, other) in pairs.items() if one != other]
    left = OF_THE_TASK if "task" in names else ()
    return [*names, *(f"{TAGS}{tag}" for tag in differing_tags((first.tags, second.tags)) if tag not in left)]


def factor_words(names: Sequence[str]) -> str:
    """What `differing` found, as a person reads it."""
    return ", ".join(name.removeprefix(TAGS).replace("_", " ") for name in names)


def _fitting(database: Database, asked: Any) -> tuple[str, ...]:
    """Ids of the stored analyses that fit a filter, the oldest first; raises `InvalidInput` for too many."""
    with database.reading() as connection:
        page = store.page(connection, Filter(**load_filter(asked)), "created_at", MOST_CURVES)
    if page.next is not None:
        message = f"more than {MOST_CURVES} stored analyses fit, the most that are compared: change the filter"
        raise InvalidInput([Problem("/from", message)])
    return tuple(summary.id for summary in page.items)


def _difference(difference: Difference, compared: Sequence[Compared], level: float) -> dict[str, Any]:
    first, second = (compared[place].analysis.curve for place in (difference.first, difference.second))
    document: dict[str, Any] = encoded(difference)
    names = differing(first, second)
    # Items of other tasks are other items, even where they are as many.
    paired = NotPaired(DIFFERENT_TASKS) if "task" in names else paired_comparison(first, second, level)
    refused = isinstance(paired, NotPaired)
    return {
        **document,
        "differs_in": names,
        "paired": None if refused else encoded(paired),
        **({"paired_reason": paired.reason} if isinstance(paired, NotPaired) else {}),
    }


def _analysed(asked: Asked) -> Compared:
    from service.use_cases import analyze_curve  # not before a curve comes: the engines take a second to load

    curve, options = asked.loaded.curve, load_options(asked.loaded.options)
    try:
        return Compared(asked.identifier, analyze_curve(curve, options))
    except (ArithmeticError, ValueError) as error:
        raise EngineError(f"the engine failed on {curve.task}: {type(error).__name__}: {error}") from error


def _level(options: Any) -> float:
    if not isinstance(options, Mapping):
        raise InvalidInput([Problem("/options", f"{shown(options)} is not an object of options")])
    strange = [name for name in options if name != "interval"]
    if strange:
        raise InvalidInput([Problem(f"/options/{strange[0]}", unknown(strange[0], ("interval",)))])
    if options.get("interval") is None:
        return DEFAULT_INTERVAL
    try:
        return interval_level(options["interval"])
    except Refused as refused:
        raise InvalidInput([Problem("/options/interval", str(refused))]) from None
