"""Zip archives with limits on what comes out of them, zstd included (method 93, which Inspect's `.eval` files use)."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

import zstandard

from service.readers.errors import too_much, unreadable
from service.readers.source import ARCHIVE

MOST_MEMBERS = 200_000
LARGEST_MEMBER = 64 << 20  # bytes
LARGEST_TOTAL = 2 << 30  # bytes taken out of all archives of one input
_ZSTD = 93  # APPNOTE.TXT 6.3.9, section 4.4.5
_ENCRYPTED = 1  # bit of the flags, section 4.4.4
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")  # section 4.3.7
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    zstandard.ZstdError,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    UnicodeDecodeError,
    ValueError,
    OverflowError,
)


@dataclass(slots=True)
class Budget:
    """Bytes that may still come out of archives."""

    left: int = LARGEST_TOTAL

    def take(self, size: int) -> None:
        """Count bytes; raises `TooMuch` where there were too many."""
        self.left -= size
        if self.left < 0:
            raise too_much(f"more than {LARGEST_TOTAL >> 20} MiB come out of the archives: unpack them, or split them")


@dataclass(frozen=True, slots=True)
class Archive:
    """An open archive; `members` by name, folders left out."""

    file: BinaryIO
    zip: zipfile.ZipFile
    members: Mapping[str, zipfile.ZipInfo]
    budget: Budget
    counted: set[str]

    def read(self, name: str) -> bytes:
        """The content of a member; raises `UnreadableFile` where it is damaged, encrypted or too large."""
        member = self.members[name]
        if member.flag_bits & _ENCRYPTED:
            raise unreadable(f"{name} is encrypted")
        try:
            content = self._zstd(member) if member.compress_type == _ZSTD else self._standard(member)
        except _DAMAGE as error:
            raise unreadable(f"{name} is damaged: {error}") from None
        if len(content) > LARGEST_MEMBER:
            raise unreadable(f"{name} is larger than {LARGEST_MEMBER >> 20} MiB")
        if name not in self.counted:  # a second pass takes nothing more
            self.counted.add(name)
            self.budget.take(len(content))
        return content

    def _standard(self, member: zipfile.ZipInfo) -> bytes:
        with self.zip.open(member) as stream:
            return stream.read(LARGEST_MEMBER + 1)

    def _zstd(self, member: zipfile.ZipInfo) -> bytes:
        """What the standard library cannot do before Python 3.14."""
        self.file.seek(member.header_offset)
        header = _LOCAL_HEADER.unpack(self.file.read(_LOCAL_HEADER.size))
        if header[0] != ARCHIVE:
            raise zipfile.BadZipFile("no member where the directory says one is")
        self.file.seek(header[9] + header[10], 1)
        compressed = self.file.read(min(member.compress_size, LARGEST_MEMBER + 1))
        with zstandard.ZstdDecompressor(max_window_size=LARGEST_MEMBER).stream_reader(
            compressed, read_across_frames=True
        ) as stream:
            content = bytes(stream.read(LARGEST_MEMBER + 1))
        if len(content) <= LARGEST_MEMBER and zlib.crc32(content) != member.CRC:
            raise zipfile.BadZipFile("bad checksum")
        return content


def open_archive(file: BinaryIO, budget: Budget, counted: set[str] | None = None) -> Archive:
    """An archive's directory; `counted` members no longer count. Raises `UnreadableFile` where it is damaged."""
    try:
        opened = zipfile.ZipFile(file)
    except _DAMAGE as error:
        raise unreadable(f"a zip archive that is truncated or damaged: {error}") from None
    members = {member.filename: member for member in opened.infolist() if not member.is_dir()}
    if len(members) > MOST_MEMBERS:
        raise unreadable(f"a zip archive of {len(members):,} files, more than {MOST_MEMBERS:,}")
    return Archive(file, opened, members, budget, set() if counted is None else counted)
