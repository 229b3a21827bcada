"""The blueprint that all routes use: query parameters that are not known are refused by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask_smorest import Blueprint
from marshmallow import RAISE, Schema
from webargs.flaskparser import FlaskParser

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
        """Decorator that puts a view at an address and describes it; `parameter` is the one in the address."""
        described = self._described(operation)
        routed = self.route(rule, methods=[method], parameters=[dict(parameter)] if parameter else None)

        def decorate(view: View) -> View:
            found: View = routed(described(view))
            return found

        return decorate

    def asks(self, schema: type[Schema]) -> Callable[[View], View]:
        """Decorator that hands the query to a view, checked by a schema."""
        decorate: Callable[[View], View] = self.arguments(schema, location="query")
        return decorate

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
