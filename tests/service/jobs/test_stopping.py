"""A dispatcher that is told to stop does so whatever it is just doing."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from service.jobs import dispatching
from service.jobs.dispatching import StopRequest

# The handler takes longer than is left of the wait that it interrupts.
INTERRUPTED_AT_THE_LAST_MOMENT = """
import signal, time
from service.jobs.workforce import Workforce
signal.signal(signal.SIGALRM, lambda *_: time.sleep(0.1))
signal.setitimer(signal.ITIMER_REAL, 0.25)
print(Workforce("tcp://127.0.0.1:1").outcomes(0.3))
"""


def test_a_signal_at_the_last_moment_does_not_make_it_wait_for_ever() -> None:
    command = [sys.executable, "-c", INTERRUPTED_AT_THE_LAST_MOMENT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def stop_request() -> Iterator[StopRequest]:
    asked = StopRequest()
    before = signal.signal(signal.SIGUSR1, asked.note)
    yield asked
    signal.signal(signal.SIGUSR1, before)


def test_a_signal_ends_a_long_wait(stop_request: StopRequest) -> None:
    assert not stop_request.is_set()
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
    stop_request.wait(3600.0)
    assert stop_request.is_set()


def test_a_wait_that_nobody_ends_is_as_long_as_asked_for(
    stop_request: StopRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "LOOK_EVERY", 0.01)
    began = time.monotonic()
    stop_request.wait(0.05)
    assert time.monotonic() - began >= 0.05
    assert not stop_request.is_set()
