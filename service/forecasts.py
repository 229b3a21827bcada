"""Forecasts of one curve, stored or given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from models.errors import InvalidInput, InvalidOptions, Problem
from models.forecast import Forecast, Wanted
from models.options import DEFAULT_CLASS_PRIOR
from service.analyses import asked_curve
from service.database import Database
from service.forecasting import Ready, Told, forecast_one, prepared
from service.inline import Inline
from service.schemas.curve_lists import load_ids, load_object
from service.schemas.decoding import analysis_of
from service.schemas.forecasts import load_forecast_options, load_wanted
from service.schemas.records import encoded
from service.settings import Settings
from service.store import analyses as store

FIELDS = ("id", "curve", "scales", "n_examples", "options")


@dataclass(frozen=True, slots=True)
class ForecastAsked:
    """The id of a stored analysis or a curve, and what is wanted."""

    identifier: str | None
    curve: Ready | None
    told: Told
    wanted: Wanted


def forecast_asked(document: Any, settings: Settings) -> ForecastAsked:
    """A request, checked; raises `InvalidInput`."""
    fields = load_object(document, FIELDS)
    if ("id" in fields) == ("curve" in fields):
        raise InvalidInput([Problem("", "give either id, of a stored analysis, or curve")])
    wanted = load_wanted(fields.get("scales"), fields.get("n_examples"))
    options = load_forecast_options(fields.get("options", {}))
    told = Told({}, options.get("item_correlation"), options.get("turn_hazard_per_decade"))
    if "id" in fields:
        return ForecastAsked(_identifier(fields["id"]), None, told, wanted)
    return ForecastAsked(None, _curve(fields["curve"], told, settings), told, wanted)


def forecast_document(asked: ForecastAsked, database: Database, inline: Inline) -> dict[str, Any]:
    """The forecast that is asked for; nothing is stored. Raises `InvalidInput`."""
    one = asked.curve or _stored(database, asked.identifier or "", asked.told)
    with inline.place():
        found: Forecast = forecast_one(one, asked.wanted)
    document: dict[str, Any] = encoded(found)
    return document


def _identifier(value: Any) -> str:
    try:
        return load_ids([value], 1, 1)[0]
    except InvalidInput as error:
        raise InvalidInput([Problem("/id", problem.message) for problem in error.problems]) from None


def _curve(document: Any, told: Told, settings: Settings) -> Ready:
    try:
        asked = asked_curve(document, settings)
        return prepared(asked.loaded.curve, asked.loaded.options, told)
    except InvalidInput as error:
        kind = InvalidOptions if isinstance(error, InvalidOptions) else InvalidInput
        raise kind([Problem(f"/curve{problem.pointer}", problem.message) for problem in error.problems]) from None


def _stored(database: Database, identifier: str, told: Told) -> Ready:
    """A stored curve with the options of its analysis, whose between-model scale is that of its suite."""
    with database.reading() as connection:
        documents = [orjson.loads(text) for text in store.documents_of(connection, [identifier])]
    if not documents:
        raise InvalidInput([Problem("/id", f"there is no analysis {identifier!r}")])
    analysis = analysis_of(documents[0])
    return prepared(analysis.curve, stored_options(analysis.options, analysis.provenance.between_model_scale), told)


def stored_options(options: Any, scale: float) -> Mapping[str, Any]:
    """Options of a stored analysis that matter to its forecast; a class prior only where it is not the default."""
    told: dict[str, Any] = {"seed": options.seed, "between_model_scale": scale}
    if options.smallest_effect is not None:
        told["smallest_effect"] = options.smallest_effect
    if dict(options.class_prior) != dict(DEFAULT_CLASS_PRIOR):
        told["class_prior"] = {shape.value: p for shape, p in options.class_prior.items()}
    return told
