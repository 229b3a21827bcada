"""Who may do what: API keys with scopes, and the rate at which a client may ask."""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from flask import Flask, Request, Response, g, request
from flask_limiter import Limiter, RateLimitExceeded
from flask_limiter.util import get_remote_address

from service.database import Database
from service.errors import problem_document
from service.failures import NotAllowed, NotAuthenticated, RateLimited
from service.incoming import READING
from service.problems_http import problem_response
from service.settings import Settings, is_loopback
from service.store import keys

IMPLIED: Mapping[str, frozenset[str]] = {  # scope -> scopes of a key that allow it
    "read": frozenset({"read", "write", "admin"}),
    "write": frozenset({"write", "admin"}),
    "admin": frozenset({"admin"}),
}
SCHEME = "bearer"
KEY_COOKIE = "scaleshape_key"  # of a browser that signed in on the pages


def needs(scope: str) -> None:
    """Go on only if the key of this request has the scope; raises `NotAuthenticated` or `NotAllowed`."""
    scopes: tuple[str, ...] | None = g.scopes
    if scopes is not None and not IMPLIED[scope].intersection(scopes):
        raise NotAllowed(f"the key has the scope {', '.join(scopes) or 'none'}, and this needs {scope}")


def identify(database: Database, settings: Settings, incoming: Request) -> None:
    """Find the key of a request: `g.owner` is its id ("" without keys), `g.scopes` its scopes (None: everything)."""
    sent = _sent(incoming)
    text = _cookie(incoming) if sent is None else sent
    key = None if text is None else _verified(database, text)
    if key is not None:
        g.owner, g.scopes = key.id, tuple(key.scopes)
    elif sent is None and is_open(database, settings):  # a cookie may be of another server: browsers do not ask which
        _check_host(settings, incoming)
        g.owner, g.scopes = "", None
    elif text is None:
        raise NotAuthenticated("send an API key: Authorization: Bearer sk_…")
    else:
        raise NotAuthenticated("the API key is not valid: it is unknown or was revoked")


def _verified(database: Database, text: str) -> keys.ApiKey | None:
    with database.reading() as connection:
        return keys.verify(connection, text)


def is_open(database: Database, settings: Settings) -> bool:
    """Whether the server answers without a key."""
    with database.reading() as connection:
        return may_be_open(settings) and not keys.any_valid(connection)


def may_be_open(settings: Settings) -> bool:
    """Whether a server without any key answers: on this machine alone, unless it was told otherwise."""
    return settings.allow_open or is_loopback(settings.host)


def _check_host(settings: Settings, incoming: Request) -> None:
    """Refuse other names than this machine's own: under one that leads here, a page of another site could read all.

    Raises `NotAllowed`.
    """
    name = urlsplit(f"//{incoming.host}").hostname or ""
    if not (settings.allow_open or is_loopback(name)):
        raise NotAllowed(
            "this server has no API keys, so it answers to localhost and 127.0.0.1 only: make a key (scaleshape keys "
            "create), or start it with --allow-open"
        )


def limit_rate(app: Flask, rate: str) -> None:
    """Let each key, or each address without keys, ask at most at this rate, over all addresses under /v1 together."""
    limiter = Limiter(
        lambda: g.get("owner") or get_remote_address(),
        app=app,
        application_limits=[rate],
        application_limits_exempt_when=lambda: not request.path.startswith("/v1/") and request.method in READING,
        storage_uri="memory://",
    )

    def refused(error: RateLimitExceeded) -> Response:
        reset_at = limiter.current_limit.reset_at if limiter.current_limit else 0
        wait = max(1, int(reset_at - time.time()))
        response = problem_response(problem_document(RateLimited(f"more than {rate} requests: wait {wait} s", wait)))
        response.headers["Retry-After"] = str(wait)
        del error
        return response

    app.register_error_handler(RateLimitExceeded, refused)


def _sent(incoming: Request) -> str | None:
    """The key in the header of a request."""
    header = incoming.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, text = header.partition(" ")
    if scheme.lower() != SCHEME or not text.strip():
        raise NotAuthenticated("the Authorization header is not of the form: Bearer sk_…")
    return text.strip()


def _cookie(incoming: Request) -> str | None:
    """The key of a browser: for whatever only reads, and for the forms of pages, which check where they come from."""
    if incoming.method in READING or not incoming.path.startswith("/v1/"):
        return incoming.cookies.get(KEY_COOKIE) or None
    return None
