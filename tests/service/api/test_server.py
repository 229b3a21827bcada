import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from service.api.docs import SWAGGER_FILES
from service.database import Database
from service.failures import DatabaseUnavailable, QueueFull
from service.inline import Inline
from tests.service.api.curves import App, Client, MakeApp, curve
from tests.service.api.elements import Loaded


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_load_everything_from_this_server_and_hold_no_script(client: Client, path: str) -> None:
    page = client.get(path)
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in re.sub("style-src[^;]*", "", policy)
    loaded = Loaded()
    loaded.feed(page.text)
    assert loaded.addresses
    assert not loaded.inline
    for address in (one for one in loaded.addresses if not one.startswith("#")):
        assert address.startswith("/")
        assert client.get(address).status_code == 200, address


def test_the_files_of_the_documentation_are_those_that_are_installed(client: Client) -> None:
    for name in SWAGGER_FILES:
        assert len(client.get(f"/docs/{name}").data) > 100
    assert client.get("/docs/../app.py").status_code == 404
    assert client.get("/docs/index.html").status_code == 404


def test_a_request_keeps_its_id_and_a_dangerous_one_is_replaced(client: Client) -> None:
    assert client.get("/health/live", headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
    replaced = client.get("/health/live", headers={"X-Request-ID": "a b<script>"}).headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{32}", replaced)


def test_health_tells_of_the_queue_and_counters_count(client: Client) -> None:
    client.post("/v1/analyses", json=curve(), headers={"Prefer": "respond-async"})
    assert client.get("/health/ready").json == {"status": "ok", "queued_curves": 1}
    client.get("/v1/analyses/x")
    client.get("/v1/analyses/y")
    text = client.get("/metrics").text
    assert "scaleshape_queued_curves 1.0" in text
    assert 'scaleshape_analyses_total{answer="queued"} 1.0' in text
    route = 'method="GET",route="/v1/analyses/<string:analysis_id>",status="404"'
    assert f"scaleshape_http_requests_total{{{route}}} 2.0" in text


def test_methods_that_a_client_invents_are_counted_as_one(client: Client) -> None:
    for method in ("FOO", "BAR", "X" * 100):
        assert client.open("/v1/metrics", method=method).status_code == 405
    text = client.get("/metrics").text
    assert 'scaleshape_http_requests_total{method="other",route="unknown",status="405"} 3.0' in text
    assert not re.search('method="(FOO|BAR|X+)"', text)


def test_two_slashes_are_no_address_and_lead_to_no_other_server(make_app: MakeApp) -> None:
    client = make_app(allow_open=True).test_client()
    for path in ("/v1//analyses", "//v1/analyses", "/health//live"):
        answer = client.get(path, base_url="http://elsewhere.example")
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json"), path
        assert "Location" not in answer.headers


def test_a_database_that_is_gone_is_a_503(app: App, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def gone(_: Database) -> Iterator[None]:
        raise DatabaseUnavailable("the database is gone", 2)
        yield

    monkeypatch.setattr(Database, "reading", gone)
    client = app.test_client()
    for path in ("/v1/analyses", "/health/ready", "/metrics"):
        response = client.get(path)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "2"), path
        assert response.json["type"] == "/problems/database-unavailable"
    assert client.get("/health/live").status_code == 200


def test_curves_beyond_the_room_at_the_engine_are_sent_away() -> None:
    inline = Inline(1, patience=0.05)
    with inline.place(), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: inline.place().__enter__())
        with pytest.raises(QueueFull) as refused:
            waiting.result()
    assert refused.value.retry_after > 0
    with inline.place():
        pass


def test_two_apps_do_not_share_counters(make_app: MakeApp) -> None:
    first, second = make_app().test_client(), make_app().test_client()
    first.get("/health/live")
    assert 'route="/health/live"' in first.get("/metrics").text
    assert 'route="/health/live"' not in second.get("/metrics").text


def test_the_web_process_starts_without_pymc_and_matplotlib() -> None:
    code = (
        "import sys, service.app; from service.inline import warm_up; warm_up();"
        "print([name for name in ('pymc', 'pytensor', 'matplotlib', 'distributed') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600)
    assert printed.stdout == "[]\n"
