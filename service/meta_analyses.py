"""Meta-analyses: of stored analyses, of given curves, of given estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.errors import InvalidInput, Problem
from models.meta_regression import meta_regression
from models.random_effects import leave_one_out, random_effects
from models.suite_effects import MOST_LEFT_OUT
from models.suite_summary import FEWEST_CURVES, SuiteOptions
from service.database import Database
from service.schemas.curve_lists import load_curves, load_ids, load_object
from service.schemas.estimates import EstimatesAsked, load_estimates
from service.schemas.queries import load_filter
from service.schemas.records import encoded
from service.schemas.suite_options import load_suite_options, suite_options_document
from service.settings import Settings
from service.store import analyses
from service.store.filters import Filter
from service.suites import stored_ids
from service.summaries import Derived, check_size, of_curves, of_stored

SOURCES = ("ids", "from", "curves", "estimates")
FIELDS = (*SOURCES, "options")
MOST_CURVES = 200  # given ones, which are analysed for this alone; a batch takes more
POOLING_ONLY = ("interval", "method", "knapp_hartung")
NO_MODERATORS, TOO_MANY, TOO_FEW = "no_moderators", "more_than_200_effects", "fewer_than_three_effects"


@dataclass(frozen=True, slots=True)
class MetaAnalysis:
    """What is asked for: something to be computed by another process, or a document that is there already."""

    derived: Derived | None
    document: Mapping[str, Any] | None = None


def meta_analysis(asked: Any, database: Database, settings: Settings) -> MetaAnalysis:
    """Take in a request; raises `InvalidInput` or `TooLarge`."""
    fields = load_object(asked, FIELDS)
    source = [name for name in SOURCES if name in fields]
    if len(source) != 1:
        raise InvalidInput([Problem("", f"{len(source)} of {', '.join(SOURCES)} are given: give one of them")])
    options = load_suite_options(fields.get("options", {}))
    if "estimates" in fields:
        return MetaAnalysis(None, pooled_document(load_estimates(fields["estimates"]), options))
    if "curves" in fields:
        curves = load_curves(fields["curves"], FEWEST_CURVES, MOST_CURVES, settings)
        return MetaAnalysis(of_curves([each.item.document or {} for each in curves], options))
    if "from" in fields:
        ids: Sequence[str] = stored_ids(database, Filter(**load_filter(fields["from"])), settings)
        check_size(ids, "/from")
    else:
        ids = load_ids(fields["ids"], FEWEST_CURVES, settings.max_batch_curves)
        check_stored(database, ids)
    return MetaAnalysis(of_stored(database, ids, options))


def check_stored(database: Database, ids: Sequence[str]) -> None:
    """Raises `InvalidInput` naming each id that is not stored."""
    with database.reading() as connection:
        there = analyses.existing(connection, ids)
    problems = [
        Problem(f"/ids/{index}", f"there is no analysis {identifier!r}")
        for index, identifier in enumerate(ids)
        if identifier not in there
    ]
    if problems:
        raise InvalidInput(problems)


def pooled_document(asked: EstimatesAsked, options: SuiteOptions) -> dict[str, Any]:
    """Random effects of estimates, without each of them in turn, and a regression on their moderators."""
    resolved = suite_options_document(options)
    try:
        found = random_effects(asked.effects, options.pooling)
        left_out = leave_one_out(asked.effects, options.pooling) if len(asked.effects) <= MOST_LEFT_OUT else ()
        regression = meta_regression(asked.effects, asked.columns, options.pooling) if asked.columns else None
        document = {
            "kind": "estimates",
            "options": {name: resolved[name] for name in POOLING_ONLY},
            "random_effects": encoded(found),
            "leave_one_out": encoded(left_out),
            "meta_regression": None if regression is None else encoded(regression),
        }
    except (ArithmeticError, ValueError) as error:
        message = f"these numbers leave nothing to compute with ({error}): use another unit"
        raise InvalidInput([Problem("/estimates", message)]) from error
    if not left_out:
        document["leave_one_out_reason"] = TOO_MANY if len(asked.effects) > MOST_LEFT_OUT else TOO_FEW
    if regression is None:
        document["meta_regression_reason"] = NO_MODERATORS
    return document
