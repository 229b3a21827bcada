import re
import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from service.database import Database
from service.derivations import joined
from tests.service.api.curves import App, Client, curve
from tests.service.api.suites import computing, finished_batch, here, some_curves


def test_a_batch_is_summed_up_with_each_label_at_its_place(app: App, database: Database) -> None:
    client = computing(app, here).test_client()
    batch = finished_batch(client, database, some_curves())
    answer = client.get(f"/v1/batches/{batch}/summary")
    assert answer.status_code == 200, answer.text
    found = answer.json
    assert (found["kind"], found["n_curves"]) == ("suite", 7)
    assert found["prevalence"]["expected_curves"]["u_shaped"] == pytest.approx(3, abs=0.5)
    labels = found["error_control"]["labels"]
    assert [label["index"] for label in labels] == list(range(7))
    assert client.get(f"/v1/analyses/{labels[4]['id']}").json["curve"]["task"] == "task 4"


def test_a_summary_is_computed_once_and_not_sent_to_who_has_it(app: App, database: Database) -> None:
    asked: list[Mapping[str, Any]] = []

    def counted(task: Mapping[str, Any], limit: float) -> bytes:
        asked.append(task)
        return here(task, limit)

    client = computing(app, counted).test_client()
    address = f"/v1/batches/{finished_batch(client, database, some_curves())}/summary"
    first, second = client.get(address), client.get(address)
    assert (len(asked), first.data) == (1, second.data)
    assert client.get(address, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert client.get(address.replace("summary", "report")).status_code == 200
    assert len(asked) == 1
    assert client.get(f"{address}?fdr_level=0.2").json["error_control"]["level"] == 0.2
    assert len(asked) == 2


def test_a_summary_of_a_batch_is_neither_a_meta_analysis_nor_a_backtest(app: App, database: Database) -> None:
    client = computing(app, lambda _task, _limit: joined(b"{}", b"<!doctype html>", b"{}")).test_client()
    summary = client.get(f"/v1/batches/{finished_batch(client, database, some_curves()[:2])}/summary")
    key = summary.headers["ETag"].strip('"')
    for kind in ("meta-analyses", "backtests"):
        answer = client.get(f"/v1/{kind}/{key}")
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


def test_a_summary_changes_when_an_analysis_of_the_batch_is_deleted(app: App, database: Database) -> None:
    client = computing(app, here).test_client()
    address = f"/v1/batches/{finished_batch(client, database, some_curves())}/summary"
    first = client.get(address)
    client.delete(f"/v1/analyses/{first.json['error_control']['labels'][0]['id']}")
    second = client.get(address)
    assert second.json["n_curves"] == 6
    assert second.headers["ETag"] != first.headers["ETag"]


def test_a_batch_that_runs_is_too_small_or_unknown_has_no_summary(app: App, database: Database) -> None:
    client = computing(app, here).test_client()
    waiting = client.post("/v1/batches", json={"curves": some_curves()}).json["id"]
    refused = client.get(f"/v1/batches/{waiting}/summary")
    assert (refused.status_code, refused.json["type"]) == (409, "/problems/conflict")
    assert "1 of 8 curves are done" in refused.json["detail"]
    small = finished_batch(client, database, [curve()])
    for part in ("summary", "report"):
        assert client.get(f"/v1/batches/{small}/{part}").status_code == 422
        assert client.get(f"/v1/batches/{'0' * 32}/{part}").status_code == 404


def test_what_takes_long_is_accepted_and_can_be_fetched_later(
    app: App, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.summaries.PATIENCE", 0.05)
    go_on = threading.Event()

    def slow(task: Mapping[str, Any], limit: float) -> bytes:
        go_on.wait(120)
        return here(task, limit)

    client = computing(app, slow, awaited=False).test_client()
    batch = finished_batch(client, database, some_curves())
    first = client.get(f"/v1/batches/{batch}/summary?fdr_level=0.1")
    assert (first.status_code, first.json, first.headers["Retry-After"]) == (202, {"status": "running"}, "2")
    assert first.headers["Location"] == f"/v1/batches/{batch}/summary?fdr_level=0.1"
    posted = client.post("/v1/meta-analyses", json={"curves": some_curves()[:3]})
    assert posted.status_code == 202
    assert client.get(posted.headers["Location"]).status_code == 202
    go_on.set()
    deadline = time.monotonic() + 120
    while (last := client.get(posted.headers["Location"])).status_code == 202:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (last.status_code, last.json["n_curves"]) == (200, 3)
    assert client.get(f"/v1/batches/{batch}/summary?fdr_level=0.1").json["n_curves"] == 7


def test_a_report_is_one_page_that_asks_for_nothing_else(app: App, database: Database) -> None:
    client = computing(app, here).test_client()
    batch = finished_batch(client, database, some_curves())
    answer = client.get(f"/v1/batches/{batch}/report")
    assert (answer.status_code, answer.mimetype) == (200, "text/html"), answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "task 4" in answer.text
    assert "too short" in answer.text
    assert "<script" not in answer.text
    assert not re.search(r"(src|href)=[\"'](?!#|data:|https?://)", answer.text)
    assert (
        client.get(f"/v1/batches/{batch}/report", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    )


@pytest.mark.slow
def test_a_summary_comes_from_a_process_of_its_own_with_groups(client: Client, database: Database) -> None:
    batch = finished_batch(client, database, some_curves())
    deadline = time.monotonic() + 600
    while (answer := client.get(f"/v1/batches/{batch}/summary")).status_code == 202:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert answer.status_code == 200, answer.text
    assert [group["group"] for group in answer.json["grouped"]["prompting"]["groups"]] == ["few-shot", "zero-shot"]


def test_stored_analyses_are_summed_up_by_their_ids_or_by_a_filter(app: App, database: Database) -> None:
    client = computing(app, here).test_client()
    batch = finished_batch(client, database, some_curves())
    labels = client.get(f"/v1/batches/{batch}/summary").json["error_control"]["labels"]
    ids = [label["id"] for label in labels[:4]]
    by_ids = client.post("/v1/meta-analyses", json={"ids": ids})
    assert (by_ids.status_code, by_ids.json["n_curves"]) == (200, 4), by_ids.text
    assert client.get(by_ids.headers["Location"]).data == by_ids.data
    by_filter = client.post("/v1/meta-analyses", json={"from": {"prompting": "few-shot"}})
    assert by_filter.json["n_curves"] == 3
    assert {label["index"] for label in by_filter.json["error_control"]["labels"]} == {0, 1, 2}


def test_estimates_are_pooled_at_once(client: Client) -> None:
    estimates = [
        {"name": name, "estimate": y, "stderr": 0.1, "moderators": {"x": x}}
        for name, y, x in (("a", 0.1, 0), ("b", 0.2, 0), ("c", 0.6, 1), ("d", 0.7, 1))
    ]
    found = client.post("/v1/meta-analyses", json={"estimates": estimates, "options": {"method": "paule_mandel"}}).json
    assert found["random_effects"]["estimate"]["estimate"] == pytest.approx(0.4, abs=0.01)
    assert [left["name"] for left in found["leave_one_out"]] == ["a", "b", "c", "d"]
    slope = next(each for each in found["meta_regression"]["coefficients"] if each["name"] == "x")
    assert slope["value"]["estimate"] == pytest.approx(0.5, abs=0.01)
    bare = client.post("/v1/meta-analyses", json={"estimates": [{"estimate": 1, "variance": 2}] * 2}).json
    assert (bare["meta_regression"], bare["meta_regression_reason"]) == (None, "no_moderators")
    assert (bare["leave_one_out"], bare["leave_one_out_reason"]) == ([], "fewer_than_three_effects")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"ids": ["0" * 64] * 2, "curves": []}, ""),
        ({"ids": ["0" * 64, "1" * 64]}, "/ids/0"),
        ({"ids": ["x", "1" * 64]}, "/ids/0"),
        ({"from": {"task": "no such"}}, "/from"),
        ({"from": {"tusk": "a"}}, "/from/tusk"),
        ({"curves": [curve(), {"task": "b"}]}, "/curves/1/metric"),
        ({"curves": [curve(), curve(options={"engine": "nuts"})]}, "/curves/1/options/engine"),
        ({"curves": [curve()]}, "/curves"),
        ({"estimates": [{"estimate": 1, "stderr": 1}]}, "/estimates"),
        ({"estimates": [{"estimate": 1, "stderr": 1}, {"estimate": 1}]}, "/estimates/1/stderr"),
        (
            {"estimates": [{"estimate": 1, "stderr": 1, "moderators": {"x": 1}}, {"estimate": 1, "stderr": 1}]},
            "/estimates/1/moderators/x",
        ),
        ({"estimates": [{"estimate": 1, "stderr": 1}] * 2, "options": {"fdr_level": 0}}, "/options/fdr_level"),
        ({"estimates": [{"estimate": 1, "stderr": 1}] * 2, "options": {"metod": "x"}}, "/options/metod"),
    ],
)
def test_a_meta_analysis_that_makes_no_sense_is_refused_with_its_place(
    client: Client, body: dict[str, Any], pointer: str
) -> None:
    refused = client.post("/v1/meta-analyses", json=body)
    assert refused.status_code == 422
    assert pointer in [error["pointer"] for error in refused.json["errors"]], refused.text


def test_a_scale_beyond_64_bits_is_taken(app: App) -> None:
    large = curve()
    for point in large["points"]:
        point["scale"] = int(point["scale"]) * 10**20
    answer = computing(app, here).test_client().post("/v1/meta-analyses", json={"curves": [large, curve("b")]})
    assert (answer.status_code, answer.json["n_curves"]) == (200, 2)


def test_an_unknown_meta_analysis_is_not_found(client: Client) -> None:
    assert client.get(f"/v1/meta-analyses/{'0' * 64}").status_code == 404
