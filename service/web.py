"""The web process: gunicorn with one worker of many threads, on a socket that is open already."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from service.settings import Settings

SILENT_SECONDS = 60  # a worker whose loop stands still for so long is killed and started again
KEEP_ALIVE = 20  # seconds that a connection without a request stays open; longer than httpx keeps one (5 s)
CONNECTIONS = 1000  # open at once
LONGEST_LINE = 8190  # of a request, the most that gunicorn reads: a filter and a cursor fit into it
MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 - gunicorn's heartbeat file: on a disk its update can block the worker


@cache
def load() -> None:
    """Import the app and the engine, and compile it: before a fork, so that who replaces a process is back at once."""
    import service.app  # noqa: F401 - for those that are forked
    from service.inline import warm_up

    warm_up()
    gc.collect()
    gc.freeze()  # the collector leaves alone what was loaded, so that its pages stay shared with the forks


def serve_web(settings: Settings, listening: socket.socket, ready: Callable[[], None] | None = None) -> None:
    """Serve until SIGTERM, then finish the requests that run; `ready` is called once requests are answered."""
    load()
    _Application(settings, listening, ready).run()


class _Application(BaseApplication):
    """gunicorn inside this process, configured by arguments alone."""

    def __init__(self, settings: Settings, listening: socket.socket, ready: Callable[[], None] | None) -> None:
        self._settings = settings
        self._listening = listening
        self._ready = ready
        super().__init__()

    def load_config(self) -> None:
        values: dict[str, Any] = {
            "bind": f"fd://{self._listening.detach()}",
            "workers": 1,
            "worker_class": _Worker,
            "threads": self._settings.threads,
            "worker_connections": CONNECTIONS,
            "timeout": SILENT_SECONDS,
            "graceful_timeout": self._settings.request_timeout_s,
            "keepalive": KEEP_ALIVE,
            "limit_request_line": LONGEST_LINE,
            "control_socket_disable": True,
            "logger_class": _Logger,
            "loglevel": self._settings.log_level,
            "worker_tmp_dir": str(MEMORY_FOLDER) if MEMORY_FOLDER.is_dir() else None,
            "post_worker_init": self._started,
        }
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The app, made in the worker: connections to a database do not survive a fork."""
        from service.app import create_app
        from service.database import open_database

        return create_app(self._settings, open_database(self._settings.database_url))

    def _started(self, worker: Any) -> None:
        if worker.age == 1 and self._ready is not None:
            self._ready()


class _Worker(ThreadWorker):
    """Answers also those whose connection was made before the stop, but not looked at yet."""

    def set_accept_enabled(self, enabled: Any) -> None:
        """At the stop: take what waits in the sockets, then close them, so that whoever comes later is refused."""
        super().set_accept_enabled(enabled)
        if self.alive or enabled:
            return
        for listening in self.sockets:
            taken = -1
            while taken < self.nr_conns < CONNECTIONS:
                taken = self.nr_conns
                self.accept(listening)
            listening.close()


class _Logger(Logger):
    """gunicorn's messages among all others; requests are logged by the app."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True
