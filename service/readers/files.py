"""The files of an input: those of a folder and below, several named ones, or the members of an archive."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from service.readers.archive import Archive, open_archive
from service.readers.errors import too_much, unreadable
from service.readers.load_report import Ledger
from service.readers.source import opened

MOST_FILES = 200_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an input: what it is called, how large it is, and how it is opened.

    `inside`: in an archive, of which a further one inside is not opened.
    """

    name: str
    size: int
    open: Callable[[], AbstractContextManager[BinaryIO]]
    inside: bool = False


def entries_of(paths: Sequence[Path], ledger: Ledger) -> list[Entry]:
    """All files of the paths given, folders with all below them; raises `UnreadableFile`."""
    found: list[Entry] = []
    for path in paths:
        prefix = f"{path}/" if len(paths) > 1 else ""
        new = _below(path, prefix, ledger) if path.is_dir() else [_entry(path, str(path))]
        for entry in new:
            found.append(entry)
            if len(found) > MOST_FILES:
                raise too_much(f"more than {MOST_FILES:,} files: name a folder further down")
    return found


def stream_entry(file: BinaryIO, name: str) -> Entry:
    """An open, seekable file as the one file of an input; it stays open."""

    @contextmanager
    def again() -> Iterator[BinaryIO]:
        file.seek(0)
        yield file

    return Entry(name, file.seek(0, os.SEEK_END), again)


def members_of(archive: Archive, holder: Entry, ledger: Ledger) -> list[Entry]:
    """The files in an archive; they can be opened when the archive is closed again."""
    name = holder.name
    twice = sum(not member.is_dir() for member in archive.zip.infolist()) - len(archive.members)
    if twice:
        ledger.left_out("same_name", "files in an archive under a name that a later one has", name, twice)
    return [_member(archive, inner, holder) for inner in archive.members]


def _member(archive: Archive, inner: str, holder: Entry) -> Entry:
    def content() -> BinaryIO:
        if not archive.file.closed:
            return io.BytesIO(archive.read(inner))
        with holder.open() as file:
            return io.BytesIO(open_archive(file, archive.budget, archive.counted).read(inner))

    return Entry(f"{holder.name}/{inner}", archive.members[inner].file_size, content, inside=True)


def _below(folder: Path, prefix: str, ledger: Ledger) -> Iterator[Entry]:
    """Files of a folder and all below it, in the order of their names; hidden ones and links to folders left out."""

    def named(path: Path) -> str:
        return prefix + path.relative_to(folder).as_posix()

    def failed(error: OSError) -> None:
        ledger.left_out("unreadable_folder", "folders that cannot be opened", f"{error.filename}: {error.strerror}")

    for place, folders, names in os.walk(folder, onerror=failed):
        hidden = [name for name in (*folders, *names) if name.startswith(".")]
        for name in hidden:
            ledger.left_out("hidden", "hidden files and folders", named(Path(place) / name))
        for name in folders:
            if (Path(place) / name).is_symlink():
                ledger.left_out("link", "links to folders", named(Path(place) / name))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place) / name
            if name.startswith("."):
                continue
            if _regular(path):
                yield _entry(path, named(path))
            else:
                ledger.left_out("no_file", "names that are no files", named(path))


def _regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _entry(path: Path, name: str) -> Entry:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise unreadable(f"{path} cannot be opened: {error.strerror}") from None
    return Entry(name, size, lambda: opened(path))
