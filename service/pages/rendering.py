"""Templates to answers: whole pages, and the parts of them that htmx asks for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from flask import Request, Response, g
from jinja2 import Environment, PackageLoader, StrictUndefined

from models.options import UNDETERMINED
from service.report.texts import count_text, plain
from service.table_words import CANCELLED, FAILED, NAMES

# Everything comes from this server's own files: no script, style or picture from elsewhere, none inside a page.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
LABEL_NAMES: Mapping[str, str] = {
    **{shape.value: name for shape, name in NAMES.items()},
    UNDETERMINED: UNDETERMINED,
    FAILED: FAILED,
    CANCELLED: CANCELLED,
}
STATIC_FILES: Mapping[str, str] = {  # name -> media type
    "pages.css": "text/css",
    "pages.js": "text/javascript",
    "chart.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "htmx-4.0.1.min.js": "text/javascript",
    "htmx.LICENSE.txt": "text/plain",
    "uPlot-1.6.32.min.js": "text/javascript",
    "uPlot-1.6.32.min.css": "text/css",
    "uPlot.LICENSE.txt": "text/plain",
}
TEXT_HTML = "text/html"


def page(template: str, view: Mapping[str, Any], status: int = HTTPStatus.OK) -> Response:
    """A whole page. Every value is escaped, unless the view marks it as markup."""
    signed_in = bool(g.get("owner"))
    return dressed(Response(environment().get_template(template).render(signed_in=signed_in, **view), status))


def dressed(response: Response, policy: str = CONTENT_SECURITY_POLICY) -> Response:
    """The headers of a page: nothing from elsewhere, and not kept, since what it shows changes."""
    response.mimetype = TEXT_HTML
    response.headers["Content-Security-Policy"] = policy
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-cache, private"
    response.vary.add("HX-Request")
    return response


def wants_part(request: Request) -> bool:
    """Whether htmx asks for a part of a page, which it puts into the page that is there."""
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


def static_bytes(name: str) -> bytes:
    """A file that is shipped with the pages."""
    return files("service.pages").joinpath("static", name).read_bytes()


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates; what they name and nobody gave is an error."""
    made = Environment(
        loader=PackageLoader("service.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["line"] = plain
    made.filters["counted"] = count_text
    made.globals["names"] = LABEL_NAMES
    return made
