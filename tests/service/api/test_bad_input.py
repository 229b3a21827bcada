import gzip
import io
from typing import Any

import orjson
import pytest

from service.contract.problems import PROBLEM_JSON
from tests.service.api.curves import Client, MakeApp, curve

JSON = "application/json"
NDJSON = "application/x-ndjson"


@pytest.fixture(params=["sqlite"])
def kind(request: pytest.FixtureRequest) -> str:
    """What is wrong is found before the database is asked."""
    return str(request.param)


def refused(response: Any, status: int, *words: str) -> dict[str, Any]:
    """The problem document of a refusal that says all of the words."""
    assert response.status_code == status, response.text
    assert response.mimetype == PROBLEM_JSON
    document: dict[str, Any] = response.json
    assert document["status"] == status
    assert document["type"].startswith("/problems/")
    assert all(word in response.text for word in words), response.text
    return document


def pointers(document: dict[str, Any]) -> set[str]:
    return {error["pointer"] for error in document["errors"]}


@pytest.mark.parametrize("path", ["/v1/analyses", "/v1/batches", "/v1/emergence-scores", "/v1/resolutions"])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"{", "line 1, column"),
        (b'{"a": 1,}', "line 1, column"),
        (b"[" * 100_000, "nested"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested"),
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),
        (b"{} {}", "line 1, column"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"\\uDFFF\\uD800": 1}', "surrogate"),
    ],
)
def test_what_is_no_json_is_a_syntax_error(client: Client, path: str, body: bytes, words: str) -> None:
    refused(client.post(path, data=body, content_type=JSON), 400, words)


@pytest.mark.parametrize("path", ["/v1/analyses", "/v1/batches", "/v1/emergence-scores", "/v1/resolutions"])
@pytest.mark.parametrize("body", [b"null", b"[]", b"3", b'"x"', b"[[]]", b"true", b"{}"])
def test_json_of_another_kind_is_not_understood(client: Client, path: str, body: bytes) -> None:
    refused(client.post(path, data=body, content_type=JSON), 422)


@pytest.mark.parametrize("path", ["/v1/analyses", "/v1/emergence-scores"])
def test_other_types_and_encodings_of_the_body_are_not_read(client: Client, path: str) -> None:
    body = orjson.dumps(curve())
    refused(client.post(path, data=body), 415, "no Content-Type")
    refused(client.post(path, data=body, content_type="application/xml"), 415, "application/xml")
    refused(client.post(path, data=body, content_type="application/json; charset=utf-16"), 415, "utf-16")
    refused(client.post(path, data=body, content_type=JSON, headers={"Content-Encoding": "br"}), 415, "br")
    refused(client.post("/v1/batches", data=body, content_type="application/parquet"), 415, "text/csv")


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ('"score": NaN', "/points/0/score"),
        ('"score": Infinity', "/points/0/score"),
        ('"score": -Infinity', "/points/0/score"),
        ('"score": 1e400', "/points/0/score"),
        ('"score": "0.1"', "/points/0/score"),
        ('"score": true', "/points/0/score"),
        ('"score": [0.1]', "/points/0/score"),
        ('"score": 0.1, "score": 0.2', "/points/0/score"),
        ('"score": 0.1, "skore": 0.1', "/points/0/skore"),
        ('"score": 0.1, "a/b~c": 0', "/points/0/a~1b~0c"),
    ],
)
def test_a_wrong_value_is_named_by_its_pointer(client: Client, text: str, pointer: str) -> None:
    body = orjson.dumps(curve()).decode().replace('"score":0.1', text)
    document = refused(client.post("/v1/analyses", data=body, content_type=JSON), 422)
    assert pointers(document) == {pointer}


def test_all_that_is_wrong_is_told_at_once(client: Client) -> None:
    wrong = {**curve(metric=7, prompting=[], typo=1), "options": {"seed": -1, "engine": "x"}}
    document = refused(client.post("/v1/analyses", json=wrong), 422)
    assert pointers(document) == {"/metric", "/prompting", "/typo", "/options/engine"}


@pytest.mark.parametrize("field", ["task", "prompting", "suite", "model_family"])
def test_long_texts_and_control_characters_are_refused(client: Client, field: str) -> None:
    for text in ("x" * 9_000_000, "a\0b", "a\nb", "a\x85b"):
        body = orjson.dumps(curve()).decode()[:-1] + f', "{field}": {text_json(text)}}}'
        body = body.replace('"task":"addition",', "") if field == "task" else body
        document = refused(client.post("/v1/analyses", data=body, content_type=JSON), 422)
        assert pointers(document) == {f"/{field}"}
        assert len(document["detail"]) < 500


def text_json(text: str) -> str:
    return '"' + "".join(f"\\u{ord(sign):04x}" if not 32 <= ord(sign) < 127 else sign for sign in text) + '"'


def test_too_many_points_are_refused_without_being_read(make_app: MakeApp) -> None:
    client = make_app(max_points=5, max_body_bytes=50_000_000).test_client()
    points = [{"scale": float(i + 1), "score": 0.5, "n_examples": 10} for i in range(6)]
    document = refused(client.post("/v1/analyses", json={**curve(), "points": points}), 422, "more than 5")
    assert pointers(document) == {"/points"}
    million = '{"task": "t", "metric": "accuracy", "points": [' + "1," * 999_999 + "1]}"
    refused(client.post("/v1/analyses", data=million, content_type=JSON), 422, "1,000,000 points")


def test_a_body_above_the_limit_is_refused_packed_or_not(make_app: MakeApp) -> None:
    client = make_app(max_body_bytes=10_000, max_batch_bytes=20_000).test_client()
    bomb = gzip.compress(b" " * 30_000_000)
    assert len(bomb) < 10_000 * 3
    for path, kind_of_body in (("/v1/analyses", JSON), ("/v1/batches", NDJSON), ("/v1/batches", "text/csv")):
        large = client.post(path, data=b" " * 20_001, content_type=kind_of_body)
        refused(large, 413, "bytes")
        packed = client.post(path, data=bomb, content_type=kind_of_body, headers={"Content-Encoding": "gzip"})
        refused(packed, 413, "after decompression")
    upload = {"file": (io.BytesIO(b"{}" * 20_000), "x.json")}
    refused(client.post("/v1/batches", data=upload, content_type="multipart/form-data"), 413)


def test_damaged_gzip_is_a_syntax_error(client: Client) -> None:
    packed = gzip.compress(orjson.dumps(curve()))
    headers = {"Content-Encoding": "gzip"}
    followed = (packed + b"more", packed + b"\0", packed + packed[:-9], packed + packed[:5])
    for body in (b"not gzip", packed[:-9], packed[:5], b"", *followed):
        refused(client.post("/v1/analyses", data=body, content_type=JSON, headers=headers), 400, "gzip")
    good = client.post("/v1/analyses", data=packed, content_type=JSON, headers=headers)
    assert good.status_code == 201


@pytest.mark.parametrize("size", [1, 7, 5000])
def test_all_members_of_a_gzip_body_are_one_body(client: Client, size: int) -> None:
    whole = orjson.dumps(curve(tags={"note": "".join(f"{i} {i * i}, " for i in range(80))}))
    members = b"".join(gzip.compress(whole[i : i + size]) for i in range(0, len(whole), size))
    headers = {"Content-Encoding": "gzip"}
    packed = client.post("/v1/analyses", data=members, content_type=JSON, headers=headers)
    assert packed.status_code == 201, packed.text
    assert client.post("/v1/analyses", data=whole, content_type=JSON).json["id"] == packed.json["id"]


def test_members_of_a_gzip_body_are_limited_together_and_empty_ones_too(make_app: MakeApp) -> None:
    client = make_app(max_batch_bytes=20_000).test_client()
    headers = {"Content-Encoding": "gzip"}
    for members in (gzip.compress(b" " * 9_000) * 3, gzip.compress(b"") * 2_000):
        body = {"input_stream": io.BytesIO(members), "environ_overrides": {"wsgi.input_terminated": True}}
        refused(client.post("/v1/batches", content_type=NDJSON, headers=headers, **body), 413, "after decompression")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "?limit"),
        ("limit=1001", "?limit"),
        ("limit=x", "?limit"),
        ("limit=1_0", "?limit"),
        ("limit=%2B1", "?limit"),
        ("limit=%D9%A1", "?limit"),
        ("min_probability=0_1", "?min_probability"),
        ("task=", "?task"),
        ("task=%00", "?task"),
        ("label=good", "?label"),
        ("verdict=explained_by_metrik", "?verdict"),
        ("min_probability=2", "?min_probability"),
        ("min_probability=nan", "?min_probability"),
        ("created_after=yesterday", "?created_after"),
        ("created_after=0001-01-01T00:00:00%2B23:59", "?created_after"),
        ("created_before=2026-13-01T00:00:00Z", "?created_before"),
        ("engine_version=99999999999", "?engine_version"),
        ("engine_version=1.5", "?engine_version"),
        ("engine_below=three", "?engine_below"),
        ("sort=size", "?sort"),
        ("nonsense=1", "?nonsense"),
        ("limit=5&limit=6", "?limit"),
    ],
)
def test_a_wrong_query_is_named_by_its_parameter(client: Client, query: str, pointer: str) -> None:
    assert pointers(refused(client.get(f"/v1/analyses?{query}"), 422)) == {pointer}


@pytest.mark.parametrize("name", ["task", "tag", "cursor"])
def test_an_empty_text_in_a_query_is_called_empty(client: Client, name: str) -> None:
    document = refused(client.get(f"/v1/analyses?{name}="), 422)
    assert document["errors"] == [{"pointer": f"?{name}", "message": "is empty: give a value, or leave it out"}]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/metrics"),
        ("GET", "/v1/curve-models"),
        ("GET", "/v1/analyses/x"),
        ("DELETE", "/v1/analyses/x"),
        ("POST", "/v1/resolutions"),
        ("GET", "/health/live"),
        ("GET", "/metrics"),
    ],
)
def test_a_query_where_none_is_taken_is_named(client: Client, method: str, path: str) -> None:
    assert pointers(refused(client.open(f"{path}?x=1", method=method), 422)) == {"?x"}


@pytest.mark.parametrize(
    ("stored", "pointer"),
    [
        ({"task": 5}, "/from/task"),
        ({"typo": "x"}, "/from/typo"),
        ({"verdict": "explained_by_metrik"}, "/from/verdict"),
        ({"min_probability": "0.5"}, "/from/min_probability"),
        ({"min_probability": True}, "/from/min_probability"),
        ({"engine_version": 1.5}, "/from/engine_version"),
        ({"engine_version": "3"}, "/from/engine_version"),
        ({"engine_below": False}, "/from/engine_below"),
        ([], "/from"),
        ("x", "/from"),
    ],
)
def test_a_wrong_filter_is_named_by_its_pointer(client: Client, stored: object, pointer: str) -> None:
    assert pointers(refused(client.post("/v1/batches", json={"from": stored}), 422)) == {pointer}


@pytest.mark.parametrize(
    "body",
    [
        {"curves": []},
        {"curves": 3},
        {"curves": [curve()], "optoins": {}},
        {"curves": [curve()], "options": []},
        {"curves": [curve()], "options": {"seed": "x"}},
        {"from": {}, "curves": [curve()]},
        curve(),
    ],
)
def test_a_wrong_batch_is_refused_as_a_whole(client: Client, body: object) -> None:
    refused(client.post("/v1/batches", json=body), 422)
    assert client.get("/v1/batches").json["items"] == []


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 422),
        ({"file": "as a field"}, 422),
        ({"file": (io.BytesIO(b""), "x")}, 422),
        ({"file": (io.BytesIO(b"\x89PNG"), "x")}, 422),
        ({"file": (io.BytesIO(b"{}"), "x"), "format": "xlsx"}, 422),
        ({"file": (io.BytesIO(b"{}"), "x"), "options": "{"}, 422),
        ({"file": (io.BytesIO(b"{}"), "x"), "options": "[]"}, 422),
        ({"file": (io.BytesIO(b"{}"), "x"), "scale": "score"}, 422),
        ({"file": (io.BytesIO(b"{}"), "x"), "name": "extra"}, 422),
    ],
)
def test_a_wrong_upload_is_refused(client: Client, form: dict[str, Any], status: int) -> None:
    refused(client.post("/v1/batches", data=form, content_type="multipart/form-data"), status)


def test_unknown_addresses_and_methods_are_problem_documents(client: Client) -> None:
    refused(client.get("/v1/nothing"), 404)
    refused(client.get("/v1/analyses/%00"), 404)
    refused(client.get("/v1/analyses/" + "é" * 2000), 404)
    refused(client.get("/v1/batches/x"), 404)
    refused(client.get("/v1/batches/x/changes"), 404)
    wrong_method = client.put("/v1/analyses")
    refused(wrong_method, 405)
    assert "POST" in wrong_method.headers["Allow"]
    refused(client.get("/v1/analyses", headers={"Accept": "image/png"}), 406, "text/csv")


def test_an_unforeseen_error_tells_nothing_but_the_id_of_the_request(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("service.api.calculators.emergence_scores", broken)
    body = {"scales": [1, 2, 3], "scores": [0.1, 0.2, 0.3]}
    response = client.post("/v1/emergence-scores", json=body, headers={"X-Request-ID": "abc"})
    assert refused(response, 500)["request_id"] == "abc"
    assert "secret" not in response.text


def test_a_curve_of_too_many_points_fails_alone_in_a_batch(client: Client) -> None:
    long = curve(points=[{"scale": 10.0**i, "score": 0.5, "n_examples": 100} for i in range(1, 90)] * 12)
    found = client.post("/v1/batches", json={"curves": [curve(), long]})
    assert found.status_code == 202
    results = client.get(f"/v1/batches/{found.json['id']}/results").json["items"]
    assert [item["status"] for item in results] == ["failed"]
    assert "1,068 points are more than 1,000" in results[0]["error"]["detail"]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("tsk=a", "?tsk: unknown parameter: did you mean task?"),
        ("foo=1", "unknown parameter: known are"),
        ("limit=a", "'a' is no whole number such as 100"),
        ("min_probability=a", "'a' is no number such as 0.9"),
    ],
)
def test_a_wrong_query_says_what_would_be_right(client: Client, query: str, told: str) -> None:
    assert told in client.get(f"/v1/analyses?{query}").json["detail"]


def test_the_problems_of_a_document_come_in_one_order_and_not_without_end(client: Client) -> None:
    body = {"task": "a", "metric": "accuracy", "points": [], **{f"field {i}": i for i in range(300)}}
    problem = refused(client.post("/v1/analyses", json=body), 422)
    names = [error["pointer"] for error in problem["errors"]]
    assert len(names) == 101
    assert problem["errors"][-1]["message"].startswith("and more problems")
    unknown = [name for name in names if name.startswith("/field")]
    assert unknown == sorted(unknown)
