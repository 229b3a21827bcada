"""The web app: the one place where its parts are put together."""

from __future__ import annotations

import time
from http import HTTPStatus

from flask import Flask, Response, abort, g, request

from service.access import identify, limit_rate
from service.api.page_routes import PAGES
from service.database import Database
from service.derivations import Derivations
from service.incoming import IncomingRequest
from service.inline import Inline
from service.logs import bind_request, logger, request_id
from service.openapi import register_contract
from service.pages.charts import Charts
from service.pages.sessions import check_origin
from service.parallel import cores
from service.parts import EXTENSION, Parts
from service.problems_http import register_error_handlers
from service.settings import Settings
from service.telemetry import Telemetry

OPEN_PATHS = ("/openapi.json", "/sign-in", "/sign-out")
HEALTH = "/health/"  # asked for every few seconds: not worth a line each time
OPEN_FOLDERS = (HEALTH, "/docs", "/static/")
UNKNOWN_ROUTE = "unknown"


def create_app(settings: Settings, database: Database) -> Flask:
    """The app over a database whose tables are those of this version."""
    app = Flask("service", static_folder=None, template_folder=None)
    app.url_map.merge_slashes = False  # an address with two slashes is none, not a redirect to whatever Host says
    app.request_class = IncomingRequest
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of Flask's default provider
    inline, derivations = Inline(cores(), settings.request_timeout_s), Derivations(settings.task_wall_limit_s)
    own = Parts(settings, database, inline, Telemetry(), derivations, Charts())
    app.extensions[EXTENSION] = own
    register_error_handlers(app)
    app.before_request(lambda: _begin(own))
    if settings.rate_limit:
        limit_rate(app, settings.rate_limit)
    app.after_request(lambda response: _end(own, response))
    app.extensions["contract"] = register_contract(app)
    for blueprint in PAGES:
        app.register_blueprint(blueprint)
    return app


def _begin(own: Parts) -> None:
    g.began = time.perf_counter()
    g.request_id = request_id(request.headers.get("X-Request-ID"))
    bind_request(g.request_id)
    if "\0" in request.path:  # part of no address, and not text to every database
        abort(HTTPStatus.NOT_FOUND)
    if "Authorization" not in request.headers:  # which no page of another site can send
        check_origin(request)
    if request.path not in OPEN_PATHS and not request.path.startswith(OPEN_FOLDERS):
        identify(own.database, own.settings, request)


def _end(own: Parts, response: Response) -> Response:
    seconds = time.perf_counter() - g.get("began", time.perf_counter())
    route = request.url_rule.rule if request.url_rule else UNKNOWN_ROUTE
    own.telemetry.served(request.method, route, response.status_code, seconds)
    response.headers["X-Request-ID"] = g.get("request_id", "")
    response.headers["X-Content-Type-Options"] = "nosniff"
    tell = logger("web").debug if request.path.startswith(HEALTH) else logger("web").info
    tell(
        "served",
        method=request.method,
        path=request.path,
        status=response.status_code,
        milliseconds=round(1000 * seconds, 1),
        key=g.get("owner", ""),
    )
    return response
