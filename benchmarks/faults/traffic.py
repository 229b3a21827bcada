"""Clients that never give up: they send batches and single curves, again and again until each is acknowledged."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np

from benchmarks.served import PLAIN

LARGEST_BATCH = 40
ENOUGH = 60  # curves that wait: the workers stay busy, and the end is not far
PATIENCE_SECONDS = 90.0  # for one acknowledgement
PAUSE_SECONDS = 0.1
AGAIN = (429, 503)  # statuses that ask the client to come again


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A batch that the service has promised to do."""

    key: str
    id: str
    curves: int


@dataclass(slots=True)
class Traffic:
    """What was sent to a service at `url`, and what it promised; `faults` are answers that should not be."""

    url: str
    random: np.random.Generator
    batches: list[Acknowledged] = field(default_factory=list)
    analyses: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    sent: int = 0

    def run(self, stop: threading.Event, waiting: Callable[[], int]) -> None:
        """Send until told to stop, never more than the service can soon be done with."""
        while not stop.is_set():
            if waiting() >= ENOUGH:
                time.sleep(PAUSE_SECONDS)
            elif self.random.random() < 0.2:
                self.send_one()
            else:
                self.send_batch(int(self.random.integers(1, LARGEST_BATCH + 1)))

    def send_batch(self, size: int) -> None:
        """One batch, with the same key as often as it takes; large ones have their between-model scale estimated."""
        key = f"key-{self.random.integers(2**62):016x}"
        options = {} if size > LARGEST_BATCH // 2 else {"between_model_scale": "default"}
        body = {"curves": [self._curve() for _ in range(size)], "options": options}
        answer = self._send("/v1/batches", body, {"Idempotency-Key": key}, (202,))
        if answer is not None:
            self.batches.append(Acknowledged(key, answer["id"], size))

    def send_one(self) -> None:
        """One curve, answered at once."""
        answer = self._send("/v1/analyses", self._curve(), {}, (200, 201))
        if answer is not None:
            self.analyses.append(answer["id"])

    def _send(self, path: str, body: Any, headers: dict[str, str], wanted: tuple[int, ...]) -> Any:
        """The answer; None, and a fault, for one that was not wanted."""
        until = time.monotonic() + PATIENCE_SECONDS
        last = "nothing"
        while time.monotonic() < until:
            try:
                answer = httpx.post(f"{self.url}{path}", json=body, headers=headers, timeout=30.0, verify=PLAIN)
            except httpx.TransportError as error:  # the process that was to answer is dead
                last = repr(error)
            else:
                if answer.status_code in wanted:
                    return answer.json()
                last = f"{answer.status_code} {answer.text[:300]}"
                if answer.status_code not in AGAIN:
                    break
            time.sleep(PAUSE_SECONDS)
        self.faults.append(f"POST {path} came to {last}")
        return None

    def _curve(self) -> dict[str, Any]:
        self.sent += 1
        return random_curve(self.random, f"curve {self.sent}")


def random_curve(source: np.random.Generator, task: str) -> dict[str, Any]:
    """A curve of eight points that nobody has sent before: a rise or fall on the logit, and the test sets' noise."""
    left, right = source.normal(size=2)
    means = 1 / (1 + np.exp(-np.linspace(left, right, 8)))
    points = [
        {"scale": 10.0 ** (7 + 0.5 * i), "n_correct": int(source.binomial(1000, mean)), "n_examples": 1000}
        for i, mean in enumerate(means)
    ]
    return {"task": task, "metric": "accuracy", "model_family": "Example", "points": points}
