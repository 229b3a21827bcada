"""The blueprint that all routes use: query parameters that are not known, or given twice, are refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from flask import request
from flask_smorest import Blueprint
from marshmallow import RAISE, Schema
from webargs.flaskparser import FlaskParser

from models.errors import InvalidInput, Problem

type View = Callable[..., Any]


class StrictParser(FlaskParser):
    """A parser of queries that forgives nothing."""

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": RAISE}  # noqa: RUF012 - webargs' own form


class Routes(Blueprint):  # type: ignore[misc]  # flask-smorest ships no types
    """Routes that are described in the contract."""

    ARGUMENTS_PARSER = StrictParser()

    def at(
        self, method: str, rule: str, operation: Mapping[str, Any], parameter: Mapping[str, Any] | None = None
    ) -> Callable[[View], View]:
        """Decorator that puts a view at an address and describes it; `parameter` is the one in the address.

        A view that does not say by `asks` what its query may hold takes none.
        """
        described = self._described(operation)
        routed = self.route(rule, methods=[method], parameters=[dict(parameter)] if parameter else None)

        def decorate(view: View) -> View:
            asking = "arguments" in getattr(view, "_apidoc", {})
            found: View = routed(described(view if asking else _without_query(view)))
            return found

        return decorate

    def asks(self, schema: type[Schema]) -> Callable[[View], View]:
        """Decorator that hands the query to a view, checked by a schema."""
        parsed: Callable[[View], View] = self.arguments(schema, location="query")
        return lambda view: _given_once(parsed(view))

    @staticmethod
    def _described(operation: Mapping[str, Any]) -> Callable[[View], View]:
        """Decorator that adds the description of an operation; its parameters join those of the query."""
        told = {name: value for name, value in operation.items() if name != "parameters"}

        def decorate(view: View) -> View:
            documented: Any = Blueprint.doc(**told)(view)
            arguments = documented._apidoc.setdefault("arguments", {})  # noqa: SLF001 - where the query's parameters are
            arguments.setdefault("parameters", []).extend(operation.get("parameters", ()))
            described: View = documented
            return described

        return decorate


def _without_query(view: View) -> View:
    """The view, for requests without a query alone."""

    @wraps(view)
    def checked(*values: Any, **named: Any) -> Any:
        _refuse(dict.fromkeys(request.args, "unknown parameter: this address takes none"))
        return view(*values, **named)

    return checked


def _given_once(view: View) -> View:
    """The view, for requests that give each parameter of the query once: which of several is meant nobody knows."""

    @wraps(view)
    def checked(*values: Any, **named: Any) -> Any:
        counts = {name: len(given) for name, given in request.args.lists()}
        _refuse({name: f"given {count} times: give it once" for name, count in counts.items() if count > 1})
        return view(*values, **named)

    return checked


def _refuse(faults: Mapping[str, str]) -> None:
    if faults:
        raise InvalidInput([Problem(f"?{name}", message) for name, message in faults.items()])
