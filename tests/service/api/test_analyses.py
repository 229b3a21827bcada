from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest

from models.provenance import ENGINE_VERSION
from service.database import Database
from service.schemas.analysis import analysis_document
from service.schemas.curve import load_curve
from service.schemas.options import load_options
from service.store import batches
from service.use_cases import analyze_curve
from tests.service.api.curves import App, Client, MakeApp, curve

VARYING = ("id", "created_at", "provenance")


def test_a_curve_is_analysed_at_once_and_the_answer_is_that_of_the_command(client: Client) -> None:
    response = client.post("/v1/analyses", json=curve())
    loaded = load_curve(curve())
    expected = analysis_document(
        analyze_curve(loaded.curve, load_options(loaded.options)), identifier="", created_at="", elapsed_s=0.0
    )
    assert response.status_code == 201
    assert response.headers["Location"] == f"/v1/analyses/{response.json['id']}"
    got = {name: value for name, value in response.json.items() if name not in VARYING}
    assert got == orjson.loads(orjson.dumps({name: expected[name] for name in got}))


def test_the_same_curve_is_one_analysis_whatever_the_order_of_its_points(client: Client) -> None:
    first = client.post("/v1/analyses", json=curve())
    turned = curve()
    turned["points"].reverse()
    second = client.post("/v1/analyses", json=turned)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.data == first.data
    assert second.headers["ETag"] == first.headers["ETag"]
    assert client.post("/v1/analyses", json=curve(options={"seed": 1})).status_code == 201


def test_the_same_curve_sent_many_times_at_once_is_stored_once(app: App) -> None:
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda _: app.test_client().post("/v1/analyses", json=curve()), range(8)))
    assert sorted(response.status_code for response in responses) == [200] * 7 + [201]
    assert len({response.data for response in responses}) == 1


def test_an_analysis_can_be_read_again_and_is_not_sent_to_who_has_it(client: Client) -> None:
    made = client.post("/v1/analyses", json=curve())
    read = client.get(made.headers["Location"])
    assert (read.status_code, read.data) == (200, made.data)
    unchanged = client.get(made.headers["Location"], headers={"If-None-Match": read.headers["ETag"]})
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    changed = client.get(made.headers["Location"], headers={"If-None-Match": '"other"'})
    assert changed.status_code == 200


def test_a_removed_analysis_is_gone_and_can_be_made_again(client: Client) -> None:
    address = client.post("/v1/analyses", json=curve()).headers["Location"]
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404
    assert client.delete(address).status_code == 404
    assert client.get(f"{address}/plot").status_code == 404
    assert client.post("/v1/analyses", json=curve()).status_code == 201


@pytest.mark.parametrize(
    ("extra", "headers"), [({"options": {"engine": "nuts"}}, {}), ({}, {"Prefer": "respond-async"})]
)
def test_slow_and_asynchronous_curves_wait_in_the_queue_once(
    client: Client, database: Database, extra: dict[str, Any], headers: dict[str, str]
) -> None:
    first = client.post("/v1/analyses", json=curve(**extra), headers=headers)
    second = client.post("/v1/analyses", json=curve(**extra), headers=headers)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.headers["Location"] == second.headers["Location"]
    assert int(first.headers["Retry-After"]) >= 1
    with database.reading() as connection:
        assert batches.queued_curves(connection) == 1
    waiting = client.get(first.headers["Location"])
    assert (waiting.status_code, waiting.json["status"], waiting.json["curve"]["task"]) == (200, "queued", "addition")
    assert client.get(f"{first.headers['Location']}/plot").status_code == 409
    assert client.delete(first.headers["Location"]).status_code == 204
    assert client.get(first.headers["Location"]).status_code == 404


@pytest.mark.parametrize(
    ("prefer", "status"),
    [
        ("Respond-Async", 202),
        ("wait=10, RESPOND-ASYNC", 202),
        ('foo="a, b"; c,respond-async ;d="e"', 202),
        ('respond-async=""', 202),
        ("not-respond-async", 201),
        ("respond-async-not", 201),
        ('foo="respond-async"', 201),
        ('foo="a, respond-async"', 201),
        ("foo; respond-async", 201),
        ('"respond-async"', 201),
        ("respond-async=no", 201),
    ],
)
def test_a_preference_is_a_word_and_not_a_part_of_one(client: Client, prefer: str, status: int) -> None:
    answer = client.post("/v1/analyses", json=curve(), headers={"Prefer": prefer})
    assert answer.status_code == status
    assert answer.headers.get("Preference-Applied") == ("respond-async" if status == 202 else None)


def test_what_is_stored_is_given_at_once_also_to_who_would_wait(client: Client) -> None:
    client.post("/v1/analyses", json=curve())
    assert client.post("/v1/analyses", json=curve(), headers={"Prefer": "respond-async"}).status_code == 200


def test_a_list_is_filtered_sorted_and_paged_in_every_form(client: Client) -> None:
    for i in range(5):
        client.post("/v1/analyses", json=curve(f"task {i}", suite="s" if i else "other", tags={"n": str(i % 2)}))
    query = {"suite": "s", "sort": "task", "limit": 3}
    page = client.get("/v1/analyses", query_string=query)
    assert [item["task"] for item in page.json["items"]] == ["task 1", "task 2", "task 3"]
    assert 'rel="next"' in page.headers["Link"]
    rest = client.get(page.headers["Link"].partition("<")[2].partition(">")[0])
    assert ([item["task"] for item in rest.json["items"]], rest.json["next"]) == (["task 4"], None)
    lines = client.get("/v1/analyses", query_string=query, headers={"Accept": "application/x-ndjson"})
    assert [orjson.loads(line) for line in lines.data.splitlines()] == page.json["items"]
    table = client.get("/v1/analyses", query_string=query, headers={"Accept": "text/csv"})
    assert (len(table.text.splitlines()), table.mimetype) == (4, "text/csv")
    assert table.headers["Link"] == page.headers["Link"]
    tagged = client.get("/v1/analyses", query_string={"tag": "n:0"})
    assert {item["task"] for item in tagged.json["items"]} == {"task 0", "task 2", "task 4"}
    assert all(item["prompting_reason"] == "not_given" for item in page.json["items"])


def test_a_list_is_filtered_by_the_version_of_the_engine(client: Client) -> None:
    client.post("/v1/analyses", json=curve())
    for query, count in (
        (f"engine_version={ENGINE_VERSION}", 1),
        (f"engine_version={ENGINE_VERSION + 1}", 0),
        (f"engine_below={ENGINE_VERSION}", 0),
        (f"engine_below={ENGINE_VERSION + 1}", 1),
    ):
        page = client.get(f"/v1/analyses?{query}")
        assert (page.status_code, len(page.json["items"])) == (200, count), query


def test_the_next_page_is_there_whatever_the_tasks_are_called(client: Client) -> None:
    tasks = [300 * sign for sign in "\N{GRINNING FACE}\N{GRINNING CAT FACE WITH SMILING EYES}"]
    for task in tasks:
        client.post("/v1/analyses", json=curve(task))
    page = client.get("/v1/analyses?sort=task&limit=1")
    rest = client.get(page.headers["Link"].partition("<")[2].partition(">")[0])
    assert {item["task"] for item in (*page.json["items"], *rest.json["items"])} == set(tasks)


def test_a_list_that_has_not_changed_is_not_sent_again(client: Client) -> None:
    client.post("/v1/analyses", json=curve())
    etag = client.get("/v1/analyses").headers["ETag"]
    assert client.get("/v1/analyses", headers={"If-None-Match": etag}).status_code == 304
    client.post("/v1/analyses", json=curve("another"))
    assert client.get("/v1/analyses", headers={"If-None-Match": etag}).status_code == 200


def test_a_cursor_of_another_query_is_refused(client: Client) -> None:
    for i in range(3):
        client.post("/v1/analyses", json=curve(f"task {i}"))
    cursor = client.get("/v1/analyses?limit=1").json["next"]
    for query in ({"cursor": cursor, "sort": "task"}, {"cursor": cursor, "task": "x"}, {"cursor": "x"}):
        response = client.get("/v1/analyses", query_string=query)
        assert (response.status_code, response.json["type"]) == (422, "/problems/stale-cursor")


def test_a_picture_comes_in_the_form_that_is_accepted(client: Client) -> None:
    address = client.post("/v1/analyses", json=curve()).headers["Location"] + "/plot"
    drawn = client.get(address)
    assert (drawn.mimetype, b"<svg" in drawn.data) == ("image/svg+xml", True)
    assert client.get(address).data == drawn.data
    assert client.get(address, headers={"Accept": "image/png"}).data.startswith(b"\x89PNG")
    assert client.get(f"{address}?format=png").data.startswith(b"\x89PNG")
    assert client.get(address, headers={"Accept": "image/gif"}).status_code == 406
    assert client.get(address, headers={"If-None-Match": drawn.headers["ETag"]}).status_code == 304


def test_a_picture_comes_for_a_light_or_a_dark_page(client: Client) -> None:
    address = client.post("/v1/analyses", json=curve()).headers["Location"] + "/plot"
    light, dark = (client.get(f"{address}?theme={theme}") for theme in ("light", "dark"))
    assert light.data == client.get(address).data != dark.data
    assert light.headers["ETag"] != dark.headers["ETag"]
    refused = client.get(f"{address}?theme=pink")
    assert (refused.status_code, "light, dark" in refused.text) == (422, True)


def test_a_full_queue_refuses_more_and_says_when_to_come_again(make_app: MakeApp) -> None:
    client = make_app(max_queued_curves=1).test_client()
    background = {"Prefer": "respond-async"}
    assert client.post("/v1/analyses", json=curve(), headers=background).status_code == 202
    refused = client.post("/v1/analyses", json=curve("more"), headers=background)
    assert (refused.status_code, refused.json["type"]) == (503, "/problems/queue-full")
    assert int(refused.headers["Retry-After"]) > 0
    assert client.post("/v1/analyses", json=curve("more")).status_code == 201
