"""Routes of batches."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, g, request, url_for

from service.access import needs
from service.api.answers import linked, listed
from service.api.blueprint import Routes
from service.batch_documents import (
    accepted_document,
    batch_document,
    change_page,
    csv_results,
    ndjson_results,
    result_page,
)
from service.contract import paths
from service.failures import MalformedInput
from service.negotiation import CSV, JSON, NDJSON, json_answer, text_answer, wanted
from service.parts import parts
from service.schemas.queries import DeleteBatchQuery, PageQuery
from service.store import batches as store
from service.store.batches import Batch
from service.suite_bodies import Received, received
from service.suites import Wanted, found_batch, purge_batch, repeated, stop_batch, submit

blueprint = Routes("batches", __name__, url_prefix="/v1", description="Suites of curves, analysed in the background.")
LONGEST_KEY = 255


@blueprint.at("POST", "/batches", paths.CREATE_BATCH)
def create_batch() -> Response:
    """Submit a suite.

    As JSON, NDJSON (one curve a line), tidy CSV or an uploaded file; or, with `from`, stored curves again under the
    current engine. A bad curve is one failed result. An `Idempotency-Key` makes a request safe to repeat.
    """
    needs("write")
    own = parts()
    with received(request, own.database, own.settings) as body:
        batch = _batch(body)
    response = json_answer(accepted_document(batch), HTTPStatus.ACCEPTED)
    response.headers["Location"] = url_for("batches.get_batch", batch_id=batch.id)
    return response


@blueprint.at("GET", "/batches", paths.LIST_BATCHES)
@blueprint.asks(PageQuery)
def list_batches(query: dict[str, Any]) -> Response:
    """List batches, the newest first."""
    needs("read")
    with parts().database.reading() as connection:
        page = store.page(connection, limit=query["limit"], cursor=query.get("cursor"))
    return listed([batch_document(batch) for batch in page.items], page.next)


@blueprint.at("GET", "/batches/<string:batch_id>", paths.GET_BATCH, paths.BATCH_ID)
def get_batch(batch_id: str) -> Response:
    """Read how far a batch is."""
    needs("read")
    response = json_answer(batch_document(found_batch(parts().database, batch_id)))
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.at("DELETE", "/batches/<string:batch_id>", paths.DELETE_BATCH, paths.BATCH_ID)
@blueprint.asks(DeleteBatchQuery)
def delete_batch(query: dict[str, Any], batch_id: str) -> Response:
    """Stop a batch, or remove it.

    What is finished stays, unless `purge=true`: then the batch goes away with all results that nothing else holds.
    """
    needs("admin" if query["purge"] else "write")
    database = parts().database
    if query["purge"]:
        purge_batch(database, batch_id)
        return Response(status=HTTPStatus.NO_CONTENT)
    return json_answer(batch_document(stop_batch(database, batch_id)))


@blueprint.at("GET", "/batches/<string:batch_id>/results", paths.LIST_RESULTS, paths.BATCH_ID)
@blueprint.asks(PageQuery)
def list_results(query: dict[str, Any], batch_id: str) -> Response:
    """Read the results of a batch, in the order of its input.

    JSON comes in pages, NDJSON and CSV in one stream. Of a batch that runs these are the results that there are.
    """
    needs("read")
    form, database = wanted(request, (JSON, NDJSON, CSV)), parts().database
    found_batch(database, batch_id)
    if form == JSON:
        text, following = result_page(database, batch_id, query["limit"], query.get("cursor"))
        return linked(json_answer(text), following)
    return text_answer(csv_results(database, batch_id) if form == CSV else ndjson_results(database, batch_id), form)


@blueprint.at("GET", "/batches/<string:batch_id>/changes", paths.LIST_CHANGES, paths.BATCH_ID)
@blueprint.asks(PageQuery)
def list_changes(query: dict[str, Any], batch_id: str) -> Response:
    """List the curves whose label changed.

    Of a batch of stored curves (`from`): those whose label is another one than that of the earlier analysis.
    """
    needs("read")
    database = parts().database
    found_batch(database, batch_id)
    page = change_page(database, batch_id, query["limit"], query.get("cursor"))
    return linked(json_answer(page), page["next"])


def _batch(body: Received) -> Batch:
    """The batch of an earlier request with the same key, whatever has become of its curves; else a new one."""
    own, wanted_key = parts(), _wanted_key(body.sha256)
    known = repeated(own.database, wanted_key) if wanted_key else None
    if known is not None:
        return known
    with body.suite() as suite:
        return submit(own.database, own.settings, suite, wanted_key)


def _wanted_key(digest: str) -> Wanted | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise MalformedInput(f"the Idempotency-Key is not of 1 to {LONGEST_KEY} printable ASCII characters")
    return Wanted(key, g.owner, digest)
