"""Pages for people: what this is, and the contract to read and try out. Everything comes from this server."""

from __future__ import annotations

import mimetypes
from importlib.resources import files

from flask import Blueprint, Response, request

from service.negotiation import conditional

blueprint = Blueprint("pages", __name__)

# No script but from this server's own files, and nothing at all from elsewhere. Swagger UI sets styles on elements.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
KEPT_SECONDS = 3600  # in a browser; the files change with an installation alone
SWAGGER_FILES = (
    "swagger-ui.css",
    "index.css",
    "swagger-ui-bundle.js",
    "favicon-32x32.png",
)
_START = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>scaleshape</title></head>
<body>
<h1>scaleshape</h1>
<p>Classifies scaling curves of language models: positive, inverse, U-shaped, inverted-U or flat.</p>
<ul>
<li><a href="/docs">How to use it over HTTP</a></li>
<li><a href="/openapi.json">The contract as OpenAPI</a></li>
<li><a href="/v1/analyses">Stored analyses</a></li>
<li><a href="/health/ready">Whether the server is well</a></li>
</ul>
</body>
</html>
"""
_DOCS = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><title>scaleshape: HTTP</title>
<link rel="stylesheet" href="/docs/index.css"><link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_DOCS_SCRIPT = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", presets: [SwaggerUIBundle.presets.apis], validatorUrl: null
});
"""


@blueprint.get("/")
def start() -> Response:
    """A page that says what this is."""
    return _page(_START)


@blueprint.get("/docs")
def docs() -> Response:
    """The contract to read and try out."""
    return _page(_DOCS)


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


def _page(text: str) -> Response:
    response = Response(text, mimetype="text/html")
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
