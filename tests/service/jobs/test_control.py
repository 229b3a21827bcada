"""What is done to Dask's processes beside their work."""

import asyncio
import time
from typing import Any

import pytest
from distributed import batched
from distributed.batched import BatchedSend
from tornado.ioloop import IOLoop

from service.jobs.control import keep_steady_time

INTERVAL = 0.05  # seconds between two batches
DAY = 86_400.0


class Heard:
    """The other end of a stream."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def closed(self) -> bool:
        return False

    async def write(self, payload: list[Any], **_: object) -> int:
        self.messages += payload
        return len(payload)


class WallClock:
    """A clock that can be set."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self, _: object = None) -> float:
        return time.monotonic() + self.ahead


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    """The clock that Dask looks at, until it keeps steady time."""
    clock = WallClock()
    monkeypatch.setattr(batched, "time", clock)
    monkeypatch.setattr(IOLoop, "time", clock)
    return clock


def test_messages_go_on_when_the_clock_is_set_back_between_two_of_them(wall: WallClock) -> None:
    keep_steady_time()
    assert asyncio.run(heard_of_two(wall)) == ["first", "second"]


def test_the_clock_goes_on_from_what_it_shows(wall: WallClock) -> None:
    wall.ahead = 400 * DAY
    before = wall()
    keep_steady_time()
    wall.ahead = 0.0
    for owner in (batched, IOLoop):
        assert 0.0 <= vars(owner)["time"](None) - before < DAY


async def heard_of_two(wall: WallClock) -> list[Any]:
    heard, stream = Heard(), BatchedSend(interval=f"{INTERVAL} s")
    stream.start(heard)
    stream.send("first")
    await until(lambda: heard.messages == ["first"])
    wall.ahead -= DAY  # inside the interval, and a second message with it
    stream.send("second")
    await until(lambda: len(heard.messages) > 1)
    stream.please_stop = True
    stream.waker.set()
    return heard.messages


async def until(reached: Any) -> None:
    """Wait for it for some seconds at most."""
    for _ in range(200):
        if reached():
            return
        await asyncio.sleep(INTERVAL / 2)
