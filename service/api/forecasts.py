"""Routes of forecasts and backtests."""

from __future__ import annotations

from flask import Response, request, url_for

from service.access import needs
from service.api.answers import awaited
from service.api.blueprint import Routes
from service.backtests import backtest_derived
from service.bodies import checked_keys, json_body
from service.contract import forecasts as contract
from service.derivations import BACKTEST
from service.failures import NotFound
from service.forecasts import forecast_asked, forecast_document
from service.negotiation import conditional, json_answer
from service.parts import parts

blueprint = Routes("forecasts", __name__, url_prefix="/v1", description="Language models that do not exist yet.")


@blueprint.at("POST", "/forecasts", contract.CREATE_FORECAST)
def create_forecast() -> Response:
    """Forecast the scores of larger language models.

    A stored analysis or a curve, and one or several scales beyond its largest model: the distribution of the score and
    of the mean curve, the probability that the score is above chance and that the curve turns. Nothing is stored.
    """
    needs("read")
    own = parts()
    asked = forecast_asked(checked_keys(json_body(request, own.settings.max_body_bytes)), own.settings)
    return json_answer(forecast_document(asked, own.database, own.inline))


@blueprint.at("POST", "/backtests", contract.CREATE_BACKTEST)
def create_backtest() -> Response:
    """Hide the largest models of each curve of a suite and forecast them.

    Errors and coverage beside those of simple extrapolations. This takes seconds, and the answer tells where to look
    for it; a result is kept for a while, not stored.
    """
    needs("read")
    own = parts()
    asked = checked_keys(json_body(request, own.settings.max_body_bytes))
    wanted = backtest_derived(asked, own.database, own.settings)
    return _answered(wanted.key, wanted.ask(own.derivations))


@blueprint.at("GET", "/backtests/<string:backtest_id>", contract.GET_BACKTEST, contract.BACKTEST_ID)
def get_backtest(backtest_id: str) -> Response:
    """Read a backtest that was asked for."""
    needs("read")
    known, found = parts().derivations.find(backtest_id, BACKTEST)
    if not known:
        raise NotFound(f"there is no backtest {backtest_id[:80]!r}, or no longer: ask for it again")
    return _answered(backtest_id, found)


def _answered(key: str, found: bytes | None) -> Response:
    address = url_for("forecasts.get_backtest", backtest_id=key)
    if found is None:
        return awaited(address)
    response = json_answer(found)
    response.headers["Location"] = address
    return conditional(response, request, key)
