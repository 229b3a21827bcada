import gzip
import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest

from service.answers import Answering, Entry, Output
from service.database import Database
from service.readers.items import CurveItem
from service.schemas.curve import load_curve
from service.schemas.options import load_options
from service.store import analyses, batches
from service.store.analyses import stored_of
from service.store.batches import NewBatch
from service.store.payloads import item_document, item_of
from service.store.retention import discard
from service.suites import ROWS_AT_ONCE
from service.tables import tasks
from service.use_cases import answer_document
from tests.service.api.curves import App, Client, MakeApp, curve

NDJSON = "application/x-ndjson"
TABLE = "task,metric,parameters,score,n_examples,note\na,accuracy,1e8,.2,100,x\na,accuracy,1e9,.5,100,y\n"


def lines(documents: Iterable[object]) -> bytes:
    return b"\n".join(map(orjson.dumps, documents))


def submitted(client: Client, documents: Iterable[object], **headers: str) -> dict[str, Any]:
    response = client.post("/v1/batches", data=lines(documents), content_type=NDJSON, headers=headers)
    assert response.status_code == 202, response.text
    accepted: dict[str, Any] = response.json
    assert response.headers["Location"] == f"/v1/batches/{accepted['id']}"
    return accepted


def work_off(database: Database, batch_id: str) -> None:
    """What the dispatcher and the workers do, for a batch of good curves."""
    with database.writing() as connection:
        found = connection.execute(tasks.select().where(tasks.c.batch_id == batch_id, tasks.c.state == "queued")).all()
        for task in found:
            loaded = load_curve(item_of(item_document(task.payload)).document)
            stored = stored_of(answer_document(loaded, load_options(loaded.options)), standalone=False)
            analyses.put(connection, stored)
            values = {"state": "succeeded", "analysis_id": stored.id, "label": stored.label, "payload": None}
            connection.execute(tasks.update().where(tasks.c.id == task.id).values(values))


def counts(client: Client, batch_id: str) -> dict[str, int]:
    found: dict[str, int] = client.get(f"/v1/batches/{batch_id}").json["counts"]
    return found


def test_a_suite_is_taken_in_as_json_as_lines_as_a_table_and_as_a_file(client: Client) -> None:
    both = [curve("a"), curve("b")]
    by_json = client.post("/v1/batches", json={"curves": both, "options": {"seed": 3}})
    assert (by_json.status_code, by_json.json["total"]) == (202, 2)
    assert client.get(by_json.headers["Location"]).json["options"] == {"seed": 3}
    assert submitted(client, both)["total"] == 2
    table = client.post("/v1/batches", data=TABLE, content_type="text/csv")
    assert (table.status_code, table.json["total"]) == (202, 1)
    assert "note" in table.json["messages"][0]
    form = {"file": (io.BytesIO(lines(both)), "x.ndjson"), "format": "ndjson", "options": '{"seed": 4}'}
    upload = client.post("/v1/batches", data=form, content_type="multipart/form-data")
    assert (upload.status_code, upload.json["total"]) == (202, 2)
    assert client.get(upload.headers["Location"]).json["options"] == {"seed": 4}
    packed = client.post(
        "/v1/batches", data=gzip.compress(lines(both)), content_type=NDJSON, headers={"Content-Encoding": "gzip"}
    )
    assert (packed.status_code, packed.json["total"]) == (202, 2)
    assert len(client.get("/v1/batches").json["items"]) == 5


@pytest.mark.parametrize("bad", [1, 1000])
def test_bad_curves_are_failed_results_with_their_line_and_reason(client: Client, bad: int) -> None:
    wrong = curve(metric={"name": "accuracy", "chance": 7})
    documents: list[object] = [wrong if i >= 1000 - bad else curve(f"task {i}") for i in range(1000)]
    accepted = submitted(client, documents)
    found = counts(client, accepted["id"])
    assert (found["total"], found["failed"], found["queued"]) == (1000, bad, 1000 - bad)
    page = client.get(f"/v1/batches/{accepted['id']}/results?limit=2").json
    first = page["items"][0]
    assert (first["index"], first["rows"], first["status"]) == (1000 - bad, [1001 - bad, 1001 - bad], "failed")
    assert first["error"]["errors"][0]["pointer"] == "/metric/chance"
    assert first["curve"]["task"] == "addition"


def test_a_failed_line_is_that_of_the_command_with_its_place(client: Client) -> None:
    accepted = submitted(client, [curve(scores=(0.1,)), curve()])
    item = CurveItem(0, curve(scores=(0.1,)), rows=(1,), names={"task": "addition", "metric": "accuracy"})
    printed = Answering({}, Output("json")).answer(Entry(0, item)).content
    received = client.get(f"/v1/batches/{accepted['id']}/results", headers={"Accept": NDJSON}).data.splitlines()
    assert orjson.loads(received[0]) == orjson.loads(str(printed))


def test_results_come_in_the_order_of_the_input_in_pages_in_a_stream_and_as_a_table(
    client: Client, database: Database
) -> None:
    accepted = submitted(client, [curve("a"), {"task": "bad"}, curve("c"), curve("d")])
    work_off(database, accepted["id"])
    address = f"/v1/batches/{accepted['id']}/results"
    whole = client.get(address).json
    assert [(item["index"], item["status"]) for item in whole["items"]] == [
        (0, "succeeded"),
        (1, "failed"),
        (2, "succeeded"),
        (3, "succeeded"),
    ]
    assert whole["next"] is None
    stored = client.get(f"/v1/analyses/{whole['items'][2]['id']}").json
    assert whole["items"][2] == {"index": 2, "rows": [3, 3], **stored}
    first = client.get(f"{address}?limit=3")
    rest = client.get(first.headers["Link"].partition("<")[2].partition(">")[0]).json
    assert first.json["items"] + rest["items"] == whole["items"]
    stream = client.get(address, headers={"Accept": NDJSON})
    assert [orjson.loads(line) for line in stream.data.splitlines()] == whole["items"]
    table = client.get(address, headers={"Accept": "text/csv"}).text.splitlines()
    assert len(table) == 5
    assert [line.split(",")[:3] for line in table[1:3]] == [["0", "succeeded", "a"], ["1", "failed", "bad"]]


def test_a_result_whose_analysis_was_deleted_says_so(client: Client, database: Database) -> None:
    accepted = submitted(client, [curve("a")])
    work_off(database, accepted["id"])
    address = f"/v1/batches/{accepted['id']}/results"
    identifier = client.get(address).json["items"][0]["id"]
    assert client.delete(f"/v1/analyses/{identifier}").status_code == 204
    item = client.get(address).json["items"][0]
    assert (item["status"], item["id"], item["error"]["type"]) == ("failed", identifier, "/problems/deleted")
    assert "deleted" in client.get(address, headers={"Accept": "text/csv"}).text


def test_the_same_key_is_one_batch_and_one_answer(app: App, database: Database) -> None:
    def post(_: int) -> Any:
        response = app.test_client().post(
            "/v1/batches", data=lines([curve("a")]), content_type=NDJSON, headers={"Idempotency-Key": "once"}
        )
        assert response.status_code == 202
        return response.data

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(post, range(20)))
    assert len(answers) == 1
    with database.reading() as connection:
        assert len(batches.page(connection).items) == 1
        assert batches.queued_curves(connection) == 1


def test_a_key_that_comes_with_another_body_is_refused_and_one_of_another_request_is_not(client: Client) -> None:
    first = submitted(client, [curve("a")], **{"Idempotency-Key": "k"})
    headers = {"Idempotency-Key": "k"}
    other = client.post("/v1/batches", data=lines([curve("b")]), content_type=NDJSON, headers=headers)
    assert (other.status_code, other.json["type"]) == (422, "/problems/key-reused")
    assert submitted(client, [curve("a")], **{"Idempotency-Key": "l"})["id"] != first["id"]
    headers = {"Idempotency-Key": "x" * 256}
    bad = client.post("/v1/batches", data=lines([curve("a")]), content_type=NDJSON, headers=headers)
    assert bad.status_code == 400


def test_a_known_key_is_answered_although_its_stored_curves_are_gone(client: Client) -> None:
    stored = client.post("/v1/analyses", json=curve("a", suite="s"))
    body, headers = {"from": {"suite": "s"}}, {"Idempotency-Key": "k"}
    first = client.post("/v1/batches", json=body, headers=headers)
    assert first.status_code == 202
    assert client.delete(stored.headers["Location"]).status_code == 204
    assert client.post("/v1/batches", json=body).status_code == 422
    again = client.post("/v1/batches", json=body, headers=headers)
    assert (again.status_code, again.data) == (202, first.data)
    other = client.post("/v1/batches", json={"from": {"suite": "t"}}, headers=headers)
    assert (other.status_code, other.json["type"]) == (422, "/problems/key-reused")


@pytest.mark.parametrize("media_type", ["application/json", NDJSON, "text/csv", "multipart/form-data"])
def test_a_body_whose_key_is_known_is_not_read_again(
    client: Client, monkeypatch: pytest.MonkeyPatch, media_type: str
) -> None:
    def post() -> Any:
        bodies: dict[str, Any] = {
            "application/json": orjson.dumps({"curves": [curve()]}),
            NDJSON: lines([curve()]),
            "text/csv": TABLE,
            "multipart/form-data": {"file": (io.BytesIO(TABLE.encode()), "a.csv"), "options": '{"seed": 1}'},
        }
        headers = {"Idempotency-Key": "k"}
        return client.post("/v1/batches", data=bodies[media_type], content_type=media_type, headers=headers)

    first = post()
    assert first.status_code == 202
    for reading in ("open_curves", "json_value"):
        monkeypatch.delattr(f"service.suite_bodies.{reading}")
    assert (post().status_code, post().data) == (202, first.data)


def test_a_cancelled_batch_stays_cancelled_and_a_purged_one_is_gone(client: Client, database: Database) -> None:
    accepted = submitted(client, [curve("a"), curve("b")])
    address = f"/v1/batches/{accepted['id']}"
    for _ in range(2):
        stopped = client.delete(address)
        assert (stopped.status_code, stopped.json["status"]) == (200, "cancelled")
    assert {item["status"] for item in client.get(f"{address}/results").json["items"]} == {"cancelled"}
    with database.writing() as connection:
        connection.execute(tasks.update().values(state="running"))
    assert client.delete(f"{address}?purge=true").status_code == 204
    for method in (client.get, client.delete):
        assert method(address).status_code == 404
    assert client.get(f"{address}/results").status_code == 404
    assert client.delete(f"{address}?purge=true").status_code == 404


def test_purging_keeps_what_was_asked_for_by_itself(client: Client, database: Database) -> None:
    accepted = submitted(client, [curve("a"), curve("b")])
    work_off(database, accepted["id"])
    kept = client.post("/v1/analyses", json=curve("a"))
    assert kept.status_code == 200
    client.delete(f"/v1/batches/{accepted['id']}?purge=true")
    assert [item["task"] for item in client.get("/v1/analyses").json["items"]] == ["a"]


def test_stored_curves_are_analysed_again_with_the_options_asked_for(client: Client, database: Database) -> None:
    ids = [client.post("/v1/analyses", json=curve(f"task {i}", suite="s")).json["id"] for i in range(3)]
    again = client.post("/v1/batches", json={"from": {"suite": "s"}, "options": {"smallest_effect": 0.2}})
    assert (again.status_code, again.json["kind"], again.json["total"]) == (202, "again", 3)
    work_off(database, again.json["id"])
    items = client.get(f"{again.headers['Location']}/results").json["items"]
    assert [item["options"]["smallest_effect"] for item in items] == [0.2] * 3
    assert not {item["id"] for item in items} & set(ids)
    assert client.get(again.headers["Location"]).json["options"] == {"smallest_effect": 0.2}
    with database.reading() as connection:
        earlier = connection.scalars(tasks.select().with_only_columns(tasks.c.earlier_id)).all()
    assert sorted(map(str, earlier)) == sorted(ids)


@pytest.mark.parametrize(("asked", "phase"), [({}, "analysis"), ({"between_model_scale": "suite"}, "scale")])
def test_stored_curves_get_the_scale_of_their_suite_where_it_is_asked_for(
    client: Client, database: Database, asked: dict[str, Any], phase: str
) -> None:
    work_off(database, submitted(client, [curve(f"task {i}") for i in range(10)])["id"])
    again = client.post("/v1/batches", json={"from": {}, "options": asked})
    assert client.get(again.headers["Location"]).json["phase"] == phase


def test_labels_that_changed_are_listed(client: Client, database: Database) -> None:
    client.post("/v1/analyses", json=curve("small", (0.40, 0.42, 0.45, 0.47)))
    again = client.post("/v1/batches", json={"from": {}, "options": {"smallest_effect": 0.25}})
    work_off(database, again.json["id"])
    changes = client.get(f"{again.headers['Location']}/changes").json
    (change,) = changes["items"]
    assert (change["curve"]["task"], change["label"]) == ("small", "flat")
    assert change["earlier_label"] != "flat"
    assert changes["next"] is None


def test_a_suite_of_twenty_begins_with_a_sample_and_a_smaller_one_does_not(client: Client) -> None:
    def phase(count: int, **extra: Any) -> str:
        accepted = submitted(client, [curve(f"task {i}", **extra) for i in range(count)])
        found: str = client.get(f"/v1/batches/{accepted['id']}").json["phase"]
        return found

    assert (phase(19), phase(20)) == ("analysis", "scale")
    assert phase(10, options={"between_model_scale": "suite"}) == "scale"
    fixed = client.post(
        "/v1/batches",
        json={"curves": [curve(f"t {i}") for i in range(30)], "options": {"between_model_scale": 0.05}},
    )
    assert client.get(fixed.headers["Location"]).json["phase"] == "analysis"


def test_nothing_is_left_of_a_batch_that_is_refused(make_app: MakeApp, database: Database) -> None:
    client = make_app(max_batch_curves=3).test_client()
    too_many = client.post("/v1/batches", data=lines([curve(str(i)) for i in range(4)]), content_type=NDJSON)
    assert (too_many.status_code, "4 curves are more than 3" in too_many.json["detail"]) == (413, True)
    wrong = client.post("/v1/batches", json={"curves": [curve()], "options": {"seed": -1}})
    assert (wrong.status_code, wrong.json["errors"][0]["pointer"]) == (422, "/options/seed")
    nothing = client.post("/v1/batches", json={"from": {"task": "unknown"}})
    assert (nothing.status_code, nothing.json["errors"][0]["pointer"]) == (422, "/from")
    with database.reading() as connection:
        assert connection.execute(tasks.select()).all() == []
        assert batches.page(connection).items == ()


def test_a_crash_while_loading_leaves_nothing_to_see(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(batches, "release", fail)
    documents = [curve(str(i)) for i in range(ROWS_AT_ONCE + 1)]
    assert client.post("/v1/batches", data=lines(documents), content_type=NDJSON).status_code == 500
    with database.reading() as connection:
        assert connection.execute(tasks.select()).all() == []


def test_a_full_queue_refuses_a_batch(make_app: MakeApp) -> None:
    client = make_app(max_queued_curves=2).test_client()
    submitted(client, [curve("a"), curve("b")])
    refused = client.post("/v1/batches", data=lines([curve("c")]), content_type=NDJSON)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")


def test_a_batch_beyond_the_whole_queue_is_not_told_to_come_again(make_app: MakeApp) -> None:
    client = make_app(max_queued_curves=2).test_client()
    refused = client.post("/v1/batches", data=lines([curve(name) for name in "abc"]), content_type=NDJSON)
    assert (refused.status_code, "Retry-After" in refused.headers) == (413, False)
    assert "3 curves are more than the 2" in refused.json["detail"]


def test_a_batch_that_is_being_loaded_has_its_room(make_app: MakeApp, database: Database) -> None:
    client = make_app(max_queued_curves=3).test_client()
    with database.writing() as connection:
        loading = batches.begin(connection, NewBatch(), 2)
    refused = client.post("/v1/batches", data=lines([curve("a"), curve("b")]), content_type=NDJSON)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")
    assert "2 curves wait, 2 came" in refused.json["detail"]
    discard(database, loading)
    submitted(client, [curve("a"), curve("b")])
    with database.reading() as connection:
        assert batches.queued_curves(connection) == 2


def test_curves_and_stored_curves_are_not_asked_for_at_once(client: Client) -> None:
    refused = client.post("/v1/batches", json={"from": {}, "curves": [curve()]})
    assert refused.status_code == 422
    assert refused.json["errors"] == [{"pointer": "/from", "message": "stands beside curves: give one of the two"}]


def test_options_of_a_form_stand_below_the_files_and_overrides_above(client: Client, database: Database) -> None:
    document = {"curves": [curve("a", options={"seed": 4}), curve("b")], "options": {"interval": 0.8, "seed": 3}}
    form = {"options": '{"interval": 0.9, "decision_threshold": 0.7}', "overrides": '{"seed": 9}'}
    sent = {"file": (io.BytesIO(orjson.dumps(document)), "a.json"), **form}
    accepted = client.post("/v1/batches", data=sent, content_type="multipart/form-data")
    assert client.get(accepted.headers["Location"]).json["options"] == {
        "interval": 0.8,
        "decision_threshold": 0.7,
        "seed": 9,
    }
    with database.reading() as connection:
        payloads = connection.scalars(tasks.select().with_only_columns(tasks.c.payload)).all()
    own = [item_of(item_document(payload)).document for payload in payloads]
    assert [document["options"] for document in own if document] == [{"seed": 9}, {"seed": 9}]


@pytest.mark.parametrize("options", [[], 0, "", False])
def test_overrides_do_not_hide_options_that_are_none(client: Client, options: object) -> None:
    sent = {"file": (io.BytesIO(orjson.dumps([curve(options=options)])), "a.json"), "overrides": '{"seed": 1}'}
    accepted = client.post("/v1/batches", data=sent, content_type="multipart/form-data")
    assert counts(client, accepted.json["id"])["failed"] == 1


@pytest.mark.parametrize("field", ["options", "overrides"])
@pytest.mark.parametrize(
    ("text", "pointer"), [('{"seed": 1, "seed": 2}', "/seed"), ("{", ""), ("[]", ""), ('{"sead": 1}', None)]
)
def test_options_of_a_form_that_cannot_be_used_are_named_by_their_field(
    client: Client, field: str, text: str, pointer: str | None
) -> None:
    sent = {"file": (io.BytesIO(orjson.dumps([curve()])), "a.json"), field: text}
    refused = client.post("/v1/batches", data=sent, content_type="multipart/form-data")
    assert refused.status_code == 422
    expected = "/options/sead" if pointer is None else f"/{field}{pointer}"
    assert [error["pointer"] for error in refused.json["errors"]] == [expected]
