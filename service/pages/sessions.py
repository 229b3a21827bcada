"""Sign-in of browsers: the API key in a cookie that scripts cannot read and other sites cannot send."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Request, Response

from service.access import KEY_COOKIE
from service.database import Database
from service.failures import NotAllowed
from service.incoming import READING
from service.store import keys

SAME_SITE = ("same-origin", "none")  # of Sec-Fetch-Site; none: the user typed the address
LONGEST_KEY = 200


def check_origin(request: Request) -> None:
    """Refuse what a page of another site sends; raises `NotAllowed`.

    Browsers tell where a request comes from (Sec-Fetch-Site, Origin) and scripts cannot change it. A client that tells
    neither is no browser, so that no other site can be behind it.
    """
    if request.method in (*READING, "OPTIONS"):
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in SAME_SITE:
        raise NotAllowed("the request comes from a page of another site: use the forms of this server")
    origin = request.headers.get("Origin")
    if site is None and origin is not None and urlsplit(origin).netloc != request.host:
        raise NotAllowed("the request comes from a page of another site: use the forms of this server")


def is_valid_key(database: Database, key: str) -> bool:
    """Whether this is a key that has not been revoked."""
    if not 0 < len(key) <= LONGEST_KEY:
        return False
    with database.reading() as connection:
        return keys.verify(connection, key) is not None


def keep_key(response: Response, key: str, *, secure: bool) -> Response:
    """Let the browser keep the key until it is closed."""
    response.set_cookie(KEY_COOKIE, key, httponly=True, samesite="Strict", secure=secure, path="/")
    return response


def forget_key(response: Response) -> Response:
    """Have the browser forget it."""
    response.delete_cookie(KEY_COOKIE, httponly=True, samesite="Strict", path="/")
    return response


def local_address(wanted: str | None) -> str:
    """Where to go on after the sign-in: an address of this server, never another one."""
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")) or not wanted.isprintable():
        return "/"
    return wanted
