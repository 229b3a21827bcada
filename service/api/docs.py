"""The contract to read and try out, with what Swagger UI needs. Everything comes from this server."""

from __future__ import annotations

import mimetypes
from importlib.resources import files

from flask import Blueprint, Response, request

from service.negotiation import conditional
from service.pages.rendering import dressed, page

blueprint = Blueprint("docs", __name__)

# Swagger UI sets styles on elements; forms are its own affair, it sends nothing by them.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
KEPT_SECONDS = 3600  # in a browser; the files change with an installation alone
SWAGGER_FILES = (
    "swagger-ui.css",
    "index.css",
    "swagger-ui-bundle.js",
    "favicon-32x32.png",
)
_DOCS_SCRIPT = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", presets: [SwaggerUIBundle.presets.apis], validatorUrl: null
});
"""


@blueprint.get("/docs")
def docs() -> Response:
    """The contract to read and try out."""
    return dressed(page("docs.html.j2", {}), CONTENT_SECURITY_POLICY)


@blueprint.get("/docs/start.js")
def docs_script() -> Response:
    """What starts Swagger UI; a file of its own, since the page may hold no script."""
    return Response(_DOCS_SCRIPT, mimetype="text/javascript")


@blueprint.get(f"/docs/<any({', '.join(map(repr, SWAGGER_FILES))}):name>")
def docs_file(name: str) -> Response:
    """A file of Swagger UI."""
    content = files("flask_swagger_ui").joinpath("dist", name).read_bytes()
    mimetype, _ = mimetypes.guess_type(name)
    response = Response(content, mimetype=mimetype)
    response.headers["Cache-Control"] = f"max-age={KEPT_SECONDS}"
    return conditional(response, request)
