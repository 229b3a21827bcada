"""Latencies of single requests: warm, while all workers are busy, and lists over many stored analyses."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import batched, count, islice

import httpx
import numpy as np

from benchmarks.faults.traffic import random_curve
from benchmarks.served import Served, wait_until
from benchmarks.simulators import DataSet, simulate
from benchmarks.throughput import submitted
from models.options import Options, Shape
from service.clock import stamp
from service.database import Database
from service.schemas.curve import load_curve
from service.store.analyses import StoredAnalysis, put_many, stored_of
from service.use_cases import answer_document

WARM_UP, POSTS, GETS, LISTS = 20, 300, 2000, 200
CLIENTS = 8
BUSY_CURVES = 3000  # in the queue while stored analyses are read
FILL_AT_ONCE = 2000
LIMITS_POST, LIMITS_GET, LIMITS_LIST = (60.0, 250.0), (10.0, 100.0), (50.0,)
Query = dict[str, str | int | float]

NAMES = 200  # different tasks in the filled database
FAMILIES = 10


QUERIES: Mapping[str, Callable[[int], Query]] = {
    "": lambda _: {},
    "?task=…": lambda i: {"task": f"task {i % NAMES}"},
    "?model_family=…&label=…": lambda i: {"model_family": f"family {i % FAMILIES}", "label": "u_shaped"},
    "?min_probability=…&sort=-probability": lambda i: {"min_probability": 0.5 + i % 50 / 100, "sort": "-probability"},
    "?tag=…": lambda i: {"tag": f"number:{i % 1000}"},
}


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from sending a request to having its answer; `limits` are those of the median and of p99."""

    name: str
    count: int
    median: float
    p99: float
    limits: tuple[float, ...] | None


def single_requests(service: Served) -> list[Latency]:
    """One curve posted, one analysis read, warm; then the same reads while all workers are busy."""
    source = np.random.default_rng(1)
    curves = iter(list(islice(_of_eight_points(seed=5), WARM_UP + 2 * POSTS)))  # made before anything is timed
    with service.client() as client:
        stored = [_post(client, next(curves)) for _ in range(WARM_UP)]
        posts = _timed(lambda _: _post(client, next(curves)), POSTS)
        idle = _timed(lambda i: _get(client, stored[i % len(stored)]), GETS)
        batch = {"curves": [random_curve(source, f"busy {i}") for i in range(BUSY_CURVES)]}
        url = client.post("/v1/batches", json=batch, timeout=120).raise_for_status().headers["Location"]
        wait_until(lambda: client.get(url).json()["counts"]["succeeded"] > 0, 120, "the workers are busy")
        busy = _timed(lambda i: _get(client, stored[i % len(stored)]), GETS)
        crowd = _crowd(service, stored)
        posts_busy = _timed(lambda _: _post(client, next(curves)), POSTS // 4)
        still = client.get(url).json()["counts"]["queued"]
        if still == 0:
            raise RuntimeError("the workers were done before the requests were: raise BUSY_CURVES")
        client.delete(url)
    return [
        _latency("POST /v1/analyses, a curve of 8 points", posts, LIMITS_POST),
        _latency("GET /v1/analyses/{id}", idle, None),
        _latency("GET /v1/analyses/{id}, all workers busy", busy, LIMITS_GET),
        _latency(f"the same from {CLIENTS} clients at once", crowd, None),
        _latency("POST /v1/analyses, all workers busy", posts_busy, None),
    ]


def lists(service: Served) -> list[Latency]:
    """Pages of a filtered list, first pages and a page deep inside."""
    with service.client() as client:
        measured = [
            _latency(f"GET /v1/analyses{name}", _timed(_listing(client, query), LISTS), LIMITS_LIST)
            for name, query in QUERIES.items()
        ]
        place: Query = {"limit": 1000}
        for _ in range(50):
            place["cursor"] = _list(client, place)["next"]
        deep = _timed(lambda _: _list(client, place), LISTS // 4)
    return [*measured, _latency("GET /v1/analyses?limit=1000, page 51", deep, None)]


def _listing(client: httpx.Client, query: Callable[[int], Query]) -> Callable[[int], object]:
    return lambda number: _list(client, query(number))


def fill(database: Database, number: int) -> None:
    """Store analyses by the store itself: one real document under many names."""
    model = stored_of(
        answer_document(load_curve(random_curve(np.random.default_rng(2), "task")), Options()), standalone=True
    )
    for part in batched(_copies(model, number), FILL_AT_ONCE):
        with database.writing() as connection:
            put_many(connection, part)


def _copies(model: StoredAnalysis, size: int) -> Iterator[StoredAnalysis]:
    rng = np.random.default_rng(4)
    shapes = [shape.value for shape in Shape]
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(size):
        yield replace(
            model,
            id=hashlib.sha256(str(number).encode()).hexdigest(),
            created_at=stamp(start + timedelta(seconds=number)),
            task=f"task {rng.integers(NAMES)}",
            model_family=f"family {rng.integers(FAMILIES)}",
            label=shapes[int(rng.integers(len(shapes)))],
            probability=float(rng.uniform(0.3, 1.0)),
            tags={"number": str(rng.integers(1000))},
        )


def _crowd(service: Served, stored: list[str]) -> list[float]:
    together = threading.Barrier(CLIENTS)

    def client() -> list[float]:
        with service.client() as connection:
            together.wait()
            return _timed(lambda i: _get(connection, stored[i % len(stored)]), GETS // CLIENTS)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return [value for one in [pool.submit(client) for _ in range(CLIENTS)] for value in one.result()]


def _timed(request: Callable[[int], object], times: int) -> list[float]:
    seconds = []
    for number in range(times):
        began = time.perf_counter()
        request(number)
        seconds.append(time.perf_counter() - began)
    return seconds


def _latency(name: str, seconds: list[float], limits: tuple[float, ...] | None) -> Latency:
    middle, late = np.quantile(seconds, [0.5, 0.99]) * 1000
    return Latency(name, len(seconds), float(middle), float(late), limits)


def _of_eight_points(seed: int) -> Iterator[dict[str, object]]:
    """Simulated curves, half from the menu of curve models and half from outside it."""
    for index in count():
        curve = simulate((DataSet.MENU, DataSet.OUTSIDE)[index % 2], seed, index).curve
        if len(curve.points) == 8:
            yield submitted(curve)


def _post(client: httpx.Client, curve: dict[str, object]) -> str:
    identifier: str = client.post("/v1/analyses", json=curve).raise_for_status().json()["id"]
    return identifier


def _get(client: httpx.Client, identifier: str) -> None:
    client.get(f"/v1/analyses/{identifier}").raise_for_status()


def _list(client: httpx.Client, query: Query) -> dict[str, str]:
    page: dict[str, str] = client.get("/v1/analyses", params=query).raise_for_status().json()
    return page
