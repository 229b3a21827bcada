import os
import signal
import socket
import sys
import time
from collections.abc import Iterator

import pytest

from service.processes import Fork
from service.serve import LOOPBACK, held_port

ROUNDS = 30


@pytest.fixture
def woken() -> Iterator[socket.socket]:
    """Where signals to this process arrive, as in the supervisor."""
    read, write = socket.socketpair()
    with read, write:
        for end in (read, write):
            end.setblocking(False)  # noqa: FBT003 - its only argument
        before = signal.signal(signal.SIGTERM, lambda *_: None)
        wakeup = signal.set_wakeup_fd(write.fileno())
        yield read
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGTERM, before)


def test_a_signal_to_a_fork_that_has_hardly_begun_ends_it_and_does_not_reach_its_parent(woken: socket.socket) -> None:
    for _ in range(ROUNDS):
        fork = Fork(lambda _: time.sleep(60), (), {})
        os.kill(fork.pid, signal.SIGTERM)
        assert fork.wait() == -signal.SIGTERM
    with pytest.raises(BlockingIOError):
        woken.recv(1)
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the port is not held")
def test_aheld_port_is_the_schedulers_alone_again_and_again() -> None:
    with held_port() as held:
        port = held.getsockname()[1]
        for _ in range(3):
            with socket.create_server((LOOPBACK, port)):
                pass
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind((LOOPBACK, port))
