"""The web process: gunicorn with one worker of many threads, on a socket that is open already."""

from __future__ import annotations

import errno
import gc
import resource
import select
import selectors
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson
import structlog
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.errors import (
    ConfigurationProblem,
    ExpectationFailed,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.http.unreader import SocketUnreader
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import TConn, ThreadWorker
from werkzeug.exceptions import RequestTimeout

from service.contract.problems import PROBLEM_JSON
from service.problems_http import UNFORESEEN
from service.settings import Settings

SILENT_SECONDS = 60  # a worker whose loop stands still for so long is killed and started again
KEEP_ALIVE = 20  # seconds that a connection without a request stays open; longer than httpx keeps one (5 s)
CONNECTIONS = 1000  # open at once
SPARE_FILES = 256  # descriptors beside those of connections
FIRST_BYTES = 0.05  # seconds that a thread waits for a new connection's request before the loop does
LINGER = 2.0  # seconds in which the peer of a connection that ends may take the answer and end it too
MOST_LINGER = 30.0  # seconds after which it ends although the peer still sends
DRAINED = 65536  # bytes at once of what is sent after the answer
LONGEST_LINE = 8190  # of a request, the most that gunicorn reads: a filter and a cursor fit into it
MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 - gunicorn's heartbeat file: on a disk its update can block the worker
# What gunicorn refuses before the app sees it, and what to do about it; from the special to the general.
REFUSALS: tuple[tuple[type[Exception], HTTPStatus, str], ...] = (
    (LimitRequestLine, HTTPStatus.REQUEST_URI_TOO_LONG, "the address is too long: ask for less in its query"),
    (LimitRequestHeaders, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are too large: send fewer, shorter"),
    (ExpectationFailed, HTTPStatus.EXPECTATION_FAILED, "of all expectations 100-continue alone is met: send no other"),
    (RequestTimeout, HTTPStatus.REQUEST_TIMEOUT, "send the request again, without a pause in it"),
    (ParseException, HTTPStatus.BAD_REQUEST, "this is no request of HTTP/1.1: correct it"),
)
OUR_OWN = (ConfigurationProblem, InvalidResponseHeader, InvalidResponseHeaderName)  # no fault of a client


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
    _allow_files(CONNECTIONS + SPARE_FILES)
    _Application(settings, listening, ready).run()


def _allow_files(wanted: int) -> None:
    """Raise this process's own limit of open files to that of the machine's, as far as is needed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < enough:
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))


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

        return closing_unread(create_app(self._settings, open_database(self._settings.database_url)))

    def _started(self, worker: Any) -> None:
        if worker.age == 1 and self._ready is not None:
            self._ready()


def closing_unread(app: Callable[..., Any]) -> Callable[..., Any]:
    """The app, whose answer says that the connection ends where the request's body was not read to its end.

    The rest of a body stands before the next request: without reading it, which may take for ever, there is none.
    """

    def answered(environ: dict[str, Any], start_response: Any) -> Any:
        reader = environ["wsgi.input"].reader  # the app may put a reader of its own before it

        def started(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if not _is_read(reader):
                start_response.__self__.force_close()
            return start_response(status, headers, exc_info)

        return app(environ, started)

    return answered


def _is_read(reader: Any) -> bool:
    """Whether a reader of gunicorn's has come to the end of the body."""
    if isinstance(reader, LengthReader):
        return bool(reader.length == 0)
    return bool(reader.parser is None if isinstance(reader, ChunkedReader) else reader.finished)


class _Patient(SocketUnreader):
    """Reads from a socket, but waits for so many seconds at most for the next bytes of a request."""

    def __init__(self, sock: socket.socket, seconds: int) -> None:
        super().__init__(sock)
        self._seconds = seconds

    def chunk(self, size_hint: int | None = None) -> Any:
        """The next bytes; raises `RequestTimeout` where none come."""
        if self.sock.gettimeout() is None:  # else gunicorn has set a time of its own
            waiting = select.poll()
            waiting.register(self.sock, select.POLLIN)
            if not waiting.poll(1000 * self._seconds):
                raise RequestTimeout(f"nothing came for {self._seconds} s, and the request is not whole")
        return super().chunk(size_hint)


def _begin(connection: Any, seconds: int) -> None:
    """gunicorn's own beginning of a connection, with an end to its patience: a thread waits on each that stalls."""
    TConn.init(connection)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux: an answer that its reader does not take holds a thread as well
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * seconds)
    if not connection.is_http2 and not isinstance(connection.parser.unreader, _Patient):
        patient = _Patient(connection.sock, seconds)
        patient.buf = connection.parser.unreader.buf
        connection.parser.unreader = patient


class _Worker(ThreadWorker):
    """Answers also those whose connection was made before the stop, but not looked at yet; cuts those that stall.

    A connection that is not kept is ended by its peer, or after LINGER: what comes until then is read, or the answer to
    a request whose body was not read would be cut with it. gunicorn waits for that in its main loop, where one peer
    that stands still holds up all others.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lingering: list[Any] = []

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Keep a connection, or say that no more will be sent and let the loop see how it ends."""
        if fs.cancelled() or fs.exception() is not None or fs.result():
            super().finish_request(conn, fs)
            return
        now = time.monotonic()
        conn.timeout, conn.linger_until = now + LINGER, now + MOST_LINGER
        self._lingering.append(conn)
        try:
            conn.sock.settimeout(0.0)
            conn.sock.shutdown(socket.SHUT_WR)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._read_on, conn))
        except (OSError, ValueError):  # it is closed already
            self._end(conn)

    def _read_on(self, conn: Any, client: socket.socket) -> None:
        """Throw away what still comes; end the connection where the peer has ended it."""
        try:
            if client.recv(DRAINED):
                conn.timeout = min(time.monotonic() + LINGER, conn.linger_until)
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._end(conn)

    def _end(self, conn: Any) -> None:
        self._lingering.remove(conn)
        with suppress(KeyError, OSError, ValueError):
            self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """End those that have sent nothing yet, and those that linger, when their time is over."""
        super().murder_pending()
        now = time.monotonic()
        for conn in [conn for conn in self._lingering if conn.timeout <= now]:
            self._end(conn)

    def enqueue_req(self, conn: Any) -> None:
        """Let a thread read and answer a request."""
        conn.init = partial(_begin, conn, self.cfg.graceful_timeout)
        conn.wait_for_data = lambda _seconds: TConn.wait_for_data(conn, FIRST_BYTES)
        super().enqueue_req(conn)

    def accept(self, listener: Any) -> None:
        """Accept a connection; where this process may open no more files, later."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self.log.warning("No connection can be accepted: %s", error.strerror)
            time.sleep(FIRST_BYTES)  # or the loop would try again at once, for ever

    def handle(self, conn: Any) -> Any:
        """Read and answer a request; lines that it logs have no other request's id."""
        structlog.contextvars.clear_contextvars()
        return super().handle(conn)

    def set_accept_enabled(self, enabled: Any) -> None:
        """At the stop: take what waits in the sockets, then close them, so that whoever comes later is refused."""
        super().set_accept_enabled(enabled)
        if self.alive or enabled:
            return
        for conn in self.pending_conns:  # that have sent nothing yet
            conn.timeout = min(conn.timeout, time.monotonic() + LINGER)
        for listening in self.sockets:
            taken = -1
            while taken < self.nr_conns < CONNECTIONS:
                taken = self.nr_conns
                self.accept(listening)
            listening.close()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """A problem document, as the app's own errors are; the connection is closed then."""
        status, detail = refusal(exc)
        if status is HTTPStatus.INTERNAL_SERVER_ERROR:
            self.log.error("Error handling request %s", getattr(req, "uri", "that was not read"), exc_info=exc)
        else:
            self.log.warning("Invalid request from %s: %s", addr, exc)
        with suppress(OSError):  # nobody listens any more
            write_nonblock(client, refusal_bytes(status, detail))


def refusal(error: Exception) -> tuple[HTTPStatus, str]:
    """Status and detail of an error outside the app."""
    for kind, status, remedy in REFUSALS:
        if isinstance(error, kind) and not isinstance(error, OUR_OWN):
            return status, f"{remedy} ({error})"
    return HTTPStatus.INTERNAL_SERVER_ERROR, UNFORESEEN


def refusal_bytes(status: HTTPStatus, detail: str) -> bytes:
    """A whole answer of HTTP with a problem document."""
    name = "internal-error" if status is HTTPStatus.INTERNAL_SERVER_ERROR else status.phrase.lower().replace(" ", "-")
    document = {"type": f"/problems/{name}", "title": status.phrase, "status": status.value, "detail": detail}
    body = orjson.dumps(document)
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Connection: close",
        f"Content-Type: {PROBLEM_JSON}",
        f"Content-Length: {len(body)}",
        "X-Content-Type-Options: nosniff",
    )
    return "\r\n".join((*head, "", "")).encode() + body


class _Logger(Logger):
    """gunicorn's messages among all others; requests are logged by the app."""

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """An error, but for a peer that takes nothing."""
        if isinstance(sys.exc_info()[1], TimeoutError):
            self.warning("A client did not take its answer: the connection is cut")
        else:
            super().exception(msg, *args, **kwargs)

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True
