"""Bodies that do not come as they were sent, read by the classes of the web server."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from gunicorn.http.body import Body, LengthReader
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
