"""Suites as they come over HTTP: JSON, NDJSON, CSV, an uploaded file, or a filter of stored curves."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from flask import Request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from models.errors import InvalidInput, Problem
from service.bodies import IDENTITY, JSON, checked_keys, json_bytes, json_value, media_type, spooled, too_large
from service.database import Database
from service.failures import TooLarge, Unsupported
from service.readers.contents import LARGEST_DOCUMENT
from service.readers.errors import UnreadableFile
from service.readers.items import CurveItem
from service.readers.json_documents import stream_of
from service.readers.json_text import NotJson, parsed, repeated_keys
from service.readers.models_table import ModelsTable, models_in
from service.readers.opening import FORMATS, READERS, SCALES, CurveStream, holds_results, open_curves
from service.readers.source import head_of
from service.schemas.problems import given, unknown
from service.schemas.queries import load_filter
from service.schemas.scalars import shown
from service.settings import Settings
from service.store.filters import Filter
from service.suites import Submission, stored_curves

UPLOAD = "multipart/form-data"
FORMS = {"application/x-ndjson": "ndjson", "text/csv": "csv"}
ACCEPTED = (JSON, *FORMS, UPLOAD)
UPLOAD_FIELDS = ("file", "format", "scale", "models", "options", "overrides")
TEXT_FIELDS = ("format", "scale", "options", "overrides")
MORE_THAN_ONCE = "comes more than once in the form: send it once (several files go into one zip archive)"
BATCH_FIELDS = ("curves", "options")
AGAIN_FIELDS = ("from", "options")
BLOCK_BYTES = 1 << 18
LONGEST_NAME = 200  # characters of a file's name


@dataclass(frozen=True, slots=True)
class Received:
    """The body of a request, here as a whole: its digest, and how the suite in it is opened.

    The suite raises `InvalidInput`, `MalformedInput` or `TooLarge`.
    """

    sha256: str
    suite: Callable[[], AbstractContextManager[Submission]]


@dataclass(frozen=True, slots=True)
class _Upload:
    """A form with a file: its content and name, the texts beside it, and the models table if there is one."""

    content: BinaryIO
    name: str
    form: Mapping[str, str]
    table: BinaryIO | None


@contextmanager
def received(request: Request, database: Database, settings: Settings) -> Iterator[Received]:
    """The body of a request that has a suite, not looked into yet.

    Raises `InvalidInput`, `MalformedInput`, `Unsupported` or `TooLarge`.
    """
    kind = media_type(request, ACCEPTED)
    if kind == JSON:  # a document is parsed as a whole, so it has the limit of other JSON bodies
        content = json_bytes(request, settings.max_body_bytes)
        yield Received(hashlib.sha256(content).hexdigest(), lambda: nullcontext(_of_json(content, database, settings)))
    elif kind == UPLOAD:
        yield _uploaded(request, settings)
    else:
        with spooled(request, settings.max_batch_bytes) as body:
            yield Received(body.sha256, lambda: _of_lines(body.file, FORMS[kind]))


def form_of(request: Request, limit: int) -> Request:
    """The request with its form read; raises `TooLarge` beyond so many bytes."""
    request.max_content_length = limit
    try:
        _ = request.form
    except RequestEntityTooLarge:
        raise too_large(limit) from None
    return request


@contextmanager
def of_file(content: BinaryIO, name: str, settings: Settings) -> Iterator[Submission]:
    """The suite in a file that did not come as an upload; `name` is for people.

    Raises `InvalidInput` or `TooLarge`.
    """
    _check_json(content, None, settings.max_body_bytes)
    with open_curves(content, None, None) as stream:
        yield _suite(stream, stream.options, name)


@contextmanager
def _of_lines(file: BinaryIO, format_name: str) -> Iterator[Submission]:
    with open_curves(file, format_name) as stream:
        yield _suite(stream, stream.options)


def _of_json(content: bytes, database: Database, settings: Settings) -> Submission:
    document = json_value(content)
    if not isinstance(document, Mapping) or ("curves" not in document and "from" not in document):
        message = f"{shown(document)} is neither an object with curves nor one with from"
        raise InvalidInput([Problem("", message)])
    if "curves" in document and "from" in document:
        raise InvalidInput([Problem("/from", "stands beside curves: give one of the two")])
    if "curves" in document:
        _known(document, BATCH_FIELDS)
        stream = stream_of(document)
        return _suite(stream, stream.options)
    _known(document, AGAIN_FIELDS)
    checked_keys(document)
    asked = Filter(**load_filter(document["from"]))
    return stored_curves(database, asked, _options(document.get("options")), settings)


def _uploaded(request: Request, settings: Settings) -> Received:
    if request.headers.get("Content-Encoding", "").strip().lower() not in ("", IDENTITY):
        raise Unsupported("an uploaded form has a Content-Encoding: send it as it is")
    file = form_of(request, settings.max_batch_bytes).files.get("file")
    _known({**request.form, **request.files}, UPLOAD_FIELDS)
    _check_parts(request)
    if file is None:
        raise InvalidInput([Problem("/file", "missing: send the file in this field of the form")])
    form, table, content = request.form.to_dict(), _table_part(request), _content(file)
    upload = _Upload(content, file.filename or "", form, table)
    digest = _digest(form, [content] if table is None else [content, table])
    return Received(digest, lambda: _of_upload(upload, settings.max_body_bytes))


@contextmanager
def _of_upload(upload: _Upload, limit: int) -> Iterator[Submission]:
    chosen = {name: upload.form.get(name) or None for name in ("format", "scale")}
    _among("format", chosen["format"], FORMATS)
    _among("scale", chosen["scale"], SCALES)
    options, overrides = (_form_options(upload.form, name) for name in ("options", "overrides"))
    _check_json(upload.content, chosen["format"], limit)
    with open_curves(upload.content, chosen["format"], chosen["scale"], _models(upload.table)) as stream:
        told = {**options, **stream.options, **overrides}
        yield _suite(_overridden(stream, overrides), told, upload.name)


def _suite(stream: CurveStream, options: Mapping[str, Any], name: str = "") -> Submission:
    """`name`: that of the file, for people."""
    source = {"format": stream.format, **({"name": name[:LONGEST_NAME]} if name else {})}
    return Submission("batch", options, source, stream)


def _known(document: Mapping[str, Any], names: tuple[str, ...]) -> None:
    problems = [Problem(f"/{name}", unknown(name, names)) for name in document if name not in names]
    if problems:
        raise InvalidInput(problems)


def _check_parts(request: Request) -> None:
    """Raises `InvalidInput` for parts of a form that nobody would read: second ones, and files in place of text."""
    parts = [name for fields in (request.form, request.files) for name, _ in fields.items(multi=True)]
    twice = [Problem(f"/{name}", MORE_THAN_ONCE) for name in UPLOAD_FIELDS if parts.count(name) > 1]
    files = [Problem(f"/{name}", "comes as a file: send it as text") for name in TEXT_FIELDS if name in request.files]
    if twice or files:
        raise InvalidInput([*twice, *files])


def _among(name: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise InvalidInput([Problem(f"/{name}", f"{shown(value)} is none of {', '.join(allowed)}")])


def _options(options: Any, field: str = "options") -> Mapping[str, Any]:
    if options is None or isinstance(options, Mapping):
        return options or {}
    raise InvalidInput([Problem(f"/{field}", f"{shown(options)} is not an object of options")])


def _form_options(form: Mapping[str, str], name: str) -> Mapping[str, Any]:
    """Options in a field of a form, null the same as not given; a problem points below the field."""
    try:
        options = parsed(form.get(name) or "null")
    except NotJson as error:
        raise InvalidInput([Problem(f"/{name}", f"is not JSON: {error}")]) from None
    if problems := tuple(repeated_keys(options, f"/{name}")):
        raise InvalidInput(problems)
    return given(_options(options, name))


def _overridden(stream: CurveStream, overrides: Mapping[str, Any]) -> CurveStream:
    """The curves with options that win over their own."""
    if not overrides:
        return stream
    return replace(stream, items=lambda: (_with_overrides(item, overrides) for item in stream.items()))


def _with_overrides(item: CurveItem, overrides: Mapping[str, Any]) -> CurveItem:
    own = None if item.document is None else item.document.get("options")
    if item.document is None or not (own is None or isinstance(own, Mapping)):
        return item
    return replace(item, document={**item.document, "options": {**(own or {}), **overrides}})


def _content(file: FileStorage) -> BinaryIO:
    """The file on disk or in memory, as the form was parsed."""
    stream: Any = file.stream
    return stream  # type: ignore[no-any-return]  # a temporary file or bytes in memory; both can be read twice


def _table_part(request: Request) -> BinaryIO | None:
    """The models table of a form, sent as a file or as text; None where there is none."""
    part, text = request.files.get("models"), request.form.get("models", "")
    if part is not None:
        return _content(part)
    return io.BytesIO(text.encode()) if text.strip() else None


def _models(table: BinaryIO | None) -> ModelsTable | None:
    if table is None:
        return None
    try:
        return models_in(table, "the models table")
    except UnreadableFile as error:
        raise InvalidInput([Problem("/models", str(problem)) for problem in error.problems]) from None


def _check_json(content: BinaryIO, format_name: str | None, limit: int) -> None:
    """Raises `TooLarge` for curves in a JSON document that is too large to be parsed as a whole.

    The results of a harness may be as large as in an archive: they come in one document, and their parser is frugal.
    """
    size = content.seek(0, os.SEEK_END)
    if size <= limit:
        return
    head = head_of(content)
    name = format_name or next((reader.name for reader in READERS if reader.detect(head)), None)
    if name == "json" and not (format_name is None and size <= LARGEST_DOCUMENT and holds_results(content)):
        raise TooLarge(
            f"a JSON document of more than {limit >> 20} MiB: write one curve a line (NDJSON), which may be larger; "
            f"results of a harness may have {LARGEST_DOCUMENT >> 20} MiB"
        )


def _digest(form: Mapping[str, str], files: Iterable[BinaryIO]) -> str:
    digest = hashlib.sha256(repr(sorted(form.items())).encode())
    for file in files:
        file.seek(0)
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
        file.seek(0)
        digest.update(b"\0")  # so that the end of one file is not the start of the next
    return digest.hexdigest()
