"""Requests of the client: errors as exceptions, what fails for the moment tried again, pages joined."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, BinaryIO

import httpx

from models.errors import ScaleshapeError

TIMEOUT = httpx.Timeout(60.0, connect=5.0)  # seconds
UPLOADED = httpx.Timeout(60.0, connect=5.0, read=900.0)  # a suite of the largest size is stored before it is answered
FOR_THE_MOMENT = (429, 502, 503, 504)
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds before another try
LONGEST_RETRY_AFTER = 60.0  # seconds that the server may ask for; the patience ends earlier


class Unreachable(ScaleshapeError):
    """No answer from the server in the time that was given."""


class WrongAddress(ScaleshapeError):
    """An address or a key that no request can be sent with."""


class ServerAnswer(ScaleshapeError):
    """An error that the server tells; `problem` is its problem document, `status` the status of the answer."""

    def __init__(self, problem: Mapping[str, Any], status: int = 0) -> None:
        self.problem = problem
        self.status = status
        super().__init__(_words(problem))


class Requests:
    """One server, its key, and how long to try (seconds)."""

    def __init__(
        self, server: str, api_key: str | None, patience: float, transport: httpx.BaseTransport | None
    ) -> None:
        if api_key and not (api_key.isascii() and api_key.isprintable()):
            raise WrongAddress("the API key has characters that no key of scaleshape has")
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._server = server.rstrip("/")
        self._patience = patience
        try:
            self._http = httpx.Client(base_url=self._server, headers=headers, timeout=TIMEOUT, transport=transport)
        except httpx.InvalidURL as error:
            raise WrongAddress(f"{self._server!r} is no address of a server: {error}") from None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(
        self, method: str, path: str, files: Callable[[], Mapping[str, Any]] | None = None, **content: Any
    ) -> httpx.Response:
        """The answer to a request that may be sent more than once; `files` gives its files from their start."""
        timeout = TIMEOUT if files is None else UPLOADED

        def attempt() -> httpx.Response:
            opened = None if files is None else files()
            response = self._http.request(method, path, files=opened, timeout=timeout, **content)
            return _checked(response)

        return self._patiently(attempt)

    def items(self, path: str, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The items of all pages."""
        cursor = None
        while True:
            page = self.send("GET", path, params={**query, **({"cursor": cursor} if cursor else {})}).json()
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return

    def download(self, path: str, form: str) -> BinaryIO:
        """The whole answer in a temporary file, at its start."""

        def attempt() -> BinaryIO:
            with ExitStack() as kept:
                file = kept.enter_context(tempfile.TemporaryFile())
                with self._http.stream("GET", path, headers={"Accept": form}) as response:
                    if not response.is_success:
                        response.read()
                    file.writelines(_checked(response).iter_bytes())
                file.seek(0)
                kept.pop_all()
            return file

        return self._patiently(attempt)

    def _patiently[T](self, attempt: Callable[[], T]) -> T:
        until: float | None = None  # the patience begins with the first failure: an upload may take its time
        pause = FIRST_PAUSE
        while True:
            try:
                return attempt()
            except _Again as again:
                wait, error = again.after or pause, again.error
            except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as failure:
                raise WrongAddress(f"nothing can be sent to {self._server!r}: {failure}") from None
            except httpx.TransportError as failure:
                message = f"{self._server} cannot be reached: {str(failure) or type(failure).__name__}"
                wait, error = pause, Unreachable(message)
            wait *= random.uniform(1.0, 1.25)  # noqa: S311 - so that clients do not come back all at once
            now = time.monotonic()
            until = now + self._patience if until is None else until
            if now >= until:
                raise error
            time.sleep(min(wait, until - now))
            pause = min(2 * pause, LONGEST_PAUSE)


class _Again(Exception):
    """An answer that says to try again; `after` seconds, 0 where it does not say when."""

    def __init__(self, error: ScaleshapeError, after: float) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after


def _checked(response: httpx.Response) -> httpx.Response:
    page = response.status_code == httpx.codes.OK and "html" in response.headers.get("Content-Type", "")
    if response.is_success and not page:
        return response
    error = ServerAnswer(_problem(response), response.status_code)
    if response.status_code in FOR_THE_MOMENT:
        told = response.headers.get("Retry-After", "")
        raise _Again(error, min(float(told), LONGEST_RETRY_AFTER) if told.isdigit() else 0.0)
    raise error


def _problem(response: httpx.Response) -> dict[str, Any]:
    if response.headers.get("Content-Type", "").startswith("application/problem+json"):
        try:
            document = response.json()
        except ValueError:
            document = None
        if isinstance(document, dict):
            return document
    return {
        "title": "The answer is not from scaleshape",
        "detail": f"{response.url} answered {response.status_code} {response.reason_phrase}"
        f"{' with a page' if response.is_success else ''}: is this the right server?",
    }


def _words(problem: Mapping[str, Any]) -> str:
    """The detail of a problem, and after it the places that it does not name itself."""
    told = str(problem.get("detail") or problem.get("title") or "the server told no reason")
    places = [f"{error.get('pointer')}: {error.get('message')}" for error in problem.get("errors", ())]
    return "; ".join([told, *(place for place in places if str(place.partition(": ")[2]) not in told)])
