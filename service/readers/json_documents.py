"""JSON files: one curve, a list of curves, or {"curves": [...], "options": {...}}."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

from service.readers.errors import UnreadableFile, unreadable
from service.readers.items import CurveItem, CurveStream
from service.readers.json_text import NotJson, RepeatedKeys, curve_item, parsed, repeated_keys
from service.readers.source import check_no_nul, not_utf8
from service.schemas.problems import given, unknown
from service.schemas.scalars import shown

LARGEST_JSON = 64 << 20  # bytes, some 40,000 curves; a document is parsed as a whole and takes ten times its size
BATCH_FIELDS = ("curves", "options")


def detect_json(head: bytes) -> bool:
    """Whether the first character opens an object or a list."""
    return head.lstrip()[:1] in (b"{", b"[")


@contextmanager
def read_json(file: BinaryIO, scale: str | None) -> Iterator[CurveStream]:
    """The curves of a JSON document; raises `UnreadableFile`."""
    del scale  # of tables alone
    yield stream_of(_document(file))


def stream_of(document: Any) -> CurveStream:
    """The curves of a document that was parsed already; raises `UnreadableFile`."""
    curves, options = _batch(document)
    if not curves:
        raise unreadable("the document holds no curve")

    def items() -> Iterator[CurveItem]:
        return (curve_item(index, value) for index, value in enumerate(curves))

    return CurveStream("json", len(curves), items, options)


def _document(file: BinaryIO) -> Any:
    size = file.seek(0, os.SEEK_END)
    if size > LARGEST_JSON:
        limit = LARGEST_JSON >> 20
        raise unreadable(
            f"{size >> 20} MiB in one JSON document, more than {limit} MiB: write one curve a line (NDJSON)"
        )
    file.seek(0)
    content = file.read()
    check_no_nul(content)
    try:
        return parsed(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise not_utf8(error, 1) from None
    except NotJson as error:
        raise unreadable(f"this is not JSON: {error}{_hint(str(error))}") from None


def _hint(message: str) -> str:
    return " (one curve a line? say --format ndjson)" if "Extra data" in message else ""


def _batch(document: Any) -> tuple[list[Any], Mapping[str, Any]]:
    """The curves of a document, and the options for all of them."""
    if isinstance(document, list):
        return document, {}
    if not isinstance(document, Mapping):
        raise unreadable(f"{shown(document)} is not a curve, a list of curves, or an object with curves and options")
    if "curves" not in document:
        return [document], {}
    _check_batch(document)
    return document["curves"], document.get("options") or {}


def _check_batch(document: Mapping[str, Any]) -> None:
    for name in document:
        if name not in BATCH_FIELDS:
            raise unreadable(unknown(name, BATCH_FIELDS), f"/{name}")
    if isinstance(document, RepeatedKeys):
        raise unreadable("given more than once in one object: keep one", f"/{document.repeated[0]}")
    _check_type(document, "curves", list, "a list")
    _check_type(given(document), "options", Mapping, "an object")
    if repeated := tuple(repeated_keys(document.get("options"), "/options")):
        raise UnreadableFile(repeated)


def _check_type(document: Mapping[str, Any], name: str, kind: type, wanted: str) -> None:
    if name in document and not isinstance(document[name], kind):
        raise _wrong_type(name, document[name], wanted)


def _wrong_type(name: str, value: Any, wanted: str) -> UnreadableFile:
    return unreadable(f"{shown(value)} is not {wanted}", f"/{name}")
