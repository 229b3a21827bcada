"""The start page, the forms that begin a suite, the sign-in, and the files that all pages load."""

from __future__ import annotations

import io
from http import HTTPStatus

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from service.access import is_open, needs
from service.negotiation import conditional
from service.pages.rendering import STATIC_FILES, page, static_bytes
from service.pages.sessions import forget_key, is_valid_key, keep_key, local_address
from service.pages.start import EXAMPLE, EXAMPLE_TITLE, example_bytes, start_view
from service.palette import palette_css
from service.parts import parts
from service.suite_bodies import form_of, of_file, received
from service.suites import submit

blueprint = Blueprint("pages", __name__)
KEPT_SECONDS = 3600  # in a browser; afterwards it asks whether the file is still the same
PASTED = "Pasted text"
NOT_VALID = "This key is not valid: it is unknown or was revoked."


@blueprint.get("/")
def start() -> Response:
    """A place to begin, and what was done of late."""
    needs("read")
    own = parts()
    return page("start.html.j2", start_view(own.database, own.settings))


@blueprint.post("/suites")
def create_suite() -> WerkzeugResponse:
    """Take an uploaded file in, by the road of the API."""
    needs("write")
    own = parts()
    with received(request, own.database, own.settings) as body, body.suite() as suite:
        batch = submit(own.database, own.settings, suite)
    return redirect(url_for("suite_pages.suite", batch_id=batch.id), HTTPStatus.SEE_OTHER)


@blueprint.post("/suites/pasted")
def paste_suite() -> WerkzeugResponse:
    """The same with a text from the clipboard."""
    needs("write")
    settings = parts().settings
    request.max_form_memory_size = settings.max_body_bytes
    return _begun(form_of(request, settings.max_body_bytes).form.get("text", "").encode(), PASTED)


@blueprint.post("/suites/example")
def example_suite() -> WerkzeugResponse:
    """The same with the example that is shipped."""
    needs("write")
    return _begun(example_bytes(), EXAMPLE_TITLE)


@blueprint.get(f"/static/{EXAMPLE}")
def example_file() -> Response:
    """The example as a file, to see what a table looks like."""
    return conditional(Response(example_bytes(), mimetype="text/csv"), request)


@blueprint.get("/static/palette.css")
def palette() -> Response:
    """The colours of pages and pictures."""
    return _kept(Response(palette_css(), mimetype="text/css"))


@blueprint.get(f"/static/<any({', '.join(map(repr, STATIC_FILES))}):name>")
def static_file(name: str) -> Response:
    """A file that pages load."""
    return _kept(Response(static_bytes(name), mimetype=STATIC_FILES[name]))


@blueprint.get("/sign-in")
def sign_in_form() -> WerkzeugResponse:
    """A form for the API key; a server without keys has none to ask for."""
    own = parts()
    if is_open(own.database, own.settings):
        return forget_key(_going_to("/"))
    return page("sign_in.html.j2", {"wanted": local_address(request.args.get("next")), "refused": "", "sent": False})


@blueprint.post("/sign-in")
def sign_in() -> WerkzeugResponse:
    """Keep a valid key in a cookie and go on."""
    key, wanted = request.form.get("key", "").strip(), local_address(request.form.get("next"))
    if not is_valid_key(parts().database, key):
        return page("sign_in.html.j2", {"wanted": wanted, "refused": NOT_VALID, "sent": False}, HTTPStatus.FORBIDDEN)
    return keep_key(_going_to(wanted), key, secure=request.is_secure)


@blueprint.post("/sign-out")
def sign_out() -> WerkzeugResponse:
    """Forget the key."""
    return forget_key(_going_to(url_for("pages.sign_in_form")))


def _begun(content: bytes, name: str) -> WerkzeugResponse:
    own = parts()
    with of_file(io.BytesIO(content), name, own.settings) as suite:
        batch = submit(own.database, own.settings, suite)
    return redirect(url_for("suite_pages.suite", batch_id=batch.id), HTTPStatus.SEE_OTHER)


def _going_to(address: str) -> Response:
    return Response(status=HTTPStatus.SEE_OTHER, headers={"Location": address})


def _kept(response: Response) -> Response:
    response.headers["Cache-Control"] = f"max-age={KEPT_SECONDS}"
    return conditional(response, request)
