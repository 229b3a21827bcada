"""Processes of the server: what one does about its parent, its name, and one that is a fork of its parent."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from multiprocessing import forkserver, get_context, resource_tracker, util
from pathlib import Path
from typing import Any

STDERR = 2
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15  # linux/prctl.h
OF_THE_PARENT = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD})  # handled by it alone
WATCH_EVERY = 0.5  # seconds, where the system cannot tell


class Fork:
    """A copy of this process in a session of its own that runs `main(command)`; to be used as subprocess.Popen is.

    Only for a process with one thread.
    """

    def __init__(
        self,
        main: Callable[[Sequence[str]], object],
        command: Sequence[str],
        environment: Mapping[str, str],
        closed: Iterable[int] = (),
    ) -> None:
        """`closed`: open files of this process that the copy must not hold."""
        self._process = get_context("fork").Process(target=_forked, args=(main, command, environment, tuple(closed)))
        before = signal.pthread_sigmask(signal.SIG_BLOCK, OF_THE_PARENT)  # a signal to it would wake the parent
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.pid = self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        """Its exit code once it has ended, negative for a signal."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """As `returncode`."""
        return self.returncode

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()

    def wait(self) -> int | None:
        """Wait for its end; its exit code."""
        self._process.join()
        return self.returncode


def name_process(name: str) -> None:
    """Give this process a name of at most 15 characters that `ps -o comm` and `top` show."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode(), 0, 0, 0)


def die_with(parent: int) -> None:
    """Ask for SIGTERM when the process `parent` is gone, however it went; if it is gone already, end at once."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        sys.exit(0)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_EVERY)
    os.kill(os.getpid(), signal.SIGTERM)


def serve_forks() -> int:
    """Let multiprocessing's fork server be a fork of this process, not a program that imports everything again.

    Only for a process with one thread that has started no such server; its process id.
    """
    started: list[int] = []
    resource_tracker.ensure_running()  # a program of its own, which is not to be a fork
    starting: Any = util  # of a program, by which the server would be started
    spawn = starting.spawnv_passfds

    def fork(_path: object, _arguments: object, kept: Sequence[int]) -> int:
        started.append(_fork_server(*kept))
        return started[-1]

    starting.spawnv_passfds = fork
    try:
        forkserver.ensure_running()
    finally:
        starting.spawnv_passfds = spawn
    return started[-1]


def has_ended(child: int) -> bool:
    """Whether a process that this one started has ended; it can still be waited for."""
    try:
        return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _fork_server(listener: int, alive: int) -> int:
    """A fork server that has no other files than its socket and the pipe that tells when nobody needs it any more."""
    if process := os.fork():
        return process
    try:
        for number in sorted(int(file.name) for file in Path("/proc/self/fd").iterdir()):
            if number > STDERR and number not in (listener, alive):
                with suppress(OSError):  # that of the folder itself
                    os.close(number)
        forkserver.main(listener, alive, [])
    finally:
        os._exit(0)


def _forked(
    main: Callable[[Sequence[str]], object],
    command: Sequence[str],
    environment: Mapping[str, str],
    closed: Sequence[int],
) -> None:
    signal.set_wakeup_fd(-1)
    for number in closed:
        os.close(number)
    for handled in OF_THE_PARENT:
        signal.signal(handled, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, OF_THE_PARENT)
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    main(command)
