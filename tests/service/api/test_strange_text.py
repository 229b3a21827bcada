import orjson
import pytest

from tests.service.api.curves import Client, curve

NDJSON = "application/x-ndjson"
STRANGE = ("\\ud800", "\\u0000", "\\udfff\\ud800", "a\\u0085b", "\\ud83d\\ude00", "\\u202e")


def written(place: str, text: str) -> str:
    """A curve as JSON text with a strange text in one place."""
    body = orjson.dumps(curve(tags={"name": "value"}, prompting="few")).decode()
    return {
        "task": body.replace('"addition"', f'"{text}"'),
        "field": body.replace('"prompting"', f'"{text}"'),
        "metric": body.replace('"accuracy"', f'"{text}"'),
        "tag": body.replace('"name"', f'"{text}"'),
        "option": body.replace('"prompting":"few"', f'"options":{{"{text}":1}}'),
        "kind": body.replace('"prompting":"few"', f'"scale_kind":"{text}"'),
    }[place]


PLACES = ("task", "field", "metric", "tag", "option", "kind")


@pytest.mark.parametrize("place", PLACES)
def test_strange_text_in_a_curve_is_refused_or_kept_but_breaks_nothing(client: Client, place: str) -> None:
    for text in STRANGE:
        made = client.post("/v1/analyses", data=written(place, text), content_type="application/json")
        assert made.status_code in (201, 400, 422), (place, text, made.text)
        assert orjson.loads(made.data)
    assert client.get("/v1/analyses").status_code == 200
    assert client.get("/v1/analyses", headers={"Accept": "text/csv"}).status_code == 200


def test_strange_text_in_a_batch_breaks_nothing(client: Client) -> None:
    body = "\n".join(written(place, text) for place in PLACES for text in STRANGE)
    made = client.post("/v1/batches", data=body, content_type=NDJSON)
    assert (made.status_code, made.json["total"]) == (202, len(PLACES) * len(STRANGE))
    address = made.headers["Location"]
    assert client.get(address).json["counts"]["failed"] > 0
    items = client.get(f"{address}/results?limit=1000").json["items"]
    assert {item["status"] for item in items} == {"failed"}
    for form in (NDJSON, "text/csv"):
        assert client.get(f"{address}/results", headers={"Accept": form}).data


@pytest.mark.parametrize("text", STRANGE)
def test_strange_text_beside_the_curves_breaks_nothing(client: Client, text: str) -> None:
    for body in (
        f'{{"curves": [], "{text}": 1}}',
        f'{{"curves": [{{}}], "options": {{"{text}": 1}}}}',
        f'{{"from": {{"task": "{text}"}}}}',
        f'{{"from": {{"{text}": "x"}}}}',
        f'{{"from": {{"tag": "{text}"}}}}',
    ):
        made = client.post("/v1/batches", data=body, content_type="application/json")
        assert made.status_code in (400, 422), (body, made.text)
    for path in ("emergence-scores", "resolutions"):
        made = client.post(f"/v1/{path}", data=f'{{"{text}": 1}}', content_type="application/json")
        assert made.status_code in (400, 422)
