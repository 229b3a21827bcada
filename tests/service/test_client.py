import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.app import create_app
from service.client import AnalysisFailed, BatchState, Client, NotInTime
from service.client_requests import ServerAnswer, Unreachable, WrongAddress
from service.database import Database
from service.readers.errors import UnreadableFile
from service.settings import Settings

CURVE = {
    "task": "valley",
    "metric": "accuracy",
    "points": [
        {"scale": 10.0 ** (8 + k), "score": score, "n_examples": 500} for k, score in enumerate((0.8, 0.2, 0.25, 0.85))
    ],
}
TABLE = b"task,metric,parameters,score,n_examples\n" + b"".join(
    b"%s,accuracy,1e%d,%.1f,200\n" % (task, k, 0.1 * k - 0.5) for task in (b"one", b"two") for k in range(7, 12)
)
BATCH = {
    "id": "b" * 32,
    "status": "running",
    "phase": "analysis",
    "counts": {"total": 2, "queued": 1, "running": 0, "succeeded": 1, "failed": 0, "cancelled": 0},
    "progress": 0.5,
    "estimated_end_at": None,
    "messages": [],
}

Answer = httpx.Response | Exception


class Scripted(httpx.BaseTransport):
    """Answers one after another, and what was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.bodies: list[bytes] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        self.bodies.append(request.read())
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that were waited; they pass at once."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    monkeypatch.setattr("time.monotonic", lambda: sum(waited))
    return waited


@pytest.fixture
def client(database: Database) -> Iterator[Client]:
    """A client of an app without a network between, and without a dispatcher."""
    app = create_app(Settings(database_url=database.url, rate_limit=""), database)
    with Client("http://localhost", transport=httpx.WSGITransport(app)) as opened:
        yield opened


def scripted(*answers: Answer) -> tuple[Client, Scripted]:
    transport = Scripted(*answers)
    return Client("http://localhost", "sk_key", patience=20, transport=transport), transport


def problem(status: int, detail: str, **more: Any) -> httpx.Response:
    content = json.dumps({"title": "No", "status": status, "detail": detail, **more}).encode()
    return httpx.Response(status, content=content, headers={"Content-Type": "application/problem+json"})


def test_one_curve_is_analysed_and_found_again(client: Client) -> None:
    document = client.analyse({**CURVE, "options": {"seed": 3}})
    assert document["classification"]["label"] == "u_shaped"
    assert document["provenance"]["seed"] == 3
    assert client.analysis(document["id"]) == document
    assert [summary["id"] for summary in client.analyses(task="valley")] == [document["id"]]
    assert list(client.analyses(task="hill")) == []


def test_a_list_is_read_through_all_its_pages(client: Client) -> None:
    wanted = {client.analyse({**CURVE, "options": {"seed": seed}})["id"] for seed in range(3)}
    found = [summary["id"] for summary in client.analyses(limit=1)]
    assert len(found) == 3
    assert set(found) == wanted


@pytest.mark.parametrize("form", ["path", "file", "pipe", "curves"])
def test_a_suite_can_be_a_file_a_stream_or_curves(client: Client, tmp_path: Path, form: str) -> None:
    path = tmp_path / "suite.csv"
    path.write_bytes(TABLE)

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    given: dict[str, Any] = {
        "path": path,
        "file": io.BytesIO(TABLE),
        "pipe": Pipe(TABLE),
        "curves": ({**CURVE, "task": task} for task in ("one", "two")),
    }
    state = client.submit(given[form])
    assert (state.status, state.counts["total"], state.counts["queued"]) == ("queued", 2, 2)


def test_the_same_key_is_the_same_batch_and_another_key_another(client: Client) -> None:
    first, same, other = (client.submit(io.BytesIO(TABLE), key=key) for key in ("k1", "k1", "k2"))
    assert first.id == same.id != other.id
    with pytest.raises(ServerAnswer) as error:
        client.submit([CURVE], key="k1")
    assert error.value.status == 422


def test_a_batch_can_be_cancelled_and_removed(client: Client) -> None:
    state = client.submit([CURVE])
    client.cancel(state.id)
    assert client.wait(state.id).status == "cancelled"
    client.purge(state.id)
    with pytest.raises(ServerAnswer) as error:
        client.batch(state.id)
    assert error.value.status == 404


def test_results_come_one_by_one_and_as_a_table(client: Client) -> None:
    bad = {**CURVE, "points": CURVE["points"][:1]}
    state = client.submit([bad, bad])
    results = list(client.results(state.id))
    assert [(result["index"], result["status"]) for result in results] == [(0, "failed"), (1, "failed")]
    table = client.to_pandas(state.id)
    assert list(table["task"]) == ["valley", "valley"]
    assert table["error"].str.contains("points").all()


def test_stored_curves_are_analysed_again(client: Client) -> None:
    client.analyse(CURVE)
    state = client.reanalyse({"task": "valley"}, options={"seed": 9})
    assert state.counts["total"] == 1
    assert list(client.changes(state.id)) == []


def test_an_error_tells_the_places_that_are_wrong(client: Client) -> None:
    with pytest.raises(ServerAnswer) as error:
        client.analyse({**CURVE, "colour": "red"})
    assert error.value.status == 422
    assert "/colour" in str(error.value)


def test_a_file_that_is_not_there_is_told_before_anything_is_sent() -> None:
    client, transport = scripted()
    with pytest.raises(UnreadableFile), client:
        client.submit(Path("nowhere.csv"))
    assert transport.asked == []


def test_every_request_carries_the_key() -> None:
    client, transport = scripted(httpx.Response(200, json=BATCH))
    client.batch("b")
    assert transport.asked[0].headers["Authorization"] == "Bearer sk_key"


@pytest.mark.parametrize("failure", [problem(503, "full"), problem(429, "often"), httpx.ConnectError("no")])
def test_what_fails_for_the_moment_is_tried_again(waits: list[float], failure: Answer) -> None:
    client, transport = scripted(failure, failure, httpx.Response(200, json=BATCH))
    assert client.batch("b").status == "running"
    assert len(transport.asked) == 3
    assert len(waits) == 2


def test_it_waits_as_long_as_the_server_says(waits: list[float]) -> None:
    busy = problem(503, "full")
    busy.headers["Retry-After"] = "7"
    client, _ = scripted(busy, httpx.Response(200, json=BATCH))
    client.batch("b")
    assert 7 <= waits[0] <= 9


@pytest.mark.parametrize(
    ("failure", "kind", "words"),
    [
        (problem(503, "the queue is full"), ServerAnswer, "the queue is full"),
        (httpx.ConnectError("refused"), Unreachable, "http://localhost cannot be reached: refused"),
    ],
)
def test_patience_ends_with_the_last_reason(
    waits: list[float], failure: Answer, kind: type[Exception], words: str
) -> None:
    client, _ = scripted(*[failure] * 50)
    with pytest.raises(kind, match=words):
        client.batch("b")
    assert sum(waits) == pytest.approx(20)  # the last try is at the end of the patience


def test_a_long_upload_does_not_use_up_the_patience(waits: list[float]) -> None:
    def slow(*_: object) -> httpx.Response:
        waits.append(3600.0)
        raise httpx.ReadTimeout("late")

    client, transport = scripted()
    accepted = [httpx.Response(202, json={"id": "b"}), httpx.Response(200, json=BATCH)]
    answer = transport.handle_request
    transport.handle_request = lambda request: slow() if len(waits) == 0 else answer(request)  # type: ignore[method-assign]
    transport.answers = [*accepted]
    assert client.submit(io.BytesIO(TABLE), file_format="csv").status == "running"


@pytest.mark.parametrize("server", ["notaurl", "ftp://127.0.0.1", "", "http://[::1", "http://127.0.0.1:abc"])
def test_an_address_that_is_none_is_told_at_once(waits: list[float], server: str) -> None:
    with pytest.raises(WrongAddress), Client(server) as client:
        client.batch("b")
    assert waits == []


@pytest.mark.parametrize("key", ["schlüssel", "sk\n1"])
def test_a_key_that_cannot_be_sent_is_told_at_once(waits: list[float], key: str) -> None:
    with pytest.raises(WrongAddress), Client("http://127.0.0.1:9", key) as client:
        client.batch("b")
    assert waits == []


def test_a_page_in_place_of_an_answer_is_no_answer() -> None:
    page = httpx.Response(200, html="<html>")
    client, _ = scripted(page)
    with pytest.raises(ServerAnswer, match="with a page: is this the right server"):
        client.batch("b")


def test_what_is_wrong_is_not_tried_again(waits: list[float]) -> None:
    client, transport = scripted(problem(422, "bad", errors=[{"pointer": "/x", "message": "is odd"}]))
    with pytest.raises(ServerAnswer, match="bad; /x: is odd"):
        client.batch("b")
    assert (len(transport.asked), waits) == (1, [])


def test_a_submission_that_is_repeated_has_the_same_key_and_content(waits: list[float]) -> None:
    accepted = httpx.Response(202, json={"id": "b"})
    client, transport = scripted(httpx.ReadError("cut"), accepted, httpx.Response(200, json=BATCH))
    client.submit(io.BytesIO(TABLE), options={"seed": 1}, file_format="csv", scale="parameters")
    first, second = transport.asked[:2]
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert all(TABLE in body and b'{"seed":1}' in body for body in transport.bodies[:2])


def test_an_answer_of_another_server_is_named_as_such() -> None:
    client, _ = scripted(httpx.Response(404, text="<html>"))
    with pytest.raises(ServerAnswer, match="is this the right server"):
        client.batch("b")


def test_waiting_shows_each_look_and_ends_with_the_batch(waits: list[float]) -> None:
    looks: list[BatchState] = []
    client, _ = scripted(
        *(httpx.Response(200, json={**BATCH, "status": s}) for s in ("queued", "running", "succeeded"))
    )
    assert client.wait("b", seen=looks.append).ended
    assert [state.status for state in looks] == ["queued", "running", "succeeded"]
    assert waits == sorted(waits)


def test_waiting_has_an_end(waits: list[float]) -> None:
    client, _ = scripted(*[httpx.Response(200, json=BATCH)] * 100)
    with pytest.raises(NotInTime, match="is running after 5 s"):
        client.wait("b", timeout=5)


def test_an_analysis_in_the_background_is_waited_for(waits: list[float]) -> None:
    answers = [{"id": "a", "status": "queued"}, {"id": "a", "status": "running"}, {"id": "a", "status": "succeeded"}]
    client, transport = scripted(*(httpx.Response(200, json=answer) for answer in answers))
    assert client.analyse(CURVE, background=True)["status"] == "succeeded"
    assert transport.asked[0].headers["Prefer"] == "respond-async"


def test_an_analysis_that_fails_in_the_background_tells_why(waits: list[float]) -> None:
    failed = {"id": "a", "status": "failed", "error": {"detail": "the engine gave up"}}
    client, _ = scripted(httpx.Response(202, json={"id": "a", "status": "queued"}), httpx.Response(200, json=failed))
    with pytest.raises(AnalysisFailed, match="the engine gave up"):
        client.analyse(CURVE, background=True)


def test_a_download_that_breaks_off_is_begun_again(waits: list[float]) -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"index,ta"
            raise httpx.RemoteProtocolError("cut")

    client, _ = scripted(httpx.Response(200, stream=Broken()), httpx.Response(200, content=b"index,task\n0,valley\n"))
    assert list(client.to_pandas("b")["task"]) == ["valley"]


def test_a_summary_and_a_report_are_waited_for(waits: list[float]) -> None:
    pending = httpx.Response(202, json={"status": "running"})
    transport = Scripted(
        pending, pending, httpx.Response(200, json={"kind": "suite"}), pending, httpx.Response(200, content=b"<html>")
    )
    with Client("http://server", transport=transport) as client:
        assert client.summary("b" * 32) == {"kind": "suite"}
        assert client.report("b" * 32) == b"<html>"
    assert [request.url.path.rpartition("/")[2] for request in transport.asked] == ["summary"] * 3 + ["report"] * 2
    assert len(waits) == 3


def test_stored_analyses_are_compared_by_their_ids() -> None:
    transport = Scripted(httpx.Response(200, json={"differences": []}))
    with Client("http://server", transport=transport) as client:
        assert client.compare(["a" * 64, "b" * 64], 0.9) == {"differences": []}
    assert json.loads(transport.bodies[0]) == {"ids": ["a" * 64, "b" * 64], "options": {"interval": 0.9}}
