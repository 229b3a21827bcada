from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
import pytest

from benchmarks.faults.traffic import random_curve
from benchmarks.served import Served, wait_until

pytestmark = pytest.mark.slow

HARM = {5: "kills", 17: "hangs", 29: "bloats"}  # position in the batch: what the curve does to its process
CURVES = 40
WALL_SECONDS = 12
END_SECONDS = 600


def test_curves_that_kill_hang_or_bloat_their_worker_fail_alone_and_say_why(
    start: Callable[..., AbstractContextManager[Served]], database_url: str
) -> None:
    source = np.random.default_rng(7)
    curves = [random_curve(source, HARM.get(number, f"curve {number}")) for number in range(CURVES)]
    body = {"curves": curves, "options": {"between_model_scale": "default"}}
    limits = {"task_wall_limit_s": WALL_SECONDS, "worker_memory_limit": "1GiB", "workers": 2}
    with start({"FAULT_CURVES": "1"}, database_url=database_url, **limits) as service, service.client() as client:
        url = client.post("/v1/batches", json=body).headers["Location"]
        wait_until(lambda: client.get(url).json()["status"] == "succeeded", END_SECONDS, "the batch has ended")
        results = client.get(f"{url}/results", params={"limit": CURVES}).json()["items"]
    assert [result["index"] for result in results] == list(range(CURVES))
    failed = {result["index"]: result["error"]["detail"] for result in results if result["status"] == "failed"}
    assert set(failed) == set(HARM)
    assert "died, 4 times" in failed[29], failed[29]
    assert "died, 4 times" in failed[5], failed[5]
    assert f"{WALL_SECONDS}" in failed[17], failed[17]


def test_a_wall_clock_that_jumps_by_hours_and_days_changes_nothing_but_the_times(
    start: Callable[..., AbstractContextManager[Served]], database_url: str
) -> None:
    source = np.random.default_rng(8)
    with start({"FAULT_CLOCK": "1"}, database_url=database_url, workers=2) as service, service.client() as client:
        urls = []
        for number in range(3):
            body = {"curves": [random_curve(source, f"curve {number} {i}") for i in range(40)]}
            urls.append(client.post("/v1/batches", json=body).headers["Location"])
        for url in urls:
            wait_until(lambda: client.get(url).json()["status"] == "succeeded", END_SECONDS, "the batch has ended")  # noqa: B023 - used at once
            assert client.get(url).json()["counts"]["succeeded"] == 40
        listed: list[str] = []
        cursor = None
        while cursor is not None or not listed:
            page = client.get("/v1/analyses", params={"limit": 50, **({"cursor": cursor} if cursor else {})}).json()
            listed += [item["id"] for item in page["items"]]
            cursor = page["next"]
    assert len(listed) == len(set(listed)) == 120
