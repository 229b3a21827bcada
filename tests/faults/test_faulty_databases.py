from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import httpx
import numpy as np
import pytest

from benchmarks.faults.invariants import broken
from benchmarks.faults.traffic import Acknowledged, Traffic, random_curve
from benchmarks.served import Served, wait_until
from service.database import Database, open_database

pytestmark = pytest.mark.slow

END_SECONDS = 120
SOUND = "PRAGMA max_page_count=1073741823"
MOST_REQUESTS = 400
MARGIN_PAGES = 40


@pytest.fixture
def fault(tmp_path: Path) -> Path:
    """What each writing transaction of the service begins with."""
    file = tmp_path / "fault"
    file.write_text(SOUND)
    return file


def refused(answer: httpx.Response) -> bool:
    """Whether an answer is a 503 as it should be."""
    problem = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) >= 1
    assert problem["status"] == 503
    assert "database" in problem["detail"]
    return answer.status_code == 503


def pages(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("full", [True, False])
def test_a_full_or_read_only_database_refuses_clearly_and_keeps_all_or_nothing(
    start: Callable[..., AbstractContextManager[Served]], database_url: str, fault: Path, *, full: bool
) -> None:
    with (
        start({"FAULT_SQLITE": str(fault)}, database_url=database_url, workers=1) as service,
        closing(open_database(database_url)) as database,
        service.client() as client,
    ):
        traffic = Traffic(service.url, np.random.default_rng(3))
        traffic.send_batch(10)
        traffic.send_one()
        fault.write_text(f"PRAGMA max_page_count={pages(database) + MARGIN_PAGES}" if full else "PRAGMA query_only=ON")
        seen = _post_until_refused(client, traffic)
        assert seen >= (1 if full else 0)
        if full:
            fault.write_text("PRAGMA max_page_count=1")  # no page more than there are
        assert refused(client.post("/v1/analyses", json=random_curve(traffic.random, "one more")))
        assert client.get(f"/v1/analyses/{traffic.analyses[0]}").status_code == 200
        assert client.get("/v1/analyses").status_code == 200
        assert client.get("/health/live").status_code == 200
        fault.write_text(SOUND)
        traffic.send_one()
        traffic.send_batch(10)
        for batch in traffic.batches:
            url = f"/v1/batches/{batch.id}"
            wait_until(lambda: client.get(url).json()["status"] == "succeeded", END_SECONDS, f"{url} has ended")  # noqa: B023 - used at once
        assert broken(database, traffic) == ()


def _post_until_refused(client: httpx.Client, traffic: Traffic) -> int:
    """Batches that were still taken; each is kept among those that were promised."""
    for number in range(MOST_REQUESTS):
        curves = [random_curve(traffic.random, f"filling {number} {i}") for i in range(20)]
        body = {"curves": curves, "options": {"between_model_scale": "default"}}
        answer = client.post(
            "/v1/batches", json=body, headers={"Idempotency-Key": f"filling {number}".replace(" ", "-")}
        )
        if answer.status_code != 202:
            assert refused(answer)
            return number
        traffic.batches.append(Acknowledged(f"filling-{number}", answer.json()["id"], 20))
    pytest.fail("the database took everything")
