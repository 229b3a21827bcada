import json
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import func, select

from benchmarks.faults.invariants import unfinished
from benchmarks.faults.traffic import random_curve
from benchmarks.served import PLAIN, Served, served, wait_until
from service.database import open_database
from service.tables import batches, tasks

pytestmark = pytest.mark.slow

CLIENTS = 50


def suite(size: int, name: str = "curve") -> dict[str, Any]:
    source = np.random.default_rng(len(name))
    curves = [random_curve(source, f"{name} {number}") for number in range(size)]
    return {"curves": curves, "options": {"between_model_scale": "default"}}


def test_fifty_clients_with_one_key_get_one_batch_and_another_body_is_refused(
    service: Served, database_url: str
) -> None:
    together = threading.Barrier(CLIENTS)
    headers = {"Idempotency-Key": "one"}

    def post() -> httpx.Response:
        together.wait()
        return httpx.post(f"{service.url}/v1/batches", json=suite(3), headers=headers, timeout=60, verify=PLAIN)

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = [future.result() for future in [pool.submit(post) for _ in range(CLIENTS)]]
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["Location"] for answer in answers}) == 1
    other = httpx.post(f"{service.url}/v1/batches", json=suite(4), headers=headers, timeout=60, verify=PLAIN)
    assert other.status_code == 422
    assert other.headers["Content-Type"] == "application/problem+json"
    with closing(open_database(database_url)) as database, database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(batches)) == 1
        assert connection.scalar(select(func.count()).select_from(tasks)) == 3


@dataclass(frozen=True, slots=True)
class Sent:
    """When a request was on its way as a whole, and the status of its answer or what went wrong."""

    at: float
    result: int | Exception


def test_a_stop_lets_requests_in_flight_end_and_leaves_the_rest_for_the_next_start(
    tmp_path: Path, database_url: str
) -> None:
    folder, settings = tmp_path / "service", {"database_url": database_url}
    sent: list[Sent] = []
    with served(folder, settings) as service, closing(open_database(database_url)) as database:
        accepted = httpx.post(f"{service.url}/v1/batches", json=suite(200), timeout=60, verify=PLAIN).json()
        wait_until(lambda: unfinished(database) < 200, 120, "the batch has begun")
        clients = [threading.Thread(target=_post, args=(service, sent, number)) for number in range(8)]
        for client in clients:
            client.start()
        wait_until(lambda: len(sent) >= 8, 60, "requests are being answered")
        asked = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        for client in clients:
            client.join()
        assert service.process.wait(60) == 0
        assert time.monotonic() - asked < 45
        with database.reading() as connection:
            left = connection.scalar(select(func.count()).select_from(tasks).where(tasks.c.state == "running"))
        assert left == 0
    in_flight = [one.result for one in sent if one.at < asked]
    assert len(in_flight) > 8
    assert set(in_flight) <= {200, 201}
    with served(folder, settings) as service:
        url = f"{service.url}/v1/batches/{accepted['id']}"
        with service.client() as web:
            wait_until(lambda: web.get(url).json()["status"] == "succeeded", 180, "the batch is done after a new start")
            assert web.get(url).json()["counts"]["succeeded"] == 200


def _post(service: Served, sent: list[Sent], number: int) -> None:
    """One curve after the other, each by its own connection, until nobody answers."""
    source = np.random.default_rng(number)
    while not sent or isinstance(sent[-1].result, int):
        body = json.dumps(random_curve(source, f"client {number}"))
        connection = HTTPConnection(httpx.URL(service.url).netloc.decode(), timeout=60)
        try:
            connection.request("POST", "/v1/analyses", body, {"Content-Type": "application/json"})
        except OSError:  # nobody listens any more
            return
        at = time.monotonic()
        try:
            answer = connection.getresponse()
            answer.read()
            sent.append(Sent(at, answer.status))
        except (OSError, HTTPException) as error:
            sent.append(Sent(at, error))
        finally:
            connection.close()
