"""Requests as the web server hands them over."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from flask import Request
from gunicorn.http.errors import ParseException

from service.failures import MalformedInput

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


READING = ("GET", "HEAD")
"""Methods of requests that only read."""


class WholeBody:
    """A body that is read to its end, or not at all: the server does not tell of a connection that broke off."""

    def __init__(self, source: IO[bytes], announced: int | None) -> None:
        self._source = source
        self._announced = announced or 0
        self._received = 0

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes, none at the end; raises `MalformedInput` if that is before the announced length.

        The same of chunks that cannot be read (RFC 9112, section 7.1) or that end before the last one.
        """
        try:
            part = self._source.read(size)
        except (OSError, ParseException) as error:
            message = f"the body breaks off, or its chunks are none, after {self._received:,} bytes: send it again"
            raise MalformedInput(message) from error
        self._received += len(part)
        if self._received < self._announced and (size < 0 or (size > 0 and not part)):
            told = f"after {self._received:,} of the {self._announced:,} bytes of its Content-Length"
            raise MalformedInput(f"the body ends {told}: send it again")
        return part


class IncomingRequest(Request):
    """A request whose body is a whole one for every reader, that of forms too, and whose files are closed with it."""

    def __init__(self, environ: WSGIEnvironment, **settings: bool) -> None:
        super().__init__(environ, **settings)
        environ["wsgi.input"] = WholeBody(environ["wsgi.input"], self.content_length)
        self._uploaded: list[IO[bytes]] = []

    def _get_file_stream(self, *described: Any, **more: Any) -> IO[bytes]:
        """The file that takes an upload: of a form that breaks off the framework forgets it."""
        file = super()._get_file_stream(*described, **more)
        self._uploaded.append(file)
        return file

    def close(self) -> None:
        """Close the files that were uploaded."""
        super().close()
        for file in self._uploaded:
            file.close()
