"""Bodies that do not come as they were sent, read by the classes of the web server."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.unreader import IterUnreader

from tests.service.api.curves import Client, curve

TABLE = b"task,metric,parameters,score,n_examples\na,accuracy,1e8,.2,1000\na,accuracy,1e9,.5,1000"
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
FORM = PART + TABLE + b"\r\n--b--\r\n"
BODIES = {
    "text/csv": TABLE,
    "application/x-ndjson": b'{"a": 1}\n' + orjson.dumps(curve()),
    "application/json": orjson.dumps({"curves": [curve()]}),
    "multipart/form-data; boundary=b": FORM,
}


@pytest.fixture(params=["sqlite"])
def kind(request: pytest.FixtureRequest) -> str:
    """What is broken is found before the database is asked."""
    return str(request.param)


def post(client: Client, path: str, body: Body, media_type: str, **environment: str) -> Any:
    """Post a body as the web server hands it over."""
    request = {"wsgi.input": body, "wsgi.input_terminated": True, "CONTENT_TYPE": media_type, **environment}
    return client.post(path, environ_overrides=request)


def of_length(sent: bytes, announced: int) -> Body:
    return Body(LengthReader(IterUnreader(iter([sent])), announced))


def chunked(sent: bytes) -> Body:
    return Body(ChunkedReader(None, IterUnreader(iter([sent] if sent else []))))


@pytest.mark.parametrize("media_type", BODIES)
def test_a_body_that_is_cut_off_leaves_nothing_and_its_key_is_free(client: Client, media_type: str) -> None:
    whole = BODIES[media_type]
    told = {"CONTENT_LENGTH": str(len(whole)), "HTTP_IDEMPOTENCY_KEY": "k"}
    for missing in (1, 2, 40, len(whole)):
        answer = post(client, "/v1/batches", of_length(whole[:-missing], len(whole)), media_type, **told)
        assert (answer.status_code, answer.json["type"]) == (400, "/problems/malformed-input"), answer.text
        assert f"after {len(whole) - missing:,} of the {len(whole):,} bytes" in answer.json["detail"]
    assert client.get("/v1/batches").json["items"] == []
    assert post(client, "/v1/batches", of_length(whole, len(whole)), media_type, **told).status_code == 202


@pytest.mark.parametrize("path", ["/v1/analyses", "/v1/emergence-scores", "/suites/pasted", "/sign-in"])
def test_no_other_address_takes_a_part_for_the_whole(client: Client, path: str) -> None:
    media_type = "application/json" if path.startswith("/v1") else "application/x-www-form-urlencoded"
    body = of_length(b"text=a&key=b", 20)
    assert post(client, path, body, media_type, CONTENT_LENGTH="20").status_code == 400


def test_the_end_of_a_body_without_an_announced_length_is_its_end(client: Client) -> None:
    body = Body(LengthReader(IterUnreader(iter([TABLE])), len(TABLE)))
    assert post(client, "/v1/batches", body, "text/csv").status_code == 202


@pytest.mark.parametrize("media_type", BODIES)
@pytest.mark.parametrize(
    "chunks",
    [
        b"ZZ\r\n%(whole)b\r\n0\r\n\r\n",
        b"%(size)x\r\n%(whole)b\r\nZZ\r\n",
        b"%(size)x\r\n%(whole)b\r\n",
        b"%(size)x\r\n%(whole)b\r\n0\r\n",
        b"%(size)x\r\n%(half)b",
        b"",
    ],
)
def test_chunks_that_are_none_or_too_few_are_a_syntax_error(client: Client, media_type: str, chunks: bytes) -> None:
    whole = BODIES[media_type]
    sent = chunks % {b"size": len(whole), b"whole": whole, b"half": whole[: len(whole) // 2]}
    answer = post(client, "/v1/batches", chunked(sent), media_type, HTTP_TRANSFER_ENCODING="chunked")
    assert (answer.status_code, answer.json["type"]) == (400, "/problems/malformed-input"), answer.text
    assert client.get("/v1/batches").json["items"] == []


@pytest.mark.parametrize("media_type", BODIES)
def test_a_body_in_chunks_is_read_to_its_last_one(client: Client, media_type: str) -> None:
    sent = b"".join(b"1\r\n%c\r\n" % byte for byte in BODIES[media_type]) + b"0\r\n\r\n"
    answer = post(client, "/v1/batches", chunked(sent), media_type, HTTP_TRANSFER_ENCODING="chunked")
    assert answer.status_code == 202
