import io
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from werkzeug.serving import make_server

from service.database import Database
from service.pages.rendering import STATIC_FILES
from service.pages.start import EXAMPLE, example_bytes
from service.report.class_map import MOST_ROWS
from service.store import keys
from tests.service.api.curves import App, Client, MakeApp, curve
from tests.service.api.elements import Loaded
from tests.service.api.suites import computing, finished_batch, here, some_curves
from tests.test_repository import ROOT

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PART = {**HTML, "HX-Request": "true"}
HEADER = "task,metric,model,parameters,score,n_examples"
PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de")
SCRIPT = "<script>alert(1)</script>"


def rows(task: str = "hill", *scores: str) -> str:
    sizes = ("1e8", "1e9", "1e10")
    given = scores or ("0.1", "0.5", "0.9")
    return "".join(f"{task},accuracy,m{x},{x},{y},100\n" for x, y in zip(sizes, given, strict=True))


def upload(client: Client, content: bytes | str, name: str = "curves.csv", **headers: str) -> Any:
    data = content.encode() if isinstance(content, str) else content
    return client.post("/suites", data={"file": (io.BytesIO(data), name)}, headers={**HTML, **headers})


def key_for(database: Database, scope: str) -> str:
    with database.writing() as connection:
        return keys.create(connection, "someone", [scope])[1]


def sign_in(client: Client, key: str) -> None:
    assert client.post("/sign-in", data={"key": key}, headers=HTML).status_code == 303


def test_the_start_page_lists_what_was_done(client: Client, database: Database) -> None:
    assert client.get("/", headers=HTML).text.count("None yet.") == 2
    batch_id = finished_batch(client, database, some_curves())
    page = client.get("/", headers=HTML).text
    assert f'href="/suites/{batch_id}"' in page
    assert len(re.findall('href="/analyses/[0-9a-f]{64}"', page)) == 7


def test_an_upload_leads_to_the_page_of_its_suite(client: Client) -> None:
    answer = upload(client, f"{HEADER}\n{rows()}", "a <b>.csv")
    assert answer.status_code == 303
    page = client.get(answer.headers["Location"], headers=HTML)
    assert page.status_code == 200
    assert "<h1>a &lt;b&gt;.csv</h1>" in page.text
    assert "0 of 1 curve done" in page.text


def test_a_pasted_table_and_the_example_become_suites(client: Client) -> None:
    pasted = client.post("/suites/pasted", data={"text": f"{HEADER}\n{rows()}"}, headers=HTML)
    assert "Pasted text" in client.get(pasted.headers["Location"], headers=HTML).text
    example = client.post("/suites/example", headers=HTML)
    assert "120 curves" in client.get(example.headers["Location"], headers=HTML).text


def test_the_example_is_the_published_table() -> None:
    assert example_bytes() == (ROOT / "data" / EXAMPLE).read_bytes()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (PNG, "PNG picture"),
        (b"", "empty"),
        (f"{HEADER}\n{rows()}".replace(",", ";").replace("0.", "0,").encode(), "decimal"),
        (b"\xff\xfe\x00", "could not be used"),
    ],
)
def test_what_is_no_table_is_refused_with_a_page_that_says_why(client: Client, content: bytes, said: str) -> None:
    answer = upload(client, content)
    assert (answer.status_code, answer.mimetype) == (422, "text/html")
    assert said in answer.text


def test_a_decimal_comma_in_a_cell_is_told_with_its_row(client: Client) -> None:
    answer = upload(client, f"{HEADER}\n{rows('a', '"0,1"', '"0,5"', '"0,9"')}")
    page = client.get(answer.headers["Location"], headers=HTML).text
    assert "0,1" in page
    assert re.search("comma|decimal", page.split('class="bad"')[1])


def test_what_is_too_large_has_a_page_and_is_read_to_its_end(make_app: MakeApp) -> None:
    client = make_app(max_batch_bytes=10_000, max_body_bytes=10_000).test_client()
    large = upload(client, HEADER + "\n" + "x" * 20_000)
    assert (large.status_code, large.mimetype) == (413, "text/html")
    assert "too large" in large.text
    pasted = client.post("/suites/pasted", data={"text": "x" * 20_000}, headers=HTML)
    assert pasted.status_code == 413


def test_a_browser_gets_pages_for_errors_and_a_program_gets_problems(client: Client) -> None:
    for path in ("/suites/gone", "/analyses/gone", "/nothing"):
        page = client.get(path, headers=HTML)
        assert (page.status_code, page.mimetype) == (404, "text/html"), path
        assert "There is nothing here" in page.text
        for headers in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
            assert client.get(path, headers=headers).mimetype == "application/problem+json"
    assert client.get("/v1/analyses/gone", headers=HTML).mimetype == "application/problem+json"
    assert client.get("/v1/nothing", headers=HTML).mimetype == "application/problem+json"


def test_an_error_in_a_part_of_a_page_is_a_part(client: Client) -> None:
    part = client.get("/suites/gone/progress", headers=PART)
    assert part.status_code == 404
    assert "<html" not in part.text


def test_a_database_that_is_gone_has_a_page(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.failures import DatabaseUnavailable

    @contextmanager
    def gone() -> Iterator[None]:
        raise DatabaseUnavailable("the database is locked")
        yield

    monkeypatch.setattr(type(database), "reading", lambda _: gone())
    page = client.get("/", headers=HTML)
    assert (page.status_code, page.mimetype) == (503, "text/html")
    assert page.headers["Retry-After"]


def test_the_page_of_a_suite_shows_all_of_it(client: Client, database: Database) -> None:
    batch_id = finished_batch(client, database, some_curves())
    page = client.get(f"/suites/{batch_id}", headers=HTML).text
    assert page.count('class="k u_shaped"') >= 3
    assert "too short" in page
    assert len(re.findall('<tr><td class="n">', page)) == 7
    assert 'id="figures"' in page


def test_the_table_shows_what_the_address_asks(client: Client, database: Database) -> None:
    batch_id = finished_batch(client, database, some_curves())

    def tasks(query: str) -> list[str]:
        part = client.get(f"/suites/{batch_id}{query}", headers=PART).text
        assert "<html" not in part
        return re.findall(r'<th scope="row">(?:<a [^>]*>)?([^<]*)', part)

    assert tasks("") == [*(f"task {n}" for n in range(7)), "too short"]
    assert tasks("?label=inverse") == ["task 2", "task 3"]
    assert tasks("?label=failed") == ["too short"]
    assert tasks("?prompting=few-shot&sort=-task") == ["task 5", "task 3", "task 1"]
    assert tasks("?q=SHORT") == ["too short"]
    assert tasks("?q=%25") == tasks("?q=_") == []
    assert tasks("?page=99") == tasks("")
    assert tasks("?sort=-probability")[-1] == "too short"
    assert client.get(f"/suites/{batch_id}?sort=size", headers=HTML).status_code == 422


def test_pictures_are_drawn_for_the_curves_that_are_asked_for(client: Client, database: Database) -> None:
    batch_id = finished_batch(client, database, some_curves())
    page = client.get(f"/suites/{batch_id}?view=pictures&label=u_shaped", headers=HTML).text
    assert page.split('class="small"')[1].count("<svg") == 3


def test_the_suite_as_a_whole_is_drawn_when_it_is_computed(app: App, database: Database) -> None:
    client = computing(app, here).test_client()
    batch_id = finished_batch(client, database, some_curves())
    part = "being computed"
    for _ in range(3000):
        part = client.get(f"/suites/{batch_id}/figures", headers=PART).text
        if "being computed" not in part:
            break
        threading.Event().wait(0.1)
    assert 'class="forest"' in part
    assert "style=" not in part
    assert "<html" in client.get(f"/suites/{batch_id}/figures", headers=HTML).text


def test_the_report_is_waited_for_on_a_page(app: App, database: Database) -> None:
    client = computing(app, here).test_client()
    batch_id = finished_batch(client, database, some_curves())
    assert f'href="/suites/{batch_id}/report"' in client.get(f"/suites/{batch_id}").text
    while (answer := client.get(f"/suites/{batch_id}/report", headers=HTML)).status_code == 202:
        assert "summed up" in answer.text
        assert int(answer.headers["Refresh"]) > 0
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/v1/batches/{batch_id}/report")
    assert client.get(answer.headers["Location"]).mimetype == "text/html"
    assert client.get("/suites/nothing/report", headers=HTML).status_code == 404


def test_a_form_that_needed_a_sign_in_is_to_be_sent_again(client: Client, database: Database) -> None:
    key_for(database, "write")
    asked = client.post("/suites/example", headers=HTML)
    assert (asked.status_code, 'name="next" value="/"' in asked.text) == (401, True)
    assert "send it again" in asked.text
    assert "send it again" not in client.get("/", headers=HTML).text


def test_a_part_of_a_suite_that_was_removed_loads_the_page_anew(client: Client) -> None:
    gone = client.get("/suites/nothing/progress", headers=PART)
    assert (gone.status_code, gone.headers["HX-Refresh"]) == (404, "true")
    assert "HX-Refresh" not in client.get("/suites/nothing", headers=HTML).headers


def test_results_can_be_taken_as_files(client: Client, database: Database) -> None:
    batch_id = finished_batch(client, database, [curve("=1+1"), curve("b")])
    table = client.get(f"/suites/{batch_id}/results.csv")
    assert "attachment" in table.headers["Content-Disposition"]
    assert "'=1+1" in table.text
    assert len(client.get(f"/suites/{batch_id}/results.ndjson").text.splitlines()) == 2
    assert client.get(f"/suites/{batch_id}/results.pdf").status_code == 404


def test_a_suite_can_be_cancelled_and_its_progress_says_so(client: Client) -> None:
    location = upload(client, f"{HEADER}\n{rows()}").headers["Location"]
    assert "HX-Refresh" not in client.get(f"{location}/progress", headers=PART).headers
    assert client.post(f"{location}/cancel", headers=HTML).headers["Location"] == location
    assert client.get(f"{location}/progress", headers=PART).headers["HX-Refresh"] == "true"
    assert "cancelled" in client.get(location, headers=HTML).text


def test_a_cancelled_suite_whose_tasks_are_counted_in_squares_has_a_page(client: Client) -> None:
    curves = [curve(f"task {number}") for number in range(MOST_ROWS + 1)]
    batch_id = client.post("/v1/batches", json={"curves": curves}).json["id"]
    client.delete(f"/v1/batches/{batch_id}")
    page = client.get(f"/suites/{batch_id}", headers=HTML)
    assert page.status_code == 200
    assert page.text.count('class="k cancelled"') > MOST_ROWS


def test_an_analysis_is_told_whole_and_links_its_forms(client: Client) -> None:
    identifier = client.post("/v1/analyses", json=curve("hill")).json["id"]
    page = client.get(f"/analyses/{identifier}", headers=HTML).text
    for words in ("<h1>hill</h1>", "What data would change the label", "Emergence", "Test set", "Curve models"):
        assert words in page
    for link in re.findall(r'href="(/[^"]*(?:plot|csv|v1)[^"]*)"', page):
        assert client.get(link.replace("&amp;", "&")).status_code == 200, link
    chart = client.get(f"/analyses/{identifier}/chart.json").json
    assert len(chart["curves"][0]["points"]) == 4
    assert chart["models"]


def test_an_analysis_that_waits_has_a_page_that_looks_again(client: Client) -> None:
    identifier = client.post("/v1/analyses", json=curve(options={"engine": "nuts"})).json["id"]
    page = client.get(f"/analyses/{identifier}", headers=HTML).text
    assert "waits for its turn" in page
    assert client.get(f"/analyses/{identifier}/chart.json").status_code == 409


def test_a_script_in_any_text_is_shown_as_text(client: Client, database: Database) -> None:
    strange = curve(SCRIPT, prompting=SCRIPT, model_family=SCRIPT, tags={SCRIPT: SCRIPT}, suite=SCRIPT)
    strange["points"][0]["model"] = SCRIPT
    other = curve("'\"><img src=x onerror=alert(1)>", (0.9, 0.6, 0.3, 0.1))
    batch_id = finished_batch(client, database, [strange, other, curve(SCRIPT, (0.5,))])
    page = client.get(f"/suites/{batch_id}", headers=HTML).text
    ids = re.findall('href="/analyses/([0-9a-f]{64})"', page)
    pages = [page, *(client.get(f"/analyses/{one}", headers=HTML).text for one in ids)]
    pages.append(client.get(f"/suites/{batch_id}?view=pictures", headers=HTML).text)
    pages.append(client.get("/compare", query_string={"ids": ids[:2]}, headers=HTML).text)
    pages.append(client.get("/", headers=HTML).text)
    for text in pages:
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        loaded = Loaded()
        loaded.feed(text)
        assert not loaded.inline


def test_the_data_inside_a_page_cannot_end_their_element(client: Client) -> None:
    ids = [
        client.post("/v1/analyses", json=curve(task)).json["id"] for task in ("</script><script>alert(1)</script>", "b")
    ]
    page = client.get("/compare", query_string={"ids": ids}, headers=HTML).text
    assert "<script>alert" not in page


def test_two_curves_are_compared(client: Client) -> None:
    ids = [
        client.post("/v1/analyses", json=curve("a", scores)).json["id"]
        for scores in ((0.1, 0.3, 0.6, 0.9), (0.9, 0.6, 0.3, 0.1))
    ]
    page = client.get("/compare", query_string={"ids": ids}, headers=HTML).text
    assert 'id="chart-data"' in page
    part = client.get("/compare/differences", query_string={"ids": ids}, headers=PART).text
    assert "&gt;0.99" in part
    assert "<html" not in part
    one = client.get("/compare", query_string={"ids": ids[:1]}, headers=HTML)
    assert (one.status_code, "One curve is chosen" in one.text) == (200, True)


@pytest.mark.parametrize("query", ["ids=a-b&ids=c", "ids=a&ids=b", "&".join(f"ids={n}" for n in range(21))])
def test_a_comparison_that_cannot_be_made_says_why(client: Client, query: str) -> None:
    answer = client.get(f"/compare?{query}", headers=HTML)
    assert (answer.status_code, answer.mimetype) == (422, "text/html")


def test_pages_take_nothing_from_elsewhere_and_hold_no_script_or_style(client: Client, database: Database) -> None:
    batch_id = finished_batch(client, database, some_curves())
    identifier = re.findall("/analyses/([0-9a-f]{64})", client.get(f"/suites/{batch_id}").text)[0]
    shown = {
        path: client.get(path, headers=HTML)
        for path in ("/", "/compare", f"/suites/{batch_id}", f"/analyses/{identifier}", "/nothing")
    }
    key_for(database, "read")
    for path, page in {**shown, "/sign-in": client.get("/sign-in", headers=HTML)}.items():
        assert "unsafe" not in page.headers["Content-Security-Policy"]
        assert "style=" not in page.text, path
        assert not re.search(r"<style|<script(?! src=\"/| type=\"application/json\")", page.text), path
        assert not re.search(r'(src|href|action)="(?!/|#|\?)', page.text), path


@pytest.mark.parametrize("name", [*STATIC_FILES, "palette.css"])
def test_files_of_the_pages_are_kept_by_the_browser(client: Client, name: str) -> None:
    first = client.get(f"/static/{name}")
    assert first.status_code == 200
    assert "max-age" in first.headers["Cache-Control"]
    assert client.get(f"/static/{name}", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_only_the_files_of_the_pages_are_served(client: Client) -> None:
    for path in ("/static/../rendering.py", "/static/secret", "/static/", "/static/pages.css.bak"):
        assert client.get(path).status_code == 404


def test_with_keys_the_pages_ask_for_one(client: Client, database: Database) -> None:
    key = key_for(database, "read")
    asked = client.get("/suites/x?q=1", headers=HTML)
    assert asked.status_code == 401
    assert 'name="next" value="/suites/x?q=1"' in asked.text
    refused = client.post("/sign-in", data={"key": "sk_wrong", "next": "/"}, headers=HTML)
    assert (refused.status_code, "not valid" in refused.text) == (403, True)
    taken = client.post("/sign-in", data={"key": key, "next": "/compare"}, headers=HTML)
    assert (taken.status_code, taken.headers["Location"]) == (303, "/compare")
    cookie = taken.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert client.get("/", headers=HTML).status_code == 200
    assert client.get("/v1/analyses").status_code == 200
    assert client.post("/sign-out", headers=HTML).status_code == 303
    assert client.get("/", headers=HTML).status_code == 401


def test_a_key_in_a_cookie_may_do_what_its_scope_allows_and_never_writes_through_the_api(
    client: Client, database: Database
) -> None:
    sign_in(client, key_for(database, "read"))
    assert upload(client, f"{HEADER}\n{rows()}").status_code == 403
    sign_in(client, key_for(database, "write"))
    assert upload(client, f"{HEADER}\n{rows()}").status_code == 303
    assert client.post("/v1/analyses", json=curve()).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, 303),
        ({"Origin": "http://localhost"}, 303),
        ({}, 303),
    ],
)
def test_a_form_of_another_site_begins_nothing(client: Client, headers: dict[str, str], status: int) -> None:
    assert client.post("/suites/example", headers={**HTML, **headers}).status_code == status


@pytest.mark.parametrize("wanted", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere", "x", ""])
def test_the_sign_in_leads_to_this_server_only(client: Client, database: Database, wanted: str) -> None:
    answer = client.post("/sign-in", data={"key": key_for(database, "read"), "next": wanted}, headers=HTML)
    assert answer.headers["Location"] == "/"


def test_a_tab_that_is_closed_during_an_upload_harms_nobody(app: App) -> None:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with socket.create_connection(("127.0.0.1", server.server_port)) as connection:
            head = "POST /suites HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nContent-Length: 100000\r\n"
            connection.sendall(f"{head}Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n".encode())
        client = app.test_client()
        assert client.get("/", headers=HTML).status_code == 200
        assert "None yet." in client.get("/", headers=HTML).text
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
