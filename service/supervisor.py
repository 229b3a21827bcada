"""The processes of a server on one machine: started together, restarted when they die, stopped one after another."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from service.logs import logger
from service.processes import Fork

USAGE = 2  # exit code of a child that refuses its settings: another start would not help
FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0  # seconds before a child is started again; doubled while it dies young
YOUNG = 2.0  # seconds
TICK = 0.05  # seconds between looks at a child that is stopping
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A process to run. `patience`: seconds that it gets to stop.

    `remains`: whether processes that it left behind may finish; otherwise they are killed with it.
    `forked`: what a fork of the supervisor does with the command, in place of a program that the command names. It
    needs no imports and is back at once; it first starts when the supervisor has loaded what it needs.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    patience: float
    inherited: tuple[int, ...] = ()
    remains: bool = False
    forked: Callable[[Sequence[str]], object] | None = None


@dataclass(slots=True)
class _Child:
    """A role's process, if it runs, and when it is to be started otherwise (monotonic seconds)."""

    role: Role
    process: subprocess.Popen[bytes] | Fork | None = None
    due: float = 0.0
    began: float = 0.0
    delay: float = FIRST_DELAY
    restarts: int = field(default=0)


class Supervisor:
    """Runs the roles until a signal asks to stop; then stops them in the order given.

    `load` imports what forked roles need, while the others start already.
    """

    def __init__(self, roles: Sequence[Role], load: Callable[[], None] | None = None) -> None:
        self._children = [_Child(role) for role in roles]
        self._load = load
        self._loader: threading.Thread | None = None
        self._loaded = load is None
        self._failed = False
        self._log = logger("supervisor")

    @property
    def is_loading(self) -> bool:
        """Whether imports for forked roles go on, in a thread that nobody can stop."""
        return self._loader is not None and self._loader.is_alive()

    def run(self) -> int:
        """The exit code: 0 after a stop that was asked for, 1 where a role refused its settings."""
        with _signals() as asked:
            if self._load is not None:
                self._loader = threading.Thread(target=self._loading, args=(self._load, asked), daemon=True)
                self._loader.start()
            try:
                while not asked.stop(self._wait_seconds()):
                    if not self._look_after():
                        self._stop(asked)
                        return 1
                self._log.info("stopping")
                self._stop(asked)
                return 0
            finally:
                for child in self._children:
                    _kill(child)

    def _loading(self, load: Callable[[], None], asked: _Asked) -> None:
        try:
            load()
            self._loaded = True
        except Exception:  # noqa: BLE001 - whatever it was, the server ends and the log has it
            self._log.exception("not loaded")
            self._failed = True
        asked.wake()

    def _can_start(self, child: _Child) -> bool:
        return child.process is None and (self._loaded or child.role.forked is None)

    def _wait_seconds(self) -> float | None:
        due = [child.due for child in self._children if self._can_start(child)]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _look_after(self) -> bool:
        """Start what is due, note what has died; False where a child cannot be helped."""
        now = time.monotonic()
        for child in self._children:
            if self._can_start(child) and child.due <= now:
                self._start(child)
            elif child.process is not None and child.process.poll() is not None:
                if child.process.returncode == USAGE:
                    return False
                self._died(child, now)
        return not self._failed

    def _start(self, child: _Child) -> None:
        role = child.role
        command = [*role.command, *(["--restarted"] if child.restarts else [])]
        if role.forked is not None:
            if self._loader is not None:
                self._loader.join()  # it has done its work: a process is forked with one thread
            theirs = {number for other in self._children for number in other.role.inherited}
            child.process = Fork(role.forked, command, role.environment, theirs.difference(role.inherited))
        else:
            child.process = subprocess.Popen(  # noqa: S603 - our own command
                command,
                env=dict(role.environment),
                pass_fds=role.inherited,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C in a terminal reaches this process alone, which stops the others
            )
        child.began = time.monotonic()
        self._log.info("started", child=role.name, pid=child.process.pid)

    def _died(self, child: _Child, now: float) -> None:
        process = child.process
        if process is None:
            return
        if not child.role.remains:
            _kill_group(process.pid)
        child.delay = min(2 * child.delay, LONGEST_DELAY) if now - child.began < YOUNG else FIRST_DELAY
        child.process, child.due = None, now + child.delay
        child.restarts += 1
        self._log.warning(
            "died", child=child.role.name, pid=process.pid, exit_code=process.returncode, again_in_s=child.delay
        )

    def _stop(self, asked: _Asked) -> None:
        """One after another; a second signal kills those that are left.

        What they have inherited is closed here, so that nobody connects to a server that has stopped accepting.
        """
        for number in {number for child in self._children for number in child.role.inherited}:
            os.close(number)
        hurried = False
        for child in self._children:
            if child.process is not None and not hurried:
                hurried = self._stop_one(child, child.process, asked)

    def _stop_one(self, child: _Child, process: subprocess.Popen[bytes] | Fork, asked: _Asked) -> bool:
        """Whether another signal came meanwhile."""
        with suppress(ProcessLookupError):
            process.terminate()
        began, hurried = time.monotonic(), False
        until = began + child.role.patience
        while process.poll() is None and time.monotonic() < until and not hurried:
            hurried = asked.stop(TICK)
        seconds = round(time.monotonic() - began, 2)
        if process.poll() is None:
            self._log.warning("killed", child=child.role.name, pid=process.pid, after_s=seconds)
        else:
            self._log.info("stopped", child=child.role.name, pid=process.pid, after_s=seconds)
        _kill(child)
        return hurried


class _Asked:
    """Signals as they arrive at one end of a pair of sockets."""

    def __init__(self, end: socket.socket, other: socket.socket) -> None:
        self._end = end
        self._other = other

    def wake(self) -> None:
        """Let the loop look around, as a signal does that asks for nothing."""
        with suppress(OSError):  # it has stopped meanwhile
            self._other.send(bytes([signal.SIGCHLD]))

    def stop(self, seconds: float | None) -> bool:
        """Wait for a signal, `seconds` at most; whether one of them asks to stop."""
        if not select.select([self._end], [], [], seconds)[0]:
            return False
        return any(number in STOPPING for number in self._end.recv(256))


@contextmanager
def _signals() -> Iterator[_Asked]:
    """Signals wake the loop in place of ending the process."""
    read, write = socket.socketpair()
    with read, write:
        write.setblocking(False)  # noqa: FBT003 - its only argument
        watched = [number for number in (*STOPPING, signal.SIGCHLD) if signal.getsignal(number) != signal.SIG_IGN]
        if signal.SIGCHLD not in watched:
            watched.append(signal.SIGCHLD)
        wakeup = signal.set_wakeup_fd(write.fileno())  # before the handlers, which hear nothing
        before = {number: signal.signal(number, _noted) for number in watched}
        try:
            yield _Asked(read, write)
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)


def _noted(_number: int, _frame: object) -> None:
    """Nothing: the number is in the wake-up socket."""


def _kill(child: _Child) -> None:
    if child.process is None:
        return
    _kill_group(child.process.pid)
    child.process.kill()  # a fork that leads no group yet
    child.process.wait()
    child.process = None


def _kill_group(leader: int) -> None:
    """Kill a child and all that it started; each child leads a group of its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
