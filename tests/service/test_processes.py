import os
import signal
import socket
import subprocess
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


SERVING_FORKS = """
import multiprocessing, os, signal, socket, sys, time, types
from service.processes import has_ended, serve_forks
sys.modules["loaded"] = types.ModuleType("loaded")
listening = socket.create_server(("127.0.0.1", 0))
server = serve_forks()
with multiprocessing.get_context("forkserver").Pool(1) as pool:
    print(pool.apply(os.getppid) == server)
    print(pool.apply(eval, ("'loaded' in __import__('sys').modules",)))
    files = "[str(f.readlink()) for f in __import__('pathlib').Path('/proc/self/fd').iterdir() if f.is_symlink()]"
    held = pool.apply(eval, (files,))
    print(f"socket:[{os.fstat(listening.fileno()).st_ino}]" in held)
print(has_ended(server))
os.kill(server, signal.SIGKILL)
while not has_ended(server):
    time.sleep(0.01)
print(os.waitpid(server, 0)[0] == server, has_ended(server))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a fork server is always a program of its own")
def test_a_fork_server_that_is_a_fork_has_what_was_loaded_and_no_files_of_its_parent() -> None:
    command = [sys.executable, "-c", SERVING_FORKS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["True", "True", "False", "False", "True", "True"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the port is not held")
def test_aheld_port_is_the_schedulers_alone_again_and_again() -> None:
    with held_port() as held:
        port = held.getsockname()[1]
        for _ in range(3):
            with socket.create_server((LOOPBACK, port)):
                pass
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind((LOOPBACK, port))
