"""A client of the server: analyse one curve, submit a suite, wait, read the results."""

from __future__ import annotations

import io
import os
import tempfile
import time
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import httpx
import orjson

from service.client_requests import Requests, ServerAnswer
from service.readers.errors import unreadable
from service.readers.source import seekable
from service.settings import DEFAULT_SERVER

if TYPE_CHECKING:
    import pandas as pd

PAGE = 200  # results of one request: some MB
FIRST_LOOK, LONGEST_LOOK = 0.1, 2.0  # seconds between two looks at a batch that runs
ENDED = ("succeeded", "failed", "cancelled")

type Document = dict[str, Any]
type Curves = str | Path | BinaryIO | Iterable[Mapping[str, Any]]


class AnalysisFailed(ServerAnswer):
    """The server could not analyse the curve; `problem` is its problem document."""


class NotInTime(ServerAnswer):
    """A batch or an analysis that has not ended in the time that was given."""


@dataclass(frozen=True, slots=True)
class BatchState:
    """How far a batch is. `counts`: total, queued, running, succeeded, failed, cancelled."""

    id: str
    status: str
    phase: str
    counts: Mapping[str, int]
    progress: float
    estimated_end_at: str | None
    messages: tuple[str, ...]

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ENDED


class Client:
    """Speaks to one server; use it in a `with`, or close it.

    What fails for the moment (no connection, 429, 503) is tried again for `patience` seconds, as the server says;
    nothing is done twice by that. Raises `ServerAnswer` for other errors and `Unreachable` at the end of the patience.
    """

    def __init__(
        self,
        server: str = DEFAULT_SERVER,
        api_key: str | None = None,
        *,
        patience: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._requests = Requests(server, api_key, patience, transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._requests.close()

    def analyse(self, curve: Mapping[str, Any], *, background: bool = False, timeout: float = 600.0) -> Document:
        """The analysis of one curve, which may carry `options`; in the background it waits its turn in the queue.

        Raises `AnalysisFailed`, and `NotInTime` after `timeout` seconds.
        """
        headers = {"Prefer": "respond-async"} if background else {}
        response = self._requests.send("POST", "/v1/analyses", json=dict(curve), headers=headers)
        document: Document = response.json()
        until = time.monotonic() + timeout
        for pause in _pauses():
            if document["status"] == "succeeded":
                return document
            if document["status"] in ENDED:
                raise AnalysisFailed(document.get("error") or {"detail": f"the analysis is {document['status']}"})
            _wait(pause, until, f"the analysis {document['id']} is {document['status']} after {timeout:g} s")
            document = self.analysis(document["id"])
        raise AssertionError  # pauses have no end

    def analysis(self, identifier: str) -> Document:
        """A stored analysis, or how far one is that waits (by its `status`)."""
        found: Document = self._requests.send("GET", f"/v1/analyses/{identifier}").json()
        return found

    def analyses(self, **wanted: Any) -> Iterator[Document]:
        """Summaries of stored analyses; `wanted` are the query parameters, such as task, label or sort."""
        return self._requests.items("/v1/analyses", {"limit": PAGE, **wanted})

    def submit(
        self,
        curves: Curves,
        *,
        options: Mapping[str, Any] | None = None,
        file_format: str | None = None,
        scale: str | None = None,
        models: Path | str | None = None,
        key: str | None = None,
    ) -> BatchState:
        """Hand in a suite: a file, a folder, an open binary file, or curves; it is stored when this returns.

        `options` go before those in the file. `scale`: the column of a table that is the scale. `models`: the file of a
        table of language models. `key`: the same key with the same content is one batch, however often it is sent; a
        new one if not given.
        """
        overrides = orjson.dumps(options).decode() if options else None
        fields = {"format": file_format, "scale": scale, "overrides": overrides}
        table = {} if models is None else {"models": ("models.csv", _content_of(Path(models)), "text/csv")}
        with _repeatable(curves) as file:
            response = self._requests.send(
                "POST",
                "/v1/batches",
                headers={"Idempotency-Key": key or uuid.uuid4().hex},
                data={name: value for name, value in fields.items() if value is not None},
                files=lambda: {"file": ("curves", _from_start(file), "application/octet-stream"), **table},
            )
        return self.batch(response.json()["id"])

    def reanalyse(self, wanted: Mapping[str, Any], *, options: Mapping[str, Any] | None = None) -> BatchState:
        """Analyse stored curves again under the server's engine; `wanted` are the fields of the filter."""
        body: Document = {"from": dict(wanted), **({"options": dict(options)} if options else {})}
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        response = self._requests.send("POST", "/v1/batches", json=body, headers=headers)
        return self.batch(response.json()["id"])

    def batch(self, identifier: str) -> BatchState:
        """How far a batch is."""
        document = self._requests.send("GET", f"/v1/batches/{identifier}").json()
        known = {name: document[name] for name in ("id", "status", "phase", "counts", "progress", "estimated_end_at")}
        return BatchState(**known, messages=tuple(document["messages"]))

    def wait(
        self, identifier: str, timeout: float | None = None, seen: Callable[[BatchState], object] = lambda _state: None
    ) -> BatchState:
        """The batch when it has ended; each look at it is shown to `seen`. Raises `NotInTime`."""
        until = None if timeout is None else time.monotonic() + timeout
        for pause in _pauses():
            state = self.batch(identifier)
            seen(state)
            if state.ended:
                return state
            _wait(pause, until, f"the batch {identifier} is {state.status} after {timeout or 0:g} s")
        raise AssertionError  # pauses have no end

    def results(self, identifier: str) -> Iterator[Document]:
        """The results that there are, in the order of the input: analyses, and failures in the form of `analyze`."""
        return self._requests.items(f"/v1/batches/{identifier}/results", {"limit": PAGE})

    def changes(self, identifier: str) -> Iterator[Document]:
        """Labels that are others than under the earlier engine, of a batch of stored curves."""
        return self._requests.items(f"/v1/batches/{identifier}/changes", {"limit": PAGE})

    def results_csv(self, identifier: str) -> BinaryIO:
        """The results as a table of one row a curve, in a temporary file; close it."""
        return self._requests.download(f"/v1/batches/{identifier}/results", "text/csv")

    def summary(self, identifier: str, timeout: float | None = None) -> Document:
        """An ended batch summed up, which takes the server some seconds the first time. Raises `NotInTime`."""
        found: Document = self._computed(f"/v1/batches/{identifier}/summary", timeout).json()
        return found

    def report(self, identifier: str, timeout: float | None = None) -> bytes:
        """The report on an ended batch, one HTML page. Raises `NotInTime`."""
        return self._computed(f"/v1/batches/{identifier}/report", timeout).content

    def compare(self, identifiers: Sequence[str], interval: float | None = None) -> Document:
        """Stored analyses against each other."""
        body = {"ids": list(identifiers), "options": {"interval": interval}}
        found: Document = self._requests.send("POST", "/v1/comparisons", json=body).json()
        return found

    def to_pandas(self, identifier: str) -> pd.DataFrame:
        """The results as a table of one row a curve."""
        import pandas as pd

        with self.results_csv(identifier) as file:
            return pd.read_csv(file)

    def cancel(self, identifier: str) -> None:
        """Stop a batch; what is finished stays."""
        self._requests.send("DELETE", f"/v1/batches/{identifier}")

    def purge(self, identifier: str) -> None:
        """Remove a batch, and its results that no other batch holds."""
        self._requests.send("DELETE", f"/v1/batches/{identifier}", params={"purge": "true"})

    def _computed(self, path: str, timeout: float | None) -> httpx.Response:
        until = None if timeout is None else time.monotonic() + timeout
        for pause in _pauses():
            response = self._requests.send("GET", path)
            if response.status_code != HTTPStatus.ACCEPTED:
                return response
            _wait(pause, until, f"{path} is not computed after {timeout or 0:g} s")
        raise AssertionError  # pauses have no end


@contextmanager
def _repeatable(curves: Curves) -> Iterator[BinaryIO]:
    """A file that can be sent more than once; raises `UnreadableFile`."""
    if isinstance(curves, str):
        curves = Path(curves)
    if isinstance(curves, Path) and curves.is_dir():
        with tempfile.TemporaryFile() as file:
            _pack(curves, file)
            yield file
        return
    if isinstance(curves, (Path, io.IOBase)):
        with seekable(curves) as file:
            yield file
        return
    with tempfile.TemporaryFile() as file:
        file.writelines(orjson.dumps(curve, option=orjson.OPT_APPEND_NEWLINE) for curve in curves)
        yield file


def _pack(folder: Path, file: BinaryIO) -> None:
    """Write the files of a folder as a zip archive; links are not followed."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                name = os.fsencode(path.relative_to(folder)).decode("utf-8", "replace")  # a zip's are text
                try:
                    archive.write(path, name)
                except OSError as error:
                    raise unreadable(f"{path} cannot be read: {error.strerror}") from error


def _content_of(path: Path) -> bytes:
    with seekable(path) as file:
        return file.read()


def _from_start(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file


def _pauses() -> Iterator[float]:
    pause = FIRST_LOOK
    while True:
        yield pause
        pause = min(1.5 * pause, LONGEST_LOOK)


def _wait(pause: float, until: float | None, message: str) -> None:
    if until is not None and time.monotonic() + pause > until:
        raise NotInTime({"detail": message})
    time.sleep(pause)
