"""Logs: one line an event, JSON unless a person watches; those of libraries take the same way."""

from __future__ import annotations

import logging
import re
import sys
import uuid
from typing import IO, Any

import structlog
from structlog.contextvars import bind_contextvars, merge_contextvars
from structlog.typing import EventDict, Processor, WrappedLogger

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")  # what is taken over from a client; anything else could forge a line
QUIET = ("distributed", "tornado", "alembic", "sqlalchemy", "matplotlib", "numba", "httpx", "httpcore", "bokeh")


def configure_logs(level: str, form: str, role: str, stream: IO[str] | None = None) -> None:
    """Set up the logs of this process, once at its start; `role` stands in each line.

    `form` is `json`, `console` or `auto`; `stream` is standard error unless given.
    """
    out = stream or sys.stderr
    person = form == "console" or (form == "auto" and out.isatty())
    shared = _shared(role)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # a module's logger follows a later configuration
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processors=_written(person=person), foreign_pre_chain=shared)
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger: `logger("web").info("served", status=200)`: a short event, and what belongs to it by name."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return bound


def request_id(given: str | None) -> str:
    """The client's X-Request-ID if it is harmless, else a new one."""
    return given if given and REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def bind_request(identifier: str) -> None:
    """Let all lines that this request logs carry its id; what an earlier request left on the thread is dropped."""
    structlog.contextvars.clear_contextvars()
    bind_contextvars(request_id=identifier)


def _shared(role: str) -> list[Processor]:
    def with_role(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["role"] = role
        return event

    return [
        merge_contextvars,
        with_role,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _written(*, person: bool) -> list[Processor]:
    last: list[Any] = [structlog.dev.ConsoleRenderer(colors=True)]
    if not person:
        last = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
