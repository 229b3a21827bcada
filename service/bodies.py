"""Bodies of requests: unpacked, capped, and read as strict JSON or spooled to disk."""

from __future__ import annotations

import hashlib
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from flask import Request

from models.errors import InvalidInput
from service.failures import MalformedInput, TooLarge, Unsupported
from service.readers.json_text import NotJson, parsed, repeated_keys

BLOCK_BYTES = 1 << 18
PACKED_BYTES = 1 << 12  # read at a time: for each member zlib copies what follows it
GZIP = zlib.MAX_WBITS | 16  # zlib's way to ask for a gzip header
JSON = "application/json"
IDENTITY = "identity"  # the Content-Encoding of a body as it is


@dataclass(frozen=True, slots=True)
class Spooled:
    """A body on disk, from its first byte, with its digest."""

    file: BinaryIO
    sha256: str


def media_type(request: Request, allowed: tuple[str, ...]) -> str:
    """The media type of the body; raises `Unsupported` for any but the allowed ones."""
    if request.mimetype not in allowed:
        told = f"the body is {request.mimetype}" if request.mimetype else "the request has no Content-Type"
        raise Unsupported(f"{told}: send {' or '.join(allowed)}")
    charset = request.mimetype_params.get("charset", "utf-8")
    if charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise Unsupported(f"the charset is {charset}: send UTF-8")
    return request.mimetype


def json_body(request: Request, limit: int) -> Any:
    """The value of a JSON body; objects with repeated keys are left to `checked_keys`.

    Raises `Unsupported`, `TooLarge` or `MalformedInput`.
    """
    return json_value(json_bytes(request, limit))


def json_bytes(request: Request, limit: int) -> bytes:
    """The bytes of a JSON body, unpacked; raises `Unsupported`, `TooLarge` or `MalformedInput`."""
    media_type(request, (JSON,))
    return b"".join(_blocks(request, limit))


def json_value(content: bytes) -> Any:
    """The value of a JSON text; raises `MalformedInput`."""
    if not content.strip():
        raise MalformedInput("the body is empty: send a JSON document")
    try:
        return parsed(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise MalformedInput(f"the body is not UTF-8: byte 0x{content[error.start]:02X} at {error.start}") from None
    except NotJson as error:
        raise MalformedInput(f"the body is not JSON: {error}") from None


def checked_keys(value: Any) -> Any:
    """The value itself; raises `InvalidInput` where an object gives a key more than once."""
    problems = tuple(repeated_keys(value)) if isinstance(value, (dict, list)) else ()
    if problems:
        raise InvalidInput(problems)
    return value


@contextmanager
def spooled(request: Request, limit: int) -> Iterator[Spooled]:
    """The body in a temporary file, whatever its size; raises `TooLarge` or `MalformedInput`."""
    digest = hashlib.sha256(request.mimetype.encode() + b"\n")
    with tempfile.TemporaryFile() as file:
        for block in _blocks(request, limit):
            digest.update(block)
            file.write(block)
        file.seek(0)
        yield Spooled(file, digest.hexdigest())


def too_large(limit: int) -> TooLarge:
    """What is said of a body above the limit."""
    size = f"{limit >> 20} MiB" if limit >= 1 << 20 else f"{limit:,} bytes"
    return TooLarge(f"the body is larger than {size} (after decompression): send less at a time")


def _blocks(request: Request, limit: int) -> Iterator[bytes]:
    """The body in parts, unpacked, at most `limit` bytes of it."""
    if (request.content_length or 0) > limit:
        raise too_large(limit)
    total = 0
    for block in _unpacked(request, limit):
        total += len(block)
        if total > limit:
            raise too_large(limit)
        yield block


def _unpacked(request: Request, limit: int) -> Iterator[bytes]:
    encoding = request.headers.get("Content-Encoding", "").strip().lower() or IDENTITY
    if encoding == "gzip":
        return _gunzipped(request, limit)
    if encoding != IDENTITY:
        raise Unsupported(f"the Content-Encoding is {encoding}: send gzip or none")
    return _raw(request, BLOCK_BYTES)


def _raw(request: Request, size: int) -> Iterator[bytes]:
    while block := request.stream.read(size):
        yield block


def _gunzipped(request: Request, limit: int) -> Iterator[bytes]:
    """What all members of a gzip body hold (RFC 1952, section 2.2), packed `limit` bytes at most: some hold nothing."""
    unpacking, received = zlib.decompressobj(GZIP), 0
    try:
        for packed in _raw(request, PACKED_BYTES):
            received += len(packed)
            if received > limit:
                raise too_large(limit)
            waiting = packed
            while waiting:  # each step gives a bounded part, however well it was packed
                unpacking = zlib.decompressobj(GZIP) if unpacking.eof else unpacking
                yield unpacking.decompress(waiting, BLOCK_BYTES)
                waiting = unpacking.unconsumed_tail or unpacking.unused_data
        yield unpacking.flush()
    except zlib.error as error:
        raise MalformedInput(f"the body is not gzip, as its Content-Encoding says: {error}") from None
    if not unpacking.eof:
        raise MalformedInput("the gzip body ends too early")
