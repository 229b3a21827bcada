"""The whole service as a user starts it, for tests and benchmarks that need it: started, looked into, stopped."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.throughput import family
from service.serve import FORKED

ROLES = ("web", "dispatcher", "worker", "scheduler")
READY_SECONDS = 120.0  # the first start compiles
STOP_SECONDS = 90.0
POLL_SECONDS = 0.02
# Of no use to http: httpx would read all certificates of the machine for each request.
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class NotInTime(Exception):
    """Something that was waited for did not happen."""


@dataclass(frozen=True, slots=True)
class Served:
    """A running service; `log` is what it printed."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def members(self, role: str) -> list[int]:
        """The processes of a role that live now, those that it started included; in a fixed order."""
        return sorted({pid for child in family(self.process.pid) if _role(child) == role for pid in family(child)})

    def client(self, **settings: object) -> httpx.Client:
        """A client with its own connections."""
        return httpx.Client(base_url=self.url, **{"timeout": 60.0, **settings})  # type: ignore[arg-type]  # httpx's own

    def is_ready(self) -> bool:
        """Whether it answers, database and all."""
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=5.0, verify=PLAIN).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self, seconds: float = STOP_SECONDS) -> int:
        """Ask it to stop, and wait; its exit code. Raises `NotInTime`."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise NotInTime(f"the service did not stop within {seconds:g} s; see {self.log}") from None

    def kill(self) -> None:
        """End it and all its processes at once, as a power cut would."""
        for member in family(self.process.pid):
            kill(member)
        self.process.wait(STOP_SECONDS)


@contextmanager
def served(
    folder: Path, settings: Mapping[str, object], environment: Mapping[str, str] | None = None
) -> Iterator[Served]:
    """`scaleshape serve`, ready; the database is `folder`'s unless the settings name another one."""
    service = start(folder, settings, environment)
    try:
        wait_until(
            lambda: service.process.poll() is not None or service.is_ready(), READY_SECONDS, "the service is ready"
        )
        if service.process.poll() is not None:
            raise NotInTime(f"the service ended with {service.process.returncode}: {tail(service.log)}")
        yield service
        service.stop()
    finally:
        if service.process.poll() is None:
            service.kill()


def start(folder: Path, settings: Mapping[str, object], environment: Mapping[str, str] | None = None) -> Served:
    """`scaleshape serve`, not waited for."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    told = {
        "database_url": f"sqlite:///{folder / 'scaleshape.db'}",
        "port": port,
        "rate_limit": "",
        "log_format": "json",
    }
    variables = {f"SCALESHAPE_{name.upper()}": str(value) for name, value in {**told, **settings}.items()}
    log = folder / "serve.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "serve"],
            env={**os.environ, **variables, **(environment or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Served(process, f"http://127.0.0.1:{port}", log)


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> float:
    """Seconds until the condition held; raises `NotInTime`, which says what did not happen."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise NotInTime(f"not within {seconds:g} s: {what}")
        time.sleep(POLL_SECONDS)
    return time.monotonic() - began


def kill(process: int) -> bool:
    """SIGKILL; whether the process was there."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def command_line(process: int) -> list[str]:
    """The words that a process was started with; none if it is gone."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return []


def free_port() -> int:
    """A port that nobody listens on; it is fixed, so that a restarted web process has the same address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def tail(log: Path, lines: int = 20) -> str:
    """The end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _role(process: int) -> str | None:
    """What follows `--role` on its command line, or the name says of a fork."""
    roles = {name: role for role, name in FORKED.items()}
    if (name := _name(process)) in roles:
        return roles[name]
    words = command_line(process)
    return words[words.index("--role") + 1] if "--role" in words[:-1] else None


def _name(process: int) -> str | None:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return None
