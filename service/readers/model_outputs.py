"""Files of metric curves: a request as JSON, or NDJSON with one language model a line after a line of common fields."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from models.errors import Problem
from service.readers.errors import UnreadableFile, unreadable
from service.readers.json_documents import LARGEST_JSON
from service.readers.json_text import NotJson, parsed, repeated_keys
from service.readers.source import check_no_nul, head_of, not_utf8, seekable
from service.schemas.scalars import shown

OUTPUTS, MODEL_MARK = "outputs", "scale"  # a line with a scale is one model's


def read_request(source: Path | BinaryIO) -> dict[str, Any]:
    """The request in a file, unchecked but for its form; raises `UnreadableFile`."""
    with seekable(source) as file:
        head_of(file)
        size = file.seek(0, os.SEEK_END)
        if size > LARGEST_JSON:
            raise unreadable(f"{size >> 20} MiB, more than {LARGEST_JSON >> 20} MiB: take fewer examples")
        file.seek(0)
        text = _text(file.read())
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if len(lines) > 1 and _whole(lines[0][1]):
        return _of_lines(lines)
    try:
        return _object(parsed(text), "")
    except NotJson as error:
        raise unreadable(f"this is not JSON: {error}") from None


def _of_lines(lines: list[tuple[int, str]]) -> dict[str, Any]:
    documents = list(_documents(lines))
    common = {} if MODEL_MARK in documents[0] else documents.pop(0)
    if OUTPUTS in common:
        raise unreadable("has outputs already: the lines after it are the outputs of one model each", "row 1")
    return {**common, OUTPUTS: documents}


def _documents(lines: list[tuple[int, str]]) -> Iterator[dict[str, Any]]:
    for number, line in lines:
        place = f"row {number}"
        try:
            yield _object(parsed(line), place)
        except NotJson as error:
            raise unreadable(f"this is not JSON: {str(error).removeprefix('line 1, ')}", place) from None


def _object(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise unreadable(f"{shown(value)} is not an object with outputs, a curve or a power law", place)
    repeated = [Problem(f"{place}{problem.pointer}", problem.message) for problem in repeated_keys(value)]
    if repeated:
        raise UnreadableFile(repeated)
    return dict(value)


def _whole(line: str) -> bool:
    """Whether a line is a JSON text by itself."""
    try:
        parsed(line)
    except NotJson:
        return False
    return True


def _text(content: bytes) -> str:
    check_no_nul(content)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_utf8(error, 1) from None
